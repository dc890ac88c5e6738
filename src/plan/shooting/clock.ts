/** Seconds on a clock that only goes forward. */
export function now(): number {
  return performance.now() / 1000;
}
