/**
 * Ways to say operations that ONNX Runtime's CPU kernels run faster while training, where weights change in every step. Results are
 * the same up to rounding; files for deployment keep to plain ONNX. Convolutions are in convolutions.ts; they leave their results
 * channels last or in blocks, and what is computed from those value by value stays so.
 */

import type { OpName } from '../op-set.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { type AttributeValue, BLOCKED, type OnnxBuilder } from './builder.ts';
import { CONVOLUTIONS } from './convolutions.ts';
import { LOWERINGS, type Lowerings } from './lower.ts';

/** What acts on each value alone, and is called in ONNX as it is here. */
const EACH = [
  'Abs',
  'Add',
  'Div',
  'Exp',
  'Max',
  'Min',
  'Mul',
  'Neg',
  'Relu',
  'Sigmoid',
  'Sqrt',
  'Sub',
  'Tanh',
] as const satisfies readonly OpName[];

/** A node of one output, of ONNX's op or one that says the same, in the order in which its first reordered input lies. */
const each =
  (op: string, attributes: Readonly<Record<string, AttributeValue>> = {}) =>
  ({ inputs: operands, outputs }: Node, to: OnnxBuilder): void => {
    const [y] = outputs as [Tensor];
    const leader = operands.find((x) => x.shape.length === y.shape.length && to.otherOrder(x) !== null);
    if (leader === undefined) {
      const inputs = operands.map((x) => to.name(x));
      to.node(op, inputs, [to.name(y)], attributes);
      return;
    }
    const order = to.otherOrder(leader)!;
    if (order === BLOCKED) eachInBlocks(op, operands, y, attributes, to);
    else {
      const inputs = operands.map((x) => inOrder(to, x, order));
      to.made(y, order, to.inner(op, inputs, attributes));
    }
  };

/** An operand, stretched to as many axes as the order has. */
function inOrder(to: OnnxBuilder, x: Tensor, order: readonly number[]): string {
  if (x.shape.length === order.length) return to.form(x, order);
  const full = to.inner('Reshape', [to.name(x), to.ints(stretched(x, order.length))]);
  return to.inner('Transpose', [full], { perm: order });
}

const stretched = (x: Tensor, axes: number): readonly number[] => [
  ...new Array<number>(axes - x.shape.length).fill(1),
  ...x.shape,
];

/** The same in blocks. Operands of another shape need those of the result with their blocks apart. */
function eachInBlocks(
  op: string,
  operands: readonly Tensor[],
  y: Tensor,
  attributes: Readonly<Record<string, AttributeValue>>,
  to: OnnxBuilder,
): void {
  const full = (x: Tensor): boolean => x.shape.length === 4 && x.shape.every((d, i) => d === y.shape[i]);
  if (operands.every(full)) {
    const inputs = operands.map((x) => to.form(x, BLOCKED));
    to.made(y, BLOCKED, to.inner(op, inputs, attributes));
    return;
  }
  const inputs = operands.map((x) => {
    if (full(x)) return to.inner('Reshape', [to.form(x, BLOCKED), to.ints(to.inBlocks(x.shape))]);
    const [n = 1, blocks = 1, high = 1, wide = 1, block = 1] = to.inBlocks(stretched(x, 4));
    const apart = to.inner('Reshape', [to.name(x), to.ints([n, blocks, block, high, wide])]);
    return to.inner('Transpose', [apart], { perm: [0, 1, 3, 4, 2] });
  });
  to.made(y, BLOCKED, to.inner('Reshape', [to.inner(op, inputs, attributes), to.ints(y.shape)]));
}

/** Whether a sum is that of a convolution and a value for each channel, which it can add itself. */
function withBias({ inputs, outputs }: Node<'Add'>, to: OnnxBuilder): boolean {
  const [x, b] = inputs as [Tensor, Tensor];
  const conv = to.alone(x, 'conv');
  const channels = x.shape[1]!;
  const each = b.shape.slice(-3);
  if (conv === undefined || conv.bias !== null) return false;
  if (sizeOf(b.shape) !== channels || each[0] !== channels || sizeOf(each.slice(1)) !== 1) return false;
  const bias = to.inner('Reshape', [to.name(b), to.ints([channels])]);
  to.madeLater(outputs[0]!, { ...conv, bias });
  return true;
}

