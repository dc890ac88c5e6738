/**
 * How search parameters become controls: u_t = clamp(base_t + Σ_k W_tk θ_k). The base is the warm start, so a plan that
 * no spline can draw is kept as it is and the search moves it by what the spline can draw. With a knot per stage W is 1.
 */
import { cholesky, choleskySolve } from '../../math/linalg.ts';
import type { NoiseShape } from './settings.ts';

/** Rows of W have at most four entries that are not 0, side by side. */
const WIDTH = 4;

export class Basis {
  readonly horizon: number;
  readonly nu: number;
  /** K: parameters per control. θ is K × nu. */
  readonly knots: number;
  /** One parameter per stage and control: W is the identity. */
  readonly plain: boolean;
  /** Row t of W starts at column first[t]. */
  readonly #first: Int32Array;
  readonly #weights: Float64Array;
  /** Cholesky factor of WᵀW; empty for the identity. */
  readonly #gram: Float64Array;
  readonly #right: Float64Array;

  constructor(shape: NoiseShape, horizon: number, nu: number) {
    this.horizon = horizon;
    this.nu = nu;
    this.plain = shape.kind !== 'knots';
    this.knots = shape.kind === 'knots' ? Math.min(shape.count, horizon) : horizon;
    this.#first = new Int32Array(horizon);
    this.#weights = new Float64Array(horizon * WIDTH);
    const spline = shape.kind === 'knots' ? shape.spline : 'zero';
    for (let t = 0; t < horizon; t++) this.#row(t, spline);
    this.#gram = this.plain ? new Float64Array(0) : this.#factor();
    this.#right = new Float64Array(this.knots);
  }

  /** W_tk. */
  weight(t: number, k: number): number {
    const i = k - this.#first[t]!;
    return i >= 0 && i < WIDTH ? this.#weights[t * WIDTH + i]! : 0;
  }

  /** out[at …] (T × nu) = clamp(base + W θ), θ the numbers from thetas[from]. */
  controls(
    thetas: Float64Array,
    from: number,
    base: Float64Array,
    low: Float64Array,
    high: Float64Array,
    out: Float64Array,
    at: number,
  ): void {
    const nu = this.nu;
    const count = this.plain ? 1 : WIDTH;
    for (let t = 0; t < this.horizon; t++) {
      const first = from + this.#first[t]! * nu;
      for (let j = 0; j < nu; j++) {
        let u = base[t * nu + j]!;
        for (let i = 0; i < count; i++) {
          const w = this.#weights[t * WIDTH + i]!;
          if (w !== 0) u += w * thetas[first + i * nu + j]!;
        }
        const l = low[j]!;
        const h = high[j]!;
        out[at + t * nu + j] = u < l ? l : u > h ? h : u;
      }
    }
  }

  /**
   * Limits for θ (K × nu each): beyond them a knot moves no control that it holds, whatever the base. Without them samples
   * that differ only in how far they overshoot a limit would spread without end. 0 always lies inside.
   */
  bounds(
    base: Float64Array,
    low: Float64Array,
    high: Float64Array,
    outLow: Float64Array,
    outHigh: Float64Array,
  ): void {
    const { nu, knots, horizon } = this;
    for (let j = 0; j < nu; j++) {
      for (let k = 0; k < knots; k++) {
        let least = Number.POSITIVE_INFINITY;
        let most = Number.NEGATIVE_INFINITY;
        for (let t = 0; t < horizon; t++) {
          if (this.plain ? t !== k : this.weight(t, k) === 0) continue;
          least = Math.min(least, base[t * nu + j]!);
          most = Math.max(most, base[t * nu + j]!);
        }
        outLow[k * nu + j] = low[j]! - most;
        outHigh[k * nu + j] = high[j]! - least;
      }
    }
  }

  /** out (K × nu) = (WᵀW)⁻¹ Wᵀ us: the parameters whose spline lies nearest to `us`. */
  project(us: Float64Array, out: Float64Array): void {
    if (this.plain) {
      out.set(us);
      return;
    }
    const { nu, knots, horizon } = this;
    const right = this.#right;
    for (let j = 0; j < nu; j++) {
      right.fill(0);
      for (let t = 0; t < horizon; t++) {
        for (let i = 0; i < WIDTH; i++) {
          const w = this.#weights[t * WIDTH + i]!;
          if (w !== 0) right[this.#first[t]! + i]! += w * us[t * nu + j]!;
        }
      }
      choleskySolve(this.#gram, knots, right, right);
      for (let k = 0; k < knots; k++) out[k * nu + j] = right[k]!;
    }
  }

  #row(t: number, spline: 'zero' | 'linear' | 'cubic'): void {
    const { knots, horizon } = this;
    if (spline === 'zero' || knots === 1) {
      this.#first[t] = Math.floor((t * knots) / horizon);
      this.#weights[t * WIDTH] = 1;
      return;
    }
    const place = (t * (knots - 1)) / (horizon - 1);
    const k = Math.min(Math.floor(place), knots - 2);
    const s = place - k;
    const first = Math.max(0, Math.min(k - 1, knots - WIDTH));
    this.#first[t] = first;
    const add = (knot: number, w: number): void => {
      this.#weights[t * WIDTH + knot - first]! += w;
    };
    if (spline === 'linear') {
      add(k, 1 - s);
      add(k + 1, s);
      return;
    }
    // Cubic Hermite spline through the knots; slopes are central differences, one-sided at the ends (Catmull & Rom 1974).
    const slope = (knot: number, w: number): void => {
      const before = Math.max(knot - 1, 0);
      const after = Math.min(knot + 1, knots - 1);
      add(after, w / (after - before));
      add(before, -w / (after - before));
    };
    add(k, 2 * s ** 3 - 3 * s ** 2 + 1);
    add(k + 1, 3 * s ** 2 - 2 * s ** 3);
    slope(k, s ** 3 - 2 * s ** 2 + s);
    slope(k + 1, s ** 3 - s ** 2);
  }

  #factor(): Float64Array {
    const { knots, horizon } = this;
    const gram = new Float64Array(knots * knots);
    for (let t = 0; t < horizon; t++) {
      for (let a = 0; a < knots; a++) {
        for (let b = 0; b < knots; b++) gram[a * knots + b]! += this.weight(t, a) * this.weight(t, b);
      }
    }
    // A spline of nearly as many knots as stages can have a row that others make up for; then any of the fits will do.
    for (let k = 0; k < knots; k++) gram[k * knots + k]! += 1e-12;
    cholesky(gram, knots);
    return gram;
  }
}
