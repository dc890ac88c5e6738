/**
 * Position, velocity, acceleration and jerk limits of one axis as ONE computation: the interval of next accelerations
 * from which a stop inside all limits stays reachable.
 *
 * Model (the one by which real arms check a command stream: backward differences at the loop's period dt):
 *   a' = a + j dt,  v' = v + a' dt,  p' = p + v' dt,   |j| ≤ J, |a'| ≤ A, |v'| ≤ V, lo ≤ p' ≤ hi.
 *
 * Upper side. From a state the lowest acceleration sequence is a_k = max(a - k J dt, -A); every other sequence lies
 * above it element by element, and so do its velocities and positions. So a state can meet the upper limits if and
 * only if this one sequence does, the set of allowed a' is everything up to a largest value, and one closed-form
 * evaluation of the sequence's highest position decides a candidate: exact for the discrete system, no horizon.
 * The lower side is the mirror image. The two sides never contradict each other when A can be let go without leaving
 * the other side's limits, which the constructor sees to (it lowers A where V or the range is too small for it).
 *
 * Requests are tracked exactly when they lie inside the interval. Otherwise the axis approaches them on a
 * square-root profile that becomes linear near the target, and joins when it can do so without a jolt.
 */
import type { AxisSpec } from '../robot/spec.ts';
import { Reason } from '../robot/tick.ts';

/** Positions this close to a limit count as on it (rounding of sums over a few hundred steps stays far below). */
const EPSILON = 1e-12;

/**
 * Places in `x`, through which all numbers go in and out: a call that is not inlined would put every float argument
 * and result into a fresh heap object.
 */
export const X = {
  /** State: position, velocity, acceleration; position limits in force. */
  p: 0,
  v: 1,
  a: 2,
  lo: 3,
  hi: 4,
  /** Results of `interval`. */
  low: 5,
  high: 6,
  /** Argument and result of `towards` (from v to target), `approach` (distance), `stopPosition` and `stopTime`. */
  target: 7,
  next: 8,
  distance: 9,
  speed: 10,
  time: 11,
  position: 12,
  /** The axis itself: V, A, J dt, dt. Here too, because numbers loaded from typed arrays need no boxes in branches. */
  velocity: 13,
  acceleration: 14,
  step: 15,
  dt: 16,
  gain: 17,
  brake: 18,
} as const;
// For the class alone: a trial state on the side that is looked at, and its peak.
const TP = 19;
const TV = 20;
const TA = 21;
const PEAK = 22;
const Y = 23;

export class AxisLimits {
  readonly x = new Float64Array(24);
  #lowReason = 0;
  #highReason = 0;

  constructor(axis: AxisSpec, dt: number) {
    const x = this.x;
    x[X.dt] = dt;
    x[X.velocity] = axis.velocity;
    x[X.step] = axis.jerk * dt;
    // 2 A³ / 3 J² is how far an axis falls back that reaches its limit at rest but with full braking still on.
    const range = axis.max - axis.min;
    x[Y] = axis.velocity / dt;
    this.#landing();
    const acceleration = Math.min(axis.acceleration, x[Y]!, Math.cbrt(range * axis.jerk * axis.jerk));
    x[X.acceleration] = acceleration;
    // The approach brakes with less than all, and its gain leaves the jerk time to follow, 1/s.
    x[X.brake] = 0.6 * acceleration;
    x[X.gain] = Math.min(25, axis.jerk / (3 * acceleration), 0.2 / dt);
  }

  /** Reason bit of the limit that bounds the interval below. */
  get lowReason(): number {
    return this.#lowReason;
  }
  get highReason(): number {
    return this.#highReason;
  }

  /** x.p, x.v, x.a, x.lo, x.hi → x.low, x.high: the interval of next accelerations. Never empty. */
  interval(): void {
    const x = this.x;
    this.#side(1, X.hi, X.high);
    this.#side(-1, X.lo, X.low);
    if (x[X.low]! > x[X.high]!) {
      // Only when the state itself is outside the limits: brake, and neither side gains.
      const middle = (x[X.low]! + x[X.high]!) / 2;
      x[X.low] = middle;
      x[X.high] = middle;
    }
  }

