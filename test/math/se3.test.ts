import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  quatAngle,
  quatAxisAngle,
  quatConj,
  quatExp,
  quatFromMatrix,
  quatFromRpy,
  quatLog,
  quatMul,
  quatNormalize,
  quatRotate,
  quatRotateInverse,
  quatSlerp,
  quatToMatrix,
} from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import {
  poseError,
  poseIdentity,
  poseIntegrate,
  poseInverse,
  poseMul,
  posePoint,
  poseToMatrix34,
} from '../../src/math/se3.ts';
import { clampNorm3, cross3, distance3, dot3, norm3, normalize3 } from '../../src/math/vec.ts';
import { allClose } from '../support/close.ts';

const rng = new Rng(5);
const nan = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);
const vector = (n = 3, scale = 1): Float64Array => Float64Array.from({ length: n }, () => rng.normal(scale));
const unit = (): Float64Array => {
  const q = vector(4);
  quatNormalize(q);
  return q;
};
const pose = (): Float64Array => new Float64Array([...vector(), ...unit()]);
const CASES = 300;

test('cross, dot, norms', () => {
  const out = nan(3);
  cross3(out, 0, new Float64Array([1, 0, 0]), 0, new Float64Array([0, 1, 0]), 0);
  allClose(out, [0, 0, 1], {});
  for (let i = 0; i < CASES; i++) {
    const a = vector();
    const b = vector();
    cross3(out, 0, a, 0, b, 0);
    assert.ok(Math.abs(dot3(out, 0, a, 0)) < 1e-12 && Math.abs(dot3(out, 0, b, 0)) < 1e-12);
    const d = dot3(a, 0, b, 0);
    allClose([norm3(out) ** 2 + d * d], [(norm3(a) * norm3(b)) ** 2], { rtol: 1e-12 });
  }
  const v = new Float64Array([3, 0, 4]);
  clampNorm3(v, 0, 10);
  allClose(v, [3, 0, 4], {});
  clampNorm3(v, 0, 1);
  allClose(v, [0.6, 0, 0.8], { atol: 1e-15 });
  assert.equal(normalize3(new Float64Array(3)), false);
  assert.equal(distance3(v, 0, v, 0), 0);
});

test('a quaternion turns as its matrix does, and product is composition', () => {
  for (let i = 0; i < CASES; i++) {
    const a = unit();
    const b = unit();
    const v = vector();
    const m = nan(9);
    const turned = nan(3);
    quatToMatrix(m, 0, a, 0);
    quatRotate(turned, 0, a, 0, v, 0);
    allClose(
      turned,
      [0, 1, 2].map((r) => m[3 * r]! * v[0]! + m[3 * r + 1]! * v[1]! + m[3 * r + 2]! * v[2]!),
      { atol: 1e-13 },
    );
    const ab = nan(4);
    const once = nan(3);
    quatMul(ab, 0, a, 0, b, 0);
    quatRotate(once, 0, ab, 0, v, 0);
    quatRotate(turned, 0, b, 0, v, 0);
    quatRotate(turned, 0, a, 0, turned, 0);
    allClose(once, turned, { atol: 1e-13 });
    quatRotateInverse(turned, 0, a, 0, turned, 0);
    quatRotateInverse(turned, 0, b, 0, turned, 0);
    allClose(turned, v, { atol: 1e-13 });
    const back = nan(4);
    quatFromMatrix(back, 0, m, 0);
    assert.ok(quatAngle(back, 0, a, 0) < 1e-14);
  }
});

test('quatFromMatrix at half turns about each axis', () => {
  for (const axis of [0, 1, 2]) {
    const q = new Float64Array(4);
    q[axis] = 1;
    const m = nan(9);
    quatToMatrix(m, 0, q, 0);
    const back = nan(4);
    quatFromMatrix(back, 0, m, 0);
    allClose(back.map(Math.abs), q, { atol: 1e-15 });
  }
});

