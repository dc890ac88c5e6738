/**
 * Runs a piece of code in a child process and measures what it allocates: the rise of used_heap_size over many
 * rounds with no collection in between. The child needs --expose-gc, so the caller spawns this file's consumer with
 * it; see test/sim/garbage.test.ts.
 */
import { getHeapStatistics } from 'node:v8';

/** Warming up takes at least so long. */
const WARM_MS = 400;

/** Bytes per round of `body` after warming up; the smallest of many tries, for the engine itself
 * allocates at times and optimises late on a busy machine. */
export function bytesPerRound(body: () => void, rounds = 5000, warmUp = 20_000, tries = 15): number {
  // Not by count alone: on a busy machine the compiler's own thread waits for its turn.
  const until = performance.now() + WARM_MS;
  for (let i = 0; i < warmUp || performance.now() < until; i++) body();
  let least = Number.POSITIVE_INFINITY;
  for (let t = 0; t < tries; t++) {
    globalThis.gc!();
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < rounds; i++) body();
    least = Math.min(least, (getHeapStatistics().used_heap_size - before) / rounds);
  }
  return least;
}
