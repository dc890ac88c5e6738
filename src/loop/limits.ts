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

/** Where the interval's results are left: no allocation, no boxed numbers. */
const LOW = 0;
const HIGH = 1;

/** Positions this close to a limit count as on it (rounding of sums over a few hundred steps stays far below). */
const EPSILON = 1e-12;

export class AxisLimits {
  readonly dt: number;
  readonly velocity: number;
  readonly acceleration: number;
  /** Largest change of acceleration in one period. */
  readonly step: number;
  /** Position gain of the approach, 1/s. */
  readonly gain: number;
  readonly #brake: number;
  readonly #interval = new Float64Array(2);
  #lowReason = 0;
  #highReason = 0;

  constructor(axis: AxisSpec, dt: number) {
    this.dt = dt;
    this.velocity = axis.velocity;
    this.step = axis.jerk * dt;
    // 2 A³ / 3 J² is how far an axis falls back that reaches its limit at rest but with full braking still on.
    const range = axis.max - axis.min;
    this.acceleration = Math.min(
      axis.acceleration,
      this.landing(axis.velocity / dt),
      Math.cbrt(range * axis.jerk * axis.jerk),
    );
    this.#brake = 0.6 * this.acceleration;
    this.gain = Math.min(25, axis.jerk / (3 * this.acceleration), 0.2 / dt);
  }

  get low(): number {
    return this.#interval[LOW]!;
  }
  get high(): number {
    return this.#interval[HIGH]!;
  }
  /** Reason bit of the limit that bounds the interval below. */
  get lowReason(): number {
    return this.#lowReason;
  }
  get highReason(): number {
    return this.#highReason;
  }

  /**
   * The acceleration x ≥ 0 from which, falling by `step` each period after this one, a velocity gain of y dt is left
   * when zero is reached: y = (n + 1) x - step n (n + 1) / 2 with n = floor(x / step). Exact, so landings do not ring.
   */
  landing(y: number): number {
    const n = Math.floor((Math.sqrt(1 + (8 * y) / this.step) - 1) / 2);
    return (y + (this.step * n * (n + 1)) / 2) / (n + 1);
  }

  /** Next acceleration that takes velocity v to `target` soonest and arrives with no acceleration left. */
  towards(v: number, target: number): number {
    const y = (target - v) / this.dt;
    return y >= 0 ? this.landing(y) : -this.landing(-y);
  }

  /** Computes the interval of next accelerations for the state (p, v, a) between the position limits. Never empty. */
  interval(p: number, v: number, a: number, lo: number, hi: number): void {
    this.#interval[HIGH] = this.#highest(p, v, a, hi, 1);
    this.#interval[LOW] = -this.#highest(-p, -v, -a, -lo, -1);
    if (this.low > this.high) {
      // Only when the state itself is outside the limits: brake, and neither side gains.
      const middle = (this.low + this.high) / 2;
      this.#interval[LOW] = middle;
      this.#interval[HIGH] = middle;
    }
  }

  #highest(p: number, v: number, a: number, hi: number, side: number): number {
    const bottom = Math.max(a - this.step, -this.acceleration);
    let top = a + this.step;
    let reason: number = Reason.jerk;
    if (this.acceleration < top) {
      top = this.acceleration;
      reason = Reason.acceleration;
    }
    const y = (this.velocity - v) / this.dt;
    const landing = y < 0 ? y : this.landing(y);
    if (landing < top) {
      top = landing;
      reason = Reason.velocity;
    }
    if (top < bottom) top = bottom;
    if (!this.#stopsBelow(p, v, top, hi)) {
      reason = Reason.position;
      let low = bottom;
      if (this.#stopsBelow(p, v, low, hi)) {
        // 52 halvings: below the spacing of doubles at the size of the bracket.
        for (let i = 0; i < 52; i++) {
          const middle = (low + top) / 2;
          if (middle <= low || middle >= top) break;
          if (this.#stopsBelow(p, v, middle, hi)) low = middle;
          else top = middle;
        }
      }
      top = low;
    }
    if (side > 0) this.#highReason = reason;
    else this.#lowReason = reason;
    return top;
  }

  #stopsBelow(p: number, v: number, next: number, hi: number): boolean {
    const nextV = v + next * this.dt;
    return this.peak(p + nextV * this.dt, nextV, next) <= hi + EPSILON;
  }

  /** Highest position from (p, v, a) on, when braking as hard as the limits allow begins with the next period. */
  peak(p: number, v: number, a: number): number {
    if (v <= 0 && a <= 0) return p;
    const dt = this.dt;
    const h = this.step;
    const full = this.acceleration;
    // Periods while the acceleration still falls: a_k = a - k h > -A for k ≤ ramp.
    const ramp = Math.max(0, Math.ceil((a + full) / h) - 1);
    // v_k = v + dt (k a - h k (k + 1) / 2) > 0 up to k = last.
    const b = a - h / 2;
    const root = b * b + (2 * h * v) / dt;
    if (root < 0) return p;
    let last = Math.floor((b + Math.sqrt(root)) / h);
    if (last < 0) return p;
    if (last > ramp) last = ramp;
    let top =
      p + last * dt * v + dt * dt * ((a * last * (last + 1)) / 2 - (h * last * (last + 1) * (last + 2)) / 6);
    if (last === ramp) {
      const vRamp = v + dt * (last * a - (h * last * (last + 1)) / 2);
      const m = Math.ceil(vRamp / (full * dt)) - 1;
      if (m > 0) top += m * dt * vRamp - (full * dt * dt * m * (m + 1)) / 2;
    }
    return top > p ? top : p;
  }

  /** Lowest position likewise. */
  trough(p: number, v: number, a: number): number {
    return -this.peak(-p, -v, -a);
  }

  /** Wanted velocity for a distance to the target: linear near it, then the square root of a constant braking. */
  approach(distance: number): number {
    const size = Math.abs(distance);
    const linear = this.#brake / (this.gain * this.gain);
    const speed = size <= linear ? this.gain * size : Math.sqrt(2 * this.#brake * (size - linear / 2));
    return distance < 0 ? -speed : speed;
  }

  /**
   * Where a soonest stop from (p, v, a) has brought the axis after time t, in the continuous limit (within v dt / 2
   * of the discrete one). For predictions against the workspace.
   */
  stopPosition(p: number, v: number, a: number, t: number): number {
    const J = this.step / this.dt;
    const side = v + (a * Math.abs(a)) / (2 * J) >= 0 ? 1 : -1;
    const v0 = v * side;
    const a0 = a * side;
    let brake = Math.sqrt(Math.max(0, J * v0 + (a0 * a0) / 2));
    let hold = 0;
    if (brake > this.acceleration) {
      brake = this.acceleration;
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
    return p + side * (d1 + d2 + d3);
  }

  /** How long that stop takes, s. */
  stopTime(v: number, a: number): number {
    const J = this.step / this.dt;
    const side = v + (a * Math.abs(a)) / (2 * J) >= 0 ? 1 : -1;
    const v0 = v * side;
    const a0 = a * side;
    const brake = Math.sqrt(Math.max(0, J * v0 + (a0 * a0) / 2));
    if (brake <= this.acceleration) return (a0 + 2 * brake) / J;
    const full = this.acceleration;
    return (a0 + 2 * full) / J + (v0 + (a0 * a0) / (2 * J) - (full * full) / J) / full;
  }
}
