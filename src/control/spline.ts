/**
 * Piecewise quintic joint trajectory in a block of memory: knots of time, position, velocity and acceleration per axis
 * (the coefficients of every segment follow from its two knots). Continuous in position, velocity and acceleration.
 * Time scaling is exact: stretching all times by r divides velocities by r, accelerations by r², jerks by r³, and the
 * extremes of each segment are found from its derivative's roots, not sampled.
 */
import type { AxisSpec } from '../robot/spec.ts';

/** Largest |velocity|, |acceleration|, |jerk| per axis, 3 values each. */
export function limitsOf(axes: readonly AxisSpec[], share: number): Float64Array {
  return Float64Array.from(axes.flatMap((a) => [a.velocity * share, a.acceleration * share, a.jerk * share]));
}

/** Shortest segment, s: also what a knot equal to the one before it takes. */
const SHORTEST = 0.01;
/** Braking durations that are tried, from 20 ms up by 15 % each: to over 5 s. */
const BRAKE_ROUNDS = 40;
const COUNT = 0;
const TIMES = 1;

export class Spline {
  static memorySize(axes: number, knots: number): number {
    return TIMES + knots + 3 * axes * knots;
  }

  readonly axes: number;
  readonly knots: number;
  readonly #period: number;
  readonly #memory: Float64Array;
  readonly #base: number;
  readonly #times: number;
  readonly #values: number;
  /** Scratch of `curve`. */
  readonly #upper: Float64Array;
  // Scratch: coefficients of one axis of one segment in s = (t - t0) / T, in [0, 1].
  readonly #c = new Float64Array(6);
  readonly #roots = new Float64Array(4);
  /** Largest |velocity|, |acceleration|, |jerk| of that segment, per s, s², s³. */
  readonly #peak = new Float64Array(3);
  readonly #ratio = new Float64Array(1);

  /** Lives in memory[base .. base + Spline.memorySize(axes, knots)); sampled in whole periods (s). */
  constructor(axes: number, knots: number, period: number, memory: Float64Array, base: number) {
    this.#period = period;
    this.axes = axes;
    this.knots = knots;
    this.#memory = memory;
    this.#base = base;
    this.#times = base + TIMES;
    this.#values = this.#times + knots;
    this.#upper = new Float64Array(knots);
  }

  get count(): number {
    return this.#memory[this.#base + COUNT]!;
  }
  /** Time of the last knot; the first stands at 0. */
  get duration(): number {
    return this.count > 0 ? this.#memory[this.#times + this.count - 1]! : 0;
  }

