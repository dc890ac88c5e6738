/**
 * One optimiser step as graph nodes. All parameters are one vector, and so are their gradients and moments: a few operations
 * over long vectors instead of a dozen for each parameter. What depends on the step alone (learning rate, bias corrections) comes in
 * as scalars, computed in float64 by `scalars`.
 */
import type { Graph } from './graph.ts';
import { add, div, minimum, mul, sqrt, square, sub, sum } from './ops.ts';
import type { Tensor } from './tensor.ts';

export type OptimizerOptions =
  | {
      readonly kind: 'sgd';
      /** Share of the last update that the next one keeps. Default 0. */
      readonly momentum?: number;
      /** Default 0. */
      readonly weightDecay?: number;
    }
  | {
      /** Adam with decoupled weight decay (Loshchilov and Hutter 2019); with a decay of 0, Adam (Kingma and Ba 2015). */
      readonly kind: 'adamw';
      /** Default 0.9. */
      readonly beta1?: number;
      /** Default 0.999. */
      readonly beta2?: number;
      /** Default 1e-8. */
      readonly epsilon?: number;
      /** Share of the learning rate by which parameters shrink in each step. Default 0. */
      readonly weightDecay?: number;
    };

/** Factors of single parameters, for layers that learn more slowly or do not decay. */
export interface VectorScales {
  /** Multiplies the learning rate; null where it is 1 for all. */
  readonly rate: Float32Array | null;
  /** Multiplies the weight decay; null where it is 1 for all. */
  readonly decay: Float32Array | null;
}

export interface Optimizer {
  /** Vectors that it keeps from step to step, beside the parameters. */
  readonly moments: readonly string[];
  /** Names of the scalars that each step is given. */
  readonly scalarNames: readonly string[];
  /** Their values in step `step`, counted from 0, at a learning rate. */
  scalars(step: number, rate: number): readonly number[];
  /** The next parameters and moments. */
  update(
    parameters: Tensor,
    gradient: Tensor,
    moments: readonly Tensor[],
    scalars: readonly Tensor[],
    scales: VectorScales,
  ): { readonly parameters: Tensor; readonly moments: readonly Tensor[] };
}

export function optimizer(options: OptimizerOptions): Optimizer {
  return options.kind === 'sgd' ? sgd(options) : adamw(options);
}

/** b ← μ b + g + λ p; p ← p - η b. */
function sgd(options: Extract<OptimizerOptions, { kind: 'sgd' }>): Optimizer {
  const { momentum = 0, weightDecay = 0 } = options;
  return {
    moments: momentum === 0 ? [] : ['momentum'],
    scalarNames: ['rate'],
    scalars: (_, rate) => [rate],
    update: (p, g, [b], [rate], scales) => {
      const decay = scaled(p.graph, scales.decay, weightDecay);
      const pull = weightDecay === 0 ? g : add(g, mul(p, decay));
      const next = b === undefined ? pull : add(mul(b, momentum), pull);
      const step = scaled(p.graph, scales.rate, rate!);
      return { parameters: sub(p, mul(next, step)), moments: b === undefined ? [] : [next] };
    },
  };
}

/**
 * p ← (1 - η λ) p - η m̂ / (√v̂ + ε), written with M = m / (1 - β₁) and V = v / (1 - β₂), so that M ← β₁ M + g and
 * V ← β₂ V + g²: two passes over the vectors less. All other factors are in three scalars.
 */
function adamw(options: Extract<OptimizerOptions, { kind: 'adamw' }>): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  return {
    moments: ['first', 'second'],
    scalarNames: weightDecay === 0 ? ['rate', 'epsilon'] : ['rate', 'epsilon', 'shrink'],
    scalars: (step, rate) => {
      const t = step + 1;
      const s = Math.sqrt((1 - beta2) / (1 - beta2 ** t));
      const list = [(rate * (1 - beta1)) / ((1 - beta1 ** t) * s), epsilon / s];
      return weightDecay === 0 ? list : [...list, rate * weightDecay];
    },
    update: (p, g, [first, second], [rate, eps, shrink], scales) => {
      const m = add(mul(first!, beta1), g);
      const v = add(mul(second!, beta2), square(g));
      const step = mul(div(m, add(sqrt(v), eps!)), scaled(p.graph, scales.rate, rate!));
      if (shrink === undefined) return { parameters: sub(p, step), moments: [m, v] };
      const loss = scaled(p.graph, scales.decay, scaled(p.graph, scales.rate, shrink));
      return { parameters: sub(mul(p, sub(1, loss)), step), moments: [m, v] };
    },
  };
}

function scaled(graph: Graph, scale: Float32Array | null, factor: Tensor | number): Tensor {
  if (scale === null) return typeof factor === 'number' ? graph.constant(factor) : factor;
  return mul(graph.constant(scale), factor);
}

/** √ Σ g². */
export const globalNorm = (g: Tensor): Tensor => sqrt(sum(square(g)));

/**
 * Shortens the gradient to the limit when it is longer (Pascanu et al. 2013), with PyTorch's 1e-6 in the quotient.
 * @param norm its length, as globalNorm gives it.
 */
export const clipByNorm = (g: Tensor, norm: Tensor, limit: number): Tensor =>
  mul(g, minimum(div(limit, add(norm, 1e-6)), 1));

/** average ← average + (1 - decay) (p - average). */
export const movingAverage = (average: Tensor, p: Tensor, share: Tensor): Tensor =>
  add(average, mul(sub(p, average), share));
