/**
 * Spatial algebra (Featherstone 2008, Rigid Body Dynamics Algorithms, ch. 2) in one frame, at offsets of Float64Array.
 *
 * motion   6 values: v of the point at the frame's origin (m/s), then w (rad/s)
 * force    6 values: force (N), then moment about the origin (N·m)
 * inertia 10 values: mass m; first moment h = m c; xx yy zz xy xz yz about the origin
 * bias    12 values: see biasMatrix
 *
 * `add…` functions add to what is at `out`. Only offsets are handed over as numbers, and nothing is returned: a
 * fraction would cost an allocation where a call is not inlined. `out` is never an input. Nothing allocates.
 */

/** Values per motion or force, inertia, bias. */
export const SPATIAL = 6;
export const INERTIA = 10;
export const BIAS = 12;

/** out = 0, six values. */
export function clear6(out: Float64Array, oi: number): void {
  for (let i = 0; i < 6; i++) out[oi + i] = 0;
}

/** out = a × b of motions: (wa × vb + va × wb, wa × wb). */
export function crossMotion(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  clear6(out, oi);
  addCrossMotion(out, oi, a, ai, b, bi);
}

/** out += a × b of motions. */
export function addCrossMotion(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  addCross(out, oi, a, ai + 3, b, bi);
  addCross(out, oi, a, ai, b, bi + 3);
  addCross(out, oi + 3, a, ai + 3, b, bi + 3);
}

/** out += v ×* f of a motion and a force: (w × F, w × N + v × F). The dual: (v × x) · f = -x · (v ×* f). */
export function addCrossForce(
  out: Float64Array,
  oi: number,
  v: Float64Array,
  vi: number,
  f: Float64Array,
  fi: number,
): void {
  addCross(out, oi, v, vi + 3, f, fi);
  addCross(out, oi + 3, v, vi + 3, f, fi + 3);
  addCross(out, oi + 3, v, vi, f, fi);
}

/** out += a × b of 3-vectors. */
function addCross(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  out[oi]! += a[ai + 1]! * b[bi + 2]! - a[ai + 2]! * b[bi + 1]!;
  out[oi + 1]! += a[ai + 2]! * b[bi]! - a[ai]! * b[bi + 2]!;
  out[oi + 2]! += a[ai]! * b[bi + 1]! - a[ai + 1]! * b[bi]!;
}

/** out[oi] += a · b over six values: a motion and a force. */
export function addDot6(
  out: Float64Array,
  oi: number,
  a: Float64Array,
  ai: number,
  b: Float64Array,
  bi: number,
): void {
  out[oi]! +=
    a[ai]! * b[bi]! +
    a[ai + 1]! * b[bi + 1]! +
    a[ai + 2]! * b[bi + 2]! +
    a[ai + 3]! * b[bi + 3]! +
    a[ai + 4]! * b[bi + 4]! +
    a[ai + 5]! * b[bi + 5]!;
}

/** out += I x: the momentum (m v + w × h, h × v + I w) of an inertia that moves with x. */
export function addInertia(
  out: Float64Array,
  oi: number,
  I: Float64Array,
  Ii: number,
  x: Float64Array,
  xi: number,
): void {
  const m = I[Ii]!;
  const wx = x[xi + 3]!;
  const wy = x[xi + 4]!;
  const wz = x[xi + 5]!;
  out[oi]! += m * x[xi]!;
  out[oi + 1]! += m * x[xi + 1]!;
  out[oi + 2]! += m * x[xi + 2]!;
  addCross(out, oi, x, xi + 3, I, Ii + 1);
  addCross(out, oi + 3, I, Ii + 1, x, xi);
  out[oi + 3]! += I[Ii + 4]! * wx + I[Ii + 7]! * wy + I[Ii + 8]! * wz;
  out[oi + 4]! += I[Ii + 7]! * wx + I[Ii + 5]! * wy + I[Ii + 9]! * wz;
  out[oi + 5]! += I[Ii + 8]! * wx + I[Ii + 9]! * wy + I[Ii + 6]! * wz;
}

/**
 * The matrix B(v) of a body with inertia I that moves with v (Singh, Russell & Wensing 2022, their B up to a factor 2):
 * B u = v ×* I u - u ×* I v - I (v × u). It is antisymmetric in its arguments, B(v) u = -B(u) v, and 0 in its force
 * rows: for point masses m at c, B u = (0, 2 Σ m v_c × u_c). Kept as 12 values: the momentum p = m v + w × h, and the
 * 3 × 3 (row-major) 2 (Q w^ - v^ h^) that acts on u's angular part, Q = Σ m c cᵀ. Both add up over bodies.
 */
