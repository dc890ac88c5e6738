/**
 * The simulated device: MuJoCo behind the lockstep contract. Time moves only in `advance`, which ends with the
 * positions and velocities of the new state computed (mj_step2, then mj_step1), so that `read` and `poses` show one
 * and the same instant. Nothing is allocated per step. What steps depend on beyond MuJoCo's own state lives in one
 * block of `memoryLayout` and travels in the snapshot.
 */
import { ArmloopError } from '../src/errors.ts';
import { Rng } from '../src/math/rng.ts';
import type { DeviceContext, DeviceSpec, LockstepDevice, Push } from '../src/robot/device.ts';
import { Layout } from '../src/robot/layout.ts';
import type { SceneDescription } from '../src/robot/scene.ts';
import type { Task } from '../src/robot/task.ts';
import {
  CommandMode,
  commandLayout,
  DeviceStatus,
  deviceStateLayout,
  RESIDUALS,
  sentLayout,
} from '../src/robot/tick.ts';
import { loadModel, type MjData, type MjModel, type Mujoco, Views } from './mujoco.ts';
import { PushingHand } from './push.ts';
import { describeScene, lookNames } from './scene.ts';
import { Servos, servoLayout } from './servo.ts';
import { CLOCK, Stage, StageHand } from './stage.ts';
import { Wardrobe } from './wardrobe.ts';

/** Simulated time for which a fresh scene runs before anyone sees it, so that objects lie still. */
const SETTLE_S = 0.3;

/** The device's own memory: part of a snapshot, behind MuJoCo's state. */
export function memoryLayout(axes: number): Layout {
  return Layout.of('simMemory', [
    { name: 'time', unit: 's', doc: 'since the reset' },
    { name: 'opening', unit: 'm' },
    { name: 'steps', unit: '1', doc: 'physics steps since the start, resets included' },
    { name: 'seq', unit: '1' },
    { name: 'epoch', unit: '1' },
    { name: 'seed', unit: '1' },
    { name: 'enabled', unit: '1' },
    { name: 'commandTick', unit: '1' },
    { name: 'commanded', unit: '1', doc: '1 after the first command since enabling: the watchdog runs' },
    { name: 'silent', unit: 's', doc: 'since the last new command' },
    { name: 'watchdog', unit: '1' },
    { name: 'held', unit: 's', doc: 'how long the condition of the task has been true' },
    { name: 'reward', unit: '1' },
    { name: 'residual', length: RESIDUALS, unit: 'mixed' },
    { name: 'servo', length: servoLayout(axes).size, unit: 'mixed' },
  ]);
}

export class SimDevice implements LockstepDevice {
  readonly spec: DeviceSpec;
  readonly #wardrobe: Wardrobe;
  /** Seed of the look that is worn; NaN for none. */
  readonly #worn = Float64Array.of(Number.NaN);
  readonly #mj: Mujoco;
  readonly #model: MjModel;
  readonly #data: MjData;
  readonly #views: Views;
  readonly #servos: Servos;
  readonly #push: PushingHand;
  readonly #stage: Stage;
  readonly #hand: StageHand;
  readonly #task: Task;
  readonly #memory: Float64Array;
  readonly #residual: Float64Array;
  readonly #home: Float64Array;
  readonly #at: ReturnType<typeof memoryOffsets>;
  readonly #state: ReturnType<typeof stateOffsets>;
  readonly #command: ReturnType<typeof commandOffsets>;
  readonly #sent: ReturnType<typeof sentOffsets>;
  readonly #axes: number;
  readonly #gripper: number;
  readonly #dt: number;
  readonly #substeps: number;
  readonly #watchdogS: number;
  /** Commands written before the first state of this epoch was read belong to the scene before. */
  readonly #since = Float64Array.of(Number.NEGATIVE_INFINITY);
  readonly #stateSize: number;
  readonly #stateKind: number;

