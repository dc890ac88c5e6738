/** Gradient rules of convolutions and pooling. */

import type { WindowAttributes } from '../op-set.ts';
import { add, and, equal, not, or, pad, reshape, slice, where } from '../ops.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { type Rules, single } from './rule.ts';
import { unslice } from './shape.ts';

type ConvOps = 'Conv' | 'ConvTranspose' | 'ConvKernel' | 'AveragePool' | 'MaxPool';
type Form = 'Conv' | 'ConvTranspose' | 'ConvKernel';

/** One of the three convolution ops, for the shape that the caller knows. */
function form(op: Form, a: Tensor, b: Tensor, window: WindowAttributes, shape: readonly number[]): Tensor {
  const attributes = { strides: window.strides, padding: window.padding };
  return a.graph.node(op, [a, b], attributes, [{ shape, dtype: 'float32' }])[0]!;
}

export const CONV: Pick<Rules, ConvOps> = {
  Conv: single((g, node: Node<'Conv'>) => {
    const [x, w] = node.inputs as [Tensor, Tensor];
    return [
      form('ConvTranspose', g, w, node.attributes, x.shape),
      form('ConvKernel', x, g, node.attributes, w.shape),
    ];
  }),
  ConvTranspose: single((g, node: Node<'ConvTranspose'>) => {
    const [y, w] = node.inputs as [Tensor, Tensor];
    return [form('Conv', g, w, node.attributes, y.shape), form('ConvKernel', g, y, node.attributes, w.shape)];
  }),
  ConvKernel: single((g, node: Node<'ConvKernel'>) => {
    const [x, y] = node.inputs as [Tensor, Tensor];
    return [
      form('ConvTranspose', y, g, node.attributes, x.shape),
      form('Conv', x, g, node.attributes, y.shape),
    ];
  }),
  AveragePool: single((g, node: Node<'AveragePool'>) => {
    const { kernel } = node.attributes;
    const [n = 0, c = 0, ...space] = node.inputs[0]!.shape;
    const even = g.graph.constant(1 / sizeOf(kernel), [1, 1, ...kernel]);
    const each = reshape(g, [n * c, 1, ...g.shape.slice(2)]);
    const spread = form('ConvTranspose', each, even, node.attributes, [n * c, 1, ...space]);
    return [reshape(spread, [n, c, ...space])];
  }),
  MaxPool: single((g, node: Node<'MaxPool'>, y) => {
    const { kernel, strides, padding } = node.attributes;
    const [x] = node.inputs as [Tensor];
    const around = Object.fromEntries(padding.map((p, i) => [i + 2, [p, p] as const]));
    const padded = pad(x, around, Number.NEGATIVE_INFINITY);
    let taken: Tensor | null = null;
    let sum: Tensor | null = null;
    for (const offset of offsets(kernel)) {
      // The values that this place of the window sees in every window; the first that equals the largest gets its gradient.
      const ends = offset.map((o, i) => o + (y.shape[i + 2]! - 1) * strides[i]! + 1);
      const ranges = offset.map((o, i) => [i + 2, [o, ends[i]!, strides[i]!] as const]);
      const hit = equal(slice(padded, Object.fromEntries(ranges)), y);
      const first: Tensor = taken === null ? hit : and(hit, not(taken));
      taken = taken === null ? hit : or(taken, hit);
      const cut = { starts: [0, 0, ...offset], steps: [1, 1, ...strides] };
      const part = unslice(where(first, g, 0), padded.shape, cut);
      sum = sum === null ? part : add(sum, part);
    }
    const inner = padding.map((p, i) => [i + 2, [p, p + x.shape[i + 2]!] as const]);
    return [slice(sum!, Object.fromEntries(inner))];
  }),
};

/** All places of a window, row by row. */
const offsets = (kernel: readonly number[]): number[][] =>
  kernel.reduce<number[][]>(
    (list, k) => list.flatMap((o) => Array.from({ length: k }, (_, i) => [...o, i])),
    [[]],
  );
