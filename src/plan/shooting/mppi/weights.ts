/** The kernels of MPPI. */

/**
 * Weights of samples, which sum to 1:
 *
 *     S̃_i = S_i + λ r_i,  w_i = exp(−(S̃_i − min_j S̃_j)/λ) / η
 *
 * S costs, r the log ratio of densities that accounts for the control cost (see `controlRatios`). Samples of infinite
 * cost weigh 0. Returns the effective number of samples (Σ w)² / Σ w².
 */
export function mppiWeights(
  costs: Float64Array,
  ratios: Float64Array,
  lambda: number,
  weights: Float64Array,
): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < costs.length; i++) least = Math.min(least, costs[i]! / lambda + ratios[i]!);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < costs.length; i++) {
    const w = Math.exp(least - (costs[i]! / lambda + ratios[i]!));
    weights[i] = w;
    sum += w;
    squares += w * w;
  }
  for (let i = 0; i < costs.length; i++) weights[i]! /= sum;
  return (sum * sum) / squares;
}

/** Steps of the bisection for λ: 9 decades to 1 part in 1000. */
const BISECTIONS = 34;

/** λ with which `wanted` samples have a say, by bisection of its logarithm (more λ, more samples). */
export function lambdaFor(
  costs: Float64Array,
  ratios: Float64Array,
  wanted: number,
  weights: Float64Array,
): number {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < costs.length; i++) {
    if (!(costs[i]! < Number.POSITIVE_INFINITY)) continue;
    least = Math.min(least, costs[i]!);
    most = Math.max(most, costs[i]!);
  }
  // Equal costs weigh the same with any λ; below 1e-300 the quotients of mppiWeights would overflow.
  if (!(most - least > 1e-290)) return Math.max(Math.abs(least), 1);
  let low = Math.log((most - least) * 1e-6);
  let high = Math.log((most - least) * 1e3);
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (mppiWeights(costs, ratios, Math.exp(middle), weights) < wanted) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}

/**
 * r_i = share · Σ_p y_p (θ_ip − mean_p): with y = Σ⁻¹ (mean − passive) what Williams et al. 2017 (algorithm 2) add to the
 * cost of a sample, over λ. It is the log ratio between the densities of sampling about `mean` and about `passive`, up to a
 * constant, and makes the weighted mean independent of where the samples were drawn. thetas samples × size.
 */
export function controlRatios(
  thetas: Float64Array,
  mean: Float64Array,
  y: Float64Array,
  share: number,
  ratios: Float64Array,
): void {
  const size = mean.length;
  for (let i = 0; i < ratios.length; i++) {
    let sum = 0;
    for (let p = 0; p < size; p++) sum += y[p]! * (thetas[i * size + p]! - mean[p]!);
    ratios[i] = share * sum;
  }
}

/** mean ← Σ_i w_i θ_i = mean + Σ_i w_i ε_i. */
export function weightedMean(thetas: Float64Array, weights: Float64Array, mean: Float64Array): void {
  const size = mean.length;
  for (let p = 0; p < size; p++) {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i]! * thetas[i * size + p]!;
    mean[p] = sum;
  }
}
