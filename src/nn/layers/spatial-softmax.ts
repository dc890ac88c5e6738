/** Spatial softmax (Levine et al. 2016, "End-to-end training of deep visuomotor policies", eq. 6 and 7). */
import type { Graph } from '../graph.ts';
import { exp, matmul, mul, neg, reshape, softmax } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Expected image position of every channel: s_cij = exp(a_cij / τ) / Σ exp(a_ci'j' / τ); f_c = Σ s_cij (x_j, y_i), with
 * x and y from −1 (left, top) to 1. The temperature is learned as τ = exp(θ), starting at 1.
 *
 * a [B, C, h, w] to [B, 2 C]: x and y of the first channel, then of the second, ...
 */
export function spatialSoftmax(
  g: Graph,
  name: string,
  channels: number,
  height: number,
  width: number,
): (x: Tensor) => Tensor {
  const logTemperature = g.scope(name, () => g.parameter('log_temperature', [1], { kind: 'zeros' }));
  const cells = height * width;
  const coordinates = new Float32Array(cells * 2);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      coordinates[2 * (i * width + j)] = width > 1 ? (2 * j) / (width - 1) - 1 : 0;
      coordinates[2 * (i * width + j) + 1] = height > 1 ? (2 * i) / (height - 1) - 1 : 0;
    }
  }
  return (x) => {
    const batch = x.shape[0]!;
    const grid = g.constant(coordinates, [cells, 2]);
    const scores = mul(reshape(x, [batch * channels, cells]), exp(neg(logTemperature)));
    return reshape(matmul(softmax(scores, 1), grid), [batch, 2 * channels]);
  };
}