  /** Throws CONFIG_INVALID, SIM_MODEL_INVALID, SIM_UNKNOWN_NAME. */
  constructor(mj: Mujoco, context: Omit<DeviceContext, 'now'> & { readonly seed: number }, task: Task) {
    const { robot, entry } = context;
    const axes = entry.axes.map((name) => robot.axes.find((a) => a.name === name)!);
    const timestep = robot.sim?.timestep ?? 0.001;
    this.#substeps = Math.max(1, Math.round(1 / (robot.loop.rateHz * timestep)));
    this.#dt = timestep;
    this.#watchdogS = robot.limits.watchdogMs / 1000;
    this.spec = {
      name: entry.name,
      kind: entry.kind,
      axes,
      modes: [CommandMode.position, CommandMode.velocity, CommandMode.torque],
      honours: { q: true, qd: true, tau: true, kp: true, kd: true },
      rateHz: 1 / (timestep * this.#substeps),
      simulated: true,
    };
    this.#mj = mj;
    this.#task = task;
    this.#axes = axes.length;
    const gripperName = robot.gripperAxis < 0 ? '' : robot.axes[robot.gripperAxis]!.name;
    this.#gripper = axes.findIndex((a) => a.name === gripperName);
    const layout = memoryLayout(axes.length);
    this.#memory = new Float64Array(layout.size);
    this.#residual = layout.view(this.#memory, 'residual');
    this.#at = memoryOffsets(layout);
    this.#state = stateOffsets(axes.length);
    this.#command = commandOffsets(axes.length);
    this.#sent = sentOffsets(axes.length);
    this.#home = Float64Array.from(axes, (a) => a.home);
    this.#model = loadModel(mj, task.model);
    this.#model.opt.timestep = timestep;
    this.#data = new mj.MjData(this.#model);
    this.#stateKind = mj.mjtState.mjSTATE_INTEGRATION.value;
    this.#stateSize = mj.mj_stateSize(this.#model, this.#stateKind);
    this.#views = new Views(this.#model, this.#data);
    const servoMemory = layout.view(this.#memory, 'servo');
    this.#servos = new Servos(mj, this.#model, this.#views, axes, servoMemory, timestep);
    this.#push = new PushingHand(mj, this.#model, this.#views, timestep);
    this.#stage = new Stage(mj, this.#model, this.#views, this.#memory);
    const arm = axes.flatMap((_, i) => (i === this.#gripper ? [] : [i]));
    mj.mj_forward(this.#model, this.#data);
    const { materials, lights } = lookNames(mj, this.#model);
    this.#wardrobe = new Wardrobe(describeScene(mj, this.#model, this.#data), materials, lights);
    this.#hand = new StageHand(
      mj,
      this.#model,
      this.#views,
      this.#servos,
      arm,
      this.#gripper,
      Array.from(this.#home),
      robot.sim?.vary ?? 'none',
      this.#wardrobe,
    );
    this.#memory[this.#at.epoch] = -1;
    this.reset(context.seed);
  }

  /** As it looks since the last reset; a new object when the look is another one. */
  get scene(): SceneDescription {
    return this.#wardrobe.scene;
  }

  /** What the residuals mean, and when the task is done. */
  get task(): Task {
    return this.#task;
  }

  poses(out: Float64Array): void {
    this.#views.fresh();
    const { xpos, xquat } = this.#views;
    const bodies = xpos.length / 3;
    for (let i = 0; i < bodies; i++) {
      const o = 7 * i;
      out[o] = xpos[3 * i]!;
      out[o + 1] = xpos[3 * i + 1]!;
      out[o + 2] = xpos[3 * i + 2]!;
      out[o + 3] = xquat[4 * i + 1]!;
      out[o + 4] = xquat[4 * i + 2]!;
      out[o + 5] = xquat[4 * i + 3]!;
      out[o + 6] = xquat[4 * i]!;
    }
  }

  reset(seed: number): void {
    const m = this.#memory;
    const at = this.#at;
    this.#views.fresh();
    this.#mj.mj_resetData(this.#model, this.#data);
    this.#push.letGo();
    for (let i = 0; i < this.#axes; i++) this.#servos.teleport(i, this.#home[i]!);
    this.#wardrobe.undress();
    this.#task.reset(this.#hand, new Rng(seed));
    this.#wardrobe.wear();
    this.#worn[0] = seed;
    this.#mj.mj_step1(this.#model, this.#data);
    for (let s = 0; s < Math.round(SETTLE_S / this.#dt); s++) this.#step();
    this.#data.time = 0;
    m[at.time] = 0;
    m[at.epoch]! += 1;
    m[at.seed] = seed;
    m[at.seq]! += 1;
    m[at.commanded] = 0;
    m[at.silent] = 0;
    m[at.watchdog] = 0;
    m[at.held] = 0;
    this.#judge(0);
    this.#since[0] = Number.NaN;
  }

  setEnabled(state: 'on' | 'off'): void {
    const m = this.#memory;
    const on = state === 'on' ? 1 : 0;
    if (m[this.#at.enabled] === on) return;
    this.#views.fresh();
    m[this.#at.enabled] = on;
    m[this.#at.commanded] = 0;
    m[this.#at.silent] = 0;
    m[this.#at.watchdog] = 0;
    this.#servos.hold();
  }

  read(time: number, out: Float64Array): void {
    this.#views.fresh();
    const m = this.#memory;
    const at = this.#at;
    const s = this.#state;
    const since = this.#since[0]!;
    if (Number.isNaN(since)) this.#since[0] = time;
    out[s.seq] = m[at.seq]!;
    out[s.time] = time;
    out[s.deviceTime] = m[at.steps]! * this.#dt;
    out[s.status] =
      DeviceStatus.online +
      (m[at.enabled] === 1 ? DeviceStatus.enabled : 0) +
      (m[at.watchdog] === 1 ? DeviceStatus.watchdog : 0);
    out[s.commandTick] = m[at.commandTick]!;
    for (let i = 0; i < this.#axes; i++) {
      out[s.q + i] = this.#servos.measuredQ[i]!;
      out[s.qd + i] = this.#servos.measuredQd[i]!;
      out[s.tau + i] = this.#servos.measuredTau[i]!;
    }
    out[s.epoch] = m[at.epoch]!;
    out[s.seed] = m[at.seed]!;
    out[s.reward] = m[at.reward]!;
    out[s.success] = m[at.held]! > 0 && m[at.held]! >= this.#task.holdTime ? 1 : 0;
    for (let i = 0; i < RESIDUALS; i++) out[s.residual + i] = this.#residual[i]!;
  }

  write(command: Float64Array, time: number, sent: Float64Array): void {
    this.#views.fresh();
    const m = this.#memory;
    const at = this.#at;
    const c = this.#command;
    const s = this.#sent;
    const mode = command[c.mode]!;
    const stale = command[c.time]! < this.#since[0]!;
    const fresh = command[c.tick] !== m[at.commandTick] || m[at.commanded] === 0;
    if (m[at.enabled] === 1 && fresh && !stale) {
      m[at.commandTick] = command[c.tick]!;
      m[at.commanded] = 1;
      m[at.silent] = 0;
      m[at.watchdog] = 0;
      if (mode === CommandMode.position || mode === CommandMode.velocity || mode === CommandMode.torque) {
        this.#servos.command(mode, command, c.q, c.qd, c.tau, c.kp, c.kd);
      } else if (this.#servos.mode !== CommandMode.idle) {
        this.#servos.hold();
      }
    }
    sent[s.tick] = command[c.tick]!;
    sent[s.written] = time;
    sent[s.acknowledged] = time;
    sent[s.mode] = this.#servos.mode;
    sent[s.measuredTime] = Number.NaN;
    for (let i = 0; i < this.#axes; i++) {
      sent[s.q + i] = this.#servos.q[i]!;
      sent[s.qd + i] = this.#servos.qd[i]!;
      sent[s.tau + i] = this.#servos.tau[i]!;
      sent[s.measuredQ + i] = Number.NaN;
      sent[s.measuredQd + i] = Number.NaN;
      sent[s.measuredTau + i] = Number.NaN;
    }
  }

  advance(): void {
    this.#views.fresh();
    const m = this.#memory;
    const at = this.#at;
    for (let k = 0; k < this.#substeps; k++) {
      if (m[at.commanded] === 1) {
        m[at.silent]! += this.#dt;
        if (m[at.watchdog] === 0 && m[at.silent]! > this.#watchdogS) {
          m[at.watchdog] = 1;
          this.#servos.hold();
        }
      }
      this.#step();
    }
    m[at.seq]! += 1;
    this.#judge(this.#dt * this.#substeps);
  }

  push(push: Push): void {
    this.#views.fresh();
    this.#push.hold(push);
  }

  snapshot(): Float64Array {
    const buffer = new this.#mj.DoubleBuffer(this.#stateSize);
    try {
      this.#mj.mj_getState(this.#model, this.#data, buffer, this.#stateKind);
      this.#views.fresh();
      const out = new Float64Array(this.#stateSize + this.#memory.length);
      out.set(buffer.GetView() as Float64Array);
      out.set(this.#memory, this.#stateSize);
      return out;
    } finally {
      buffer.delete();
    }
  }

  restore(state: Float64Array): void {
    const want = this.#stateSize + this.#memory.length;
    if (state.length !== want) {
      throw new ArmloopError('LENGTH_MISMATCH', {
        what: `a snapshot of ${this.spec.name}`,
        got: state.length,
        want,
      });
    }
    const physics = Array.from(state.subarray(0, this.#stateSize));
    this.#mj.mj_setState(this.#model, this.#data, physics, this.#stateKind);
    this.#memory.set(state.subarray(this.#stateSize));
    this.#dress(this.#memory[this.#at.seed]!);
    this.#views.fresh();
    this.#push.letGo();
    this.#mj.mj_step1(this.#model, this.#data);
    this.#since[0] = Number.NaN;
  }

  dispose(): void {
    this.#data.delete();
    this.#model.delete();
  }

  /** The look that belongs to a seed, for a snapshot put back: its scene is drawn again, and only painted. */
  #dress(seed: number): void {
    if (seed === this.#worn[0]) return;
    const { home, vary, look } = this.#hand;
    const nothing = (): void => {};
    this.#wardrobe.undress();
    this.#task.reset({ place: nothing, mark: nothing, pose: nothing, home, vary, look }, new Rng(seed));
    this.#wardrobe.wear();
    this.#worn[0] = seed;
  }

  #step(): void {
    const m = this.#memory;
    this.#servos.apply();
    this.#push.apply();
    this.#mj.mj_step2(this.#model, this.#data);
    this.#views.fresh();
    this.#servos.measure();
    this.#mj.mj_step1(this.#model, this.#data);
    this.#views.fresh();
    m[CLOCK.time]! += this.#dt;
    m[this.#at.steps]! += 1;
  }

  #judge(elapsed: number): void {
    const m = this.#memory;
    const at = this.#at;
    m[CLOCK.opening] = this.#gripper < 0 ? 0 : this.#servos.measuredQ[this.#gripper]!;
    this.#task.residual(this.#stage, this.#residual);
    m[at.reward] = this.#task.reward(this.#residual);
    const met = this.#task.condition(this.#stage, this.#residual);
    m[at.held] = met ? m[at.held]! + elapsed : 0;
  }
}

function memoryOffsets(l: Layout) {
  return {
    time: l.at('time'),
    steps: l.at('steps'),
    seq: l.at('seq'),
    epoch: l.at('epoch'),
    seed: l.at('seed'),
    enabled: l.at('enabled'),
    commandTick: l.at('commandTick'),
    commanded: l.at('commanded'),
    silent: l.at('silent'),
    watchdog: l.at('watchdog'),
    held: l.at('held'),
    reward: l.at('reward'),
  };
}

function stateOffsets(axes: number) {
  const l = deviceStateLayout(axes);
  return {
    seq: l.at('seq'),
    time: l.at('time'),
    deviceTime: l.at('deviceTime'),
    status: l.at('status'),
    commandTick: l.at('commandTick'),
    q: l.at('q'),
    qd: l.at('qd'),
    tau: l.at('tau'),
    epoch: l.at('epoch'),
    seed: l.at('seed'),
    reward: l.at('reward'),
    success: l.at('success'),
    residual: l.at('residual'),
  };
}

function commandOffsets(axes: number) {
  const l = commandLayout(axes);
  return {
    tick: l.at('tick'),
    time: l.at('time'),
    mode: l.at('mode'),
    q: l.at('q'),
    qd: l.at('qd'),
    tau: l.at('tau'),
    kp: l.at('kp'),
    kd: l.at('kd'),
  };
}

function sentOffsets(axes: number) {
  const l = sentLayout(axes);
  return {
    tick: l.at('tick'),
    written: l.at('written'),
    acknowledged: l.at('acknowledged'),
    mode: l.at('mode'),
    q: l.at('q'),
    qd: l.at('qd'),
    tau: l.at('tau'),
    measuredTime: l.at('measuredTime'),
    measuredQ: l.at('measuredQ'),
    measuredQd: l.at('measuredQd'),
    measuredTau: l.at('measuredTau'),
  };
}
