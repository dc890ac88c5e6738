/**
 * Follows the feedback plans of a planner (in.plan.*): in every tick u = û + K (x − x̂), as src/plan/mpc plans them.
 *
 *   torque     x is what is measured, u the effort of each joint of the arm.
 *   position   x is the guard's last command, u its acceleration: the command is one period of u further on.
 *
 * What happens when plans fail to come, by the age of the plan in force (time since the state it was planned from):
 *
 *   up to `late`     it is followed
 *   up to `stale`    it is followed, with Reason.planLate
 *   older, or past its last knot: brakes within its limits and holds, with Reason.planLate and Reason.underrun; goes on
 *                    with the next plan, and faults when none comes for `limit`. Plans that are too old already when they
 *                    come move nothing, but do come: a planner that is slow leaves the arm held, one that is silent is a fault
 *
 * Reason.planFailed tells that the newest attempt of the planner failed and left an older plan in force; how long that
 * one lasts is the rule above. A plan that is not finite is none.
 *
 * Arguments: [late, stale, limit] in s, each optional. Default 0.05, 0.2, 1.
 */

import { PlanProblem } from '../robot/plan.ts';
import { CommandMode, ControllerId, Reason } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { GripServo } from './grip.ts';
import { PlanFollower } from './plan.ts';
import type { TickSlots } from './slots.ts';

const Phase = { waiting: 0, following: 1, fallback: 2, done: 3 } as const;

const PHASE = 0;
/** s */
const LATE = 1;
const STALE = 2;
const LIMIT = 3;
/** How long no plan has come, s. */
const MISSING = 4;
/** seq of the newest plan that came. */
const SEQ = 5;
const HEADER = 6;

/** Ages of a plan, s: from when on it is said to be late, it is not followed, and its absence is a fault. */
export const MPC_LATE = 0.05;
export const MPC_STALE = 0.2;
export const MPC_LIMIT = 1;
/** Longest that makes sense, s. */
const LONGEST = 60;

export class MpcController implements Controller {
  readonly id = ControllerId.mpc;
  readonly name = 'mpc';
  readonly needsOperator = false;
  readonly memorySize: number;
  #memory!: Float64Array;
  #follower!: PlanFollower;
  #grip!: GripServo;
  #at!: TickSlots;
  #plan!: ReturnType<typeof offsets>;
  /** Joints of the arm. */
  #n = 0;
  /** u of this tick. */
  #u!: Float64Array;