test('log and exp are inverse, from zero to a half turn', () => {
  for (const angle of [0, 1e-300, 1e-12, 1e-8, 1e-3, 1, 3, Math.PI - 1e-9]) {
    const v = vector();
    normalize3(v);
    const want = v.map((x) => x * angle);
    const q = nan(4);
    const got = nan(3);
    quatExp(q, 0, want, 0);
    quatLog(got, 0, q, 0);
    allClose(got, want, { atol: 1e-14, rtol: 1e-7, what: `angle ${angle}` });
    const axisAngle = nan(4);
    quatAxisAngle(axisAngle, 0, v, 0, angle);
    allClose(q, axisAngle, { atol: 1e-15 });
  }
});

test('slerp: ends, middle, short way', () => {
  for (let i = 0; i < CASES; i++) {
    const a = unit();
    const b = unit();
    const m = nan(4);
    quatSlerp(m, 0, a, 0, b, 0, 0.25);
    const angle = quatAngle(a, 0, b, 0);
    allClose([quatAngle(a, 0, m, 0), quatAngle(m, 0, b, 0)], [angle / 4, (3 * angle) / 4], { atol: 1e-7 });
  }
});

test('roll pitch yaw turn about the fixed axes x, y, z in that order', () => {
  for (let i = 0; i < CASES; i++) {
    const [r, p, y] = vector() as unknown as [number, number, number];
    const got = nan(4);
    quatFromRpy(got, 0, r, p, y);
    const step = nan(4);
    const want = new Float64Array([0, 0, 0, 1]);
    const axes = [new Float64Array([1, 0, 0]), new Float64Array([0, 1, 0]), new Float64Array([0, 0, 1])];
    [r, p, y].forEach((angle, k) => {
      quatAxisAngle(step, 0, axes[k]!, 0, angle);
      quatMul(want, 0, step, 0, want, 0);
    });
    assert.ok(quatAngle(got, 0, want, 0) < 1e-14);
  }
});

test('poses: group laws, points, matrices; outputs may be inputs', () => {
  for (let i = 0; i < CASES; i++) {
    const a = pose();
    const b = pose();
    const ab = nan(7);
    poseMul(ab, 0, a, 0, b, 0);
    const p = vector();
    const once = nan(3);
    const twice = nan(3);
    posePoint(once, 0, ab, 0, p, 0);
    posePoint(twice, 0, b, 0, p, 0);
    posePoint(twice, 0, a, 0, twice, 0);
    allClose(once, twice, { atol: 1e-13 });
    const m = nan(12);
    poseToMatrix34(m, 0, ab, 0);
    const byMatrix = [0, 1, 2].map(
      (r) => m[4 * r]! * p[0]! + m[4 * r + 1]! * p[1]! + m[4 * r + 2]! * p[2]! + m[4 * r + 3]!,
    );
    allClose(once, byMatrix, { atol: 1e-13 });
    const inverse = nan(7);
    poseInverse(inverse, 0, a, 0);
    poseMul(inverse, 0, inverse, 0, ab, 0);
    allClose(inverse.subarray(0, 3), b.subarray(0, 3), { atol: 1e-13 });
    assert.ok(quatAngle(inverse, 3, b, 3) < 1e-13);
  }
});

test('poseError leads from a to b: integrating it for one second arrives', () => {
  const rest = nan(7);
  poseIdentity(rest);
  allClose(rest, [0, 0, 0, 0, 0, 0, 1], {});
  for (let i = 0; i < CASES; i++) {
    const a = pose();
    const b = pose();
    const e = nan(6);
    poseError(e, 0, a, 0, b, 0);
    poseIntegrate(a, 0, e, 0, 1);
    allClose(a.subarray(0, 3), b.subarray(0, 3), { atol: 1e-13 });
    assert.ok(quatAngle(a, 3, b, 3) < 1e-12);
    const q = nan(4);
    quatConj(q, 0, a, 3);
    quatMul(q, 0, q, 0, a, 3);
    allClose(q, [0, 0, 0, 1], { atol: 1e-14 });
  }
});
