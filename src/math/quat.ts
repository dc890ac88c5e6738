/**
 * Unit quaternions x, y, z, w in Float64Array at an offset (armloop's order everywhere; MuJoCo's w, x, y, z is turned
 * at the border). q_AB turns coordinates of a vector in B into coordinates in A. Nothing here allocates, and `out`
 * may be the same place as an input.
 */

/** out = a b (Hamilton product): q_AC = q_AB q_BC. */
export function quatMul(
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
  const aw = a[ai + 3]!;
  const bx = b[bi]!;
  const by = b[bi + 1]!;
  const bz = b[bi + 2]!;
  const bw = b[bi + 3]!;
  out[oi] = aw * bx + ax * bw + ay * bz - az * by;
  out[oi + 1] = aw * by - ax * bz + ay * bw + az * bx;
  out[oi + 2] = aw * bz + ax * by - ay * bx + az * bw;
  out[oi + 3] = aw * bw - ax * bx - ay * by - az * bz;
}

/** out = q⁻¹ for a unit quaternion. */
export function quatConj(out: Float64Array, oi: number, q: Float64Array, qi: number): void {
  out[oi] = -q[qi]!;
  out[oi + 1] = -q[qi + 1]!;
  out[oi + 2] = -q[qi + 2]!;
  out[oi + 3] = q[qi + 3]!;
}

/** out = q v q⁻¹: the 3-vector v turned by q. */
export function quatRotate(
  out: Float64Array,
  oi: number,
  q: Float64Array,
  qi: number,
  v: Float64Array,
  vi: number,
): void {
  const x = q[qi]!;
  const y = q[qi + 1]!;
  const z = q[qi + 2]!;
  const w = q[qi + 3]!;
  const vx = v[vi]!;
  const vy = v[vi + 1]!;
  const vz = v[vi + 2]!;
  const tx = 2 * (y * vz - z * vy);
  const ty = 2 * (z * vx - x * vz);
  const tz = 2 * (x * vy - y * vx);
  out[oi] = vx + w * tx + y * tz - z * ty;
  out[oi + 1] = vy + w * ty + z * tx - x * tz;
  out[oi + 2] = vz + w * tz + x * ty - y * tx;
}

/** out = q⁻¹ v q: the 3-vector v turned back by q. */
export function quatRotateInverse(
  out: Float64Array,
  oi: number,
  q: Float64Array,
  qi: number,
  v: Float64Array,
  vi: number,
): void {
  const x = -q[qi]!;
  const y = -q[qi + 1]!;
  const z = -q[qi + 2]!;
  const w = q[qi + 3]!;
  const vx = v[vi]!;
  const vy = v[vi + 1]!;
  const vz = v[vi + 2]!;
  const tx = 2 * (y * vz - z * vy);
  const ty = 2 * (z * vx - x * vz);
  const tz = 2 * (x * vy - y * vx);
  out[oi] = vx + w * tx + y * tz - z * ty;
  out[oi + 1] = vy + w * ty + z * tx - x * tz;
  out[oi + 2] = vz + w * tz + x * ty - y * tx;
}

/** Turn by `angle` (rad) about the unit vector at axis[ai..ai+3). */
export function quatAxisAngle(
  out: Float64Array,
  oi: number,
  axis: Float64Array,
  ai: number,
  angle: number,
): void {
  const s = Math.sin(angle / 2);
  out[oi] = axis[ai]! * s;
  out[oi + 1] = axis[ai + 1]! * s;
  out[oi + 2] = axis[ai + 2]! * s;
  out[oi + 3] = Math.cos(angle / 2);
}

/** Scales to length 1; false (and identity) when the length is below 1e-12 or not finite. */
export function quatNormalize(q: Float64Array, at = 0): boolean {
  const x = q[at]!;
  const y = q[at + 1]!;
  const z = q[at + 2]!;
  const w = q[at + 3]!;
  const length = Math.sqrt(x * x + y * y + z * z + w * w);
  if (!(length > 1e-12 && length < Number.POSITIVE_INFINITY)) {
    q[at] = 0;
    q[at + 1] = 0;
    q[at + 2] = 0;
    q[at + 3] = 1;
    return false;
  }
  q[at] = x / length;
  q[at + 1] = y / length;
  q[at + 2] = z / length;
  q[at + 3] = w / length;
  return true;
}

/** Logarithm: the rotation vector (axis × angle in [0, π], rad) of a unit quaternion. */
export function quatLog(out: Float64Array, oi: number, q: Float64Array, qi: number): void {
  const sign = q[qi + 3]! < 0 ? -1 : 1; // q and -q are one rotation: take the short way round
  const x = sign * q[qi]!;
  const y = sign * q[qi + 1]!;
  const z = sign * q[qi + 2]!;
  const w = sign * q[qi + 3]!;
  const s = Math.sqrt(x * x + y * y + z * z);
  const scale = s < 1e-9 ? 2 : (2 * Math.atan2(s, w)) / s;
  out[oi] = x * scale;
  out[oi + 1] = y * scale;
  out[oi + 2] = z * scale;
}

/** Exponential: the unit quaternion of the rotation vector v (rad), times `scale`. */
export function quatExp(out: Float64Array, oi: number, v: Float64Array, vi: number, scale = 1): void {
  const x = v[vi]! * scale;
  const y = v[vi + 1]! * scale;
  const z = v[vi + 2]! * scale;
  const angle = Math.sqrt(x * x + y * y + z * z);
  const k = angle < 1e-9 ? 0.5 : Math.sin(angle / 2) / angle;
  out[oi] = x * k;
  out[oi + 1] = y * k;
  out[oi + 2] = z * k;
  out[oi + 3] = Math.cos(angle / 2);
}

