/**
 * Joint trajectories of chunks: quintic pieces, one after the other, continuous in position, velocity and acceleration.
 * A piece is a row of the loop (rowFields in src/robot/tick.ts). Times in s since the activation; nothing here allocates
 * after construction.
 */

/** Coefficients of a quintic, constant first. */
export const QUINTIC = 6;
/** Pieces shorter than this, s, are left out: they would only add rounding. */
export const SLIVER = 1e-6;

/** p(x) ← p(x + by), for the coefficients at c[at..at+6): Horner's scheme, once per order. */
export function shift(c: Float64Array, at: number, by: number): void {
  for (let i = 0; i < QUINTIC - 1; i++) {
    for (let k = QUINTIC - 2; k >= i; k--) c[at + k] = c[at + k]! + by * c[at + k + 1]!;
  }
}

/**
 * Coefficients (in s from its start) of the quintic that goes from (q0, v0, a0) to (q1, v1, a1) in h seconds, added to
 * c[at..at+6).
 */
export function addHermite(
  c: Float64Array,
  at: number,
  h: number,
  q0: number,
  v0: number,
  a0: number,
  q1: number,
  v1: number,
  a1: number,
): void {
  const d = q1 - q0;
  const h2 = h * h;
  const h3 = h2 * h;
  c[at] = c[at]! + q0;
  c[at + 1] = c[at + 1]! + v0;
  c[at + 2] = c[at + 2]! + a0 / 2;
  c[at + 3] = c[at + 3]! + (10 * d - (6 * v0 + 4 * v1) * h - ((3 * a0 - a1) * h2) / 2) / h3;
  c[at + 4] = c[at + 4]! + (-15 * d + (8 * v0 + 7 * v1) * h + ((3 * a0 - 2 * a1) * h2) / 2) / (h3 * h);
  c[at + 5] = c[at + 5]! + (6 * d - 3 * (v0 + v1) * h - ((a0 - a1) * h2) / 2) / (h3 * h2);
}

/** A trajectory: pieces in order, each beginning where the one before ends. */
export class Pieces {
  readonly axes: number;
  readonly times: Float64Array;
  readonly durations: Float64Array;
  /** Per piece and axis the six coefficients, in s from the start of the piece. */
  readonly coefficients: Float64Array;
  count = 0;

  constructor(axes: number, capacity: number) {
    this.axes = axes;
    this.times = new Float64Array(capacity);
    this.durations = new Float64Array(capacity);
    this.coefficients = new Float64Array(capacity * axes * QUINTIC);
  }

  get begin(): number {
    return this.count === 0 ? Number.NaN : this.times[0]!;
  }

  get end(): number {
    return this.count === 0 ? Number.NaN : this.times[this.count - 1]! + this.durations[this.count - 1]!;
  }

  /** Offset of the coefficients of one axis of a piece. */
  at(piece: number, axis: number): number {
    return (piece * this.axes + axis) * QUINTIC;
  }

  clear(): void {
    this.count = 0;
  }

  /** Appends a piece with all coefficients 0; its index. */
  add(time: number, duration: number): number {
    const piece = this.count++;
    this.times[piece] = time;
    this.durations[piece] = duration;
    this.coefficients.fill(0, this.at(piece, 0), this.at(piece + 1, 0));
    return piece;
  }

  /** Position, velocity and acceleration of all axes, 3 per axis, to out. False, with nothing written, outside of it. */
  evaluate(time: number, out: Float64Array): boolean {
    if (this.count === 0 || time < this.times[0]! - SLIVER || time > this.end + SLIVER) return false;
    let piece = 0;
    while (piece < this.count - 1 && time >= this.times[piece + 1]!) piece++;
    const s = time - this.times[piece]!;
    for (let a = 0; a < this.axes; a++) {
      const at = this.at(piece, a);
      const c = this.coefficients;
      const [c0, c1, c2, c3, c4, c5] = [c[at]!, c[at + 1]!, c[at + 2]!, c[at + 3]!, c[at + 4]!, c[at + 5]!];
      out[3 * a] = c0 + s * (c1 + s * (c2 + s * (c3 + s * (c4 + s * c5))));
      out[3 * a + 1] = c1 + s * (2 * c2 + s * (3 * c3 + s * (4 * c4 + s * 5 * c5)));
      out[3 * a + 2] = 2 * c2 + s * (6 * c3 + s * (12 * c4 + s * 20 * c5));
    }
    return true;
  }

