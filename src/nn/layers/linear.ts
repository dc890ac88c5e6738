/** Fully connected layers. A layer is made once, which creates its parameters, and may then be applied many times. */
import type { Graph } from '../graph.ts';
import type { Init } from '../init.ts';
import { add, gelu, layerNorm, matmul, relu, silu, tanh } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** Any map of one tensor to another; where a leading "..." is written, any batch dimensions are allowed. */
export type Layer = (x: Tensor) => Tensor;

export const ACTIVATIONS = { relu, gelu, silu, tanh } as const;
export type Activation = keyof typeof ACTIVATIONS;

export interface LinearOptions {
  /** Default `xavier-uniform`. */
  readonly init?: Init;
  /** Initial bias; default zeros. `none`: no bias. */
  readonly bias?: Init | 'none';
}

/** y = x W + b; x is [..., inputs], y is [..., outputs]. Parameters NAME/weight [inputs, outputs], NAME/bias [outputs]. */
export function linear(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  options: LinearOptions = {},
): Layer {
  return g.scope(name, () => {
    const weight = g.parameter('weight', [inputs, outputs], options.init ?? { kind: 'xavier-uniform' });
    if (options.bias === 'none') return (x: Tensor) => matmul(x, weight);
    const bias = g.parameter('bias', [outputs], options.bias ?? { kind: 'zeros' });
    return (x: Tensor) => add(matmul(x, weight), bias);
  });
}

export interface MlpOptions {
  /** Default relu. Between the layers, not after the last. */
  readonly activation?: Activation;
  /** Layer norm before each activation. Default none. */
  readonly norm?: 'none' | 'layer';
  /** Called on the output of every hidden layer, for dropout. */
  readonly between?: (x: Tensor, layer: number) => Tensor;
}

/** Multi-layer perceptron through the given widths: `sizes` is [inputs, hidden..., outputs]. */
export function mlp(g: Graph, name: string, sizes: readonly number[], options: MlpOptions = {}): Layer {
  const activation = ACTIVATIONS[options.activation ?? 'relu'];
  return g.scope(name, () => {
    const layers: Layer[] = [];
    for (let i = 1; i < sizes.length; i++) {
      layers.push(linear(g, `layer${i}`, sizes[i - 1]!, sizes[i]!));
      if (i === sizes.length - 1) break;
      if (options.norm === 'layer') layers.push(layerNormed(g, `norm${i}`, sizes[i]!));
      layers.push(activation);
      const between = options.between;
      if (between !== undefined) layers.push((x) => between(x, i));
    }
    return chain(layers);
  });
}

/** Layer norm over the last dimension (Ba et al. 2016), with learned scale and bias. */
export function layerNormed(g: Graph, name: string, size: number): Layer {
  return g.scope(name, () => {
    const scale = g.parameter('scale', [size], { kind: 'ones' });
    const bias = g.parameter('bias', [size], { kind: 'zeros' });
    return (x: Tensor) => layerNorm(x, scale, bias);
  });
}

/** The layers one after the other. */
export function chain(layers: readonly Layer[]): Layer {
  return (x) => layers.reduce((y, layer) => layer(y), x);
}