  constructor(axes: number) {
    this.memorySize = HEADER + GripServo.memorySize + PlanFollower.memorySize(axes, 2);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    const { spec, tick } = context;
    this.#memory = memory;
    this.#follower = new PlanFollower(context, 2, memory, HEADER + GripServo.memorySize);
    this.#at = this.#follower.at;
    this.#grip = new GripServo(context, this.#at, memory, HEADER);
    this.#plan = offsets(tick.layout);
    this.#n = spec.armAxes;
    this.#u = new Float64Array(this.#n);
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const memory = this.#memory;
    memory.fill(0, 0, HEADER);
    memory[LATE] = count > 0 ? args[0]! : MPC_LATE;
    memory[STALE] = count > 1 ? args[1]! : Math.max(MPC_STALE, memory[LATE]!);
    memory[LIMIT] = count > 2 ? args[2]! : MPC_LIMIT;
    this.#follower.begin(tick);
    this.#grip.reset();
    const ordered = memory[LATE]! > 0 && memory[STALE]! >= memory[LATE]! && memory[LIMIT]! > 0;
    return ordered && memory[STALE]! <= LONGEST && memory[LIMIT]! <= LONGEST && count <= 3
      ? StepCode.ok
      : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const at = this.#at;
    const plan = this.#plan;
    const memory = this.#memory;
    if (memory[PHASE] === Phase.done) {
      this.#follower.follow(tick);
      return StepCode.done;
    }
    if (tick[plan.problem] !== PlanProblem.none) at.flagAll(tick, Reason.planFailed);
    if (tick[plan.seq] !== 0 && tick[plan.last] === 1) {
      memory[PHASE] = Phase.done;
      this.#follower.begin(tick);
      this.#follower.follow(tick);
      return StepCode.done;
    }
    const now = tick[at.time]!;
    const age = now - tick[plan.captured]!;
    const usable =
      tick[plan.seq] !== 0 && age <= memory[STALE]! && now <= tick[plan.until]! + 0.5 * at.period;
    if (!usable || !this.#evaluate(tick)) return this.#without(tick);
    if (age > memory[LATE]!) at.flagAll(tick, Reason.planLate);
    memory[PHASE] = Phase.following;
    memory[MISSING] = 0;
    memory[SEQ] = tick[plan.seq]!;
    if (tick[plan.mode] === CommandMode.torque) this.#effort(tick);
    else this.#motion(tick);
    return StepCode.ok;
  }

  /** #u = û + K (x − x̂). False when that is no number, or the plan is for no mode that is known. */
  #evaluate(tick: Float64Array): boolean {
    const n = this.#n;
    const at = this.#at;
    const plan = this.#plan;
    const mode = tick[plan.mode];
    if (mode !== CommandMode.torque && mode !== CommandMode.position) return false;
    const q = mode === CommandMode.torque ? at.q : at.cmdQ;
    const qd = mode === CommandMode.torque ? plan.qd : at.cmdQd;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      let u = tick[plan.u + i]!;
      const row = plan.K + 2 * n * i;
      for (let j = 0; j < n; j++) {
        u += tick[row + j]! * (tick[q + j]! - tick[plan.x + j]!);
        u += tick[row + n + j]! * (tick[qd + j]! - tick[plan.x + n + j]!);
      }
      this.#u[i] = u;
      sum += u;
    }
    return Number.isFinite(sum);
  }

  /** Effort for the arm; positions and speeds say where the plan is. */
  #effort(tick: Float64Array): void {
    const at = this.#at;
    for (let i = 0; i < this.#n; i++) {
      tick[at.wantQ + i] = tick[this.#plan.x + i]!;
      tick[at.wantQd + i] = tick[this.#plan.x + this.#n + i]!;
      tick[at.wantTau + i] = this.#u[i]!;
    }
    this.#grip.push(tick, this.#plan.grip);
    tick[this.#plan.commandMode] = CommandMode.torque;
  }

  /** The command, one period of acceleration u further on. */
  #motion(tick: Float64Array): void {
    const at = this.#at;
    for (let i = 0; i < this.#n; i++) {
      const qd = tick[at.cmdQd + i]! + this.#u[i]! * at.period;
      tick[at.wantQ + i] = tick[at.cmdQ + i]! + qd * at.period;
      tick[at.wantQd + i] = qd;
      tick[at.wantTau + i] = 0;
    }
    this.#grip.move(tick, this.#plan.grip);
  }

  /** Brakes and holds; a fault after the limit. */
  #without(tick: Float64Array): StepCode {
    const at = this.#at;
    const memory = this.#memory;
    if (memory[PHASE] === Phase.following) {
      memory[PHASE] = Phase.fallback;
      this.#follower.begin(tick);
      this.#grip.reset();
    }
    const seq = tick[this.#plan.seq]!;
    if (seq !== memory[SEQ] && this.#evaluate(tick)) {
      memory[SEQ] = seq;
      memory[MISSING] = 0;
    }
    memory[MISSING]! += at.period * (1 + tick[at.missed]!);
    this.#follower.follow(tick, tick[at.missed]! | 0);
    if (memory[PHASE] === Phase.fallback) at.flagAll(tick, Reason.planLate | Reason.underrun);
    return memory[MISSING]! > memory[LIMIT]! ? StepCode.fault : StepCode.ok;
  }
}

function offsets(layout: ControllerContext['tick']['layout']) {
  return {
    qd: layout.at('in.qd'),
    seq: layout.at('in.plan.seq'),
    mode: layout.at('in.plan.mode'),
    captured: layout.at('in.plan.captured'),
    until: layout.at('in.plan.until'),
    problem: layout.at('in.plan.problem'),
    grip: layout.at('in.plan.grip'),
    last: layout.at('in.plan.last'),
    x: layout.at('in.plan.x'),
    u: layout.at('in.plan.u'),
    K: layout.at('in.plan.K'),
    commandMode: layout.at('out.commandMode'),
  };
}
