/** Feature-wise linear modulation (Perez et al. 2018): y = (1 + γ(c)) ⊙ x + β(c), per channel. */
import type { Graph } from '../graph.ts';
import { add, mul, reshape, split } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { linear } from './linear.ts';

/** x and the condition c [B, condition] to y of the shape of x. */
export type Film = (x: Tensor, condition: Tensor) => Tensor;

/**
 * `layout`: where the channels of x are: `last` for [B, ..., channels], `second` for [B, channels, ...]. γ and β come
 * from one linear layer that starts at zero, so that a fresh network is not modulated.
 */
export function film(
  g: Graph,
  name: string,
  conditionSize: number,
  channels: number,
  layout: 'last' | 'second',
): Film {
  const toGammaBeta = linear(g, name, conditionSize, 2 * channels, { init: { kind: 'zeros' } });
  return (x, condition) => {
    const batch = x.shape[0]!;
    const ones = x.shape.slice(2).map(() => 1);
    const shape = layout === 'last' ? [batch, ...ones, channels] : [batch, channels, ...ones];
    const [gamma, beta] = split(toGammaBeta(condition), 2, 1).map((p) => reshape(p, shape));
    return add(mul(x, add(gamma!, 1)), beta!);
  };
}
