/**
 * Follows the rows of action chunks (in.row.*): in every tick the polynomial in effect, as it is.
 *
 * Where the command does not lie on the first row, after an activation or an underrun, the difference fades out on a
 * quintic while the rows go on, so that a moving target is approached without a jump in position, speed or acceleration
 * and at no more than half of full speed. When the rows run out it brakes, holds and says Reason.underrun, goes on with
 * the next chunk, and faults when none comes for the limit.
 *
 * Arguments: none, or [limit in s]: how long the arm may wait for rows, the first ones included. Default 1.
 */
import { ControllerId, Reason } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PLAN_SHARE, PlanFollower } from './plan.ts';
import type { TickSlots } from './slots.ts';
import { limitsOf } from './spline.ts';

const Phase = { waiting: 0, following: 1, underrun: 2, done: 3 } as const;

const PHASE = 0;
const LIMIT = 1;
/** How long there has been no row, s. */
const MISSING = 2;
/** in.time at which the difference began to fade, and how long that takes, s. */
const FADE_FROM = 3;
const FADE = 4;
const HEADER = 5;

export const UNDERRUN_LIMIT = 1;
/** Longest limit that makes sense, s. */
const LONGEST = 60;
/** The first rows take their time: they are late after this share of the limit. */
const LATE = 0.5;
/** Shares of full speed, acceleration and jerk at which a difference fades. */
const FADE_SHARE = 0.5;
const FADE_SHORTEST = 0.1;

export class PolicyController implements Controller {
  readonly id = ControllerId.policy;
  readonly name = 'policy';
  readonly needsOperator = false;
  readonly memorySize: number;
  #memory!: Float64Array;
  #plan!: PlanFollower;
  #at!: TickSlots;
  /** Largest speed, acceleration and jerk of a fading difference, 3 per axis. */
  #limits!: Float64Array;
  /** Seconds into the row, and into the fade: numbers that stay out of calls. */
  readonly #s = new Float64Array(2);

