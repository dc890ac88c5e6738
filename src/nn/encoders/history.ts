/** Observation steps to one vector: side by side, recurrent, or by self-attention. */
import type { Graph } from '../graph.ts';
import { gru } from '../layers/gru.ts';
import { type Layer, linear } from '../layers/linear.ts';
import { learnedPositions } from '../layers/positions.ts';
import { transformerEncoder } from '../layers/transformer.ts';
import type { EncoderConfig } from '../networks/config.ts';
import { add, reshape, slice } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** [B, S, inputs] to [B, size]. Recurrence and attention answer with what the newest step knows. */
export function history(
  g: Graph,
  name: string,
  config: EncoderConfig['history'],
  inputs: number,
  steps: number,
): { readonly size: number; readonly apply: Layer } {
  return g.scope(name, () => {
    const { width } = config;
    const newest = (x: Tensor): Tensor => reshape(slice(x, { 1: [steps - 1, steps] }), [x.shape[0]!, width]);
    switch (config.network) {
      case 'stack':
        return { size: steps * inputs, apply: (x: Tensor) => reshape(x, [x.shape[0]!, steps * inputs]) };
      case 'gru': {
        const cell = gru(g, 'gru', inputs, width);
        return { size: width, apply: (x: Tensor) => newest(cell.unroll(x)) };
      }
      case 'attention': {
        const project = linear(g, 'project', inputs, width);
        const places = learnedPositions(g, 'places', steps, width);
        const encoder = transformerEncoder(g, 'encoder', config.layers, {
          width,
          heads: config.heads,
          feedforward: 2 * width,
          norm: 'before',
        });
        return { size: width, apply: (x: Tensor) => newest(encoder(add(project(x), places))) };
      }
      default:
        throw new TypeError(`unknown history ${config.network satisfies never}`);
    }
  });
}
