/**
 * The cycle: one call is one period of control. A pure function of (tick inputs, request, memory): no clock, no
 * randomness, no state but the one memory block, no allocation. Supervisor → controller slot → guard.
 * The real-time loop, the lockstep runner and the verifier call the same code.
 */
import { type Controller, StepCode } from '../control/controller.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import {
  CommandMode,
  Mode,
  REQUEST_ARGS,
  Reason,
  RequestKind,
  requestLayout,
  type TickLayout,
  tickLayout,
} from '../robot/tick.ts';
import { Action, Guard, guardFields } from './guard.ts';
import { BlockHash } from './hash.ts';
import { Health } from './health.ts';
import { Supervisor, supervisorFields } from './supervisor.ts';
import { ToolView } from './tool-view.ts';

const request = {
  kind: requestLayout.at('kind'),
  seq: requestLayout.at('seq'),
  controller: requestLayout.at('controller'),
  source: requestLayout.at('source'),
  lease: requestLayout.at('lease'),
  count: requestLayout.at('count'),
  args: requestLayout.at('args'),
};

/** What a cycle with these controllers keeps from tick to tick. */
export function memoryLayout(spec: RobotSpec, controllers: readonly Controller[]): Layout {
  return Layout.of('memory', [
    ...supervisorFields,
    ...ToolView.fields,
    ...guardFields(spec.axes.length),
    ...controllers.map((c) => ({ name: `controller.${c.name}`, length: c.memorySize, unit: 'mixed' })),
  ]);
}

export interface CycleOptions {
  readonly spec: RobotSpec;
  readonly model: KinematicModel;
  readonly controllers: readonly Controller[];
}

export class Cycle {
  readonly tick: TickLayout;
  /** What `memory` holds. */
  readonly memoryLayout: Layout;
  /** Everything that a next step depends on, besides its inputs: a copy is a snapshot, `set` restores it. */
  readonly memory: Float64Array;
  /** What a controller threw last: for the log, not part of the state. */
  lastError: unknown = null;

  readonly #spec: RobotSpec;
  readonly #controllers: readonly (Controller | undefined)[];
  readonly #supervisor: Supervisor;
  readonly #guard: Guard;
  readonly #health: Health;
  readonly #tool: ToolView;
  readonly #hash: BlockHash;
  // Scratch, written before it is read.
  readonly #args = new Float64Array(REQUEST_ARGS);
  readonly #view: Float64Array;
  readonly #at: ReturnType<typeof offsets>;

  constructor({ spec, model, controllers }: CycleOptions) {
    this.#spec = spec;
    this.tick = tickLayout(spec);
    this.memoryLayout = memoryLayout(spec, controllers);
    this.memory = new Float64Array(this.memoryLayout.size);
    const slots: (Controller | undefined)[] = [];
    for (const c of controllers) {
      slots[c.id] = c;
      c.allocate(
        { spec, tick: this.tick, model },
        this.memoryLayout.view(this.memory, `controller.${c.name}`),
      );
    }
    this.#controllers = Array.from(slots);
    this.#supervisor = new Supervisor(spec, this.tick, this.memory, this.memoryLayout);
    this.#guard = new Guard(spec, model, this.tick, this.memory, this.memoryLayout);
    this.#health = new Health(spec, this.tick);
    this.#tool = new ToolView(spec, model, this.tick, this.memory, this.memoryLayout);
    this.#hash = new BlockHash(Math.max(this.tick.layout.size, requestLayout.size));
    this.#view = new Float64Array(this.tick.layout.size);
    this.#at = offsets(this.tick);
  }

