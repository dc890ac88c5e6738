/**
 * Ways to say operations that ONNX Runtime's CPU kernels run faster while training, where weights change in every step. Results are
 * the same up to rounding; files for deployment keep to plain ONNX.
 *
 * A convolution becomes a matrix product with the columns of its signal: one row for each place of the window, holding all values that
 * the window sees there. They are cut out once and serve both the forward pass and the kernel's gradient. (Plain ONNX can say the latter only as a Conv whose kernel is as large as the picture, which takes twice as long.)
 */

import type { WindowAttributes } from '../op-set.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import type { OnnxBuilder } from './builder.ts';
import { LOWERINGS, type Lowerings } from './lower.ts';

/** ONNX Runtime's own operators. */
const OWN = 'com.microsoft';

export const TRAINING_LOWERINGS: Partial<Lowerings> = {
  Step: (node, to) => {
    // max(0, min(1, α x)): the steepest slope that float32 holds makes it a step in one pass.
    const slope = { alpha: { float: 1e38 }, beta: { float: 0 } };
    to.node('HardSigmoid', [to.name(node.inputs[0]!)], [to.name(node.outputs[0]!)], slope);
  },
  ReduceSum: (node, to) => {
    // Sums over the leading axes, as the gradients of biases are: a product with a row of ones reads rows as they lie.
    const [x] = node.inputs as [Tensor];
    const { axes } = node.attributes;
    const rows = sizeOf(x.shape.slice(0, axes.length));
    if (!axes.every((a, i) => a === i) || axes.length === x.shape.length || rows < 16) {
      return LOWERINGS.ReduceSum(node, to);
    }
    const total = to.inner('MatMul', [to.ones(rows), flat(to, x, [rows, sizeOf(x.shape) / rows])]);
    to.node('Reshape', [total, to.ints(node.outputs[0]!.shape)], [to.name(node.outputs[0]!)]);
  },
  Conv: (node, to) => {
    const [x, w] = node.inputs as [Tensor, Tensor];
    const [y] = node.outputs as [Tensor];
    const product = isPointwise(w, node.attributes)
      ? to.inner('MatMul', [flat(to, w, w.shape.slice(0, 2)), flat(to, x, [...x.shape.slice(0, 2), -1])])
      : isFew(w)
        ? to.inner('MatMul', [flat(to, w, [w.shape[0]!, -1]), seenByConv(to, x, w, y, node)])
        : to.inner('FusedMatMul', [rowsOfKernel(to, w), columns(to, x, w.shape, node)], { transB: 1 }, OWN);
    to.node('Reshape', [product, to.ints(y.shape)], [to.name(y)]);
  },
  ConvTranspose: (node, to) => {
    const [y, w] = node.inputs as [Tensor, Tensor];
    if (!isPointwise(w, node.attributes)) return LOWERINGS.ConvTranspose(node, to);
    const [k = 1, c = 1] = w.shape;
    const each = flat(to, y, [y.shape[0]!, k, sizeOf(y.shape.slice(2))]);
    const x = to.inner('FusedMatMul', [flat(to, w, [k, c]), each], { transA: 1 }, OWN);
    to.node('Reshape', [x, to.ints(node.outputs[0]!.shape)], [to.name(node.outputs[0]!)]);
  },
  ConvKernel: (node, to) => {
    const [x, y] = node.inputs as [Tensor, Tensor];
    const [w] = node.outputs as [Tensor];
    const [k = 1, c = 1, ...kernel] = w.shape;
    const places = sizeOf(y.shape.slice(2));
    const rows = y.shape[0]! * places;
    if (isPointwise(w, node.attributes)) {
      const product = to.inner(
        'FusedMatMul',
        [channelsFirst(to, y, places), channelsFirst(to, x, places)],
        { transB: 1 },
        OWN,
      );
      return to.node('Reshape', [product, to.ints(w.shape)], [to.name(w)]);
    }
    if (isFew(w)) {
      const each = to.inner(
        'FusedMatMul',
        [flat(to, y, [...y.shape.slice(0, 2), -1]), seenByConv(to, x, w, y, node)],
        { transB: 1 },
        OWN,
      );
      const total = to.inner('ReduceSum', [each, to.ints([0])], { keepdims: 0 });
      return to.node('Reshape', [total, to.ints(w.shape)], [to.name(w)]);
    }
    const long = to.inner('Reshape', [columns(to, x, w.shape, node), to.ints([rows, sizeOf(kernel) * c])]);
    const product = to.inner('MatMul', [channelsFirst(to, y, places), long]);
    const apart = to.inner('Reshape', [product, to.ints([k, ...kernel, c])]);
    const last = kernel.length + 1;
    to.node('Transpose', [apart], [to.name(w)], { perm: [0, last, ...kernel.map((_, i) => i + 1)] });
  },
};

