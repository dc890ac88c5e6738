/**
 * Mixture of Gaussians over whole chunks (mixture density network: Bishop 1994; for imitation: Mandlekar et al. 2021):
 * π(a∣o) = Σ_k w_k(o) Π_i N(a_i; μ_ki(o), σ_ki). A component is a way to do the task, so it spans the chunk.
 * Acting takes the mean of the most likely component, or a sample.
 */

import { mlp } from '../layers/linear.ts';
import type { MixtureConfig } from '../networks/config.ts';
import {
  add,
  argMax,
  div,
  log,
  logSoftmax,
  logSumExp,
  maximum,
  mean,
  mul,
  neg,
  oneHot,
  reshape,
  softplus,
  split,
  sub,
  sum,
} from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { gaussianNll, UNIT_DEVIATION } from './gaussian.ts';
import { type HeadMaker, meanAbsolute } from './head.ts';

/**
 * log Σ_k exp(log w_k + Σ_i mask_i log N(a_i; μ_ki, σ_ki)), [B]. logWeights [B, K], means and deviations [B, K, H, A],
 * action [B, H, A], mask [B, H].
 */
export function mixtureLogLikelihood(
  logWeights: Tensor,
  means: Tensor,
  deviations: Tensor,
  action: Tensor,
  mask: Tensor,
): Tensor {
  const [batch, , horizon, size] = means.shape as [number, number, number, number];
  const nll = gaussianNll(reshape(action, [batch, 1, horizon, size]), means, deviations);
  const real = reshape(mask, [batch, 1, horizon, 1]);
  return logSumExp(sub(logWeights, sum(mul(nll, real), [2, 3])), 1);
}

export const mixtureHead: HeadMaker<MixtureConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const k = config.components;
  const numbers = k * horizon * actionSize;
  const network = mlp(g, 'chunk', [sizes.features, ...config.widths, k + 2 * numbers], {
    between: (x) => draws.dropout(x, config.dropout),
  });
  const distribution = (vector: Tensor) => {
    const [weights, means, raw] = split(network(vector), [k, numbers, numbers], 1);
    const shape = [batch, k, horizon, actionSize];
    return {
      logWeights: logSoftmax(weights!, 1),
      means: reshape(means!, shape),
      deviations: add(softplus(add(reshape(raw!, shape), UNIT_DEVIATION)), config.minDeviation),
    };
  };
  /** Values [B, K, H, A] of the component with the largest score [B, K]. */
  const pick = (scores: Tensor, values: Tensor): Tensor => {
    const chosen = reshape(oneHot(argMax(scores, 1), k), [batch, k, 1, 1]);
    return sum(mul(values, chosen), [1]);
  };
  return {
    loss(seen, action, mask) {
      const { logWeights, means, deviations } = distribution(seen.vector);
      const likelihood = mixtureLogLikelihood(logWeights, means, deviations, action, mask);
      const numbersSeen = mul(maximum(sum(mask, [0, 1]), 1), actionSize);
      return {
        loss: neg(div(sum(likelihood, [0]), numbersSeen)),
        metrics: {
          'action error': meanAbsolute(pick(logWeights, means), action, mask),
          'largest weight': mean(sum(mul(oneHot(argMax(logWeights, 1), k), logWeights), [1]), [0]),
        },
      };
    },
    act(seen) {
      const { logWeights, means, deviations } = distribution(seen.vector);
      if (config.act === 'mode') return pick(logWeights, means);
      // Gumbel-max: argmax(log w − log(−log u)) is a draw from w.
      const u = draws.uniform('noise.component', [batch, k]);
      const gumbel = neg(log(neg(log(add(mul(u, 1 - 2e-7), 1e-7)))));
      const scores = add(logWeights, gumbel);
      const z = draws.normal('noise.action', [batch, horizon, actionSize]);
      return add(pick(scores, means), mul(mul(pick(scores, deviations), z), config.temperature));
    },
  };
};
