/**
 * Follows the rows of a streamed plan (in.row.*), such as a recorded episode. The first row is approached from the
 * current command on a time-scaled quintic; then each row in effect is requested as it is.
 *
 * Arguments: none, or [lead in s]. Whoever streams the rows gives the first one time 0 and starts the others after a
 * lead in which the approach fits (`approachTime`). Rows that come while the approach is still far from the first one
 * are a fault. When the next row fails to come, it brakes and holds with Reason.underrun, goes on when a row near the
 * command comes, and faults after UNDERRUN_LIMIT. The row marked `last` ends it: done, holding there.
 */
import type { AxisSpec } from '../robot/spec.ts';
import { ControllerId, Reason } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PLAN_SHARE, PlanFollower } from './plan.ts';
import type { TickSlots } from './slots.ts';
import { limitsOf, Spline } from './spline.ts';
import { inRange } from './trajectory.ts';

const Phase = { waiting: 0, approaching: 1, following: 2, underrun: 3, done: 4 } as const;

const PHASE = 0;
/** in.time of the activation tick: row times count from it. */
const ORIGIN = 1;
const LEAD = 2;
const SEQ = 3;
const ROW_TIME = 4;
/** Time between the last two rows, s. */
const SPACING = 5;
/** How long no row has come, s. */
const MISSING = 6;
const HEADER = 7;

/** Share of full speed for the approach. */
const APPROACH_SPEED = 0.5;
/** A row is late after this, s, or after 3 row distances. */
const LATE = 0.05;
/** Without a row for this long, s, it gives up. */
export const UNDERRUN_LIMIT = 0.5;
/** Rows this near to the command (rad, m) may be followed at once. */
const NEAR = 0.02;

/** Seconds that the approach from one position to another takes, for the lead of a plan. Allocates. */
export function approachTime(
  axes: readonly AxisSpec[],
  from: ArrayLike<number>,
  to: ArrayLike<number>,
): number {
  const spline = new Spline(axes.length, 2, 1, new Float64Array(Spline.memorySize(axes.length, 2)), 0);
  const limits = approachLimits(axes);
  spline.add(Float64Array.from(from), 0, 0);
  spline.add(Float64Array.from(to), 0, 0);
  spline.pace(0, limits);
  spline.fit(0, limits, 'exact');
  return 1.1 * spline.duration + 2 * LATE;
}

function approachLimits(axes: readonly AxisSpec[]): Float64Array {
  return limitsOf(axes, PLAN_SHARE).map((x, i) => x * APPROACH_SPEED ** ((i % 3) + 1));
}

export class ReplayController implements Controller {
  readonly id = ControllerId.replay;
  readonly name = 'replay';
  readonly needsOperator = false;
  readonly memorySize: number;
  #memory!: Float64Array;
  #plan!: PlanFollower;
  #at!: TickSlots;
  #limits!: Float64Array;

