/**
 * Convolutions while training. Those of images whose channels fill blocks are in blocked.ts; all others are matrix products, channels
 * last: a signal [N, C, …] is made and kept as [N, …, C], whose rows are places. Two kinds of rows are cut out of it:
 *
 * - What a window sees at each of its places, [N places, window C]. The forward pass multiplies them by the kernel; the kernel's
 *   gradient is their product with the gradient. They are cut out once for both.
 * - For the signal's gradient, what of the result each place of the signal went into. With stride s, places whose index leaves the
 *   same remainder see the same taps, so each remainder is a convolution of stride 1 of its own. Those along the last axis are
 *   neighbours in memory and are computed side by side, where taps that a remainder lacks are zeros.
 */

import type { WindowAttributes } from '../op-set.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { blockedConv, blockedKernel, blockedSignal } from './blocked.ts';
import { BLOCKED, type OnnxBuilder } from './builder.ts';
import type { Lowerings } from './lower.ts';
import {
  cutTo,
  divisorOf,
  picked,
  placeIn,
  placesOf,
  product,
  range,
  startsOf,
  type Taps,
  tapsOf,
} from './windows.ts';

/** ONNX Runtime's own operators. */
const OWN = 'com.microsoft';

export const CONVOLUTIONS: Pick<Lowerings, 'Conv' | 'ConvTranspose' | 'ConvKernel'> = {
  Conv: (node, to) => {
    if (blockedConv(node, to)) return;
    const [x, w] = node.inputs as [Tensor, Tensor];
    const [y] = node.outputs as [Tensor];
    const rows = isThin(w)
      ? to.inner('FusedMatMul', [seenByConv(to, x, w, y, node), thin(to, w)], { transA: 1, transB: 1 }, OWN)
      : forward(to, seen(to, x, w, y, node), w);
    madeLast(to, y, rows);
  },
  ConvKernel: (node, to) => {
    if (blockedKernel(node, to)) return;
    const [x, y] = node.inputs as [Tensor, Tensor];
    const [w] = node.outputs as [Tensor];
    const [k = 1, c = 1, ...kernel] = w.shape;
    if (isThin(w)) {
      const places = sizeOf(y.shape.slice(2));
      const rows = to.inner('Reshape', [lastForm(to, y), to.ints([y.shape[0]!, places, k])]);
      const each = to.inner('MatMul', [seenByConv(to, x, w, y, node), rows]);
      const total = to.inner('ReduceSum', [each, to.ints([0])], { keepdims: 0 });
      return to.made(w, [1, ...axes(w), 0], to.inner('Reshape', [total, to.ints([c, ...kernel, k])]));
    }
    to.made(w, lastOrder(w), to.inner('Reshape', [kernelSum(to, x, w, y, node), to.ints([k, ...kernel, c])]));
  },
  ConvTranspose: (node, to) => {
    if (blockedSignal(node, to)) return;
    const [y, w] = node.inputs as [Tensor, Tensor];
    const [x] = node.outputs as [Tensor];
    const { strides, padding } = node.attributes;
    const [n = 1, c = 1, ...space] = x.shape;
    const last = space.length - 1;
    const counts = space.map((d, i) => Math.ceil(d / strides[i]!));
    // Each remainder of each axis; those of the last axis together.
    const parts = product(
      strides.map((s, i) => {
        const remainders = i === last ? [range(s)] : range(s).map((r) => [r]);
        return remainders.map((list) => tapsOf(list, w.shape[i + 2]!, s, padding[i]!));
      }),
    ).map((part) => signalPart(to, y, w, counts, part));
    let whole = parts[0]!;
    if (parts.length > 1) {
      // With one axis of the picture before the last, rows of each remainder take turns.
      const apart = to.ints([n, counts[0]!, 1, counts[last]! * strides[last]! * c]);
      const rows = parts.map((part) => to.inner('Reshape', [part, apart]));
      whole = to.inner('Concat', rows, { axis: 2 });
    }
    const full = counts.map((d, i) => d * strides[i]!);
    whole = to.inner('Reshape', [whole, to.ints([n, ...full, c])]);
    whole = cutTo(to, whole, full, space, 1);
    to.made(x, lastOrder(x), whole);
  },
};

/** Axes of the window of a kernel [K, C, …]. */
const axes = (w: Tensor): number[] => w.shape.slice(2).map((_, i) => i + 2);

const lastOrder = (t: Tensor): number[] => [0, ...t.shape.slice(2).map((_, i) => i + 2), 1];

/** [N, C, …] as [N, …, C]. */
const lastForm = (to: OnnxBuilder, t: Tensor): string => to.form(t, lastOrder(t));

/** Takes a product of rows as [N, …, C]. */
function madeLast(to: OnnxBuilder, t: Tensor, rows: string): void {
  const [n = 1, c = 1, ...space] = t.shape;
  to.made(t, lastOrder(t), to.inner('Reshape', [rows, to.ints([n, ...space, c])]));
}

/** Product of rows [N places, window C] and a kernel [K, C, …], as it lies if it lies window first. */
function forward(to: OnnxBuilder, rows: string, w: Tensor): string {
  const [k = 1, c = 1, ...kernel] = w.shape;
  const size = sizeOf(kernel) * c;
  const order = [...axes(w), 1, 0];
  if (to.otherOrder(w)?.every((axis, i) => axis === order[i])) {
    return to.inner('MatMul', [rows, to.inner('Reshape', [to.form(w, order), to.ints([size, k])])]);
  }
  // Channels last is what the signal's gradient asks for as well.
  const turned = to.inner('Reshape', [lastForm(to, w), to.ints([k, size])]);
  return to.inner('FusedMatMul', [rows, turned], { transB: 1 }, OWN);
}

