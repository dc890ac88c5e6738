/** The network inside the diffusion and flow heads: a noisy chunk, a time and what was seen, to a chunk-shaped answer. */
import type { Graph } from '../graph.ts';
import type { Draws } from '../layers/draws.ts';
import { linear, mlp } from '../layers/linear.ts';
import { sinusoidalCode } from '../layers/positions.ts';
import { unet1d } from '../layers/unet1d.ts';
import type { DenoiserConfig } from '../networks/config.ts';
import { concat, reshape, silu } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import type { HeadSizes } from './head.ts';

/** x [B, H, A], time [B] (0 to about 100), what was seen [B, F], to [B, H, A]. */
export type Denoiser = (x: Tensor, time: Tensor, seen: Tensor) => Tensor;

/**
 * `unet`: convolutions along the chunk, modulated by time and observation, for long chunks. `mlp`: the chunk as one
 * vector, for short ones; several times faster. The time enters through a sinusoidal code and two layers.
 */
export function denoiser(g: Graph, config: DenoiserConfig, sizes: HeadSizes, draws: Draws): Denoiser {
  const { batch, horizon, actionSize, features } = sizes;
  const { timeWidth } = config;
  return g.scope('denoiser', () => {
    const timeLayers = mlp(g, 'time', [timeWidth, 2 * timeWidth, timeWidth], { activation: 'silu' });
    const withTime = (time: Tensor, seen: Tensor): Tensor =>
      concat([timeLayers(sinusoidalCode(g, time, timeWidth)), seen], 1);
    if (config.network === 'unet') {
      const network = unet1d(g, 'unet', {
        inputs: actionSize,
        outputs: actionSize,
        condition: timeWidth + features,
        channels: config.channels,
        kernel: config.kernel,
        groups: config.groups,
      });
      return (x, time, seen) => network(x, silu(withTime(time, seen)));
    }
    const numbers = horizon * actionSize;
    const width = config.widths[0]!;
    const ofChunk = linear(g, 'chunk', numbers, width);
    const ofCondition = linear(g, 'condition', timeWidth + features, width);
    const network = mlp(g, 'mlp', [2 * width, ...config.widths, numbers], {
      activation: 'silu',
      between: (x) => draws.dropout(x, config.dropout),
    });
    return (x, time, seen) => {
      const chunk = ofChunk(reshape(x, [batch, numbers]));
      const both = concat([chunk, ofCondition(withTime(time, seen))], 1);
      return reshape(network(silu(both)), [batch, horizon, actionSize]);
    };
  });
}