/** Sum of an image in blocks over its places, and over all images if wanted: [N, C] or [C], under another shape. */
function sumInBlocks(to: OnnxBuilder, x: Tensor, overImages: boolean): string {
  const [n = 1, c = 1, ...space] = x.shape;
  const flat = to.inner('Reshape', [
    to.form(x, BLOCKED),
    to.ints([(n * c) / to.block, sizeOf(space), to.block]),
  ]);
  const each = to.inner('ReduceSum', [flat, to.ints([1])], { keepdims: 0 });
  if (!overImages) return each;
  const images = to.inner('Reshape', [each, to.ints([n, c])]);
  return to.inner('ReduceSum', [images, to.ints([0])], { keepdims: 0 });
}

export const TRAINING_LOWERINGS: Partial<Lowerings> = {
  ...CONVOLUTIONS,
  ...Object.fromEntries(EACH.map((op) => [op, each(op)])),
  Add: (node, to) => {
    if (!withBias(node, to)) each('Add')(node, to);
  },
  Relu: (node, to) => {
    const [x] = node.inputs as [Tensor];
    const conv = to.alone(x, 'conv');
    if (conv === undefined) each('Relu')(node, to);
    else to.made(node.outputs[0]!, BLOCKED, conv.make(conv.bias, 'Relu'));
  },
  Cast: (node, to) => {
    const [x] = node.inputs as [Tensor];
    const bytes = x.dtype === 'uint8' && node.attributes.to === 'float32';
    if (!bytes) LOWERINGS.Cast(node, to);
    else to.madeLater(node.outputs[0]!, { kind: 'bytes', bytes: to.name(x), scale: 1 });
  },
  Mul: (node, to) => {
    const [x, by] = node.inputs as [Tensor, Tensor];
    const later = to.alone(x, 'bytes');
    const scale = by.graph.constants.get(by)?.data;
    if (later === undefined || later.scale !== 1 || scale?.length !== 1) each('Mul')(node, to);
    else to.madeLater(node.outputs[0]!, { ...later, scale: Number(scale[0]) });
  },
  // max(0, min(1, α x)): the steepest slope that float32 holds makes it a step in one pass.
  Step: each('HardSigmoid', { alpha: { float: 1e38 }, beta: { float: 0 } }),
  Transpose: (node, to) => {
    const [x] = node.inputs as [Tensor];
    const { perm } = node.attributes;
    const later = to.alone(x, 'bytes');
    if (later !== undefined) {
      const bytes = to.inner('Transpose', [later.bytes], { perm });
      to.madeLater(node.outputs[0]!, { ...later, bytes });
      return;
    }
    const made = to.otherOrder(x);
    const order = made === null || made === BLOCKED ? perm.map((_, i) => i) : made;
    to.made(
      node.outputs[0]!,
      order.map((axis) => perm.indexOf(axis)),
      to.form(x, order),
    );
  },
  ReduceSum: (node, to) => {
    // Sums over the leading axes, as the gradients of biases are: a product with a row of ones reads rows as they lie.
    const [x] = node.inputs as [Tensor];
    const [y] = node.outputs as [Tensor];
    const made = to.otherOrder(x);
    const axes = new Set(node.attributes.axes);
    if (made === BLOCKED && axes.has(2) && axes.has(3) && !axes.has(1)) {
      to.node('Reshape', [sumInBlocks(to, x, axes.has(0)), to.ints(y.shape)], [to.name(y)]);
      return;
    }
    const order = made === null || made === BLOCKED ? x.shape.map((_, i) => i) : made;
    const rest = order.slice(axes.size);
    const rows = sizeOf(node.attributes.axes.map((i) => x.shape[i]!));
    const leading = order.slice(0, axes.size).every((axis) => axes.has(axis));
    const sorted = rest.every((axis, i) => i === 0 || axis > rest[i - 1]!);
    if (!leading || !sorted || rest.length === 0 || rows < 16) {
      LOWERINGS.ReduceSum(node, to);
      return;
    }
    const flat = to.inner('Reshape', [to.form(x, order), to.ints([rows, sizeOf(x.shape) / rows])]);
    const total = to.inner('MatMul', [to.ones(rows), flat]);
    to.node('Reshape', [total, to.ints(y.shape)], [to.name(y)]);
  },
};
