/**
 * Convolutions of images whose channels lie in blocks, by ONNX Runtime's own operators for them, which need no rows cut out. ONNX
 * Runtime uses them for kernels that never change; here kernels are brought into their order in every step.
 *
 * The gradient of the signal is a convolution too. With stride s, places whose index leaves the same remainder see the same taps, so
 * each remainder of each axis is a convolution of stride 1 of its own, and their results take turns.
 */
import type { WindowAttributes } from '../op-set.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { BLOCKED, NCHWC, type OnnxBuilder } from './builder.ts';
import { cutTo, divisorOf, picked, placeIn, placesOf, product, range, startsOf, tapsOf } from './windows.ts';

/** Whether channels fill blocks. */
const fills = (to: OnnxBuilder, channels: number): boolean => to.block > 0 && channels % to.block === 0;

/** Result of a convolution in blocks; false where the channels do not fill blocks. The first layer may see the colours of a picture. */
export function blockedConv({ inputs, outputs, attributes }: Node<'Conv'>, to: OnnxBuilder): boolean {
  const [x, w] = inputs as [Tensor, Tensor];
  const [k = 1, c = 1, ...kernel] = w.shape;
  const picture = c < to.block;
  if (w.shape.length !== 4 || !fills(to, k) || !(picture || fills(to, c))) return false;
  const [ours, theirs] = [c / to.block, k / to.block];
  // [C, K / block, taps, block]
  const turned = to.inner('ReorderInput', [to.form(w, [1, 0, 2, 3])], { channels_last: 0 }, NCHWC);
  const apart = picture ? [c, theirs, -1, to.block] : [ours, to.block, theirs, -1, to.block];
  const perm = picture ? [1, 0, 2, 3] : [2, 0, 3, 1, 4];
  const weights = to.inner('Transpose', [to.inner('Reshape', [turned, to.ints(apart)])], { perm });
  const signal = picture ? to.name(x) : to.form(x, BLOCKED);
  const { strides, padding } = attributes;
  const operands = [signal, to.inner('Reshape', [weights, to.ints([k, c, ...kernel])])];
  const window = { kernel_shape: kernel, strides, pads: [...padding, ...padding] };
  to.madeLater(outputs[0]!, {
    kind: 'conv',
    bias: null,
    make: (bias, activation) =>
      to.inner(
        'Conv',
        bias === null ? operands : [...operands, bias],
        activation === undefined ? window : { ...window, activation },
        NCHWC,
      ),
  });
  return true;
}

/** Fewest places that are summed in one product. */
const PLACES = 128;

/**
 * Gradient of a kernel in blocks; false where channels do not fill blocks. It is the product of what the window saw and the result's
 * gradient, summed over places. That is a convolution of one tap whose channels are the places, with what was seen as its kernel. A
 * group of it has the places of one picture, or of a few where there are few.
 */
export function blockedKernel(node: Node<'ConvKernel'>, to: OnnxBuilder): boolean {
  const { inputs, outputs, attributes } = node;
  const [x, y] = inputs as [Tensor, Tensor];
  const [w] = outputs as [Tensor];
  const [k = 1, c = 1, ...kernel] = w.shape;
  if (w.shape.length !== 4 || !fills(to, k)) return false;
  if (c < to.block) {
    pictureKernel(node, to);
    return true;
  }
  const n = x.shape[0]!;
  const each = sizeOf(y.shape.slice(2));
  const together = divisorOf(n, (m) => fills(to, m * each) && m * each >= PLACES);
  if (!fills(to, c) || together === undefined) return false;
  const [groups, places] = [n / together, together * each];
  const taps = sizeOf(kernel);
  // Places as channels: [groups, places / block, K, block].
  const rows = to.inner('Reshape', [to.form(y, [0, 2, 3, 1]), to.ints([groups, places, 1, k])]);
  const turned = to.inner('ReorderInput', [rows], { channels_last: 0 }, NCHWC);
  const products = to.inner(
    'Conv',
    [
      to.inner('Reshape', [turned, to.ints([1, groups * places, 1, k])]),
      to.inner('Reshape', [
        seenInBlocks(to, x, y, w, attributes, together),
        to.ints([groups * taps * c, places, 1, 1]),
      ]),
    ],
    { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], group: groups },
    NCHWC,
  );
  const total = sumOver(to, products, groups, w);
  // [taps, C / block, K, block] to [taps, K, C] to [K C, taps].
  const byTap = to.inner('Reshape', [total, to.ints([taps, c, 1, k])]);
  const apart = to.inner('ReorderOutput', [byTap], { channels: c, channels_last: 1 }, NCHWC);
  const flat = to.inner('Reshape', [apart, to.ints([1, 1, taps, k * c])]);
  const turnedBack = to.inner('ReorderInput', [flat], { channels_last: 1 }, NCHWC);
  const whole = to.inner('ReorderOutput', [turnedBack], { channels: k * c, channels_last: 0 }, NCHWC);
  to.node('Reshape', [whole, to.ints(w.shape)], [to.name(w)]);
  return true;
}

