/**
 * Poses as 12 numbers: rotation row by row, then translation (x_W = R x_G + t), in float64 blocks with an offset.
 * Quaternions are x, y, z, w.
 */

/** Writes the pose p x y z, quaternion x y z w at `from[at]` to `out[to]`. The quaternion is normalised. */
export function poseToMatrix(from: ArrayLike<number>, at: number, out: Float64Array, to: number): void {
  const x = from[at + 3]!;
  const y = from[at + 4]!;
  const z = from[at + 5]!;
  const w = from[at + 6]!;
  const n = x * x + y * y + z * z + w * w;
  const s = n > 0 ? 2 / n : 0;
  out[to] = 1 - s * (y * y + z * z);
  out[to + 1] = s * (x * y - w * z);
  out[to + 2] = s * (x * z + w * y);
  out[to + 3] = s * (x * y + w * z);
  out[to + 4] = 1 - s * (x * x + z * z);
  out[to + 5] = s * (y * z - w * x);
  out[to + 6] = s * (x * z - w * y);
  out[to + 7] = s * (y * z + w * x);
  out[to + 8] = 1 - s * (x * x + y * y);
  out[to + 9] = from[at]!;
  out[to + 10] = from[at + 1]!;
  out[to + 11] = from[at + 2]!;
}

/** out = a ∘ b: first b, then a. `out` must not be a or b. */
export function composeMatrix(
  a: Float64Array,
  ia: number,
  b: Float64Array,
  ib: number,
  out: Float64Array,
  io: number,
): void {
  for (let r = 0; r < 3; r++) {
    const a0 = a[ia + 3 * r]!;
    const a1 = a[ia + 3 * r + 1]!;
    const a2 = a[ia + 3 * r + 2]!;
    for (let c = 0; c < 3; c++) {
      out[io + 3 * r + c] = a0 * b[ib + c]! + a1 * b[ib + 3 + c]! + a2 * b[ib + 6 + c]!;
    }
    out[io + 9 + r] = a0 * b[ib + 9]! + a1 * b[ib + 10]! + a2 * b[ib + 11]! + a[ia + 9 + r]!;
  }
}

/** The matrix of (position, orientation) as a SceneGeom or CameraEntry states them. */
export function matrixOf(
  position: readonly [number, number, number],
  orientation: readonly [number, number, number, number],
): Float64Array {
  const out = new Float64Array(12);
  poseToMatrix([...position, ...orientation], 0, out, 0);
  return out;
}
