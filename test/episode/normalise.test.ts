import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitNormaliser, LEAST_SCALE, quantile } from '../../src/episode/normalise.ts';
import { Rng } from '../../src/math/rng.ts';

const N = 5000;
const rng = new Rng(4);
/** Wide, shifted far from zero, constant, and still but for noise. */
const rows = Array.from({ length: N }, () => [
  rng.normal(3),
  1e6 + rng.uniform(-2, 5),
  0.25,
  1 + rng.normal(1e-6),
]);
const source = {
  size: 4,
  count: N,
  read: (i: number, out: Float64Array) => out.set(rows[i]!),
};
const column = (c: number): number[] => rows.map((r) => r[c]!);
const near = (got: number, want: number, within: number): void =>
  assert.ok(Math.abs(got - want) <= within, `${got} for ${want}`);

test('mean and standard deviation', () => {
  const { offset, scale } = fitNormaliser('mean-std', source);
  for (const c of [0, 1]) {
    const mean = column(c).reduce((s, x) => s + x, 0) / N;
    const variance = column(c).reduce((s, x) => s + (x - mean) ** 2, 0) / N;
    near(offset[c]!, mean, 1e-9 * Math.max(1, Math.abs(mean)));
    near(scale[c]!, Math.sqrt(variance), 1e-9 * Math.sqrt(variance) + 1e-9);
  }
});

test('extremes go to −1 and 1', () => {
  const { offset, scale } = fitNormaliser('min-max', source);
  for (const c of [0, 1]) {
    near((Math.min(...column(c)) - offset[c]!) / scale[c]!, -1, 1e-9);
    near((Math.max(...column(c)) - offset[c]!) / scale[c]!, 1, 1e-9);
  }
});

test('one in a hundred lies beyond either end of a quantile normaliser', () => {
  const { offset, scale } = fitNormaliser('quantile', source);
  for (const c of [0, 1]) {
    const beyond = (end: number): number =>
      column(c).filter((x) => ((x - offset[c]!) / scale[c]!) * end > 1).length;
    near(beyond(-1), N / 100, 1);
    near(beyond(1), N / 100, 1);
  }
});

test('what does not vary keeps its scale, and no data changes nothing', () => {
  for (const method of ['mean-std', 'min-max', 'quantile'] as const) {
    const { offset, scale } = fitNormaliser(method, source);
    assert.deepEqual([scale[2], scale[3]], [1, 1], method);
    near(offset[2]!, 0.25, 1e-12);
    const none = fitNormaliser(method, { ...source, count: 0 });
    assert.deepEqual(none, { method, offset: [0, 0, 0, 0], scale: [1, 1, 1, 1] });
  }
  assert.deepEqual(fitNormaliser('none', source).offset, [0, 0, 0, 0]);
});

test('quantiles between order statistics', () => {
  const sorted = Float64Array.of(1, 2, 4, 8);
  assert.equal(quantile(sorted, 0), 1);
  assert.equal(quantile(sorted, 1), 8);
  assert.equal(quantile(sorted, 0.5), 3);
  assert.equal(quantile(Float64Array.of(7), 0.3), 7);
});

test('what varies by less than the least scale is not blown up to the whole range', () => {
  const narrow = { size: 1, count: N, read: (i: number, out: Float64Array) => out.set([rows[i]![3]! * 1e3]) };
  for (const method of ['mean-std', 'min-max', 'quantile'] as const) {
    assert.deepEqual(fitNormaliser(method, narrow).scale, [LEAST_SCALE], method);
  }
});
