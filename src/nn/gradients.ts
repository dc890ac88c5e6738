/**
 * Reverse-mode differentiation: graph in, graph out. Each op has one rule (rules/) or says why it has none; a gradient is built
 * of ordinary nodes, so it can be differentiated again.
 */
import { ArmloopError } from '../errors.ts';
import type { OpName } from './op-set.ts';
import { add } from './ops.ts';
import { CONV } from './rules/conv.ts';
import { MATH } from './rules/math.ts';
import type { Rule, Rules } from './rules/rule.ts';
import { SHAPE } from './rules/shape.ts';
import { showTensor, type Tensor } from './tensor.ts';

export const RULES: Rules = { ...MATH, ...SHAPE, ...CONV };

/**
 * d loss / d each of `wrt`, each of the shape of what it belongs to.
 * @param loss one float32 value.
 * @throws NN_NO_GRADIENT when the loss is something else, or does not depend smoothly on one of `wrt`.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.dtype !== 'float32' || loss.shape.some((d) => d !== 1)) {
    throw new ArmloopError('NN_NO_GRADIENT', {
      what: showTensor(loss),
      reason: 'a loss is one float32 value',
    });
  }
  const nodes = [...loss.graph.nodes];
  const moved = new Set<Tensor>(wrt);
  for (const node of nodes) {
    if (node.inputs.some((t) => moved.has(t))) for (const t of node.outputs) moved.add(t);
  }
  const found = new Map<Tensor, Tensor>([[loss, loss.graph.constant(1, loss.shape)]]);
  loss.graph.scope('gradient', () => {
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = nodes[i]!;
      const arrived = node.outputs.map((t) => found.get(t) ?? null);
      const rule = RULES[node.op] as Rule<OpName> | string;
      if (typeof rule === 'string' || arrived.every((g) => g === null)) continue;
      if (!node.inputs.some((t) => moved.has(t))) continue;
      rule(node, arrived).forEach((g, k) => {
        const x = node.inputs[k]!;
        if (g === null || !moved.has(x)) return;
        const others = found.get(x);
        found.set(x, others === undefined ? g : add(others, g));
      });
    }
  });
  return wrt.map((t) => {
    const g = found.get(t);
    if (g !== undefined) return g;
    const reason = `${showTensor(loss)} does not depend on it by any op that passes a gradient`;
    throw new ArmloopError('NN_NO_GRADIENT', { what: showTensor(t), reason });
  });
}
