/** Position codes for tokens, images and times. */
import type { Graph } from '../graph.ts';
import { concat, cos, mul, reshape, sin } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

/** Wavelengths from 2π to `longest` · 2π in geometric steps (Vaswani et al. 2017, section 3.5). */
function frequencies(count: number, longest: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => longest ** (-i / count));
}

/**
 * Sinusoidal codes of the whole numbers 0..length, as values of [length, width]: the first half of a row holds
 * sin(k ω_i), the second cos(k ω_i). `width` is even.
 */
export function sinusoidalTable(length: number, width: number, longest = 10_000): Float32Array {
  const half = width / 2;
  const omega = frequencies(half, longest);
  const table = new Float32Array(length * width);
  for (let k = 0; k < length; k++) {
    for (let i = 0; i < half; i++) {
      table[k * width + i] = Math.sin(k * omega[i]!);
      table[k * width + half + i] = Math.cos(k * omega[i]!);
    }
  }
  return table;
}

/** The same code of real numbers in the graph, for diffusion and flow times: t [B] to [B, width]. */
export function sinusoidalCode(g: Graph, t: Tensor, width: number, longest = 10_000): Tensor {
  const omega = g.constant(frequencies(width / 2, longest), [1, width / 2]);
  const angle = mul(reshape(t, [t.shape[0]!, 1]), omega);
  return concat([sin(angle), cos(angle)], 1);
}

/** Codes of the cells of an image as DETR has them: half of the width for the row, half for the column. [1, h w, width]. */
export function sinusoidalGrid(g: Graph, height: number, width: number, size: number): Tensor {
  const half = size / 2;
  const rows = sinusoidalTable(height, half);
  const columns = sinusoidalTable(width, half);
  const table = new Float32Array(height * width * size);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const at = (i * width + j) * size;
      table.set(rows.subarray(i * half, (i + 1) * half), at);
      table.set(columns.subarray(j * half, (j + 1) * half), at + half);
    }
  }
  return g.constant(table, [1, height * width, size]);
}

/** Learned codes of `length` positions, [1, length, width]; small at first unless said, so that content dominates. */
export function learnedPositions(g: Graph, name: string, length: number, width: number, std = 0.02): Tensor {
  return g.parameter(name, [1, length, width], { kind: 'normal', std });
}