/** Angle of the rotation from a to b, in [0, π] rad. */
export function quatAngle(a: Float64Array, ai: number, b: Float64Array, bi: number): number {
  // The vector part of a⁻¹b gives small angles without the loss of acos near 1.
  const ax = -a[ai]!;
  const ay = -a[ai + 1]!;
  const az = -a[ai + 2]!;
  const aw = a[ai + 3]!;
  const bx = b[bi]!;
  const by = b[bi + 1]!;
  const bz = b[bi + 2]!;
  const bw = b[bi + 3]!;
  const x = aw * bx + ax * bw + ay * bz - az * by;
  const y = aw * by - ax * bz + ay * bw + az * bx;
  const z = aw * bz + ax * by - ay * bx + az * bw;
  const w = aw * bw - ax * bx - ay * by - az * bz;
  return 2 * Math.atan2(Math.sqrt(x * x + y * y + z * z), Math.abs(w));
}

/** Interpolation on the great circle, the short way: s = 0 gives a, s = 1 gives b. */
export function quatSlerp(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
  s: number,
): void {
  const d = a[ai]! * b[bi]! + a[ai + 1]! * b[bi + 1]! + a[ai + 2]! * b[bi + 2]! + a[ai + 3]! * b[bi + 3]!;
  const sign = d < 0 ? -1 : 1;
  const angle = Math.acos(Math.min(1, Math.abs(d)));
  let wa = 1 - s;
  let wb = s;
  if (angle > 1e-6) {
    wa = Math.sin((1 - s) * angle) / Math.sin(angle);
    wb = Math.sin(s * angle) / Math.sin(angle);
  }
  wb *= sign;
  for (let i = 0; i < 4; i++) out[oi + i] = wa * a[ai + i]! + wb * b[bi + i]!;
  quatNormalize(out, oi);
}

/** Rotation matrix of q: 9 values, row-major. */
export function quatToMatrix(out: Float64Array, oi: number, q: Float64Array, qi: number): void {
  const x = q[qi]!;
  const y = q[qi + 1]!;
  const z = q[qi + 2]!;
  const w = q[qi + 3]!;
  out[oi] = 1 - 2 * (y * y + z * z);
  out[oi + 1] = 2 * (x * y - z * w);
  out[oi + 2] = 2 * (x * z + y * w);
  out[oi + 3] = 2 * (x * y + z * w);
  out[oi + 4] = 1 - 2 * (x * x + z * z);
  out[oi + 5] = 2 * (y * z - x * w);
  out[oi + 6] = 2 * (x * z - y * w);
  out[oi + 7] = 2 * (y * z + x * w);
  out[oi + 8] = 1 - 2 * (x * x + y * y);
}

/** Quaternion of a row-major rotation matrix (Shepperd 1978: divides by the largest component). `out` is not `m`. */
export function quatFromMatrix(out: Float64Array, oi: number, m: Float64Array, mi: number): void {
  const a = m[mi]!;
  const b = m[mi + 4]!;
  const c = m[mi + 8]!;
  const trace = a + b + c;
  if (trace >= a && trace >= b && trace >= c) {
    const s = 2 * Math.sqrt(1 + trace);
    out[oi + 3] = s / 4;
    out[oi] = (m[mi + 7]! - m[mi + 5]!) / s;
    out[oi + 1] = (m[mi + 2]! - m[mi + 6]!) / s;
    out[oi + 2] = (m[mi + 3]! - m[mi + 1]!) / s;
  } else if (a >= b && a >= c) {
    const s = 2 * Math.sqrt(1 + a - b - c);
    out[oi] = s / 4;
    out[oi + 1] = (m[mi + 1]! + m[mi + 3]!) / s;
    out[oi + 2] = (m[mi + 2]! + m[mi + 6]!) / s;
    out[oi + 3] = (m[mi + 7]! - m[mi + 5]!) / s;
  } else if (b >= c) {
    const s = 2 * Math.sqrt(1 + b - a - c);
    out[oi + 1] = s / 4;
    out[oi] = (m[mi + 1]! + m[mi + 3]!) / s;
    out[oi + 2] = (m[mi + 5]! + m[mi + 7]!) / s;
    out[oi + 3] = (m[mi + 2]! - m[mi + 6]!) / s;
  } else {
    const s = 2 * Math.sqrt(1 + c - a - b);
    out[oi + 2] = s / 4;
    out[oi] = (m[mi + 2]! + m[mi + 6]!) / s;
    out[oi + 1] = (m[mi + 5]! + m[mi + 7]!) / s;
    out[oi + 3] = (m[mi + 3]! - m[mi + 1]!) / s;
  }
  quatNormalize(out, oi);
}

/** URDF roll, pitch, yaw (rad): fixed axes x, y, z in that order, R = Rz(yaw) Ry(pitch) Rx(roll). */
export function quatFromRpy(out: Float64Array, oi: number, roll: number, pitch: number, yaw: number): void {
  const cr = Math.cos(roll / 2);
  const sr = Math.sin(roll / 2);
  const cp = Math.cos(pitch / 2);
  const sp = Math.sin(pitch / 2);
  const cy = Math.cos(yaw / 2);
  const sy = Math.sin(yaw / 2);
  out[oi] = sr * cp * cy - cr * sp * sy;
  out[oi + 1] = cr * sp * cy + sr * cp * sy;
  out[oi + 2] = cr * cp * sy - sr * sp * cy;
  out[oi + 3] = cr * cp * cy + sr * sp * sy;
}

/** Heading of the quaternion x, y, z, w at q[at..]: the turn about z of its x axis seen from above, rad. */
export function quatHeading(q: Float64Array, at = 0): number {
  const x = q[at]!;
  const y = q[at + 1]!;
  const z = q[at + 2]!;
  const w = q[at + 3]!;
  return Math.atan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z));
}