/** Sum of the gradients of a kernel over groups of pictures. */
function sumOver(to: OnnxBuilder, each: string, n: number, w: Tensor): string {
  return to.inner('MatMul', [to.ones(n), to.inner('Reshape', [each, to.ints([n, sizeOf(w.shape)])])]);
}

/** Gradient of the kernel that sees colours: for each picture, what its windows saw times the result's gradient. */
function pictureKernel({ inputs, outputs, attributes }: Node<'ConvKernel'>, to: OnnxBuilder): void {
  const [x, y] = inputs as [Tensor, Tensor];
  const [w] = outputs as [Tensor];
  const [n = 1, k = 1, high = 1, wide = 1] = y.shape;
  const size = sizeOf(w.shape.slice(1));
  const seen = seenInPicture(to, x, w, attributes);
  const windows = to.inner('ReorderOutput', [seen], { channels: size, channels_last: 0 }, NCHWC);
  const each = to.inner('MatMul', [
    to.inner('Reshape', [windows, to.ints([n, 1, size, high * wide])]),
    to.inner('Reshape', [to.form(y, BLOCKED), to.ints([n, k / to.block, high * wide, to.block])]),
  ]);
  const total = to.inner('Reshape', [sumOver(to, each, n, w), to.ints([1, k, 1, size])]);
  const kernel = to.inner('ReorderOutput', [total], { channels: k, channels_last: 0 }, NCHWC);
  to.node('Reshape', [kernel, to.ints(w.shape)], [to.name(w)]);
}

/** What each tap of the window saw of each block of channels, [groups, taps, C / block, places, block], with zeros outside. */
function seenInBlocks(
  to: OnnxBuilder,
  x: Tensor,
  y: Tensor,
  w: Tensor,
  attributes: WindowAttributes,
  together: number,
): string {
  const [n = 1, c = 1, ...space] = x.shape;
  const blocks = c / to.block;
  const size = sizeOf(space);
  const outside = together * blocks * size;
  const starts = startsOf(y.shape.slice(2), attributes);
  const list = product<number>([range(blocks), range(together)]);
  const rows = placesOf(w.shape.slice(2)).flatMap((offset) => {
    const seen = starts.map((start) => placeIn(space, start, offset));
    return list.flatMap(([block = 0, picture = 0]) =>
      seen.map((place) => (place === size ? outside : (picture * blocks + block) * size + place)),
    );
  });
  return picked(to, to.form(x, BLOCKED), [n / together, outside, to.block], rows);
}

/** What the window saw of the colours, [N, windows / block, places, block]: a convolution whose kernels have a single 1 each. */
function seenInPicture(
  to: OnnxBuilder,
  x: Tensor,
  w: Tensor,
  { strides, padding }: WindowAttributes,
): string {
  const kernel = w.shape.slice(2);
  const size = sizeOf(w.shape.slice(1));
  const { block } = to;
  const full = Math.ceil(size / block) * block;
  const ones = new Float32Array(full * size);
  for (let i = 0; i < size; i++) ones[(Math.floor(i / block) * size + i) * block + (i % block)] = 1;
  return to.inner(
    'Conv',
    [to.name(x), to.constant(ones, [full, ...w.shape.slice(1)])],
    { kernel_shape: kernel, strides, pads: [...padding, ...padding] },
    NCHWC,
  );
}