  /** Appends what another trajectory does between two times. */
  append(other: Pieces, from: number, to: number): void {
    for (let p = 0; p < other.count; p++) {
      const begin = Math.max(from, other.times[p]!);
      const end = Math.min(to, other.times[p]! + other.durations[p]!);
      if (end <= begin + SLIVER) continue;
      const piece = this.add(begin, end - begin);
      for (let a = 0; a < this.axes; a++) {
        const i = other.at(p, a);
        const at = this.at(piece, a);
        for (let c = 0; c < QUINTIC; c++) this.coefficients[at + c] = other.coefficients[i + c]!;
        if (begin > other.times[p]!) shift(this.coefficients, at, begin - other.times[p]!);
      }
    }
  }

  copyFrom(other: Pieces): void {
    this.count = other.count;
    this.times.set(other.times);
    this.durations.set(other.durations);
    this.coefficients.set(other.coefficients);
  }
}

/**
 * A curve through evenly spaced knots: positions as given, velocity (q₊ − q₋)/2h and acceleration (q₊ − 2q + q₋)/h² at
 * inner knots, quintics between them. The first knot keeps its speed towards the second, or the state it is given; at
 * the last the curve rests. Axes that step (a gripper) get the monotone velocities of Fritsch & Carlson (1980) and no
 * acceleration at the knots, so that they do not overshoot.
 */
export class Knots {
  readonly axes: number;
  /** Index of the axis that steps, −1 for none. */
  readonly stepping: number;
  readonly positions: Float64Array;
  readonly #velocities: Float64Array;
  readonly #accelerations: Float64Array;
  count = 0;
  /** Time of the first knot, and between two, s. */
  time = 0;
  spacing = 1;

  constructor(axes: number, capacity: number, stepping: number) {
    this.axes = axes;
    this.stepping = stepping;
    this.positions = new Float64Array(capacity * axes);
    this.#velocities = new Float64Array(capacity * axes);
    this.#accelerations = new Float64Array(capacity * axes);
  }

  get end(): number {
    return this.time + (this.count - 1) * this.spacing;
  }

  /** Velocities and accelerations from the positions. `first`: state of the first knot, 3 per axis, or null. */
  shape(first: Float64Array | null): void {
    const { axes: n, count, spacing: h, positions: q } = this;
    const v = this.#velocities;
    const acc = this.#accelerations;
    for (let a = 0; a < n; a++) {
      for (let k = 1; k < count - 1; k++) {
        const i = k * n + a;
        const before = q[i]! - q[i - n]!;
        const after = q[i + n]! - q[i]!;
        if (a === this.stepping) {
          v[i] = before * after > 0 ? (2 * before * after) / ((before + after) * h) : 0;
          acc[i] = 0;
        } else {
          v[i] = (before + after) / (2 * h);
          acc[i] = (after - before) / (h * h);
        }
      }
      const last = (count - 1) * n + a;
      v[last] = 0;
      acc[last] = 0;
      v[a] = first !== null ? first[3 * a + 1]! : a === this.stepping ? 0 : (q[n + a]! - q[a]!) / h;
      acc[a] = first !== null ? first[3 * a + 2]! : 0;
    }
  }

  /** Appends the part of the curve from `from` on to the pieces, cut at `cut` too where that lies inside. */
  appendTo(out: Pieces, from: number, cut: number): void {
    for (let k = 0; k < this.count - 1; k++) {
      const start = this.time + k * this.spacing;
      const end = this.time + (k + 1) * this.spacing;
      if (end <= from + SLIVER) continue;
      const begin = Math.max(start, from);
      if (cut > begin + SLIVER && cut < end - SLIVER) {
        this.#piece(out, k, begin, cut);
        this.#piece(out, k, cut, end);
      } else this.#piece(out, k, begin, end);
    }
  }

  #piece(out: Pieces, k: number, begin: number, end: number): void {
    const { axes: n, positions: q, spacing: h } = this;
    const v = this.#velocities;
    const acc = this.#accelerations;
    const piece = out.add(begin, end - begin);
    const by = begin - (this.time + k * h);
    for (let a = 0; a < n; a++) {
      const i = k * n + a;
      const j = i + n;
      const at = out.at(piece, a);
      addHermite(out.coefficients, at, h, q[i]!, v[i]!, acc[i]!, q[j]!, v[j]!, acc[j]!);
      if (by > 0) shift(out.coefficients, at, by);
    }
  }
}
