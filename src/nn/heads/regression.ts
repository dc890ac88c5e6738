/** Deterministic chunk: a = f(o), fitted by |a − a*| or (a − a*)². One answer per observation, the mean or median of many. */
import { mlp } from '../layers/linear.ts';
import type { RegressionConfig } from '../networks/config.ts';
import { reshape } from '../ops.ts';
import { type HeadMaker, meanAbsolute, meanSquared } from './head.ts';

export const regressionHead: HeadMaker<RegressionConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const network = mlp(g, 'chunk', [sizes.features, ...config.widths, horizon * actionSize], {
    between: (x) => draws.dropout(x, config.dropout),
  });
  const chunk = (vector: Parameters<typeof network>[0]) =>
    reshape(network(vector), [batch, horizon, actionSize]);
  return {
    loss(seen, action, mask) {
      const predicted = chunk(seen.vector);
      const error = meanAbsolute(predicted, action, mask);
      const loss = config.loss === 'l1' ? error : meanSquared(predicted, action, mask);
      return { loss, metrics: { 'action error': error } };
    },
    act: (seen) => chunk(seen.vector),
  };
};