/** Signal of a convolution's result, in blocks; false where it has another form. */
export function blockedSignal(
  { inputs, outputs, attributes }: Node<'ConvTranspose'>,
  to: OnnxBuilder,
): boolean {
  const [y, w] = inputs as [Tensor, Tensor];
  const [x] = outputs as [Tensor];
  const [k = 1, c = 1, ...kernel] = w.shape;
  if (w.shape.length !== 4 || !fills(to, k) || !fills(to, c)) return false;
  const [rows, columns] = kernel.map((_, axis) => remainders(x, y, w, axis, attributes));
  if (rows === undefined || columns === undefined) return false;
  const { block } = to;
  const full = [x.shape[2]!, x.shape[3]!].map((d, i) => Math.ceil(d / attributes.strides[i]!));
  const [high = 1, wide = 1] = full;
  // [C / block, K / block, taps, block of K, block of C]
  const turned = to.inner('ReorderInput', [to.name(w)], { channels_last: 0 }, NCHWC);
  const apart = to.inner('Reshape', [turned, to.ints([k / block, block, c / block, -1, block])]);
  const weights = to.inner('Transpose', [apart], { perm: [2, 0, 3, 1, 4] });
  const n = x.shape[0]!;
  const lines = rows.map((row) => {
    const parts = columns.map((column) => {
      const taps = row.taps.flatMap((a) => column.taps.map((b) => a * kernel[1]! + b));
      const own = to.inner('Gather', [weights, to.int32s(taps)], { axis: 2 });
      const window = [row.taps.length, column.taps.length];
      const part = to.inner(
        'Conv',
        [to.form(y, BLOCKED), to.inner('Reshape', [own, to.ints([c, k, ...window])])],
        { kernel_shape: window, strides: [1, 1], pads: [row.before, column.before, row.after, column.after] },
        NCHWC,
      );
      return to.inner('Reshape', [part, to.ints([n, c / block, high, wide, 1, block])]);
    });
    const line = parts.length === 1 ? parts[0]! : to.inner('Concat', parts, { axis: 4 });
    return to.inner('Reshape', [line, to.ints([n, c / block, high, 1, wide * parts.length * block])]);
  });
  const whole = lines.length === 1 ? lines[0]! : to.inner('Concat', lines, { axis: 3 });
  const long = [high * rows.length, wide * columns.length];
  const joined = to.inner('Reshape', [whole, to.ints([n, c / block, ...long, block])]);
  const image = cutTo(to, joined, long, x.shape.slice(2), 2);
  to.made(x, BLOCKED, to.inner('Reshape', [image, to.ints(x.shape)]));
  return true;
}

/** How the places of one remainder of an axis are a convolution of the result. */
interface Remainder {
  /** Taps of the kernel, in the order of the result's places that they meet. */
  readonly taps: readonly number[];
  /** Zeros in front of the result, and behind it. */
  readonly before: number;
  readonly after: number;
}

/** @returns undefined when a remainder has no tap, or would begin or end inside the result. */
function remainders(
  x: Tensor,
  y: Tensor,
  w: Tensor,
  axis: number,
  { strides, padding }: WindowAttributes,
): Remainder[] | undefined {
  const stride = strides[axis]!;
  const count = Math.ceil(x.shape[axis + 2]! / stride);
  const all = range(stride).map((r): Remainder => {
    const { offsets, taps } = tapsOf([r], w.shape[axis + 2]!, stride, padding[axis]!);
    const [first = 1, last = first] = [offsets[0], offsets.at(-1)];
    return { taps: taps.flat(), before: -first, after: count + last - y.shape[axis + 2]! };
  });
  return all.every((r) => r.taps.length > 0 && r.before >= 0 && r.after >= 0) ? all : undefined;
}