export function biasMatrix(
  out: Float64Array,
  oi: number,
  I: Float64Array,
  Ii: number,
  v: Float64Array,
  vi: number,
): void {
  const m = I[Ii]!;
  const hx = I[Ii + 1]!;
  const hy = I[Ii + 2]!;
  const hz = I[Ii + 3]!;
  const vx = v[vi]!;
  const vy = v[vi + 1]!;
  const vz = v[vi + 2]!;
  const wx = 2 * v[vi + 3]!;
  const wy = 2 * v[vi + 4]!;
  const wz = 2 * v[vi + 5]!;
  out[oi] = m * vx + (wy * hz - wz * hy) / 2;
  out[oi + 1] = m * vy + (wz * hx - wx * hz) / 2;
  out[oi + 2] = m * vz + (wx * hy - wy * hx) / 2;
  const half = (I[Ii + 4]! + I[Ii + 5]! + I[Ii + 6]!) / 2;
  const qxx = half - I[Ii + 4]!;
  const qyy = half - I[Ii + 5]!;
  const qzz = half - I[Ii + 6]!;
  const qxy = -I[Ii + 7]!;
  const qxz = -I[Ii + 8]!;
  const qyz = -I[Ii + 9]!;
  // v^ h^ = h vᵀ - (v · h) 1.
  const vh = vx * hx + vy * hy + vz * hz;
  out[oi + 3] = qxy * wz - qxz * wy - 2 * (hx * vx - vh);
  out[oi + 4] = qxz * wx - qxx * wz - 2 * hx * vy;
  out[oi + 5] = qxx * wy - qxy * wx - 2 * hx * vz;
  out[oi + 6] = qyy * wz - qyz * wy - 2 * hy * vx;
  out[oi + 7] = qyz * wx - qxy * wz - 2 * (hy * vy - vh);
  out[oi + 8] = qxy * wy - qyy * wx - 2 * hy * vz;
  out[oi + 9] = qyz * wz - qzz * wy - 2 * hz * vx;
  out[oi + 10] = qzz * wx - qxz * wz - 2 * hz * vy;
  out[oi + 11] = qxz * wy - qyz * wx - 2 * (hz * vz - vh);
}

/** out += B x, a force. */
export function addBias(
  out: Float64Array,
  oi: number,
  B: Float64Array,
  Bi: number,
  x: Float64Array,
  xi: number,
): void {
  addCross(out, oi + 3, B, Bi, x, xi);
  addCross(out, oi + 3, B, Bi, x, xi);
  for (let r = 0; r < 3; r++) {
    const at = Bi + 3 + 3 * r;
    out[oi + 3 + r]! += B[at]! * x[xi + 3]! + B[at + 1]! * x[xi + 4]! + B[at + 2]! * x[xi + 5]!;
  }
}

/** out += Bᵀ x, a force. */
export function addBiasTransposed(
  out: Float64Array,
  oi: number,
  B: Float64Array,
  Bi: number,
  x: Float64Array,
  xi: number,
): void {
  addCross(out, oi, x, xi + 3, B, Bi);
  addCross(out, oi, x, xi + 3, B, Bi);
  for (let r = 0; r < 3; r++) {
    const at = Bi + 3 + r;
    out[oi + 3 + r]! += B[at]! * x[xi + 3]! + B[at + 3]! * x[xi + 4]! + B[at + 6]! * x[xi + 5]!;
  }
}

/** out = R I Rᵀ moved: the inertia of 10 values of a body (kg, c, xx…yz about c) that stands at (R, p). */
export function placeInertia(
  out: Float64Array,
  oi: number,
  body: Float64Array,
  bi: number,
  R: Float64Array,
  Ri: number,
  p: Float64Array,
  pi: number,
): void {
  const m = body[bi]!;
  const cx = body[bi + 1]!;
  const cy = body[bi + 2]!;
  const cz = body[bi + 3]!;
  const x = p[pi]! + R[Ri]! * cx + R[Ri + 1]! * cy + R[Ri + 2]! * cz;
  const y = p[pi + 1]! + R[Ri + 3]! * cx + R[Ri + 4]! * cy + R[Ri + 5]! * cz;
  const z = p[pi + 2]! + R[Ri + 6]! * cx + R[Ri + 7]! * cy + R[Ri + 8]! * cz;
  out[oi] = m;
  out[oi + 1] = m * x;
  out[oi + 2] = m * y;
  out[oi + 3] = m * z;
  out[oi + 4] = m * (y * y + z * z);
  out[oi + 5] = m * (x * x + z * z);
  out[oi + 6] = m * (x * x + y * y);
  out[oi + 7] = -m * x * y;
  out[oi + 8] = -m * x * z;
  out[oi + 9] = -m * y * z;
  const xx = body[bi + 4]!;
  const yy = body[bi + 5]!;
  const zz = body[bi + 6]!;
  const xy = body[bi + 7]!;
  const xz = body[bi + 8]!;
  const yz = body[bi + 9]!;
  for (let r = 0; r < 3; r++) {
    const a = R[Ri + 3 * r]!;
    const b = R[Ri + 3 * r + 1]!;
    const c = R[Ri + 3 * r + 2]!;
    const u = a * xx + b * xy + c * xz;
    const v = a * xy + b * yy + c * yz;
    const w = a * xz + b * yz + c * zz;
    out[oi + 4 + r]! += u * a + v * b + w * c;
    if (r === 2) break;
    // xy and xz from row 0, yz from row 1, each with row 2 below; xy with row 1.
    out[oi + 8 + r]! += u * R[Ri + 6]! + v * R[Ri + 7]! + w * R[Ri + 8]!;
    if (r === 0) out[oi + 7]! += u * R[Ri + 3]! + v * R[Ri + 4]! + w * R[Ri + 5]!;
  }
}
