import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../src/math/rng.ts';

/** From an independent implementation (Python, arbitrary-size integers). */
const GOLDEN: readonly number[][] = [
  [2543277100, 212542630, 1346300249, 1831834342],
  [729474035, 3684948019, 1479242516, 3246211776],
  [1980641846, 966990720, 2562600842, 4159241057],
  [3651854294, 700448604, 1303659742, 2332367754],
];

test('same seed, same numbers: golden values that every machine must give', () => {
  const draw = (seed: number, stream = 0) => {
    const rng = new Rng(seed, stream);
    return [rng.uint32(), rng.uint32(), rng.uint32(), rng.uint32()];
  };
  assert.deepEqual(draw(0), GOLDEN[0]);
  assert.deepEqual(draw(1), GOLDEN[1]);
  assert.deepEqual(draw(1, 7), GOLDEN[2]);
  assert.deepEqual(draw(2 ** 53 - 1), GOLDEN[3]);
});

test('neighbouring seeds, streams and high bits give unrelated streams', () => {
  const first = new Set<number>();
  for (let seed = 0; seed < 500; seed++) first.add(new Rng(seed).uint32());
  for (let stream = 1; stream < 500; stream++) first.add(new Rng(3, stream).uint32());
  for (let high = 1; high < 500; high++) first.add(new Rng(high * 2 ** 32).uint32());
  assert.ok(first.size >= 1495, `only ${first.size} different first numbers of 1498`);
});

test('uniform: range, mean, variance, and no correlation from one to the next', () => {
  const rng = new Rng(42);
  const n = 200_000;
  let sum = 0;
  let squares = 0;
  let products = 0;
  let before = 0;
  for (let i = 0; i < n; i++) {
    const x = rng.uniform(-1, 3);
    assert.ok(x >= -1 && x < 3);
    const u = (x - 1) / 4;
    sum += u;
    squares += u * u;
    products += u * before;
    before = u;
  }
  // Five standard deviations of each estimate: var(u) = 1/12, var(u²) = 1/180, var(u·u') = 1/144.
  assert.ok(Math.abs(sum / n) < 5 * Math.sqrt(1 / 12 / n), `mean ${sum / n}`);
  assert.ok(Math.abs(squares / n - 1 / 12) < 5 * Math.sqrt(1 / 180 / n), `variance ${squares / n}`);
  assert.ok(Math.abs(products / n) < 5 * Math.sqrt(1 / 144 / n), `correlation ${products / n}`);
});

test('normal: mean, variance, skewness, kurtosis', () => {
  const rng = new Rng(43);
  const n = 200_000;
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = rng.normal(2) / 2;
    for (let k = 0; k < 4; k++) moments[k]! += x ** (k + 1) / n;
  }
  const [m1, m2, m3, m4] = moments as [number, number, number, number];
  // Variances of x^k for a standard normal: 1, 2, 15, 96.
  assert.ok(Math.abs(m1) < 5 * Math.sqrt(1 / n), `mean ${m1}`);
  assert.ok(Math.abs(m2 - 1) < 5 * Math.sqrt(2 / n), `variance ${m2}`);
  assert.ok(Math.abs(m3) < 5 * Math.sqrt(15 / n), `third moment ${m3}`);
  assert.ok(Math.abs(m4 - 3) < 5 * Math.sqrt(96 / n), `fourth moment ${m4}`);
});

test('below(n) covers 0..n-1 evenly', () => {
  const rng = new Rng(44);
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[rng.below(7)]! += 1;
  for (const c of counts) assert.ok(Math.abs(c - 10_000) < 500, String(counts));
});

test('filling an array gives the numbers of as many calls, whatever the counts', () => {
  const [one, many] = [new Rng(44), new Rng(44)];
  const out = new Float64Array(40).fill(Number.NaN);
  for (const [from, count] of [
    [0, 3],
    [3, 1],
    [4, 0],
    [4, 8],
    [12, 5],
  ] as const) {
    many.fillNormal(out, from, count);
    for (let i = from; i < from + count; i++) assert.equal(out[i], one.normal());
  }
  many.fillUniform(out, 20, 7);
  for (let i = 20; i < 27; i++) assert.equal(out[i], one.uniform());
  assert.ok(out.subarray(17, 20).every(Number.isNaN) && out.subarray(27).every(Number.isNaN));
});
