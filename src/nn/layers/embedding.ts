/** Table look-up. */
import type { Graph } from '../graph.ts';
import { gather } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** Learned vectors of `count` things: whole numbers [...] (int64) to [..., width]. Parameter NAME [count, width]. */
export function embedding(g: Graph, name: string, count: number, width: number): (indices: Tensor) => Tensor {
  const table = g.parameter(name, [count, width], { kind: 'normal', std: 1 / Math.sqrt(width) });
  return (indices) => gather(table, indices, 0);
}
