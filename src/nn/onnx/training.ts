/**
 * Ways to say operations that ONNX Runtime's CPU kernels run faster while training, where weights change in every step. Results are
 * the same up to rounding; files for deployment keep to plain ONNX. Convolutions are in convolutions.ts; they leave their results
 * channels last, and what is computed from those value by value stays so.
 */

import type { OpName } from '../op-set.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import type { AttributeValue, OnnxBuilder } from './builder.ts';
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
    const inputs = operands.map((x) => inOrder(to, x, order));
    to.made(y, order, to.inner(op, inputs, attributes));
  };

/** An operand, stretched to as many axes as the order has. */
function inOrder(to: OnnxBuilder, x: Tensor, order: readonly number[]): string {
  if (x.shape.length === order.length) return to.form(x, order);
  const shape = [...new Array<number>(order.length - x.shape.length).fill(1), ...x.shape];
  const full = to.inner('Reshape', [to.name(x), to.ints(shape)]);
  return to.inner('Transpose', [full], { perm: order });
}

export const TRAINING_LOWERINGS: Partial<Lowerings> = {
  ...CONVOLUTIONS,
  ...Object.fromEntries(EACH.map((op) => [op, each(op)])),
  // max(0, min(1, α x)): the steepest slope that float32 holds makes it a step in one pass.
  Step: each('HardSigmoid', { alpha: { float: 1e38 }, beta: { float: 0 } }),
  Transpose: (node, to) => {
    const [x] = node.inputs as [Tensor];
    const { perm } = node.attributes;
    const order = to.otherOrder(x) ?? perm.map((_, i) => i);
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
    const order = to.otherOrder(x) ?? x.shape.map((_, i) => i);
    const axes = new Set(node.attributes.axes);
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
