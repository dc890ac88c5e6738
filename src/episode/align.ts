/**
 * Alignment in time: what was known at a moment. Times are whole nanoseconds in float64 (exact below 2^53, 104 days of
 * uptime), so that a sample time and a capture time that are meant to be equal are equal.
 */

/** Monotonic seconds as whole nanoseconds. */
export function nanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9);
}

/** start + i / rateHz for i = 0, 1, … up to `end`, each rounded by itself, so that nothing adds up. */
export function rasterNs(start: number, end: number, rateHz: number): Float64Array {
  if (!(end >= start)) return new Float64Array(0);
  const rows = Math.floor(((end - start) * rateHz) / 1e9 + 1e-6) + 1;
  const raster = new Float64Array(rows);
  let count = 0;
  for (let i = 0; i < rows; i++) {
    const time = start + Math.round((i * 1e9) / rateHz);
    if (time <= end) raster[count++] = time;
  }
  return raster.subarray(0, count);
}

/**
 * out[i] = index of the newest entry of `timesNs` at or before queriesNs[i], −1 when all are later. Never a later one:
 * a policy cannot see what has not happened. Both ascending; of equal times the last counts.
 */
export function latestAt(timesNs: Float64Array, queriesNs: Float64Array): Int32Array {
  const out = new Int32Array(queriesNs.length);
  let at = -1;
  for (let i = 0; i < queriesNs.length; i++) {
    const query = queriesNs[i]!;
    while (at + 1 < timesNs.length && timesNs[at + 1]! <= query) at++;
    out[i] = at;
  }
  return out;
}
