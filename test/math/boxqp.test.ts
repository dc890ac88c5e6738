import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoxQp } from '../../src/math/boxqp.ts';
import { Rng } from '../../src/math/rng.ts';

/** A random problem: H = B Bᵀ / n + shift I, bounds of random width, some infinite, some shut. */
function random(seed: number, n: number, shift: number) {
  const rng = new Rng(seed);
  const b = Float64Array.from({ length: n * n }, () => rng.normal());
  const h = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) h[i * n + j]! += (b[i * n + k]! * b[j * n + k]!) / n;
      if (i === j) h[i * n + j]! += shift;
    }
  }
  const g = Float64Array.from({ length: n }, () => 3 * rng.normal());
  const lower = new Float64Array(n);
  const upper = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const a = rng.normal();
    const kind = rng.uniform(0, 1);
    lower[i] = kind < 0.15 ? Number.NEGATIVE_INFINITY : a;
    upper[i] =
      kind > 0.85 ? Number.POSITIVE_INFINITY : kind > 0.75 ? Math.max(a, lower[i]!) : a + rng.uniform(0, 2);
  }
  return { h, g, lower, upper };
}

test('solutions satisfy the KKT conditions, from any start', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(1e-3, 0.1, 1, 100),
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 9, maxLength: 9 }),
      (seed, n, shift, start) => {
        const { h, g, lower, upper } = random(seed, n, shift);
        const qp = new BoxQp(n);
        for (let i = 0; i < n; i++) qp.x[i] = start[i]!;
        qp.free.fill(7);
        assert.equal(qp.solve(h, g, lower, upper), 'solved');
        const scale = 1e-8 * (1 + Math.max(...g.map(Math.abs)));
        for (let i = 0; i < n; i++) {
          const x = qp.x[i]!;
          assert.ok(x >= lower[i]! && x <= upper[i]!, `x[${i}] = ${x} is within its bounds`);
          let gradient = g[i]!;
          for (let j = 0; j < n; j++) gradient += h[i * n + j]! * qp.x[j]!;
          if (x > lower[i]!) assert.ok(gradient <= scale, `entry ${i} could go down: ${gradient}`);
          if (x < upper[i]!) assert.ok(gradient >= -scale, `entry ${i} could go up: ${gradient}`);
          assert.ok(qp.free[i] === 1 || x === lower[i] || x === upper[i], 'held entries are at a bound');
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('without bounds in reach it is one Newton step', () => {
  const { h, g } = random(3, 7, 1);
  const qp = new BoxQp(7);
  const far = new Float64Array(7).fill(1e6);
  assert.equal(
    qp.solve(
      h,
      g,
      far.map((v) => -v),
      far,
    ),
    'solved',
  );
  assert.ok(qp.iterations <= 2);
});

test('an indefinite Hessian and numbers that are not finite end with a status, never for ever', () => {
  const wide = Float64Array.of(10, 10);
  const low = Float64Array.of(-10, -10);
  const qp = new BoxQp(2);
  assert.equal(qp.solve(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1), low, wide), 'indefinite');
  assert.equal(
    qp.solve(Float64Array.of(Number.NaN, 0, 0, 1), Float64Array.of(1, 1), low, wide),
    'indefinite',
  );
  qp.x.fill(0);
  assert.equal(qp.solve(Float64Array.of(1, 0, 0, 1), Float64Array.of(Number.NaN, 1), low, wide), 'stuck');
});