  constructor(axes: number) {
    // Per axis the difference at FADE_FROM: position, speed, acceleration.
    this.memorySize = HEADER + 3 * axes + PlanFollower.memorySize(axes, 2);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    const n = context.spec.axes.length;
    this.#memory = memory;
    this.#plan = new PlanFollower(context, 2, memory, HEADER + 3 * n);
    this.#at = this.#plan.at;
    this.#limits = limitsOf(context.spec.axes, PLAN_SHARE * FADE_SHARE);
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const memory = this.#memory;
    for (let i = 0; i < HEADER + 3 * this.#at.axes; i++) memory[i] = 0;
    memory[LIMIT] = count > 0 ? args[0]! : UNDERRUN_LIMIT;
    this.#plan.begin(tick);
    return count <= 1 && memory[LIMIT]! > 0 && memory[LIMIT]! <= LONGEST ? StepCode.ok : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const memory = this.#memory;
    const at = this.#at;
    if (memory[PHASE] === Phase.done) {
      this.#plan.follow(tick);
      return StepCode.done;
    }
    const s = tick[at.time]! - tick[at.rowStart]! - tick[at.rowTime]!;
    this.#s[0] = s;
    // A row holds until the tick in which its end lies.
    if (tick[at.rowSeq] === 0 || !(s <= tick[at.rowDuration]! + 0.5 * at.period)) {
      if (tick[at.rowSeq] !== 0 && tick[at.rowLast] === 1) return this.#finish(tick);
      return this.#wait(tick);
    }
    if (!this.#sound(tick)) return this.#fault(tick);
    if (memory[PHASE] !== Phase.following) this.#join(tick);
    memory[PHASE] = Phase.following;
    memory[MISSING] = 0;
    this.#follow(tick);
    return StepCode.ok;
  }

  /** Every coefficient is a number, and the row has begun. */
  #sound(tick: Float64Array): boolean {
    const at = this.#at;
    let sum = this.#s[0]!;
    if (!(sum >= -0.5 * at.period)) return false;
    for (let a = 0; a < at.axes; a++) {
      sum += tick[at.rowQ + a]! + tick[at.rowQd + a]! + tick[at.rowQdd + a]!;
      sum += tick[at.rowC3 + a]! + tick[at.rowC4 + a]! + tick[at.rowC5 + a]!;
    }
    return Number.isFinite(sum);
  }

  /**
   * The difference between command and row, one period ago when the command was given, and how long it may take to
   * fade: the rest-to-rest quintic over it within the limits, and longer when it moves.
   */
  #join(tick: Float64Array): void {
    const at = this.#at;
    const memory = this.#memory;
    const s = this.#s[0]! - at.period;
    let fade = FADE_SHORTEST;
    for (let a = 0; a < at.axes; a++) {
      const q0 = tick[at.rowQ + a]!;
      const q1 = tick[at.rowQd + a]!;
      const q2 = tick[at.rowQdd + a]!;
      const c3 = tick[at.rowC3 + a]!;
      const c4 = tick[at.rowC4 + a]!;
      const c5 = tick[at.rowC5 + a]!;
      const acc = tick[at.cmdQdd + a]!;
      // The command's speed is its last difference, half a period old.
      const speed = tick[at.cmdQd + a]! + (acc * at.period) / 2;
      const e = tick[at.cmdQ + a]! - (q0 + s * (q1 + s * (q2 / 2 + s * (c3 + s * (c4 + s * c5)))));
      const ev = speed - (q1 + s * (q2 + s * (3 * c3 + s * (4 * c4 + s * 5 * c5))));
      const ea = acc - (q2 + s * (6 * c3 + s * (12 * c4 + s * 20 * c5)));
      memory[HEADER + 3 * a] = e;
      memory[HEADER + 3 * a + 1] = ev;
      memory[HEADER + 3 * a + 2] = ea;
      const d = Math.abs(e);
      // Peaks of the rest-to-rest quintic over d: 15/8 d/T, 10/√3 d/T², 60 d/T³.
      fade = Math.max(
        fade,
        (1.875 * d) / this.#limits[3 * a]!,
        Math.sqrt((5.7735026918962573 * d) / this.#limits[3 * a + 1]!),
        Math.cbrt((60 * d) / this.#limits[3 * a + 2]!),
        (4 * Math.abs(ev)) / this.#limits[3 * a + 1]!,
      );
    }
    memory[FADE_FROM] = tick[at.time]! - at.period;
    memory[FADE] = fade;
  }

  /** Asks for the row in effect, and what is left of the difference. */
  #follow(tick: Float64Array): void {
    const at = this.#at;
    const memory = this.#memory;
    const s = this.#s[0]!;
    const fade = memory[FADE]!;
    this.#s[1] = tick[at.time]! - memory[FADE_FROM]!;
    const u = fade > 0 ? this.#s[1]! / fade : 1;
    for (let a = 0; a < at.axes; a++) {
      const q1 = tick[at.rowQd + a]!;
      const q2 = tick[at.rowQdd + a]!;
      const c3 = tick[at.rowC3 + a]!;
      const c4 = tick[at.rowC4 + a]!;
      const c5 = tick[at.rowC5 + a]!;
      let q = tick[at.rowQ + a]! + s * (q1 + s * (q2 / 2 + s * (c3 + s * (c4 + s * c5))));
      let qd = q1 + s * (q2 + s * (3 * c3 + s * (4 * c4 + s * 5 * c5)));
      if (u < 1) {
        // The quintic from (e, ev, ea) to rest at zero, in u.
        const e = memory[HEADER + 3 * a]!;
        const v = memory[HEADER + 3 * a + 1]! * fade;
        const w = memory[HEADER + 3 * a + 2]! * fade * fade;
        const d3 = -10 * e - 6 * v - 1.5 * w;
        const d4 = 15 * e + 8 * v + 1.5 * w;
        const d5 = -6 * e - 3 * v - 0.5 * w;
        q += e + u * (v + u * (w / 2 + u * (d3 + u * (d4 + u * d5))));
        qd += (v + u * (w + u * (3 * d3 + u * (4 * d4 + u * 5 * d5)))) / fade;
      }
      tick[at.wantQ + a] = q;
      tick[at.wantQd + a] = qd;
      tick[at.wantTau + a] = 0;
    }
  }

  /** Brakes and holds while no row is in effect; a fault after the limit. */
  #wait(tick: Float64Array): StepCode {
    const at = this.#at;
    const memory = this.#memory;
    if (memory[PHASE] === Phase.following) {
      memory[PHASE] = Phase.underrun;
      this.#plan.begin(tick);
    }
    memory[MISSING]! += at.period * (1 + tick[at.missed]!);
    this.#plan.follow(tick, tick[at.missed]! | 0);
    const missing = memory[MISSING]!;
    if (memory[PHASE] === Phase.underrun || missing > LATE * memory[LIMIT]!)
      at.flagAll(tick, Reason.underrun);
    return missing > memory[LIMIT]! ? StepCode.fault : StepCode.ok;
  }

  #finish(tick: Float64Array): StepCode {
    this.#memory[PHASE] = Phase.done;
    this.#plan.begin(tick);
    this.#plan.follow(tick);
    return StepCode.done;
  }

  #fault(tick: Float64Array): StepCode {
    this.#plan.begin(tick);
    this.#plan.follow(tick);
    return StepCode.fault;
  }
}
