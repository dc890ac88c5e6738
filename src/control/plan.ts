/** What hold, trajectory, gripper and home share: a spline in memory, followed by counting ticks. */
import type { AxisSpec } from '../robot/spec.ts';
import { type ControllerContext, StepCode } from './controller.ts';
import { TickSlots } from './slots.ts';
import { limitsOf, Spline } from './spline.ts';

const TICKS = 0;
const HEADER = 1;
/** Share of the robot file's limits that plans use at full speed: the guard keeps the rest for itself. */
export const PLAN_SHARE = 0.9;
/** The same for braking a moving arm first: gentler, since it starts from whatever moved before. */
const BRAKE_SHARE = 0.7;

export class PlanFollower {
  static memorySize(axes: number, knots: number): number {
    return HEADER + Spline.memorySize(axes, knots);
  }

  readonly at: TickSlots;
  readonly axes: readonly AxisSpec[];
  readonly spline: Spline;
  /** Limits of a plan at full speed. */
  readonly limits: Float64Array;
  readonly #braking: Float64Array;
  readonly #memory: Float64Array;
  readonly #m: number;

  constructor({ spec, tick }: ControllerContext, knots: number, memory: Float64Array, m: number) {
    this.at = new TickSlots(spec, tick);
    this.axes = spec.axes;
    this.spline = new Spline(spec.axes.length, knots, this.at.period, memory, m + HEADER);
    this.limits = limitsOf(spec.axes, PLAN_SHARE);
    this.#braking = limitsOf(spec.axes, BRAKE_SHARE);
    this.#memory = memory;
    this.#m = m;
  }

  /**
   * Starts at the guard's last command, braking first when that moves. Returns the knot at rest, from which the
   * plan goes on. From rest the first request is the last command itself; a moving arm goes on with the next sample.
   */
  begin(tick: Float64Array): number {
    const at = this.at;
    const rest = this.spline.begin(tick, at.cmdQ, at.cmdQd, at.cmdQdd, this.#braking, this.axes);
    this.#memory[this.#m + TICKS] = rest === 0 ? 0 : 1;
    return rest;
  }

  /** Limits scaled so that the plan runs at `speed` (0..1) of its full speed, into `out`. */
  scaled(speed: number, out: Float64Array): void {
    for (let a = 0; a < this.axes.length; a++) {
      out[3 * a] = this.limits[3 * a]! * speed;
      out[3 * a + 1] = this.limits[3 * a + 1]! * speed * speed;
      out[3 * a + 2] = this.limits[3 * a + 2]! * speed * speed * speed;
    }
  }

  /**
   * Writes the request of this tick and counts on. Done at the end, and from then on. `skip` jumps over periods that
   * the loop missed, for plans that must keep time with something else.
   */
  follow(tick: Float64Array, skip = 0): StepCode {
    const at = this.at;
    const ticks = (this.#memory[this.#m + TICKS]! + skip) | 0;
    const end = this.spline.sample(ticks, tick, at.wantQ, tick, at.wantQd);
    for (let a = 0; a < at.axes; a++) tick[at.wantTau + a] = 0;
    if (end) return StepCode.done;
    this.#memory[this.#m + TICKS] = ticks + 1;
    return StepCode.ok;
  }
}
