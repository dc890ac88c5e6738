/**
 * A histogram of durations in shared memory: one thread adds, another reads percentiles. 1 µs wide up to 2 ms, then
 * 64 µs wide up to 67 ms; what is longer lands in the last bucket, and the largest value is kept beside.
 */
const FINE = 2048;
const COARSE = 1024;
const WIDTH = 64;
const BUCKETS = FINE + COARSE;
const LARGEST = BUCKETS;

export function histogramMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((BUCKETS + 1) * 4);
}

export class Histogram {
  readonly #counts: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  /** Adds the time from one stamp of a block to another (s); negative counts as 0. Allocates nothing. */
  between(block: Float64Array, from: number, to: number): void {
    const us = Math.max(0, Math.min(2e9, Math.floor((block[to]! - block[from]!) * 1e6))) | 0;
    const bucket = us < FINE ? us : Math.min(BUCKETS - 1, FINE + Math.floor((us - FINE) / WIDTH));
    this.#counts[bucket]!++;
    if (us > this.#counts[LARGEST]!) this.#counts[LARGEST] = us;
  }

  /** A copy of the counts, to take differences from. */
  counts(): Int32Array {
    return this.#counts.slice(0, BUCKETS);
  }

  /** Largest value since the start, s. */
  get largest(): number {
    return this.#counts[LARGEST]! / 1e6;
  }
}

/** The `part` quantile (0..1) of what came between two copies of the counts, s (upper edge); NaN when nothing came. */
export function quantile(now: Int32Array, before: Int32Array | null, part: number): number {
  let total = 0;
  for (let i = 0; i < BUCKETS; i++) total += now[i]! - (before === null ? 0 : before[i]!);
  if (total === 0) return Number.NaN;
  const want = Math.max(1, Math.ceil(total * part));
  let sum = 0;
  for (let i = 0; i < BUCKETS; i++) {
    sum += now[i]! - (before === null ? 0 : before[i]!);
    if (sum >= want) return (i < FINE ? i + 1 : FINE + (i - FINE + 1) * WIDTH) / 1e6;
  }
  return BUCKETS / 1e6;
}