  /**
   * Reads in.* of `tick`, writes all of out.*. `req` is the request that in.request.seq names, or null. May be given
   * a longer block (a tick record). Never throws: a controller that does is stopped, and the reason kept in lastError.
   */
  step(tick: Float64Array, req: Float64Array | null): void {
    const at = this.#at;
    const supervisor = this.#supervisor;
    const guard = this.#guard;
    for (let i = this.tick.inputSize; i < this.tick.layout.size; i++) tick[i] = 0;
    this.#hash.start();
    this.#hash.add(tick, this.tick.inputSize);
    if (req !== null) this.#hash.add(req, requestLayout.size);
    this.#hash.end(tick, at.inputHash);
    tick[at.logProb] = Number.NaN;

    const bad = this.#health.look(tick);
    const enabled = this.#health.enabled(tick);
    if (supervisor.newEpoch(tick, bad) && supervisor.armed) guard.reset(tick);
    supervisor.watch(tick, bad, enabled);
    // Without torque the arm may be moved by hand: the command follows it, so that torque never comes with a jump.
    if (supervisor.mode === Mode.holding && !enabled && (bad & Reason.notFinite) === 0) guard.reset(tick);
    guard.present(tick);
    guard.requestHold(tick);
    if (req !== null) {
      const taken = this.#take(tick, req, bad, enabled);
      tick[at.accepted] = taken ? req[request.seq]! : -req[request.seq]!;
    }

    let action: Action = Action.stop;
    let mode: CommandMode = CommandMode.position;
    if (supervisor.mode === Mode.active) {
      const code = this.#control(tick);
      if (code !== StepCode.fault) {
        action = Action.follow;
        mode = tick[at.commandMode]! as CommandMode;
      }
      if (code === StepCode.done) supervisor.finish();
    }
    guard.present(tick);
    guard.ramp = action === Action.follow ? supervisor.ramp(tick) : 1;
    if (supervisor.armed) {
      tick[at.reasonAll] = tick[at.reasonAll]! | guard.step(tick, action, mode);
      tick[at.reasonAll] = tick[at.reasonAll]! | supervisor.why;
      if (guard.atRest()) supervisor.rested();
    }
    this.#report(tick, mode);
  }

  /** One step of the controller in the slot, with all that can be wrong about it turned into a latched stop. */
  #control(tick: Float64Array): StepCode {
    const at = this.#at;
    tick[at.commandMode] = CommandMode.position;
    let code: StepCode;
    try {
      code = this.#stepController(tick, this.#controllers[this.#supervisor.controller]!);
    } catch (error) {
      this.lastError = error;
      code = StepCode.fault;
    }
    if (code === StepCode.fault) {
      this.#supervisor.trip(Reason.controllerFault);
      return code;
    }
    const mode = tick[at.commandMode]!;
    const known =
      mode === CommandMode.position || mode === CommandMode.velocity || mode === CommandMode.torque;
    if (!known || (mode === CommandMode.torque && this.#spec.sim === null)) {
      this.#supervisor.trip(Reason.controllerFault | Reason.torque);
      return StepCode.fault;
    }
    for (let i = 0; i < this.#spec.axes.length; i++) {
      // A sum with what is not finite is not finite.
      const sum = tick[at.requestedQ + i]! + tick[at.requestedQd + i]! + tick[at.requestedTau + i]!;
      if (!Number.isFinite(sum)) {
        this.#supervisor.trip(Reason.notFinite);
        return StepCode.fault;
      }
    }
    return code;
  }

