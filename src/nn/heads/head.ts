/**
 * What every head is: a distribution over action chunks given what was seen. Shapes: B batch, H horizon, A action size,
 * F size of the feature vector, N tokens of width D. Actions are normalised; mask is 1 where an action is real, 0 where
 * the episode was over, and no loss looks at an action whose mask is 0.
 */
import type { Graph } from '../graph.ts';
import type { Draws } from '../layers/draws.ts';
import { abs, div, maximum, mul, reshape, square, sub, sum } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** What the encoder makes of an observation history. */
export interface Encoded {
  /** [B, F]. */
  readonly vector: Tensor;
  /** Feature maps of the newest images as tokens with their positions, [B, N, D]; null without images or when unasked. */
  readonly tokens: Tensor | null;
}

export interface HeadSizes {
  readonly batch: number;
  /** F. */
  readonly features: number;
  readonly horizon: number;
  readonly actionSize: number;
}

export interface HeadLoss {
  /** Scalar. */
  readonly loss: Tensor;
  /** Scalars worth plotting, by name. */
  readonly metrics: Readonly<Record<string, Tensor>>;
}

export interface Head {
  /** action [B, H, A], mask [B, H]. */
  loss(seen: Encoded, action: Tensor, mask: Tensor): HeadLoss;
  /** [B, H, A]. */
  act(seen: Encoded): Tensor;
}

/** Makes a head, and with it its parameters. Random numbers, in training and in acting, come from `draws`. */
export type HeadMaker<Config> = (g: Graph, config: Config, sizes: HeadSizes, draws: Draws) => Head;

/** Mean of values [B, H, A] over the real actions: Σ mask · values / (A Σ mask); 0 when the batch has none. */
export function maskedMean(values: Tensor, mask: Tensor): Tensor {
  const [batch, horizon, size] = values.shape as [number, number, number];
  const total = sum(mul(values, reshape(mask, [batch, horizon, 1])), [0, 1, 2]);
  return div(total, mul(maximum(sum(mask, [0, 1]), 1), size));
}

/** Actions with zeros where they are not real, for networks that read them as input. */
export function onlyReal(action: Tensor, mask: Tensor): Tensor {
  const [batch, horizon] = mask.shape as [number, number];
  return mul(action, reshape(mask, [batch, horizon, 1]));
}

/** Mean |a − b| over the real actions: the metric that all heads share, and the loss of some. */
export const meanAbsolute = (a: Tensor, b: Tensor, mask: Tensor): Tensor => maskedMean(abs(sub(a, b)), mask);

/** Mean (a − b)² over the real actions. */
export const meanSquared = (a: Tensor, b: Tensor, mask: Tensor): Tensor =>
  maskedMean(square(sub(a, b)), mask);
