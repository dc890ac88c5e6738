/** A rig for tests of the loop: the panda-sim robot file, an ideal device, a controller under the test's thumb. */
import { loadRobot } from '../../src/config.ts';
import { type Controller, type ControllerContext, StepCode } from '../../src/control/controller.ts';
import { LockstepRunner } from '../../src/loop/lockstep.ts';
import type { KinematicModel } from '../../src/model/kinematics.ts';
import { loadKinematics } from '../../src/model/load.ts';
import type { DeviceSpec, LockstepDevice } from '../../src/robot/device.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import {
  CommandMode,
  ControllerId,
  commandLayout,
  DeviceStatus,
  deviceStateLayout,
  Mode,
  operatorLayout,
  RequestKind,
  requestLayout,
  Source,
  tickRecordLayout,
} from '../../src/robot/tick.ts';
import { ROOT } from './panda.ts';

let cached: { spec: RobotSpec; model: KinematicModel } | null = null;
export function panda(): { spec: RobotSpec; model: KinematicModel } {
  if (cached === null) {
    const spec = loadRobot(`${ROOT}robots/panda-sim.yaml`);
    cached = { spec, model: loadKinematics(spec) };
  }
  return cached;
}

/** Takes every position at once, and fails on demand. */
export class IdealDevice implements LockstepDevice {
  readonly spec: DeviceSpec;
  readonly scene = null;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  enabled = true;
  online = true;
  fault = false;
  /** Freezes the capture time. */
  frozen: number | null = null;
  epoch = 0;
  seed = 0;
  /** Commands seen. */
  commands = 0;
  #seq = 0;
  #next: Float64Array | null = null;
  #commandTick = 0;
  readonly #state;
  readonly #command;

  constructor(robot: RobotSpec) {
    const n = robot.axes.length;
    this.spec = {
      name: 'ideal',
      kind: 'sim',
      axes: robot.axes,
      modes: [CommandMode.position],
      honours: { q: true, qd: false, tau: false, kp: false, kd: false },
      rateHz: robot.loop.rateHz,
      simulated: true,
    };
    this.q = Float64Array.from(robot.axes, (axis) => axis.home);
    this.qd = new Float64Array(n);
    this.#state = deviceStateLayout(n);
    this.#command = commandLayout(n);
  }

  poses(): void {}
  reset(seed: number): void {
    this.seed = seed;
    this.epoch++;
    this.spec.axes.forEach((axis, i) => {
      this.q[i] = axis.home + (i < 7 ? 0.3 : 0);
    });
    this.qd.fill(0);
    this.#next = null;
  }
  setEnabled(state: 'on' | 'off'): void {
    this.enabled = state === 'on';
  }
  read(time: number, out: Float64Array): void {
    const s = this.#state;
    out[s.at('seq')] = ++this.#seq;
    out[s.at('time')] = this.frozen ?? time;
    out[s.at('deviceTime')] = time;
    out[s.at('status')] =
      (this.online ? DeviceStatus.online : 0) |
      (this.enabled ? DeviceStatus.enabled : 0) |
      (this.fault ? DeviceStatus.fault : 0);
    out[s.at('commandTick')] = this.#commandTick;
    out.set(this.q, s.at('q'));
    out.set(this.qd, s.at('qd'));
    out[s.at('epoch')] = this.epoch;
    out[s.at('seed')] = this.seed;
  }
  write(command: Float64Array): void {
    this.commands++;
    this.#commandTick = command[this.#command.at('tick')]!;
    const at = this.#command.at('q');
    this.#next = command.slice(at, at + this.q.length);
  }
  advance(): void {
    if (this.#next === null || !this.enabled) return;
    for (let i = 0; i < this.q.length; i++) {
      this.qd[i] = (this.#next[i]! - this.q[i]!) * this.spec.rateHz;
      this.q[i] = this.#next[i]!;
    }
  }
  snapshot(): Float64Array {
    return Float64Array.of(...this.q, ...this.qd);
  }
  restore(state: Float64Array): void {
    this.q.set(state.subarray(0, this.q.length));
    this.qd.set(state.subarray(this.q.length));
  }
  dispose(): void {}
}

/** Fills the slot `id` and does what the test says. */
export class ScriptController implements Controller {
  readonly id: ControllerId;
  readonly name: string;
  readonly memorySize = 1;
  readonly needsOperator = true;
  script: (tick: Float64Array, self: ScriptController) => StepCode = () => StepCode.ok;
  onReset: (tick: Float64Array, args: Float64Array, count: number) => StepCode = () => StepCode.ok;
  context!: ControllerContext;
  memory!: Float64Array;

  constructor(id: ControllerId, name: string) {
    this.id = id;
    this.name = name;
  }
  allocate(context: ControllerContext, memory: Float64Array): void {
    this.context = context;
    this.memory = memory;
  }
  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    this.memory[0] = 0;
    return this.onReset(tick, args, count);
  }
  step(tick: Float64Array): StepCode {
    return this.script(tick, this);
  }

  /** Script: drives each axis at this speed from where the command stands. */
  static speeds(qd: ArrayLike<number>): ScriptController['script'] {
    return (tick, self) => {
      const { layout } = self.context.tick;
      const [q, rq, rqd] = [layout.at('out.q'), layout.at('out.requested.q'), layout.at('out.requested.qd')];
      const dt = 1 / self.context.spec.loop.rateHz;
      for (let i = 0; i < qd.length; i++) {
        tick[rq + i] = tick[q + i]! + qd[i]! * dt;
        tick[rqd + i] = qd[i]!;
      }
      return StepCode.ok;
    };
  }
  /** Script: asks for this position at once. */
  static target(goal: ArrayLike<number>): ScriptController['script'] {
    return (tick, self) => {
      const rq = self.context.tick.layout.at('out.requested.q');
      for (let i = 0; i < goal.length; i++) tick[rq + i] = goal[i]!;
      return StepCode.ok;
    };
  }
}

export interface Ask {
  readonly kind: keyof typeof RequestKind;
  readonly controller?: ControllerId;
  readonly lease?: number;
  readonly args?: readonly number[];
}

/** A lockstep run that a test steers tick by tick. */
export class Bench {
  readonly spec: RobotSpec;
  readonly device: IdealDevice;
  readonly script = new ScriptController(ControllerId.twist, 'script');
  readonly resetter = new ScriptController(ControllerId.reset, 'reset');
  readonly runner: LockstepRunner;
  readonly layout;
  /** Lease of the operator that is heard; 0: silence. */
  lease = 1;
  enable = 1;
  /** Twist about y and gripper speed that the operator asks for. */
  motion = 0;
  last: Float64Array;
  #asks: Ask[] = [];
  #opSeq = 0;

