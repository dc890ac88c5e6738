/**
 * Noise whose power falls with frequency as 1/f^β: β = 0 white, 1 pink, 2 Brownian. Torques that change sign every step
 * move an arm nowhere; noise with long waves does, which is what makes it better for sampling controls (Pinneri et al.,
 * "Sample-efficient cross-entropy method for real-time planning", CoRL 2020; spectrum as in Timmer & König 1995).
 *
 *     x_t = Re Σ_k s_k (a_k + i b_k) e^{2πikt/M},  a, b ~ N(0, 1),  s_k ∝ max(min(k, M − k), 1)^(−β/2),  Σ s_k² = 1
 *
 * The imaginary part is a second sequence, independent of the first because s is symmetric, so that one transform gives
 * two. The sum repeats after M, the power of two from 5/4 of the length on, so that both ends are far apart on the circle.
 */
import { cholesky } from '../../math/linalg.ts';
import type { Rng } from '../../math/rng.ts';

export class ColouredNoise {
  readonly length: number;
  /** M. */
  readonly period: number;
  /** Two independent sequences of unit variance, `length` numbers each, after `draw`. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly #amplitudes: Float64Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #swap: Uint32Array;
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #white: Float64Array;

  /** `exponent` is β ≥ 0. */
  constructor(length: number, exponent: number) {
    this.length = length;
    const bits = Math.max(1, Math.ceil(Math.log2(1.25 * length)));
    this.period = 2 ** bits;
    const m = this.period;
    this.#amplitudes = amplitudes(m, exponent);
    this.#cos = Float64Array.from({ length: m / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / m));
    this.#sin = Float64Array.from({ length: m / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / m));
    this.#swap = Uint32Array.from({ length: m }, (_, i) => reversed(i, bits));
    this.#re = new Float64Array(m);
    this.#im = new Float64Array(m);
    this.#white = new Float64Array(2 * m);
    this.first = this.#re.subarray(0, length);
    this.second = this.#im.subarray(0, length);
  }

  /** Fills `first` and `second`: 2 M normal numbers and one transform. */
  draw(rng: Rng): void {
    const m = this.period;
    const re = this.#re;
    const im = this.#im;
    const white = this.#white;
    rng.fillNormal(white, 0, 2 * m);
    for (let k = 0; k < m; k++) {
      const s = this.#amplitudes[k]!;
      // The transform wants its input in bit-reversed order, which for independent numbers is a matter of where to put them.
      const at = this.#swap[k]!;
      re[at] = s * white[2 * k]!;
      im[at] = s * white[2 * k + 1]!;
    }
    for (let half = 1; half < m; half *= 2) {
      const stride = m / (2 * half);
      for (let start = 0; start < m; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const c = this.#cos[k * stride]!;
          const s = this.#sin[k * stride]!;
          const a = start + k;
          const b = a + half;
          const tr = c * re[b]! - s * im[b]!;
          const ti = c * im[b]! + s * re[b]!;
          re[b] = re[a]! - tr;
          im[b] = im[a]! - ti;
          re[a] = re[a]! + tr;
          im[a] = im[a]! + ti;
        }
      }
    }
  }

  /** Correlation of numbers `lag` apart: Σ_k s_k² cos(2πk lag / M). */
  correlation(lag: number): number {
    const m = this.period;
    let sum = 0;
    for (let k = 0; k < m; k++) sum += this.#amplitudes[k]! ** 2 * Math.cos((2 * Math.PI * k * lag) / m);
    return sum;
  }

  /** Cholesky factor of the correlation matrix (length × length, lower triangle), as `choleskySolve` takes it. */
  factor(): Float64Array {
    const n = this.length;
    const lags = Float64Array.from({ length: n }, (_, lag) => this.correlation(lag));
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) matrix[i * n + j] = lags[Math.abs(i - j)]!;
      // Steep spectra leave the shortest waves with a power near rounding: what keeps the factor real is far below them.
      matrix[i * n + i]! += 1e-12;
    }
    cholesky(matrix, n);
    return matrix;
  }
}

function amplitudes(m: number, exponent: number): Float64Array {
  const s = Float64Array.from({ length: m }, (_, k) => Math.max(Math.min(k, m - k), 1) ** (-exponent / 2));
  const norm = Math.sqrt(s.reduce((sum, v) => sum + v * v, 0));
  return s.map((v) => v / norm);
}

function reversed(index: number, bits: number): number {
  let out = 0;
  for (let b = 0; b < bits; b++) out |= ((index >> b) & 1) << (bits - 1 - b);
  return out;
}
