/** Normalisation over channels, and dropout. */
import { add, mul } from './ops-math.ts';
import { reshape } from './ops-shape.ts';
import { needType, refuse } from './shapes.ts';
import { sizeOf, type Tensor } from './tensor.ts';

/**
 * (x - mean) / √(variance + ε) · scale + bias over the last axis, variance with the 1/n of Ba et al. 2016.
 * @param scale, bias of shape [size of the last axis].
 */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  needType('LayerNorm', [x, scale, bias], ['float32']);
  const size = x.shape.at(-1);
  if (size === undefined || [scale, bias].some((t) => t.shape.length !== 1 || t.shape[0] !== size)) {
    refuse('LayerNorm', [x, scale, bias], 'scale and bias have one value for each of the last axis');
  }
  const row = { shape: [...x.shape.slice(0, -1), 1], dtype: 'float32' } as const;
  return x.graph.node('LayerNorm', [x, scale, bias], { epsilon }, [x, row, row])[0]!;
}

/**
 * Normalises each sample over groups of neighbouring channels, then scales and shifts each channel (Wu and He 2018).
 * @param x [N, C, …], groups divide C.
 * @param scale, bias of shape [C].
 */
export function groupNorm(x: Tensor, groups: number, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  const [n = 0, c = 0, ...space] = x.shape;
  if (x.shape.length < 2 || !Number.isInteger(c / groups)) {
    refuse('GroupNorm', [x], `its axis 1 is not a multiple of ${groups} groups`);
  }
  if ([scale, bias].some((t) => t.shape.length !== 1 || t.shape[0] !== c)) {
    refuse('GroupNorm', [x, scale, bias], 'scale and bias have one value for each channel');
  }
  const size = (c / groups) * sizeOf(space);
  const rows = reshape(x, [n, groups, size]);
  const ones = x.graph.constant(1, [size]);
  const zeros = x.graph.constant(0, [size]);
  const normal = reshape(layerNorm(rows, ones, zeros, epsilon), x.shape);
  const each = [c, ...space.map(() => 1)];
  return add(mul(normal, reshape(scale, each)), reshape(bias, each));
}

/**
 * Keeps each value with probability 1 - rate and scales it up by 1 / (1 - rate) (Srivastava et al. 2014).
 * @param keep 1 where a value stays and 0 where it goes, drawn for each step: a noise of distribution `bernoulli` with
 *   probability 1 - rate. For deployment leave the call away.
 */
export function dropout(x: Tensor, keep: Tensor, rate: number): Tensor {
  if (!(rate >= 0 && rate < 1)) refuse('Dropout', [x], `the rate ${rate} is not in 0..1`);
  return mul(x, mul(keep, 1 / (1 - rate)));
}
