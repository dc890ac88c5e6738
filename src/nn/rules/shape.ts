/** Gradient rules of operations that move values, reduce or normalise. */
import {
  add,
  broadcastTo,
  cast,
  concat,
  cumsum,
  div,
  equal,
  exp,
  matmul,
  mean,
  mul,
  oneHot,
  pad,
  reshape,
  slice,
  softmax,
  split,
  square,
  sub,
  sum,
  transpose,
} from '../ops.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { kept, type Rules, single, unbroadcast } from './rule.ts';

type ShapeOps =
  | 'Transpose'
  | 'Reshape'
  | 'Expand'
  | 'Concat'
  | 'Split'
  | 'Slice'
  | 'Pad'
  | 'Gather'
  | 'OneHot'
  | 'CumSum'
  | 'ArgMax'
  | 'ReduceLogSumExp'
  | 'ReduceMax'
  | 'ReduceMean'
  | 'ReduceSum'
  | 'LogSoftmax'
  | 'Softmax'
  | 'LayerNorm'; // prettier-ignore

export const SHAPE: Pick<Rules, ShapeOps> = {
  Transpose: single((g, node: Node<'Transpose'>) => {
    const { perm } = node.attributes;
    return [
      transpose(
        g,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  }),
  Reshape: single((g, node) => [reshape(g, node.inputs[0]!.shape)]),
  Expand: single((g, node) => [unbroadcast(g, node.inputs[0]!.shape)]),
  Concat: single((g, node: Node<'Concat'>) => {
    const { axis } = node.attributes;
    return split(
      g,
      node.inputs.map((x) => x.shape[axis]!),
      axis,
    );
  }),
  Split: (node, gradients) => {
    const parts = node.outputs.map((y, i) => gradients[i] ?? y.graph.constant(0, y.shape));
    return [concat(parts, node.attributes.axis)];
  },
  Slice: single((g, node: Node<'Slice'>) => [unslice(g, node.inputs[0]!.shape, node.attributes)]),
  Pad: single((g, node: Node<'Pad'>) => {
    const { before } = node.attributes;
    const { shape } = node.inputs[0]!;
    return [slice(g, Object.fromEntries(shape.map((d, i) => [i, [before[i]!, before[i]! + d] as const])))];
  }),
  Gather: single((g, node: Node<'Gather'>) => {
    const [x, indices] = node.inputs as [Tensor, Tensor];
    if (x.dtype !== 'float32') return [null, null];
    // Each row of the table sums the gradients of the places that read it: one product with a matrix of 0 and 1.
    const { axis } = node.attributes;
    const size = x.shape[axis]!;
    const count = sizeOf(indices.shape);
    const before = x.shape.slice(0, axis);
    const after = x.shape.slice(axis + 1);
    const rest = sizeOf(before) * sizeOf(after);
    const places = transpose(reshape(g, [sizeOf(before), count, sizeOf(after)]), [1, 0, 2]);
    const readers = transpose(reshape(oneHot(indices, size), [count, size]));
    const rows = reshape(matmul(readers, reshape(places, [count, rest])), [
      size,
      sizeOf(before),
      sizeOf(after),
    ]);
    return [reshape(transpose(rows, [1, 0, 2]), x.shape), null];
  }),
  OneHot: 'whole numbers have none',
  CumSum: single((g, node: Node<'CumSum'>) => {
    const { axis, reverse } = node.attributes;
    return [cumsum(g, axis, { reverse: !reverse })];
  }),
  ArgMax: 'it is piecewise constant',
  ReduceLogSumExp: single((g, node: Node<'ReduceLogSumExp'>, y) => {
    const [x] = node.inputs as [Tensor];
    const rows = kept(x.shape, node.attributes.axes);
    return [mul(reshape(g, rows), exp(sub(x, reshape(y, rows))))];
  }),
  ReduceMax: single((g, node: Node<'ReduceMax'>, y) => {
    const [x] = node.inputs as [Tensor];
    const { axes } = node.attributes;
    const rows = kept(x.shape, axes);
    const largest = cast(equal(x, reshape(y, rows)), 'float32');
    return [mul(largest, div(reshape(g, rows), sum(largest, axes, { keepDims: true })))];
  }),
  ReduceMean: single((g, node: Node<'ReduceMean'>) => {
    const { shape } = node.inputs[0]!;
    const { axes } = node.attributes;
    const count = axes.reduce((n, a) => n * shape[a]!, 1);
    return [broadcastTo(reshape(mul(g, 1 / count), kept(shape, axes)), shape)];
  }),
  ReduceSum: single((g, node: Node<'ReduceSum'>) => {
    const { shape } = node.inputs[0]!;
    return [broadcastTo(reshape(g, kept(shape, node.attributes.axes)), shape)];
  }),
  LogSoftmax: single((g, node: Node<'LogSoftmax'>) => {
    const { axis } = node.attributes;
    const p = softmax(node.inputs[0]!, axis);
    return [sub(g, mul(p, sum(g, axis, { keepDims: true })))];
  }),
  Softmax: single((g, node: Node<'Softmax'>, y) => {
    const gy = mul(g, y);
    return [sub(gy, mul(y, sum(gy, node.attributes.axis, { keepDims: true })))];
  }),
  LayerNorm: (node, [g, ofMean, ofInverse]) => {
    const [x, scale, bias] = node.inputs as [Tensor, Tensor, Tensor];
    const [, average, inverse] = node.outputs as [Tensor, Tensor, Tensor];
    // With n = (x - mean) / std and h = g scale: dx = (h - mean(h) - n mean(h n)) / std (Ba et al. 2016, by the chain rule).
    const n = mul(sub(x, average), inverse);
    const rows = (t: Tensor): Tensor => mean(t, -1, { keepDims: true });
    const parts: Tensor[] = [];
    if (g) {
      const h = mul(g, scale);
      parts.push(mul(sub(sub(h, rows(h)), mul(n, rows(mul(h, n)))), inverse));
    }
    // The other two outputs are used by this rule alone, so gradients reach them when it is differentiated again.
    const share = 1 / x.shape.at(-1)!;
    if (ofMean) parts.push(broadcastTo(mul(ofMean, share), x.shape));
    if (ofInverse) parts.push(mul(mul(ofInverse, -share), mul(n, square(inverse))));
    const dx = parts.reduce(add);
    return g ? [dx, unbroadcast(mul(g, n), scale.shape), unbroadcast(g, bias.shape)] : [dx, null, null];
  },
};

/** Puts a slice back where it was cut from, zeros elsewhere: what the gradient of a slice is. */
export function unslice(
  g: Tensor,
  shape: readonly number[],
  cut: { readonly starts: readonly number[]; readonly steps: readonly number[] },
): Tensor {
  let out = g;
  shape.forEach((size, axis) => {
    const start = cut.starts[axis]!;
    const stride = cut.steps[axis]!;
    if (stride > 1) {
      // Zeros behind every value: [n] → [n, 1] → [n, stride] → [n stride].
      const n = out.shape[axis]!;
      const [before, after] = [out.shape.slice(0, axis), out.shape.slice(axis + 1)];
      const apart = pad(reshape(out, [...before, n, 1, ...after]), { [axis + 1]: [0, stride - 1] });
      const room = Math.min(n * stride, size - start);
      out = slice(reshape(apart, [...before, n * stride, ...after]), { [axis]: [0, room] });
    }
    out = pad(out, { [axis]: [start, size - start - out.shape[axis]!] });
  });
  return out;
}