  /** Bound of one side, seen in the mirror for the lower one. */
  #side(side: 1 | -1, limitAt: number, outAt: number): void {
    const x = this.x;
    const v = side * x[X.v]!;
    const a = side * x[X.a]!;
    const bottom = Math.max(a - x[X.step]!, -x[X.acceleration]!);
    let top = a + x[X.step]!;
    let reason: number = Reason.jerk;
    if (x[X.acceleration]! < top) {
      top = x[X.acceleration]!;
      reason = Reason.acceleration;
    }
    x[Y] = (x[X.velocity]! - v) / x[X.dt]!;
    if (x[Y]! > 0) this.#landing();
    if (x[Y]! < top) {
      top = x[Y]!;
      reason = Reason.velocity;
    }
    if (top < bottom) top = bottom;
    x[TA] = top;
    if (!this.#stopsBelow(side, limitAt)) {
      reason = Reason.position;
      let low = bottom;
      x[TA] = low;
      if (this.#stopsBelow(side, limitAt)) {
        // 52 halvings: below the spacing of doubles at the size of the bracket.
        for (let i = 0; i < 52; i++) {
          const middle = (low + top) / 2;
          if (middle <= low || middle >= top) break;
          x[TA] = middle;
          if (this.#stopsBelow(side, limitAt)) low = middle;
          else top = middle;
        }
      }
      top = low;
    }
    if (side > 0) this.#highReason = reason;
    else this.#lowReason = reason;
    x[outAt] = side * top;
  }

