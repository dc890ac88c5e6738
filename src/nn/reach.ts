/** Which part of a graph its outputs need. */
import type { Graph } from './graph.ts';
import type { Tensor } from './tensor.ts';

/** Every tensor that an output depends on. */
export function neededBy(graph: Graph): ReadonlySet<Tensor> {
  const needed = new Set<Tensor>(graph.outputs.values());
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (node.outputs.some((t) => needed.has(t))) for (const t of node.inputs) needed.add(t);
  }
  return needed;
}