  constructor(axes: number) {
    this.memorySize = HEADER + PlanFollower.memorySize(axes, 3);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#plan = new PlanFollower(context, 3, memory, HEADER);
    this.#at = this.#plan.at;
    this.#limits = approachLimits(context.spec.axes);
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const memory = this.#memory;
    for (let i = 0; i < HEADER; i++) memory[i] = 0;
    memory[ORIGIN] = tick[this.#at.time]!;
    memory[LEAD] = count > 0 ? args[0]! : 0;
    this.#plan.begin(tick);
    return count <= 1 && memory[LEAD]! >= 0 && memory[LEAD]! < 1e5 ? StepCode.ok : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const memory = this.#memory;
    const at = this.#at;
    const seq = tick[at.rowSeq]!;
    const fresh = seq > 0 && seq !== memory[SEQ];
    const first = memory[SEQ] === 0;
    if (fresh) {
      if (!inRange(this.#plan.axes, tick, at.rowQ) || !Number.isFinite(tick[at.rowTime]!))
        return this.#fault(tick);
      if (!first) memory[SPACING] = Math.max(0, tick[at.rowTime]! - memory[ROW_TIME]!);
      memory[SEQ] = seq;
      memory[ROW_TIME] = tick[at.rowTime]!;
      memory[MISSING] = 0;
    } else {
      memory[MISSING]! += at.period * (1 + tick[at.missed]!);
    }
    switch (memory[PHASE]) {
      case Phase.waiting:
        if (fresh) return this.#approach(tick);
        return this.#wait(tick, LATE);
      case Phase.approaching: {
        if (fresh && !first) {
          if (!this.#near(tick)) return this.#fault(tick);
          memory[PHASE] = Phase.following;
          return this.#row(tick);
        }
        if (tick[at.rowLast] === 1) {
          const code = this.#plan.follow(tick, tick[at.missed]! | 0);
          if (code === StepCode.done) memory[PHASE] = Phase.done;
          return code;
        }
        return this.#wait(tick, memory[LEAD]! + LATE);
      }
      case Phase.following: {
        const bound = Math.max(LATE, 3 * memory[SPACING]!);
        if (fresh || memory[MISSING]! <= bound) return this.#row(tick);
        memory[PHASE] = Phase.underrun;
        this.#plan.begin(tick);
        return this.#wait(tick, bound);
      }
      case Phase.underrun:
        if (!fresh) return this.#wait(tick, 0);
        if (!this.#near(tick)) return this.#fault(tick);
        memory[PHASE] = Phase.following;
        return this.#row(tick);
      default:
        this.#plan.follow(tick);
        return StepCode.done;
    }
  }

  /** Braces for the first row: brake if moving, then a quintic to it. */
  #approach(tick: Float64Array): StepCode {
    const { spline } = this.#plan;
    const rest = this.#plan.begin(tick);
    spline.add(tick, this.#at.rowQ, 0);
    spline.pace(rest, this.#limits);
    spline.fit(rest, this.#limits, 'exact');
    this.#memory[PHASE] = Phase.approaching;
    this.#plan.follow(tick);
    return StepCode.ok;
  }

  /** Follows its own plan while no row comes: not late before `bound`, a fault well after it. */
  #wait(tick: Float64Array, bound: number): StepCode {
    this.#plan.follow(tick, tick[this.#at.missed]! | 0);
    const missing = this.#memory[MISSING]!;
    if (missing > bound) this.#at.flagAll(tick, Reason.underrun);
    return missing > bound + UNDERRUN_LIMIT ? StepCode.fault : StepCode.ok;
  }

  /** Requests the row in effect: as it is in its own tick, extrapolated by its velocity when rows are sparse. */
  #row(tick: Float64Array): StepCode {
    const at = this.#at;
    const memory = this.#memory;
    const last = tick[at.rowLast] === 1;
    const age = tick[at.time]! - memory[ORIGIN]! - memory[ROW_TIME]!;
    const ahead = last || age < 0.75 * at.period ? 0 : Math.min(age, memory[SPACING]!);
    for (let a = 0; a < at.axes; a++) {
      const qd = finite(tick[at.rowQd + a]!);
      const q = tick[at.rowQ + a]!;
      tick[at.wantQ + a] = ahead === 0 ? q : q + qd * ahead;
      tick[at.wantQd + a] = qd;
      tick[at.wantTau + a] = finite(tick[at.rowTau + a]!);
    }
    if (!last) return StepCode.ok;
    memory[PHASE] = Phase.done;
    this.#plan.spline.clear();
    this.#plan.spline.add(tick, at.rowQ, 0);
    return StepCode.done;
  }

  #near(tick: Float64Array): boolean {
    const at = this.#at;
    for (let a = 0; a < at.axes; a++) {
      if (!(Math.abs(tick[at.rowQ + a]! - tick[at.cmdQ + a]!) <= NEAR)) return false;
    }
    return true;
  }

  #fault(tick: Float64Array): StepCode {
    this.#plan.begin(tick);
    this.#plan.follow(tick);
    return StepCode.fault;
  }
}

const finite = (x: number): number => (Number.isFinite(x) ? x : 0);
