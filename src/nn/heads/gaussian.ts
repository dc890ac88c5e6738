/**
 * Gaussian chunk: π(a∣o) = Π N(a_i; μ_i(o), σ_i), fitted by maximum likelihood. σ is learned, per action number and
 * either the same everywhere (`constant`) or a function of the observation (`observed`). Acting takes μ.
 */

import { mlp } from '../layers/linear.ts';
import type { GaussianConfig } from '../networks/config.ts';
import { add, div, log, mul, reshape, softplus, split, square, sub } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { type HeadMaker, maskedMean, meanAbsolute } from './head.ts';

export const LOG_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);
/** softplus(s) = 1 at this s: where raw deviations start. */
export const UNIT_DEVIATION = Math.log(Math.E - 1);

/** −log N(a; μ, σ) per number. */
export function gaussianNll(action: Tensor, mean: Tensor, deviation: Tensor): Tensor {
  const z = div(sub(action, mean), deviation);
  return add(add(mul(square(z), 0.5), log(deviation)), LOG_SQRT_2PI);
}

export const gaussianHead: HeadMaker<GaussianConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const numbers = horizon * actionSize;
  const observed = config.deviation === 'observed';
  const network = mlp(g, 'chunk', [sizes.features, ...config.widths, observed ? 2 * numbers : numbers], {
    between: (x) => draws.dropout(x, config.dropout),
  });
  const constant = observed
    ? null
    : g.parameter('raw_deviation', [1, horizon, actionSize], { kind: 'constant', value: UNIT_DEVIATION });
  const distribution = (vector: Tensor): { readonly mean: Tensor; readonly deviation: Tensor } => {
    const parts = split(network(vector), observed ? 2 : 1, 1);
    const [mean, own] = parts.map((p) => reshape(p, [batch, horizon, actionSize]));
    const raw = constant ?? add(own!, UNIT_DEVIATION);
    return { mean: mean!, deviation: add(softplus(raw), config.minDeviation) };
  };
  return {
    loss(seen, action, mask) {
      const { mean, deviation } = distribution(seen.vector);
      const loss = maskedMean(gaussianNll(action, mean, deviation), mask);
      return { loss, metrics: { 'action error': meanAbsolute(mean, action, mask) } };
    },
    act: (seen) => distribution(seen.vector).mean,
  };
};
