/**
 * Normalisers fitted to data: y = (x − offset) / scale per component (policy.json).
 *
 *   mean-std   offset = mean, scale = standard deviation (of the population)
 *   min-max    [min, max] → [−1, 1]
 *   quantile   [1 %, 99 %] → [−1, 1]; what lies outside goes beyond, nothing is clipped
 *   none       offset 0, scale 1
 */
import type { Normaliser } from '../policy/manifest.ts';

/**
 * A component whose scale is smaller than this, in its own unit (0.1 mm, 0.1 mrad), counts as constant and gets scale 1:
 * otherwise the noise of an axis that stands still would fill the whole range.
 */
export const CONSTANT = 1e-4;
/**
 * Least scale, in the component's own unit (2 cm, 0.02 rad, 0.02 of a rotation matrix), of what does vary: a tool that
 * points down but for its servo error would otherwise weigh that error as much as the whole way to the object.
 */
export const LEAST_SCALE = 0.02;
/** Quantiles are taken from at most so many values per component, evenly spread. */
export const QUANTILE_VALUES = 1_000_000;

export interface FitSource {
  /** Components per vector. */
  readonly size: number;
  readonly count: number;
  /** Vector i to out[0..size). */
  read(i: number, out: Float64Array): void;
}

/** Fits each component by itself. No vectors: offset 0, scale 1. */
export function fitNormaliser(method: Normaliser['method'], source: FitSource): Normaliser {
  const { size, count } = source;
  const offset = new Array<number>(size).fill(0);
  const scale = new Array<number>(size).fill(1);
  if (method === 'none' || count === 0) return { method, offset, scale };
  const set = (c: number, centre: number, spread: number): void => {
    offset[c] = centre;
    scale[c] = spread < CONSTANT ? 1 : Math.max(spread, LEAST_SCALE);
  };
  if (method === 'quantile') {
    const columns = sampled(source);
    for (let c = 0; c < size; c++) {
      const values = columns[c]!.sort();
      const [low, high] = [quantile(values, 0.01), quantile(values, 0.99)];
      set(c, (low + high) / 2, (high - low) / 2);
    }
    return { method, offset, scale };
  }
  const m = moments(source);
  for (let c = 0; c < size; c++) {
    if (method === 'mean-std') set(c, m.mean[c]!, Math.sqrt(m.square[c]! / count));
    else set(c, (m.min[c]! + m.max[c]!) / 2, (m.max[c]! - m.min[c]!) / 2);
  }
  return { method, offset, scale };
}

/** Mean and sum of squared deviations in one pass without cancellation (Welford 1962), and the extremes. */
function moments(source: FitSource): Record<'mean' | 'square' | 'min' | 'max', Float64Array> {
  const { size, count } = source;
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  const min = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  const max = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  const x = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    source.read(i, x);
    for (let c = 0; c < size; c++) {
      const value = x[c]!;
      const from = value - mean[c]!;
      mean[c] = mean[c]! + from / (i + 1);
      square[c] = square[c]! + from * (value - mean[c]!);
      if (value < min[c]!) min[c] = value;
      if (value > max[c]!) max[c] = value;
    }
  }
  return { mean, square, min, max };
}

function sampled(source: FitSource): Float64Array[] {
  const { size, count } = source;
  const n = Math.min(count, QUANTILE_VALUES);
  const columns = Array.from({ length: size }, () => new Float64Array(n));
  const x = new Float64Array(size);
  for (let k = 0; k < n; k++) {
    source.read(Math.floor((k * count) / n), x);
    for (let c = 0; c < size; c++) columns[c]![k] = x[c]!;
  }
  return columns;
}

/** Linear between order statistics (Hyndman and Fan 1996, type 7), of ascending values. */
export function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}
