/** One-dimensional U-Net over an action chunk with FiLM conditioning (Diffusion Policy: Chi et al. 2023, section III). */
import type { Graph } from '../graph.ts';
import { add, concat, pad, silu, slice } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { film } from './film.ts';
import type { Layer } from './linear.ts';
import { convolution1d, groupNormed1d, upsampling1d } from './sequence.ts';

export interface Unet1dOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Size of the condition vector. */
  readonly condition: number;
  /** Channels of each level; every level but the last halves the number of steps. */
  readonly channels: readonly number[];
  readonly kernel: number;
  readonly groups: number;
}

/** x [B, T, inputs] and a condition [B, condition] to [B, T, outputs]; any T (padded to whole halvings and cut again). */
export type Unet1d = (x: Tensor, condition: Tensor) => Tensor;

export function unet1d(g: Graph, name: string, o: Unet1dOptions): Unet1d {
  return g.scope(name, () => {
    const block = (at: string, from: number, to: number) => residualBlock1d(g, at, from, to, o);
    const levels = o.channels.length;
    const down = o.channels.map((to, i) => ({
      blocks: [block(`down${i}a`, o.channels[i - 1] ?? o.inputs, to), block(`down${i}b`, to, to)],
      halve: i < levels - 1 ? convolution1d(g, `halve${i}`, to, to, { kernel: 3, stride: 2 }) : null,
    }));
    const deepest = o.channels.at(-1)!;
    const middle = [block('middlea', deepest, deepest), block('middleb', deepest, deepest)];
    const up = o.channels.slice(0, -1).map((to, i) => ({
      double: upsampling1d(g, `double${i}`, o.channels[i + 1]!, o.channels[i + 1]!),
      blocks: [block(`up${i}a`, o.channels[i + 1]! + to, to), block(`up${i}b`, to, to)],
    }));
    const last = convolutionBlock1d(g, 'last', o.channels[0]!, o.channels[0]!, o);
    const out = convolution1d(g, 'out', o.channels[0]!, o.outputs, { kernel: 1, padding: 0 });

    return (x, condition) => {
      const steps = x.shape[1]!;
      const multiple = 2 ** (levels - 1);
      const missing = (multiple - (steps % multiple)) % multiple;
      let y = missing === 0 ? x : pad(x, { 1: [0, missing] });
      const skips: Tensor[] = [];
      for (const level of down) {
        for (const b of level.blocks) y = b(y, condition);
        if (level.halve === null) break;
        skips.push(y);
        y = level.halve(y);
      }
      for (const b of middle) y = b(y, condition);
      for (const level of [...up].reverse()) {
        y = concat([level.double(y), skips.pop()!], 2);
        for (const b of level.blocks) y = b(y, condition);
      }
      y = out(last(y));
      return missing === 0 ? y : slice(y, { 1: [0, steps] });
    };
  });
}

/** Two convolution blocks, the condition entering between them, and a residual connection. */
function residualBlock1d(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: Unet1dOptions,
): (x: Tensor, condition: Tensor) => Tensor {
  return g.scope(name, () => {
    const first = convolutionBlock1d(g, 'first', inputs, outputs, o);
    const modulate = film(g, 'film', o.condition, outputs, 'last');
    const second = convolutionBlock1d(g, 'second', outputs, outputs, o);
    const skip =
      inputs === outputs
        ? (x: Tensor) => x
        : convolution1d(g, 'skip', inputs, outputs, { kernel: 1, padding: 0 });
    return (x, condition) => add(second(modulate(first(x), condition)), skip(x));
  });
}

/** Convolution, group norm, silu. */
function convolutionBlock1d(
  g: Graph,
  name: string,
  inputs: number,
  outputs: number,
  o: Unet1dOptions,
): Layer {
  return g.scope(name, () => {
    const conv = convolution1d(g, 'conv', inputs, outputs, { kernel: o.kernel });
    const norm = groupNormed1d(g, 'norm', outputs, o.groups);
    return (x: Tensor) => silu(norm(conv(x)));
  });
}
