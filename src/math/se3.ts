/**
 * Rigid motions as poses of 7 values: position x y z (m), quaternion x y z w. A pose X_AB is B seen from A.
 * Nothing here allocates; `out` may be the same place as an input.
 */
import { quatMul, quatNormalize, quatRotate, quatRotateInverse, quatToMatrix } from './quat.ts';

/** Values per pose. */
export const POSE = 7;

/** Writes the identity. */
export function poseIdentity(out: Float64Array, at = 0): void {
  for (let i = 0; i < 6; i++) out[at + i] = 0;
  out[at + 6] = 1;
}

const scratch = new Float64Array(4);
const turn = new Float64Array(4);

/** out = X_AB X_BC. */
export function poseMul(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  quatRotate(scratch, 0, a, ai + 3, b, bi);
  out[oi] = a[ai]! + scratch[0]!;
  out[oi + 1] = a[ai + 1]! + scratch[1]!;
  out[oi + 2] = a[ai + 2]! + scratch[2]!;
  quatMul(out, oi + 3, a, ai + 3, b, bi + 3);
}

/** out = X_BA from X_AB. */
export function poseInverse(out: Float64Array, oi: number, a: Float64Array, ai: number): void {
  quatRotateInverse(scratch, 0, a, ai + 3, a, ai);
  out[oi] = -scratch[0]!;
  out[oi + 1] = -scratch[1]!;
  out[oi + 2] = -scratch[2]!;
  out[oi + 3] = -a[ai + 3]!;
  out[oi + 4] = -a[ai + 4]!;
  out[oi + 5] = -a[ai + 5]!;
  out[oi + 6] = a[ai + 6]!;
}

/** out = X_AB p_B: a point of B in A. */
export function posePoint(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  p: Float64Array,
  pi: number,
): void {
  quatRotate(scratch, 0, a, ai + 3, p, pi);
  out[oi] = a[ai]! + scratch[0]!;
  out[oi + 1] = a[ai + 1]! + scratch[1]!;
  out[oi + 2] = a[ai + 2]! + scratch[2]!;
}

/**
 * What leads from pose a to pose b, in the frame that both are given in: out[0..3) = p_b - p_a (m), out[3..6) the
 * rotation vector (rad) that turns a's orientation into b's.
 */
export function poseError(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  const x = b[bi]! - a[ai]!;
  const y = b[bi + 1]! - a[ai + 1]!;
  const z = b[bi + 2]! - a[ai + 2]!;
  // The position goes in last: `out` may be a or b.
  rotationError(out, oi + 3, a, ai + 3, b, bi + 3);
  out[oi] = x;
  out[oi + 1] = y;
  out[oi + 2] = z;
}

/** out[0..3) = the rotation vector (rad) that turns the quaternion a into b, in the frame that both are given in. */
export function rotationError(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  turn[0] = -a[ai]!;
  turn[1] = -a[ai + 1]!;
  turn[2] = -a[ai + 2]!;
  turn[3] = a[ai + 3]!;
  quatMul(turn, 0, b, bi, turn, 0);
  rotationVector(out, oi);
}

function rotationVector(out: Float64Array, oi: number): void {
  const sign = turn[3]! < 0 ? -1 : 1;
  const s = Math.sqrt(turn[0]! * turn[0]! + turn[1]! * turn[1]! + turn[2]! * turn[2]!);
  const scale = sign * (s < 1e-9 ? 2 : (2 * Math.atan2(s, sign * turn[3]!)) / s);
  out[oi] = turn[0]! * scale;
  out[oi + 1] = turn[1]! * scale;
  out[oi + 2] = turn[2]! * scale;
}

/**
 * Moves the pose at `at` by the twist v (vx vy vz in m/s, wx wy wz in rad/s, both in the frame that the pose is given
 * in) for dt seconds: the position goes straight on, the orientation turns about w.
 */
export function poseIntegrate(pose: Float64Array, at: number, v: Float64Array, vi: number, dt: number): void {
  pose[at]! += v[vi]! * dt;
  pose[at + 1]! += v[vi + 1]! * dt;
  pose[at + 2]! += v[vi + 2]! * dt;
  const x = v[vi + 3]! * dt;
  const y = v[vi + 4]! * dt;
  const z = v[vi + 5]! * dt;
  const angle = Math.sqrt(x * x + y * y + z * z);
  if (angle === 0) return;
  const k = Math.sin(angle / 2) / angle;
  turn[0] = x * k;
  turn[1] = y * k;
  turn[2] = z * k;
  turn[3] = Math.cos(angle / 2);
  quatMul(pose, at + 3, turn, 0, pose, at + 3);
  quatNormalize(pose, at + 3);
}

const rotation = new Float64Array(9);

/** The pose as the upper 3 × 4 of a homogeneous matrix, row-major: 12 values [R | p]. */
export function poseToMatrix34(out: Float64Array, oi: number, a: Float64Array, ai: number): void {
  quatToMatrix(rotation, 0, a, ai + 3);
  const x = a[ai]!;
  const y = a[ai + 1]!;
  const z = a[ai + 2]!;
  for (let r = 0; r < 3; r++) {
    for (let c = 0; c < 3; c++) out[oi + 4 * r + c] = rotation[3 * r + c]!;
  }
  out[oi + 3] = x;
  out[oi + 7] = y;
  out[oi + 11] = z;
}
