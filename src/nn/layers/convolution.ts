/** Convolutions of images [B, C, h, w] with group norm (Wu and He 2018), and residual blocks of them. */
import type { Graph } from '../graph.ts';
import { add, conv2d, groupNorm, relu } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import type { Layer } from './linear.ts';

export interface ConvolutionOptions {
  readonly kernel: number;
  readonly stride?: number;
  /** Default `kernel >> 1`: the output has the size of the input divided by the stride. */
  readonly padding?: number;
  /** Default `zeros`; `none` in front of a norm, which would take it out again. */
  readonly bias?: 'zeros' | 'none';
}

/** One convolution: parameters NAME/weight [outputs, inputs, kernel, kernel] and NAME/bias [outputs]. */
export function convolution(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: ConvolutionOptions,
): Layer {
  return g.scope(name, () => {
    const weight = g.parameter('weight', [outputs, inputs, o.kernel, o.kernel], { kind: 'he-normal' });
    const bias = o.bias === 'none' ? undefined : g.parameter('bias', [outputs], { kind: 'zeros' });
    const stride = o.stride ?? 1;
    const padding = o.padding ?? o.kernel >> 1;
    return (x: Tensor) => conv2d(x, weight, bias, { stride, padding });
  });
}

/** Group norm with learned scale and bias per channel. `groups` is lowered to what divides the channels. */
export function groupNormed(g: Graph, name: string, channels: number, groups: number): Layer {
  const fitting = groupsOf(channels, groups);
  return g.scope(name, () => {
    const scale = g.parameter('scale', [channels], { kind: 'ones' });
    const bias = g.parameter('bias', [channels], { kind: 'zeros' });
    return (x: Tensor) => groupNorm(x, fitting, scale, bias);
  });
}

/** Largest number of groups that is at most `wanted` and divides the channels. */
export function groupsOf(channels: number, wanted: number): number {
  let groups = Math.min(wanted, channels);
  while (channels % groups !== 0) groups--;
  return groups;
}

/** A block of an image network; `modulate` acts on its last norm, for FiLM. */
export type ImageBlock = (x: Tensor, modulate?: Layer) => Tensor;

/** Convolution, group norm (when groups > 0), relu. */
export function convolutionBlock(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: ConvolutionOptions & { readonly groups: number },
): ImageBlock {
  return g.scope(name, () => {
    const normed = o.groups > 0;
    const conv = convolution(g, 'conv', inputs, outputs, { ...o, bias: normed ? 'none' : 'zeros' });
    const norm = normed ? groupNormed(g, 'norm', outputs, o.groups) : (x: Tensor) => x;
    return (x, modulate = (y) => y) => relu(modulate(norm(conv(x))));
  });
}

/**
 * Basic block of a residual network (He et al. 2016) with group norm: relu(skip(x) + norm(conv(relu(norm(conv(x)))))),
 * its second norm modulated by a condition where one is given. The skip is a 1×1 convolution when sizes change.
 */
export function residualBlock(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: { readonly stride: number; readonly groups: number },
): ImageBlock {
  return g.scope(name, () => {
    const first = convolutionBlock(g, 'first', inputs, outputs, {
      kernel: 3,
      stride: o.stride,
      groups: o.groups,
    });
    const conv = convolution(g, 'second', outputs, outputs, { kernel: 3, bias: 'none' });
    const norm = groupNormed(g, 'norm', outputs, o.groups);
    const skip =
      o.stride === 1 && inputs === outputs
        ? (x: Tensor) => x
        : convolution(g, 'skip', inputs, outputs, { kernel: 1, stride: o.stride, padding: 0 });
    return (x, modulate = (y) => y) => relu(add(skip(x), modulate(norm(conv(first(x))))));
  });
}
