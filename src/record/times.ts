/**
 * Times of an episode. Inside: monotonic seconds (float64). In the file: int64 nanoseconds since 1970, made by adding
 * one constant offset per episode, which the file keeps, so the monotonic time comes back exactly to the nanosecond.
 */

/** Nanoseconds of a monotonic time; exact below 2^53 ns, which is 104 days of uptime, then to about 2 ns. */
export function monotonicNs(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e9));
}

/** Wall nanoseconds of a monotonic time. `offsetNs` = wall − monotonic. */
export function wallNs(seconds: number, offsetNs: bigint): bigint {
  return monotonicNs(seconds) + offsetNs;
}

/** Monotonic seconds back from wall nanoseconds. */
export function monotonicSeconds(wall: bigint, offsetNs: bigint): number {
  return Number(wall - offsetNs) / 1e9;
}

/**
 * Wall − monotonic clock now, ns. Date.now() has whole milliseconds, so this waits for the next one to begin (at most
 * 1 ms) and reads the monotonic clock there: good to some microseconds.
 */
export function measureWallOffset(): bigint {
  const start = Date.now();
  let wall = start;
  let mono = 0n;
  while (wall === start) {
    mono = process.hrtime.bigint();
    wall = Date.now();
  }
  return BigInt(wall) * 1_000_000n - mono;
}