/** Whether each result depends on one place of the signal, so that the signal is its own columns. */
const isPointwise = (w: Tensor, { strides, padding }: WindowAttributes): boolean =>
  w.shape.slice(2).every((k, i) => k === 1 && strides[i] === 1 && padding[i] === 0);

/** Whether a window holds so few values that a convolution finds them faster than a Gather of many short pieces. */
const isFew = (w: Tensor): boolean => sizeOf(w.shape.slice(1)) <= 48;

/** [N, C, …] as [N, C window, places]: a convolution whose kernels have a single 1 each. */
function seenByConv(
  to: OnnxBuilder,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  node: Node<'Conv'> | Node<'ConvKernel'>,
): string {
  const { strides, padding } = node.attributes;
  const size = sizeOf(w.shape.slice(1));
  const seen = to.inner('Conv', [to.name(x), to.identity(size, [size, ...w.shape.slice(1)])], {
    kernel_shape: w.shape.slice(2),
    strides,
    pads: [...padding, ...padding],
  });
  return to.inner('Reshape', [seen, to.ints([x.shape[0]!, size, sizeOf(y.shape.slice(2))])]);
}

const flat = (to: OnnxBuilder, t: Tensor, shape: readonly number[]): string =>
  to.inner('Reshape', [to.name(t), to.ints(shape)]);

/** [N, C, …] as [C, N places]. */
function channelsFirst(to: OnnxBuilder, t: Tensor, places: number): string {
  const [n = 1, c = 1] = t.shape;
  const swapped = to.inner('Transpose', [flat(to, t, [n, c, places])], { perm: [1, 0, 2] });
  return to.inner('Reshape', [swapped, to.ints([c, n * places])]);
}

/** [K, C, …] as [K, window C], with the channels of one place side by side. */
function rowsOfKernel(to: OnnxBuilder, w: Tensor): string {
  const [k = 1, c = 1, ...kernel] = w.shape;
  const perm = [0, ...kernel.map((_, i) => i + 2), 1];
  return to.inner('Reshape', [
    to.inner('Transpose', [to.name(w)], { perm }),
    to.ints([k, sizeOf(kernel) * c]),
  ]);
}

/** [N, C, …] as [N, places, window C]: what the window sees at each of its places. */
function columns(
  to: OnnxBuilder,
  x: Tensor,
  [, c = 1, ...kernel]: readonly number[],
  node: Node<'Conv'> | Node<'ConvKernel'>,
): string {
  const { strides, padding } = node.attributes;
  const [n = 1, , ...space] = x.shape;
  const counts = space.map((d, i) => Math.floor((d + 2 * padding[i]! - kernel[i]!) / strides[i]!) + 1);
  // Behind, only as many zeros as the last window reaches.
  const behind = space.map((d, i) =>
    Math.max(0, (counts[i]! - 1) * strides[i]! + kernel[i]! - padding[i]! - d),
  );
  const padded = space.map((d, i) => d + padding[i]! + behind[i]!);
  let last = to.inner('Transpose', [to.name(x)], { perm: [0, ...space.map((_, i) => i + 2), 1] });
  if (padded.some((d, i) => d !== space[i])) {
    last = to.inner('Pad', [last, to.ints([0, ...padding, 0, 0, ...behind, 0]), to.float(0)]);
  }
  const places = to.inner('Reshape', [last, to.ints([n, sizeOf(padded), c])]);
  const seen = to.inner('Gather', [places, to.int32s(windowPlaces(padded, kernel, strides, counts))], {
    axis: 1,
  });
  return to.inner('Reshape', [seen, to.ints([n, sizeOf(counts), sizeOf(kernel) * c])]);
}

/** For each window and each of its values, the place in the padded signal, counted row by row. */
function windowPlaces(
  padded: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  counts: readonly number[],
): number[] {
  const each = (sizes: readonly number[]): number[][] =>
    sizes.reduce<number[][]>(
      (list, d) => list.flatMap((p) => Array.from({ length: d }, (_, i) => [...p, i])),
      [[]],
    );
  const offsets = each(kernel);
  return each(counts).flatMap((start) =>
    offsets.map((offset) =>
      offset.reduce((place, o, i) => place * padded[i]! + start[i]! * strides[i]! + o, 0),
    ),
  );
}
