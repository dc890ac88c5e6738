/**
 * Convolutions along time on [B, T, C]: channels stay last, as they do in attention and in linear layers. A single sample, as a
 * policy at work has it, is faster as one matrix product of shifted rows than as the general convolution; batches are not.
 */
import type { Graph } from '../graph.ts';
import {
  add,
  concat,
  conv1d,
  div,
  matmul,
  mean,
  mul,
  pad,
  reshape,
  slice,
  sqrt,
  square,
  sub,
  transpose,
} from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { groupsOf } from './convolution.ts';
import type { Layer } from './linear.ts';

/**
 * y_t = Σ_k x_{t·stride + k − padding} W_k + b with zeros outside, [B, T, inputs] to [B, T', outputs], where
 * T' = ⌊(T + 2 padding − kernel) / stride⌋ + 1. Parameters NAME/weight [kernel · inputs, outputs] (tap by tap) and NAME/bias.
 */
export function convolution1d(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: { readonly kernel: number; readonly stride?: number; readonly padding?: number },
): Layer {
  return g.scope(name, () => {
    const weight = g.parameter('weight', [o.kernel * inputs, outputs], { kind: 'xavier-uniform' });
    const bias = g.parameter('bias', [outputs], { kind: 'zeros' });
    const { kernel, stride = 1, padding = kernel >> 1 } = o;
    const pointwise = kernel === 1 && stride === 1 && padding === 0;
    const product = (x: Tensor): Tensor => {
      if (pointwise) return matmul(x, weight);
      if (x.shape[0] === 1) return matmul(shifted(x, kernel, stride, padding), weight);
      const taps = transpose(reshape(weight, [kernel, inputs, outputs]), [2, 1, 0]);
      return transpose(conv1d(transpose(x, [0, 2, 1]), taps, undefined, { stride, padding }), [0, 2, 1]);
    };
    return (x: Tensor) => add(product(x), bias);
  });
}

/** Rows x_{t·stride + k − padding} for k = 0..kernel side by side: [B, T, C] to [B, T', kernel · C]. */
function shifted(x: Tensor, kernel: number, stride: number, padding: number): Tensor {
  const steps = x.shape[1]!;
  const padded = padding === 0 ? x : pad(x, { 1: [padding, padding] });
  const count = Math.floor((steps + 2 * padding - kernel) / stride) + 1;
  const taps = Array.from({ length: kernel }, (_, k) =>
    slice(padded, { 1: [k, k + (count - 1) * stride + 1, stride] }),
  );
  return concat(taps, 2);
}

/**
 * Transposed convolution of kernel 4, stride 2, padding 1: doubles T. Even steps see x_i and x_{i−1}, odd ones x_i and
 * x_{i+1}, which makes two small products. Parameters NAME/even and NAME/odd [2 · inputs, outputs], NAME/bias.
 */
export function upsampling1d(g: Graph, name: string, inputs: number, outputs: number): Layer {
  return g.scope(name, () => {
    const even = g.parameter('even', [2 * inputs, outputs], { kind: 'xavier-uniform' });
    const odd = g.parameter('odd', [2 * inputs, outputs], { kind: 'xavier-uniform' });
    const bias = g.parameter('bias', [outputs], { kind: 'zeros' });
    return (x: Tensor) => {
      const [batch, steps] = x.shape as [number, number, number];
      const padded = pad(x, { 1: [1, 1] });
      const before = slice(padded, { 1: [0, steps] });
      const after = slice(padded, { 1: [2, steps + 2] });
      const evens = matmul(concat([x, before], 2), even);
      const odds = matmul(concat([x, after], 2), odd);
      return add(reshape(concat([evens, odds], 2), [batch, 2 * steps, outputs]), bias);
    };
  });
}

/** Group norm over time and the channels of a group, with learned scale and bias: [B, T, C] to the same. */
export function groupNormed1d(g: Graph, name: string, channels: number, wanted: number): Layer {
  const groups = groupsOf(channels, wanted);
  const size = channels / groups;
  return g.scope(name, () => {
    const scale = g.parameter('scale', [channels], { kind: 'ones' });
    const bias = g.parameter('bias', [channels], { kind: 'zeros' });
    // A product with this matrix averages inside each group and gives each of its channels the average.
    const within = new Float32Array(channels * channels);
    for (let i = 0; i < channels; i++) {
      for (let j = 0; j < channels; j++) {
        if (Math.floor(i / size) === Math.floor(j / size)) within[i * channels + j] = 1 / size;
      }
    }
    return (x: Tensor) => {
      const matrix = g.constant(within, [channels, channels]);
      const average = (y: Tensor): Tensor => matmul(mean(y, [1], { keepDims: true }), matrix);
      const centred = sub(x, average(x));
      const deviation = sqrt(add(average(square(centred)), 1e-5));
      return add(mul(centred, div(scale, deviation)), bias);
    };
  });
}
