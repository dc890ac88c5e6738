/**
 * Vectors as Float64Array with out-parameters: 3-vectors at an offset, and whole vectors of any length.
 * `out` may be the same array as an input unless a function says otherwise. Nothing here allocates.
 */

/** out = a × b, for 3-vectors at the given offsets. */
export function cross3(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  const ax = a[ai]!;
  const ay = a[ai + 1]!;
  const az = a[ai + 2]!;
  const bx = b[bi]!;
  const by = b[bi + 1]!;
  const bz = b[bi + 2]!;
  out[oi] = ay * bz - az * by;
  out[oi + 1] = az * bx - ax * bz;
  out[oi + 2] = ax * by - ay * bx;
}

/** a · b, for 3-vectors at the given offsets. */
export function dot3(a: Float64Array, ai: number, b: Float64Array, bi: number): number {
  return a[ai]! * b[bi]! + a[ai + 1]! * b[bi + 1]! + a[ai + 2]! * b[bi + 2]!;
}

/** Euclidean length of the 3-vector at `at`. */
export function norm3(a: Float64Array, at = 0): number {
  return Math.sqrt(a[at]! * a[at]! + a[at + 1]! * a[at + 1]! + a[at + 2]! * a[at + 2]!);
}

/** Distance between the 3-vectors at the given offsets. */
export function distance3(a: Float64Array, ai: number, b: Float64Array, bi: number): number {
  const x = a[ai]! - b[bi]!;
  const y = a[ai + 1]! - b[bi + 1]!;
  const z = a[ai + 2]! - b[bi + 2]!;
  return Math.sqrt(x * x + y * y + z * z);
}

/** Scales the 3-vector at `at` to length 1; false (and unchanged) when it is shorter than 1e-12. */
export function normalize3(a: Float64Array, at = 0): boolean {
  const length = norm3(a, at);
  if (!(length > 1e-12)) return false;
  a[at]! /= length;
  a[at + 1]! /= length;
  a[at + 2]! /= length;
  return true;
}

/** Shortens the 3-vector at `at` to `limit` when it is longer; the direction stays. */
export function clampNorm3(a: Float64Array, at: number, limit: number): void {
  const length = norm3(a, at);
  if (length <= limit) return;
  const scale = limit / length;
  a[at]! *= scale;
  a[at + 1]! *= scale;
  a[at + 2]! *= scale;
}

/** a · b over the first n values. */
export function dot(a: Float64Array, b: Float64Array, n = a.length): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Euclidean length over the first n values. */
export function norm(a: Float64Array, n = a.length): number {
  return Math.sqrt(dot(a, a, n));
}

/** Copies n values from a[ai..] to out[oi..]. Unlike `set(subarray)` it makes no view. */
export function copy(out: Float64Array, oi: number, a: Float64Array, ai: number, n: number): void {
  for (let i = 0; i < n; i++) out[oi + i] = a[ai + i]!;
}

/** `value` held to [low, high]. */
export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
