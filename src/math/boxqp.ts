/**
 * Small convex quadratic programs with bounds: min ½ xᵀ H x + gᵀ x with lower ≤ x ≤ upper, by projected Newton steps
 * (Tassa, Mansard and Todorov 2014, section III; Bertsekas 1982). H is n × n, row-major, symmetric and positive definite
 * on the free entries; n is that of an arm's controls. Nothing allocates after the constructor.
 */
import { cholesky, choleskySolve } from './linalg.ts';

export interface BoxQpSettings {
  readonly maxIterations: number;
  /** Ends when the gradient of free entries is at most this, relative to 1 + |g|. */
  readonly tolerance: number;
  /** Armijo: share of the decrease that the gradient promises which a step must keep. */
  readonly accept: number;
}

const DEFAULTS: BoxQpSettings = { maxIterations: 100, tolerance: 1e-10, accept: 0.1 };
/** Steps shorter than this share of the Newton step are no steps. */
const SHORTEST = 1e-20;
const SHRINK = 0.6;

export type BoxQpStatus = 'solved' | 'indefinite' | 'stuck';

export class BoxQp {
  readonly n: number;
  /** The solution, and the start when `warm` is asked for. */
  readonly x: Float64Array;
  /** 1 for entries that are free at the solution, 0 for those held at a bound by the gradient. */
  readonly free: Uint8Array;
  iterations = 0;
  readonly #settings: BoxQpSettings;
  readonly #gradient: Float64Array;
  readonly #trial: Float64Array;
  readonly #step: Float64Array;
  readonly #factor: Float64Array;
  readonly #rhs: Float64Array;
  readonly #index: Int32Array;

  constructor(n: number, settings: Partial<BoxQpSettings> = {}) {
    this.n = n;
    this.#settings = { ...DEFAULTS, ...settings };
    this.x = new Float64Array(n);
    this.free = new Uint8Array(n);
    this.#gradient = new Float64Array(n);
    this.#trial = new Float64Array(n);
    this.#step = new Float64Array(n);
    this.#factor = new Float64Array(n * n);
    this.#rhs = new Float64Array(n);
    this.#index = new Int32Array(n);
  }

  /**
   * Solves from `x` as it stands, held to the bounds. `indefinite`: H is not positive definite on the free entries (or
   * not finite), `x` is then the point reached; `stuck`: the iterations ran out.
   */
  solve(h: Float64Array, g: Float64Array, lower: Float64Array, upper: Float64Array): BoxQpStatus {
    const n = this.n;
    const x = this.x;
    const { maxIterations, tolerance, accept } = this.#settings;
    let scale = 1;
    for (let i = 0; i < n; i++) {
      x[i] = Math.min(upper[i]!, Math.max(lower[i]!, x[i]!));
      scale = Math.max(scale, 1 + Math.abs(g[i]!));
    }
    for (this.iterations = 0; this.iterations < maxIterations; this.iterations++) {
      this.#gradientAt(h, g);
      const freeCount = this.#findFree(lower, upper);
      if (freeCount === 0 || this.#freeNorm(freeCount) <= tolerance * scale) return 'solved';
      if (!this.#newton(h, freeCount)) return 'indefinite';
      // Projected line search. The decrease is summed from differences, which keeps its digits near the solution.
      let alpha = 1;
      for (; ; alpha *= SHRINK) {
        if (alpha < SHORTEST) return 'stuck';
        let slope = 0;
        for (let i = 0; i < n; i++) {
          const to = Math.min(upper[i]!, Math.max(lower[i]!, x[i]! + alpha * this.#step[i]!));
          this.#trial[i] = to;
          slope += this.#gradient[i]! * (to - x[i]!);
        }
        const change = slope + 0.5 * this.#curvature(h);
        if (change <= accept * slope) break;
      }
      for (let i = 0; i < n; i++) x[i] = this.#trial[i]!;
    }
    return 'stuck';
  }

  #gradientAt(h: Float64Array, g: Float64Array): void {
    const n = this.n;
    for (let i = 0; i < n; i++) {
      let s = g[i]!;
      for (let j = 0; j < n; j++) s += h[i * n + j]! * this.x[j]!;
      this.#gradient[i] = s;
    }
  }

  /** An entry is held when it is at a bound and the gradient pushes it outwards. */
  #findFree(lower: Float64Array, upper: Float64Array): number {
    let count = 0;
    for (let i = 0; i < this.n; i++) {
      const g = this.#gradient[i]!;
      const held = (this.x[i]! <= lower[i]! && g > 0) || (this.x[i]! >= upper[i]! && g < 0);
      this.free[i] = held ? 0 : 1;
      if (!held) this.#index[count++] = i;
    }
    return count;
  }

  #freeNorm(count: number): number {
    let most = 0;
    for (let a = 0; a < count; a++) most = Math.max(most, Math.abs(this.#gradient[this.#index[a]!]!));
    return most;
  }

  /** step = -H_ff⁻¹ gradient_f on the free entries, 0 elsewhere. */
  #newton(h: Float64Array, count: number): boolean {
    const n = this.n;
    const index = this.#index;
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) this.#factor[a * count + b] = h[index[a]! * n + index[b]!]!;
      this.#rhs[a] = -this.#gradient[index[a]!]!;
    }
    if (!cholesky(this.#factor, count)) return false;
    choleskySolve(this.#factor, count, this.#rhs, this.#rhs);
    this.#step.fill(0);
    for (let a = 0; a < count; a++) this.#step[index[a]!] = this.#rhs[a]!;
    return true;
  }

  /** dᵀ H d with d = trial - x. */
  #curvature(h: Float64Array): number {
    const n = this.n;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const di = this.#trial[i]! - this.x[i]!;
      if (di === 0) continue;
      let s = 0;
      for (let j = 0; j < n; j++) s += h[i * n + j]! * (this.#trial[j]! - this.x[j]!);
      sum += di * s;
    }
    return sum;
  }
}
