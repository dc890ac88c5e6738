/** What a gradient rule is, and what the rules share. */
import type { OpName } from '../op-set.ts';
import { reshape, sum } from '../ops.ts';
import type { Node, Tensor } from '../tensor.ts';

/**
 * From the gradients of a loss with respect to a node's outputs, those with respect to its inputs, as new nodes. An output that
 * the loss does not depend on has no gradient; null for an input that none flows to.
 */
export type Rule<K extends OpName> = (
  node: Node<K>,
  gradients: readonly (Tensor | null)[],
) => readonly (Tensor | null)[];

/** A text in place of a rule says why no gradient flows. */
export type Rules = { readonly [K in OpName]: Rule<K> | string };

/** Rule of a node with one output. */
export const single =
  <K extends OpName>(rule: (g: Tensor, node: Node<K>, y: Tensor) => readonly (Tensor | null)[]): Rule<K> =>
  (node, [g]) =>
    g === null || g === undefined ? [] : rule(g, node, node.outputs[0]!);

/** Sums over the axes that broadcasting stretched, so that the gradient has the shape of the operand. */
export function unbroadcast(g: Tensor, shape: readonly number[]): Tensor {
  const lead = g.shape.length - shape.length;
  const axes = g.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && g.shape[i] !== 1));
  return reshape(axes.length === 0 ? g : sum(g, axes), shape);
}

/** The shape of the input with 1 on the reduced axes. */
export const kept = (shape: readonly number[], axes: readonly number[]): number[] =>
  shape.map((d, i) => (axes.includes(i) ? 1 : d));
