/**
 * Gaussian noise on linear dynamics: x' = f(x, u) + w, w ~ N(0, Σ). It changes neither K nor k (certainty equivalence), but
 * spreads the states and raises the cost that is to be expected.
 */
import type { Expansion, Feedback, Rows } from '../memory.ts';

/**
 * covariance_0 given; covariance' = (fx + fu K) covariance (fx + fu K)ᵀ + Σ, for the closed loop u = û + K (x ⊖ x̂).
 * `noise` is ndx × ndx; scratch ndx × ndx twice.
 */
export function spread(
  expansion: Expansion,
  feedback: Feedback,
  noise: Float64Array,
  covariance: Rows,
  closed: Float64Array,
  product: Float64Array,
): void {
  const n = Math.round(Math.sqrt(noise.length));
  const T = expansion.fx.rows.length;
  for (let t = 0; t < T; t++) {
    const fx = expansion.fx.rows[t]!;
    const fu = expansion.fu.rows[t]!;
    const K = feedback.K.rows[t]!;
    const m = fu.length / n;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let s = fx[i * n + j]!;
        for (let k = 0; k < m; k++) s += fu[i * m + k]! * K[k * n + j]!;
        closed[i * n + j] = s;
      }
    }
    const from = covariance.rows[t]!;
    const to = covariance.rows[t + 1]!;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let s = 0;
        for (let k = 0; k < n; k++) s += closed[i * n + k]! * from[k * n + j]!;
        product[i * n + j] = s;
      }
    }
    for (let i = 0; i < n; i++) {
      for (let j = i; j < n; j++) {
        let s = noise[i * n + j]!;
        for (let k = 0; k < n; k++) s += product[i * n + k]! * closed[j * n + k]!;
        to[i * n + j] = s;
        to[j * n + i] = s;
      }
    }
  }
}

/** What noise adds to the cost: ½ tr(Vxx_0 covariance_0) + Σ_t ½ tr(Vxx_{t+1} Σ). */
export function valueOffset({ Vxx }: Feedback, noise: Float64Array, initial: Float64Array): number {
  let sum = trace(Vxx.rows[0]!, initial);
  for (let t = 1; t < Vxx.rows.length; t++) sum += trace(Vxx.rows[t]!, noise);
  return 0.5 * sum;
}

/** tr(A B) of symmetric A and B. */
function trace(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!;
  return s;
}
