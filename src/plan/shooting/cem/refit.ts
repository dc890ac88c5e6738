/** The two kernels of the cross-entropy method. */

/**
 * Indices of the `out.length` least costs, cheapest first, equal ones in the order of the samples; those of infinite
 * cost are never among them. Returns how many there are. Insertion into a short sorted list: count · M at worst.
 */
export function selectElites(costs: Float64Array, out: Int32Array): number {
  let filled = 0;
  for (let i = 0; i < costs.length; i++) {
    const cost = costs[i]!;
    if (!(cost < Number.POSITIVE_INFINITY)) continue;
    if (filled === out.length && !(cost < costs[out[filled - 1]!]!)) continue;
    let at = filled < out.length ? filled++ : filled - 1;
    while (at > 0 && cost < costs[out[at - 1]!]!) {
      out[at] = out[at - 1]!;
      at--;
    }
    out[at] = i;
  }
  return filled;
}

/**
 * Refits the distribution to `count` elites (Rubinstein & Kroese 2004; smoothing on mean and variance as in Chua et al.
 * 2018):
 *
 *     m = Σ_e θ_e / M,  s² = Σ_e (θ_e − m)² / M
 *     mean ← a mean + (1 − a) m,  sigma² ← a sigma² + (1 − a) s²,  sigma ≥ floor · sigma0
 *
 * thetas samples × size, mean and sigma size, sigma0 by control: parameter p belongs to control p mod sigma0.length.
 */
export function refit(
  thetas: Float64Array,
  elites: Int32Array,
  count: number,
  momentum: number,
  floor: number,
  sigma0: Float64Array,
  mean: Float64Array,
  sigma: Float64Array,
): void {
  const size = mean.length;
  for (let p = 0; p < size; p++) {
    let m = 0;
    for (let e = 0; e < count; e++) m += thetas[elites[e]! * size + p]!;
    m /= count;
    let s = 0;
    for (let e = 0; e < count; e++) s += (thetas[elites[e]! * size + p]! - m) ** 2;
    const variance = momentum * sigma[p]! ** 2 + ((1 - momentum) * s) / count;
    mean[p] = momentum * mean[p]! + (1 - momentum) * m;
    sigma[p] = Math.max(Math.sqrt(variance), floor * sigma0[p % sigma0.length]!);
  }
}