  #stepController(tick: Float64Array, controller: Controller): StepCode {
    if (tick[this.#at.enable] === 1) return controller.step(tick);
    // No deadman held: the controller sees no motion input, while the record keeps what came in.
    const view = this.#view;
    for (let i = 0; i < this.tick.layout.size; i++) view[i] = tick[i]!;
    for (let i = this.#at.motion; i < this.#at.motionEnd; i++) view[i] = 0;
    view[this.#at.gripper] = 0;
    const code = controller.step(view);
    for (let i = this.tick.inputSize; i < this.tick.layout.size; i++) tick[i] = view[i]!;
    return code;
  }

  /** Answers a request: true when it is taken. */
  #take(tick: Float64Array, req: Float64Array, bad: number, enabled: boolean): boolean {
    const supervisor = this.#supervisor;
    const mode = supervisor.mode;
    switch (req[request.kind]) {
      case RequestKind.arm:
        if (mode === Mode.holding || mode === Mode.active) return true;
        if (mode !== Mode.connected) return this.#refuse(tick, bad);
        this.#guard.reset(tick);
        this.#guard.requestHold(tick);
        supervisor.arm();
        return true;
      case RequestKind.activate:
        return this.#activate(tick, req, bad, enabled);
      case RequestKind.hold:
        if (mode === Mode.active) supervisor.stop(Reason.requested);
        return mode === Mode.active || mode === Mode.holding || mode === Mode.stopping;
      case RequestKind.estop:
        supervisor.trip(Reason.estop);
        return true;
      case RequestKind.clear:
        if (mode !== Mode.stopped || bad !== 0) return this.#refuse(tick, bad);
        if (supervisor.armed && this.#guard.distance(tick) > this.#spec.limits.resumeDistance) {
          // The arm is not where the command stood (it was moved, or its device let go): hold where it is.
          this.#guard.reset(tick);
          this.#guard.requestHold(tick);
        }
        supervisor.clear();
        return true;
      case RequestKind.disarm:
        supervisor.disarm();
        return true;
      case RequestKind.snapshot:
        // The runner has copied the memory before this step.
        return true;
      default:
        return false;
    }
  }

  #activate(tick: Float64Array, req: Float64Array, bad: number, enabled: boolean): boolean {
    const lease = req[request.lease]!;
    const id = req[request.controller]!;
    const controller = this.#controllers[id];
    if (bad !== 0) return this.#refuse(tick, bad);
    if (!enabled) return this.#refuse(tick, Reason.deviceFault);
    if (controller === undefined) return this.#refuse(tick, Reason.controllerFault);
    // A stopped arm refuses by its mode, which is no word about the operator.
    if (!this.#supervisor.takesControllers) return false;
    if (this.#supervisor.gaveUp(lease) || !this.#supervisor.operatorPresent(tick, lease)) {
      return this.#refuse(tick, Reason.deadman);
    }
    if (
      this.#supervisor.mode === Mode.holding &&
      this.#guard.distance(tick) > this.#spec.limits.resumeDistance
    ) {
      return this.#refuse(tick, Reason.poseMismatch);
    }
    const count = Math.min(REQUEST_ARGS, Math.max(0, Math.trunc(req[request.count]!)));
    for (let i = 0; i < REQUEST_ARGS; i++) this.#args[i] = req[request.args + i]!;
    try {
      if (controller.reset(tick, this.#args, count) === StepCode.fault) {
        return this.#refuse(tick, Reason.controllerFault);
      }
    } catch (error) {
      this.lastError = error;
      this.#supervisor.trip(Reason.controllerFault);
      return false;
    }
    this.#supervisor.activate(tick, id, req[request.source]!, lease);
    return true;
  }

  #refuse(tick: Float64Array, why: number): false {
    tick[this.#at.reasonAll] = tick[this.#at.reasonAll]! | why;
    return false;
  }

  #report(tick: Float64Array, mode: CommandMode): void {
    const at = this.#at;
    const supervisor = this.#supervisor;
    tick[at.mode] = supervisor.mode;
    tick[at.controller] = supervisor.controller;
    tick[at.source] = supervisor.source;
    tick[at.commandMode] = supervisor.armed ? mode : CommandMode.idle;
    tick[at.fault] = supervisor.fault;
    tick[at.done] = supervisor.done;
    tick[at.reasonAll] = tick[at.reasonAll]! | supervisor.fault;
    this.#tool.write(tick);
  }
}

function offsets({ layout }: TickLayout) {
  return {
    enable: layout.at('in.op.enable'),
    motion: layout.at('in.op.jog'),
    motionEnd: layout.at('in.op.twist') + 6,
    gripper: layout.at('in.op.gripper'),
    mode: layout.at('out.mode'),
    controller: layout.at('out.controller'),
    source: layout.at('out.source'),
    commandMode: layout.at('out.commandMode'),
    accepted: layout.at('out.request.accepted'),
    requestedQ: layout.at('out.requested.q'),
    requestedQd: layout.at('out.requested.qd'),
    requestedTau: layout.at('out.requested.tau'),
    reasonAll: layout.at('out.reasonAll'),
    fault: layout.at('out.fault'),
    done: layout.at('out.done'),
    logProb: layout.at('out.logProb'),
    inputHash: layout.at('out.inputHash'),
  };
}