  constructor(
    options: {
      readonly spec?: RobotSpec;
      readonly model?: KinematicModel;
      readonly devices?: readonly LockstepDevice[];
      readonly jitter?: { seed: number; lateS: number; chance: number; missed: number };
    } = {},
  ) {
    const { spec, model } = { ...panda(), ...options };
    this.spec = spec;
    this.device = new IdealDevice(spec);
    this.layout = tickRecordLayout(spec);
    this.last = new Float64Array(this.layout.size);
    const op = operatorLayout(spec.axes.length);
    this.runner = new LockstepRunner({
      spec,
      model,
      controllers: [this.script, this.resetter],
      devices: options.devices ?? [this.device],
      ...(options.jitter ? { jitter: options.jitter } : {}),
      operator: (_, time, out) => {
        if (this.lease === 0) return;
        out[op.at('seq')] = ++this.#opSeq;
        out[op.at('lease')] = this.lease;
        out[op.at('time')] = time;
        out[op.at('enable')] = this.enable;
        out[op.at('twist') + 1] = this.motion;
        out[op.at('gripper')] = this.motion;
      },
      request: (_, __, out) => {
        const ask = this.#asks.shift();
        if (ask === undefined) return false;
        const l = requestLayout;
        out.fill(0);
        out[l.at('kind')] = RequestKind[ask.kind];
        out[l.at('controller')] = ask.controller ?? ControllerId.twist;
        out[l.at('source')] = Source.human;
        out[l.at('lease')] = ask.lease ?? this.lease;
        out[l.at('count')] = ask.args?.length ?? 0;
        out.set(ask.args ?? [], l.at('args'));
        return true;
      },
    });
  }

  get(name: string, i = 0): number {
    return this.last[this.layout.at(name) + i]!;
  }
  view(name: string): Float64Array {
    return this.layout.view(this.last, name);
  }
  get mode(): string {
    return Object.entries(Mode).find(([, code]) => code === this.get('out.mode'))![0];
  }

  async run(ticks: number, each?: (bench: this) => void): Promise<this> {
    await this.runner.run(ticks, (record) => {
      this.last.set(record);
      each?.(this);
    });
    return this;
  }

  /** Sends a request and runs the tick that takes it. True when it was accepted. */
  async ask(ask: Ask): Promise<boolean> {
    this.#asks.push(ask);
    await this.run(1);
    return this.get('out.request.accepted') > 0;
  }

  /** off → holding → active with the script, past the start ramp. */
  async drive(script: ScriptController['script'], ticks = 0): Promise<void> {
    this.script.script = script;
    await this.run(2);
    if (!(await this.ask({ kind: 'arm' }))) throw new Error('arm refused');
    if (!(await this.ask({ kind: 'activate' })))
      throw new Error(`activate refused: ${this.get('out.reasonAll')}`);
    await this.run(ticks);
  }

  /** Runs until the mode is there; returns the ticks that it took. */
  async until(mode: string, limit = 5000): Promise<number> {
    for (let i = 0; i < limit; i++) {
      if (this.mode === mode) return i;
      await this.run(1);
    }
    throw new Error(`still ${this.mode} after ${limit} ticks, not ${mode}`);
  }
}