  /** True when the state after a period of acceleration x[TA] can stop below the limit at x[limitAt]. */
  #stopsBelow(side: 1 | -1, limitAt: number): boolean {
    const x = this.x;
    x[TV] = side * x[X.v]! + x[TA]! * x[X.dt]!;
    x[TP] = side * x[X.p]! + x[TV]! * x[X.dt]!;
    this.#peak();
    return x[PEAK]! <= side * x[limitAt]! + EPSILON;
  }

  /** Highest position from x[TP], x[TV], x[TA] on, when braking as hard as the limits allow begins with the next period. */
  #peak(): void {
    const x = this.x;
    const p = x[TP]!;
    const v = x[TV]!;
    const a = x[TA]!;
    x[PEAK] = p;
    if (v <= 0 && a <= 0) return;
    const dt = x[X.dt]!;
    const h = x[X.step]!;
    const full = x[X.acceleration]!;
    // Periods while the acceleration still falls: a_k = a - k h > -A for k ≤ ramp.
    const ramp = Math.max(0, Math.ceil((a + full) / h) - 1);
    // v_k = v + dt (k a - h k (k + 1) / 2) > 0 up to k = last.
    const b = a - h / 2;
    const root = b * b + (2 * h * v) / dt;
    if (root < 0) return;
    let last = Math.floor((b + Math.sqrt(root)) / h);
    if (last < 0) return;
    if (last > ramp) last = ramp;
    const fall = (h * last * (last + 1)) / 2;
    let top = p + last * dt * v + dt * dt * ((a * last * (last + 1)) / 2 - (fall * (last + 2)) / 3);
    if (last === ramp) {
      const vRamp = v + dt * (last * a - fall);
      const m = Math.ceil(vRamp / (full * dt)) - 1;
      if (m > 0) top += m * dt * vRamp - (full * dt * dt * m * (m + 1)) / 2;
    }
    if (top > p) x[PEAK] = top;
  }

  /** x.p, x.v, x.a → x.position: the highest position that braking as hard as possible still reaches. */
  peak(): void {
    this.#mirrored(1);
  }

  /** The lowest likewise. */
  trough(): void {
    this.#mirrored(-1);
  }

  #mirrored(side: 1 | -1): void {
    const x = this.x;
    x[TP] = side * x[X.p]!;
    x[TV] = side * x[X.v]!;
    x[TA] = side * x[X.a]!;
    this.#peak();
    x[X.position] = side * x[PEAK]!;
  }

  /** x.v, x.target → x.next: the acceleration that takes v there soonest and arrives with no acceleration left. */
  towards(): void {
    const x = this.x;
    const y = (x[X.target]! - x[X.v]!) / x[X.dt]!;
    x[Y] = Math.abs(y);
    this.#landing();
    x[X.next] = y >= 0 ? x[Y]! : -x[Y]!;
  }

  /** x.distance to the target → x.speed: linear near it, then the square root of a constant braking. */
  approach(): void {
    const x = this.x;
    const size = Math.abs(x[X.distance]!);
    const linear = x[X.brake]! / (x[X.gain]! * x[X.gain]!);
    const speed = size <= linear ? x[X.gain]! * size : Math.sqrt(2 * x[X.brake]! * (size - linear / 2));
    x[X.speed] = x[X.distance]! < 0 ? -speed : speed;
  }

  /** x.v, x.a → x.time: how long the soonest stop takes, s. */
  stopTime(): void {
    const x = this.x;
    const J = x[X.step]! / x[X.dt]!;
    const side = x[X.v]! + (x[X.a]! * Math.abs(x[X.a]!)) / (2 * J) >= 0 ? 1 : -1;
    const v0 = x[X.v]! * side;
    const a0 = x[X.a]! * side;
    const full = x[X.acceleration]!;
    const brake = Math.sqrt(Math.max(0, J * v0 + (a0 * a0) / 2));
    x[X.time] =
      brake <= full
        ? (a0 + 2 * brake) / J
        : (a0 + 2 * full) / J + (v0 + (a0 * a0) / (2 * J) - (full * full) / J) / full;
  }

  /**
   * x.p, x.v, x.a, x.time → x.position: where a soonest stop has brought the axis after that time, in the continuous
   * limit (within v dt / 2 of the discrete one). For predictions against the workspace.
   */
  stopPosition(): void {
    const x = this.x;
    const J = x[X.step]! / x[X.dt]!;
    const t = x[X.time]!;
    const side = x[X.v]! + (x[X.a]! * Math.abs(x[X.a]!)) / (2 * J) >= 0 ? 1 : -1;
    const v0 = x[X.v]! * side;
    const a0 = x[X.a]! * side;
    let brake = Math.sqrt(Math.max(0, J * v0 + (a0 * a0) / 2));
    let hold = 0;
    if (brake > x[X.acceleration]!) {
      brake = x[X.acceleration]!;
      hold = (v0 + (a0 * a0) / (2 * J) - (brake * brake) / J) / brake;
    }
    const t1 = Math.min(t, (a0 + brake) / J);
    const t2 = Math.min(t - t1, hold);
    const t3 = Math.min(t - t1 - t2, brake / J);
    const v1 = v0 + a0 * t1 - (J * t1 * t1) / 2;
    const d1 = v0 * t1 + (a0 * t1 * t1) / 2 - (J * t1 * t1 * t1) / 6;
    const v2 = v1 - brake * t2;
    const d2 = v1 * t2 - (brake * t2 * t2) / 2;
    const d3 = v2 * t3 - (brake * t3 * t3) / 2 + (J * t3 * t3 * t3) / 6;
    x[X.position] = x[X.p]! + side * (d1 + d2 + d3);
  }

  /**
   * x[Y] = y ≥ 0 → x[Y]: the acceleration z ≥ 0 from which, falling by `step` each period after this one, a velocity
   * gain of y dt is left when zero is reached: y = (n + 1) z - step n (n + 1) / 2 with n = floor(z / step). Exact, so
   * landings do not ring.
   */
  #landing(): void {
    const x = this.x;
    const y = x[Y]!;
    const step = x[X.step]!;
    const n = Math.floor((Math.sqrt(1 + (8 * y) / step) - 1) / 2);
    x[Y] = (y + (step * n * (n + 1)) / 2) / (n + 1);
  }
}