  #at(knot: number, order: number, axis: number): number {
    return this.#values + (3 * knot + order) * this.axes + axis;
  }

  clear(): void {
    // All of it, so that a snapshot has no trace of what came before.
    const end = this.#values + 3 * this.axes * this.knots;
    for (let i = this.#base; i < end; i++) this.#memory[i] = 0;
  }

  /** Appends a knot at rest, at position from[at..]; false when the block is full or a value is not finite. */
  add(from: Float64Array, at: number, time: number): boolean {
    const k = this.count;
    if (k >= this.knots) return false;
    for (let a = 0; a < this.axes; a++) {
      const q = from[at + a]!;
      if (!Number.isFinite(q)) return false;
      this.#memory[this.#at(k, 0, a)] = q;
      this.#memory[this.#at(k, 1, a)] = 0;
      this.#memory[this.#at(k, 2, a)] = 0;
    }
    this.#memory[this.#times + k] = time;
    this.#memory[this.#base + COUNT] = k + 1;
    return true;
  }

  /** Position of one axis at a knot. */
  position(knot: number, axis: number): number {
    return this.#memory[this.#at(knot, 0, axis)]!;
  }

  /** Changes the position of one axis of a knot. */
  put(knot: number, axis: number, q: number): void {
    this.#memory[this.#at(knot, 0, axis)] = q;
  }

  /**
   * Begins at tick[q..], moving as tick[qd..], tick[qdd..] say; when that is not rest, a second knot follows where
   * every axis has come to rest within the limits, and within min and max. Returns the knot at rest: 0 or 1.
   */
  begin(
    tick: Float64Array,
    q: number,
    qd: number,
    qdd: number,
    limits: Float64Array,
    axes: readonly AxisSpec[],
  ): number {
    this.clear();
    this.add(tick, q, 0);
    let moving = false;
    for (let a = 0; a < this.axes; a++) {
      const v = tick[qd + a]!;
      const acc = tick[qdd + a]!;
      // The command's velocity is its last difference, half a period old.
      const now = v + (acc * this.#period) / 2;
      this.#memory[this.#at(0, 1, a)] = Number.isFinite(now) ? now : 0;
      this.#memory[this.#at(0, 2, a)] = Number.isFinite(acc) ? acc : 0;
      if (Math.abs(v) > 1e-9 || Math.abs(acc) > 1e-6) moving = true;
    }
    if (!moving) {
      for (let a = 0; a < this.axes; a++) {
        this.#memory[this.#at(0, 1, a)] = 0;
        this.#memory[this.#at(0, 2, a)] = 0;
      }
      return 0;
    }
    this.add(tick, q, 0);
    // Longer until it keeps the limits. A start that is beyond them already (the guard knows the full ones, braking
    // takes a share) leaves something over in every case: then the shortest of those that come nearest to keeping them.
    let duration = 2 * SHORTEST;
    let best = duration;
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < BRAKE_ROUNDS; round++) {
      this.#brake(duration, axes);
      this.#ratio[0] = 0;
      this.#measure(0, limits);
      if (this.#ratio[0]! < least * (1 - 1e-9)) {
        least = this.#ratio[0]!;
        best = duration;
      }
      if (least <= 1) break;
      duration *= 1.15;
    }
    this.#brake(best, axes);
    return 1;
  }

  /** Knot 1 where a quintic of that duration that only brakes comes to rest: q + v T/2 + a T²/12, within min and max. */
  #brake(duration: number, axes: readonly AxisSpec[]): void {
    this.#memory[this.#times + 1] = duration;
    for (let a = 0; a < this.axes; a++) {
      const rest =
        this.#memory[this.#at(0, 0, a)]! +
        (this.#memory[this.#at(0, 1, a)]! * duration) / 2 +
        (this.#memory[this.#at(0, 2, a)]! * duration * duration) / 12;
      this.put(1, a, Math.max(axes[a]!.min, Math.min(axes[a]!.max, rest)));
    }
  }

  /** Times for the segments from knot `first` on as if it rested at each knot, in proportion to what they need. */
  pace(first: number, limits: Float64Array): void {
    for (let k = first + 1; k < this.count; k++) {
      let duration = SHORTEST;
      for (let a = 0; a < this.axes; a++) {
        const d = Math.abs(this.#memory[this.#at(k, 0, a)]! - this.#memory[this.#at(k - 1, 0, a)]!);
        // Rest-to-rest quintic over distance d: peaks 15/8 d/T, 10/√3 d/T², 60 d/T³.
        duration = Math.max(
          duration,
          (1.875 * d) / limits[3 * a]!,
          Math.sqrt((5.7735026918962573 * d) / limits[3 * a + 1]!),
          Math.cbrt((60 * d) / limits[3 * a + 2]!),
        );
      }
      this.#memory[this.#times + k] = this.#memory[this.#times + k - 1]! + duration;
    }
  }

  /**
   * Velocities at the knots between `first` and the last: the weighted harmonic mean of the slopes on both sides, zero
   * where the direction turns (Fritsch & Carlson 1980), so that no axis overshoots a knot. Ends rest.
   */
  smooth(first: number): void {
    for (let k = first + 1; k < this.count - 1; k++) {
      const h0 = this.#memory[this.#times + k]! - this.#memory[this.#times + k - 1]!;
      const h1 = this.#memory[this.#times + k + 1]! - this.#memory[this.#times + k]!;
      for (let a = 0; a < this.axes; a++) {
        const q = this.#memory[this.#at(k, 0, a)]!;
        const d0 = (q - this.#memory[this.#at(k - 1, 0, a)]!) / h0;
        const d1 = (this.#memory[this.#at(k + 1, 0, a)]! - q) / h1;
        const w0 = 2 * h1 + h0;
        const w1 = h1 + 2 * h0;
        const turns = d0 * d1 <= 0;
        this.#memory[this.#at(k, 1, a)] = turns ? 0 : (w0 + w1) / (w0 / d0 + w1 / d1);
      }
    }
  }

  /**
   * Velocities and accelerations at the knots after `first` of the cubic spline through them that begins and ends at
   * rest (de Boor 1978, ch. IV), for axes [0, axes): continuous in acceleration, for knots that sample a smooth path.
   * Its ends get no acceleration, so that a path which begins gently does.
   */
  curve(first: number, axes: number): void {
    const m = this.#memory;
    const n = this.count - 1;
    const upper = this.#upper;
    for (let a = 0; a < axes; a++) {
      // Tridiagonal in the velocities: h1 v0 + 2 (h0 + h1) v1 + h0 v2 = 3 (h1 d0 + h0 d1), eliminated forwards.
      upper[first] = 0;
      for (let k = first + 1; k < n; k++) {
        const h0 = m[this.#times + k]! - m[this.#times + k - 1]!;
        const h1 = m[this.#times + k + 1]! - m[this.#times + k]!;
        const q = m[this.#at(k, 0, a)]!;
        const d0 = (q - m[this.#at(k - 1, 0, a)]!) / h0;
        const d1 = (m[this.#at(k + 1, 0, a)]! - q) / h1;
        const pivot = 2 * (h0 + h1) - h1 * upper[k - 1]!;
        upper[k] = h0 / pivot;
        m[this.#at(k, 1, a)] = (3 * (h1 * d0 + h0 * d1) - h1 * m[this.#at(k - 1, 1, a)]!) / pivot;
      }
      for (let k = n - 1; k > first; k--) m[this.#at(k, 1, a)]! -= upper[k]! * m[this.#at(k + 1, 1, a)]!;
      for (let k = first + 1; k < n; k++) {
        const h = m[this.#times + k + 1]! - m[this.#times + k]!;
        const d = (m[this.#at(k + 1, 0, a)]! - m[this.#at(k, 0, a)]!) / h;
        m[this.#at(k, 2, a)] = (6 * d - 4 * m[this.#at(k, 1, a)]! - 2 * m[this.#at(k + 1, 1, a)]!) / h;
      }
    }
  }

  /**
   * Scales all times after knot `first` by one factor so that every limit is kept and one is just met; `slower` keeps
   * the times that are long enough.
   */
  fit(first: number, limits: Float64Array, mode: 'exact' | 'slower'): void {
    this.#ratio[0] = mode === 'slower' ? 1 : 0;
    for (let k = first; k < this.count - 1; k++) this.#measure(k, limits);
    const r = this.#ratio[0]!;
    if (!(r > 0)) return;
    const t0 = this.#memory[this.#times + first]!;
    for (let k = first + 1; k < this.count; k++) {
      this.#memory[this.#times + k] = t0 + r * (this.#memory[this.#times + k]! - t0);
      for (let a = 0; a < this.axes; a++) {
        this.#memory[this.#at(k, 1, a)]! /= r;
        this.#memory[this.#at(k, 2, a)]! /= r * r;
      }
    }
  }

  /** Position and velocity of all axes after `ticks` whole periods to q[qi..], qd[di..]. True at the end, where it rests. */
  sample(ticks: number, q: Float64Array, qi: number, qd: Float64Array, di: number): boolean {
    const t = ticks * this.#period;
    const last = this.count - 1;
    const end = this.#memory[this.#times + last]!;
    if (last === 0 || t >= end) {
      for (let a = 0; a < this.axes; a++) {
        q[qi + a] = this.#memory[this.#at(last, 0, a)]!;
        qd[di + a] = 0;
      }
      return true;
    }
    let k = 0;
    while (k < last - 1 && t >= this.#memory[this.#times + k + 1]!) k++;
    const t0 = this.#memory[this.#times + k]!;
    const duration = this.#memory[this.#times + k + 1]! - t0;
    const s = Math.max(0, (t - t0) / duration);
    const c = this.#c;
    for (let a = 0; a < this.axes; a++) {
      this.#coefficients(k, a);
      // The sum goes from the start knot, so that s = 0 gives its position exactly.
      q[qi + a] = c[0]! + s * (c[1]! + s * (c[2]! + s * (c[3]! + s * (c[4]! + s * c[5]!))));
      qd[di + a] = (c[1]! + s * (2 * c[2]! + s * (3 * c[3]! + s * (4 * c[4]! + s * 5 * c[5]!)))) / duration;
    }
    return false;
  }

  #coefficients(k: number, a: number): void {
    const m = this.#memory;
    const h = m[this.#times + k + 1]! - m[this.#times + k]!;
    const c = this.#c;
    const v0 = m[this.#at(k, 1, a)]! * h;
    const v1 = m[this.#at(k + 1, 1, a)]! * h;
    const a0 = m[this.#at(k, 2, a)]! * h * h;
    const a1 = m[this.#at(k + 1, 2, a)]! * h * h;
    const q0 = m[this.#at(k, 0, a)]!;
    const d = m[this.#at(k + 1, 0, a)]! - q0;
    c[0] = q0;
    c[1] = v0;
    c[2] = a0 / 2;
    c[3] = 10 * d - 6 * v0 - 4 * v1 - (3 * a0 - a1) / 2;
    c[4] = -15 * d + 8 * v0 + 7 * v1 + (3 * a0 - 2 * a1) / 2;
    c[5] = 6 * d - 3 * (v0 + v1) - (a0 - a1) / 2;
  }

  /** Raises #ratio to the factor by which segment k would have to be stretched to keep all limits. */
  #measure(k: number, limits: Float64Array): void {
    const h = this.#memory[this.#times + k + 1]! - this.#memory[this.#times + k]!;
    const peak = this.#peak;
    for (let a = 0; a < this.axes; a++) {
      this.#coefficients(k, a);
      peak.fill(0);
      this.#peakJerk();
      this.#jerkRoots();
      this.#peakAcceleration();
      this.#peakVelocity();
      const ratio = Math.max(
        peak[0]! / (h * limits[3 * a]!),
        Math.sqrt(peak[1]! / (h * h * limits[3 * a + 1]!)),
        Math.cbrt(peak[2]! / (h * h * h * limits[3 * a + 2]!)),
      );
      this.#ratio[0] = Math.max(this.#ratio[0]!, ratio);
    }
  }

  // Derivatives in s. Numbers go through arrays: one handed to a function that is not inlined costs an allocation.
  #jerk(s: number): number {
    return 6 * this.#c[3]! + s * (24 * this.#c[4]! + s * 60 * this.#c[5]!);
  }
  #acceleration(s: number): number {
    const c = this.#c;
    return 2 * c[2]! + s * (6 * c[3]! + s * (12 * c[4]! + s * 20 * c[5]!));
  }
  #velocity(s: number): number {
    const c = this.#c;
    return c[1]! + s * (2 * c[2]! + s * (3 * c[3]! + s * (4 * c[4]! + s * 5 * c[5]!)));
  }

  /** |jerk| is largest at an end or at the vertex of its parabola. */
  #peakJerk(): void {
    const vertex = -this.#c[4]! / (5 * this.#c[5]!);
    const inside = vertex > 0 && vertex < 1 ? Math.abs(this.#jerk(vertex)) : 0;
    this.#peak[2] = Math.max(inside, Math.abs(this.#jerk(0)), Math.abs(this.#jerk(1)));
  }

  /** Where the jerk is zero in [0, 1], ascending, between the ends: 0, roots, 1 (ends doubled where roots lack). */
  #jerkRoots(): void {
    const a = 60 * this.#c[5]!;
    const b = 24 * this.#c[4]!;
    const c = 6 * this.#c[3]!;
    const r = this.#roots;
    r[0] = 0;
    r[1] = 0;
    r[2] = 1;
    r[3] = 1;
    const disc = b * b - 4 * a * c;
    if (!(disc >= 0)) return;
    // Citardauq form: no cancellation, and a linear equation when a is 0.
    const w = -0.5 * (b + (b >= 0 ? Math.sqrt(disc) : -Math.sqrt(disc)));
    const r0 = w / a;
    const r1 = c / w;
    const in0 = r0 > 0 && r0 < 1;
    const in1 = r1 > 0 && r1 < 1;
    if (in0 && in1) {
      r[1] = Math.min(r0, r1);
      r[2] = Math.max(r0, r1);
    } else if (in0) r[1] = r0;
    else if (in1) r[1] = r1;
  }

  #peakAcceleration(): void {
    for (let i = 0; i < 4; i++) {
      this.#peak[1] = Math.max(this.#peak[1]!, Math.abs(this.#acceleration(this.#roots[i]!)));
    }
  }

  /** The acceleration is monotonic between the roots of the jerk: at most one root in each piece, bisected. */
  #peakVelocity(): void {
    const peak = this.#peak;
    peak[0] = Math.max(Math.abs(this.#velocity(0)), Math.abs(this.#velocity(1)));
    for (let i = 0; i < 3; i++) {
      let l = this.#roots[i]!;
      let h = this.#roots[i + 1]!;
      const sign = this.#acceleration(l);
      if (!(sign * this.#acceleration(h) < 0)) continue;
      for (let j = 0; j < 40; j++) {
        const middle = (l + h) / 2;
        if (this.#acceleration(middle) * sign > 0) l = middle;
        else h = middle;
      }
      peak[0] = Math.max(peak[0]!, Math.abs(this.#velocity((l + h) / 2)));
    }
  }
}