/**
 * Gradient of a kernel, [K, window C]: the sum of result × what the window saw, over all places. The product runs fastest while its
 * left side stays in a core's cache, so places are summed in blocks.
 */
function kernelSum(to: OnnxBuilder, x: Tensor, w: Tensor, y: Tensor, node: Node<'ConvKernel'>): string {
  const [k = 1, c = 1, ...kernel] = w.shape;
  const places = y.shape[0]! * sizeOf(y.shape.slice(2));
  const most = Math.max(1, Math.floor(BLOCK / k));
  const blocks = divisorOf(places, (m) => places / m <= most)!;
  const block = places / blocks;
  const apart = to.inner('Reshape', [lastForm(to, y), to.ints([blocks, block, k])]);
  const turned = to.inner('Transpose', [apart], { perm: [0, 2, 1] });
  // The axis of 1 keeps ONNX Runtime from fusing both, which turns it once for each slice of the right side.
  const left = to.inner('Reshape', [turned, to.ints([blocks, 1, k, block])]);
  const size = sizeOf(kernel) * c;
  const right = to.inner('Reshape', [seen(to, x, w, y, node), to.ints([blocks, 1, block, size])]);
  const each = to.inner('MatMul', [left, right]);
  return blocks === 1 ? each : to.inner('ReduceSum', [each, to.ints([0, 1])], { keepdims: 0 });
}

/** Values that half of a core's second-level cache holds, 512 KiB. */
const BLOCK = 1 << 17;

/** What the window sees at each of its places, [N places, window C]. */
function seen(
  to: OnnxBuilder,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  { attributes }: Node<'Conv'> | Node<'ConvKernel'>,
): string {
  return gathered(to, x, startsOf(y.shape.slice(2), attributes), placesOf(w.shape.slice(2)));
}

/** The places `start + offset` of a signal [N, C, …], with zeros outside: [N starts, offsets C]. */
function gathered(
  to: OnnxBuilder,
  t: Tensor,
  starts: readonly (readonly number[])[],
  offsets: readonly (readonly number[])[],
): string {
  const [n = 1, c = 1, ...space] = t.shape;
  const size = sizeOf(space);
  const list = starts.flatMap((start) => offsets.map((offset) => placeIn(space, start, offset)));
  // Channels in blocks are cut out block by block: the columns are the same.
  const blocks = to.otherOrder(t) === BLOCKED ? c / to.block : 1;
  let from = blocks > 1 ? to.form(t, BLOCKED) : lastForm(to, t);
  if (blocks > 1 || list.length !== size || list.some((place, i) => place !== i)) {
    const outside = blocks * size;
    const each = list.flatMap((place) =>
      range(blocks).map((i) => (place === size ? outside : i * size + place)),
    );
    from = picked(to, from, [n, outside, c / blocks], each);
  }
  return to.inner('Reshape', [from, to.ints([n * starts.length, offsets.length * c])]);
}

/** Values of the signal at one remainder for each axis, several for the last one: [N places, remainders C]. */
function signalPart(
  to: OnnxBuilder,
  y: Tensor,
  w: Tensor,
  counts: readonly number[],
  part: readonly Taps[],
): string {
  const [k = 1, c = 1, ...kernel] = w.shape;
  const side = part.at(-1)!.taps[0]?.length ?? 1;
  const offsets = product(part.map((p) => p.offsets));
  if (offsets.length === 0) return to.zeros([y.shape[0]! * sizeOf(counts), side * c]);
  const rows = gathered(to, y, placesOf(counts), offsets);
  // [window, K, C], with zeros behind the last tap.
  const size = sizeOf(kernel);
  const windowSecond = to.inner('Reshape', [lastForm(to, w), to.ints([k, size, c])]);
  let weights = to.inner('Transpose', [windowSecond], { perm: [1, 0, 2] });
  const list = product(part.map((p) => p.taps)).flatMap((at) =>
    product(at).map((tap) =>
      tap.includes(-1) ? size : tap.reduce((i, a, axis) => i * kernel[axis]! + a, 0),
    ),
  );
  if (list.includes(size)) weights = to.inner('Concat', [weights, to.zeros([1, k, c])], { axis: 0 });
  weights = to.inner('Gather', [weights, to.int32s(list)], { axis: 0 });
  if (side > 1) {
    weights = to.inner('Reshape', [weights, to.ints([offsets.length, side, k, c])]);
    weights = to.inner('Transpose', [weights], { perm: [0, 2, 1, 3] });
  }
  weights = to.inner('Reshape', [weights, to.ints([offsets.length * k, side * c])]);
  return to.inner('MatMul', [rows, weights]);
}

/** Whether places hold so few values that a convolution cuts windows out faster than a Gather of such short pieces. */
const isThin = (w: Tensor): boolean =>
  w.shape[1]! <= 4 && w.shape.length === 4 && sizeOf(w.shape.slice(1)) <= 48;

/** A kernel [K, C, …] as [K, C window]. */
const thin = (to: OnnxBuilder, w: Tensor): string =>
  to.inner('Reshape', [to.name(w), to.ints([w.shape[0]!, -1])]);

/** [N, C, …] as [N, C window, places]: a convolution whose kernels have a single 1 each. */
function seenByConv(
  to: OnnxBuilder,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  node: Node<'Conv'> | Node<'ConvKernel'>,
): string {
  const { strides, padding }: WindowAttributes = node.attributes;
  const size = sizeOf(w.shape.slice(1));
  const places = to.inner('Conv', [to.name(x), to.identity(size, [size, ...w.shape.slice(1)])], {
    kernel_shape: w.shape.slice(2),
    strides,
    pads: [...padding, ...padding],
  });
  return to.inner('Reshape', [places, to.ints([x.shape[0]!, size, sizeOf(y.shape.slice(2))])]);
}
