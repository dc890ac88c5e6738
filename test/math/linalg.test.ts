import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cholesky,
  choleskySolve,
  dampedLeastSquares,
  luFactor,
  luSolve,
  mul,
  mulTransposed,
  singularRange,
  symmetricEigen,
} from '../../src/math/linalg.ts';
import { Rng } from '../../src/math/rng.ts';
import { dot } from '../../src/math/vec.ts';
import { allClose } from '../support/close.ts';

const rng = new Rng(9);
const random = (n: number): Float64Array => Float64Array.from({ length: n }, () => rng.normal());
const nan = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);

/** A random positive definite matrix. */
function spd(n: number): Float64Array {
  const b = random(n * n);
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) a[i * n + j]! += b[i * n + k]! * b[j * n + k]!;
      if (i === j) a[i * n + j]! += 0.1;
    }
  }
  return a;
}

test('Cholesky: factor gives A back, solution satisfies the equation, indefinite is refused', () => {
  for (let n = 1; n <= 10; n++) {
    const a = spd(n);
    const l = a.slice();
    assert.ok(cholesky(l, n));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let s = 0;
        for (let k = 0; k <= j; k++) s += l[i * n + k]! * l[j * n + k]!;
        allClose([s], [a[i * n + j]!], { atol: 1e-12 });
      }
    }
    const b = random(n);
    const x = nan(n);
    choleskySolve(l, n, b, x);
    const back = nan(n);
    mul(a, n, n, x, back);
    allClose(back, b, { atol: 1e-10, what: `n = ${n}` });
  }
  assert.equal(cholesky(new Float64Array([1, 2, 2, 1]), 2), false);
  assert.equal(cholesky(new Float64Array([Number.NaN]), 1), false);
});

test('LU with pivoting solves what needs row swaps; singular is refused', () => {
  for (let n = 1; n <= 10; n++) {
    const a = random(n * n);
    if (n > 1) a[0] = 0;
    const lu = a.slice();
    const pivot = new Int32Array(n);
    assert.ok(luFactor(lu, n, pivot));
    const b = random(n);
    const x = nan(n);
    luSolve(lu, n, pivot, b, x);
    const back = nan(n);
    mul(a, n, n, x, back);
    allClose(back, b, { atol: 1e-9, what: `n = ${n}` });
  }
  assert.equal(luFactor(new Float64Array(4), 2, new Int32Array(2)), false);
});

test('Jacobi eigenvalues: A v = λ v, orthonormal, also with repeated and zero values', () => {
  for (let n = 1; n <= 10; n++) {
    const cases = [spd(n), new Float64Array(n * n), new Float64Array(n * n)];
    for (let i = 0; i < n; i++) cases[1]![i * n + i] = 3;
    for (const a of cases) {
      const values = nan(n);
      const vectors = nan(n * n);
      symmetricEigen(a.slice(), n, values, vectors);
      for (let c = 0; c < n; c++) {
        const v = Float64Array.from({ length: n }, (_, i) => vectors[i * n + c]!);
        const av = nan(n);
        mul(a, n, n, v, av);
        allClose(
          av,
          v.map((x) => x * values[c]!),
          { atol: 1e-11, what: `n = ${n}, pair ${c}` },
        );
        assert.ok(Math.abs(dot(v, v) - 1) < 1e-12);
      }
    }
  }
});

test('singular range of a matrix built from known singular values', () => {
  for (let round = 0; round < 50; round++) {
    const u = nan(36);
    const v = nan(49);
    symmetricEigen(spd(6), 6, nan(6), u);
    symmetricEigen(spd(7), 7, nan(7), v);
    const sigma = Float64Array.from({ length: 6 }, () => rng.uniform(0.01, 3));
    const j = new Float64Array(42);
    for (let r = 0; r < 6; r++) {
      for (let c = 0; c < 7; c++) {
        for (let k = 0; k < 6; k++) j[r * 7 + c]! += u[r * 6 + k]! * sigma[k]! * v[c * 7 + k]!;
      }
    }
    const got = nan(2);
    singularRange(j, 6, 7, got);
    allClose(got, [Math.min(...sigma), Math.max(...sigma)], { rtol: 1e-8 });
  }
});

test('damped least squares is the minimiser: its gradient is zero; undamped it solves exactly', () => {
  for (let round = 0; round < 50; round++) {
    const j = random(42);
    const e = random(6);
    const x = nan(7);
    const lambda2 = 0.3;
    assert.ok(dampedLeastSquares(j, 6, 7, lambda2, e, x));
    const r = nan(6);
    mul(j, 6, 7, x, r);
    for (let i = 0; i < 6; i++) r[i]! -= e[i]!;
    const g = nan(7);
    mulTransposed(j, 6, 7, r, g);
    for (let k = 0; k < 7; k++) g[k]! += lambda2 * x[k]!;
    allClose(g, new Float64Array(7), { atol: 1e-11 });
    assert.ok(dampedLeastSquares(j, 6, 7, 0, e, x));
    mul(j, 6, 7, x, r);
    allClose(r, e, { atol: 1e-8 });
  }
  const x = nan(7);
  assert.equal(dampedLeastSquares(new Float64Array(42), 6, 7, 0, random(6), x), false);
  allClose(x, new Float64Array(7), {});
});
