/** The gripper beside an arm that a plan drives: it goes to a wanted opening by itself, as position or as force. */
import type { AxisSpec } from '../robot/spec.ts';
import type { ControllerContext } from './controller.ts';
import { PLAN_SHARE } from './plan.ts';
import type { TickSlots } from './slots.ts';
import { limitsOf, Spline } from './spline.ts';

const TICKS = 0;
/** The opening that the spline leads to; `SET` is 1 once there is one. */
const TARGET = 1;
const SET = 2;
const HEADER = 3;
const KNOTS = 3;
/** A force servo presses with all that the axis may from this distance on, m. */
const FULL_FORCE_AT = 0.02;
/** Damping of the force servo: ratio of kd to kp, s. */
const LEAD = 0.02;

export class GripServo {
  static readonly memorySize = HEADER + Spline.memorySize(1, KNOTS);

  readonly #at: TickSlots;
  readonly #axis: number;
  readonly #axes: readonly AxisSpec[];
  readonly #spline: Spline;
  readonly #limits: Float64Array;
  readonly #memory: Float64Array;
  readonly #m: number;
  readonly #inQd: number;
  readonly #goal = new Float64Array(1);

  constructor({ spec, tick }: ControllerContext, at: TickSlots, memory: Float64Array, m: number) {
    this.#at = at;
    this.#axis = spec.gripperAxis;
    this.#axes = this.#axis < 0 ? [] : [spec.axes[this.#axis]!];
    this.#spline = new Spline(1, KNOTS, at.period, memory, m + HEADER);
    this.#limits = limitsOf(this.#axes, PLAN_SHARE);
    this.#memory = memory;
    this.#m = m;
    this.#inQd = tick.layout.at('in.qd');
  }

  /** Leads nowhere; the gripper stays where its command stands. */
  reset(): void {
    for (let i = 0; i < HEADER; i++) this.#memory[this.#m + i] = 0;
    this.#spline.clear();
  }

  /** Asks for the command on its way to the opening in tick[grip]. */
  move(tick: Float64Array, grip: number): void {
    const g = this.#axis;
    if (g < 0) return;
    const at = this.#at;
    const m = this.#m;
    const memory = this.#memory;
    const wanted = this.#wanted(tick, grip, at.cmdQ + g);
    const led = this.#spline.count > 0;
    if (!led || (wanted && memory[m + TARGET] !== this.#goal[0])) this.#lead(tick);
    const ticks = memory[m + TICKS]! | 0;
    if (!this.#spline.sample(ticks, tick, at.wantQ + g, tick, at.wantQd + g)) memory[m + TICKS] = ticks + 1;
    tick[at.wantTau + g] = 0;
  }

  /** Asks for the force that drives it to the opening in tick[grip]. */
  push(tick: Float64Array, grip: number): void {
    const g = this.#axis;
    if (g < 0) return;
    const at = this.#at;
    const { effort } = this.#axes[0]!;
    if (this.#memory[this.#m + SET] === 0) {
      this.#memory[this.#m + TARGET] = tick[at.q + g]!;
      this.#memory[this.#m + SET] = 1;
    }
    if (this.#wanted(tick, grip, at.q + g)) this.#memory[this.#m + TARGET] = this.#goal[0]!;
    const goal = this.#memory[this.#m + TARGET]!;
    const pull = goal - tick[at.q + g]! - LEAD * tick[this.#inQd + g]!;
    tick[at.wantQ + g] = goal;
    tick[at.wantQd + g] = 0;
    tick[at.wantTau + g] = Math.max(-effort, Math.min(effort, (effort / FULL_FORCE_AT) * pull));
  }

  /** #goal = the wanted opening within its limits, or what stands at `otherwise`; whether there is a wanted one. */
  #wanted(tick: Float64Array, grip: number, otherwise: number): boolean {
    const { min, max } = this.#axes[0]!;
    const opening = tick[grip]!;
    const known = opening >= 0 || opening < 0;
    this.#goal[0] = known ? Math.max(min, Math.min(max, opening)) : tick[otherwise]!;
    return known;
  }

  /** A new way from the command to the goal. */
  #lead(tick: Float64Array): void {
    const at = this.#at;
    const g = this.#axis;
    const spline = this.#spline;
    const rest = spline.begin(tick, at.cmdQ + g, at.cmdQd + g, at.cmdQdd + g, this.#limits, this.#axes);
    this.#memory[this.#m + TICKS] = rest === 0 ? 0 : 1;
    this.#memory[this.#m + TARGET] = this.#goal[0]!;
    this.#memory[this.#m + SET] = 1;
    if (Math.abs(spline.position(rest, 0) - this.#goal[0]!) < 1e-9) return;
    spline.add(this.#goal, 0, 0);
    spline.pace(rest, this.#limits);
    spline.fit(rest, this.#limits, 'exact');
  }
}
