import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fans, initialValues } from '../../src/nn/init.ts';
import { drawNoise, type NoiseSpec } from '../../src/nn/noise.ts';
import { constant, cosine, linear, warmUp } from '../../src/nn/schedules.ts';

const N = 20_000;
const numbers = (spec: NoiseSpec, seed: number, step: number): number[] =>
  Array.from(drawNoise(spec, seed, step).data as Float32Array, Number);
const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
const variance = (v: readonly number[]): number => mean(v.map((x) => (x - mean(v)) ** 2));
/** Five standard errors of a mean of N values with the given standard deviation. */
const near = (got: number, want: number, deviation: number): void =>
  assert.ok(Math.abs(got - want) < (5 * deviation) / Math.sqrt(N), `${got}, not ${want}`);

describe('noise', () => {
  const normal: NoiseSpec = { name: 'n', shape: [N], distribution: 'normal' };

  it('is a function of seed, step and name alone', () => {
    const one = drawNoise(normal, 5, 9);
    drawNoise(normal, 1, 1);
    assert.deepEqual(drawNoise(normal, 5, 9), one);
    for (const other of [
      drawNoise(normal, 6, 9),
      drawNoise(normal, 5, 10),
      drawNoise({ ...normal, name: 'm' }, 5, 9),
      drawNoise(normal, 5 + 2 ** 40, 9),
    ]) {
      const [a, b] = [one.data as Float32Array, other.data as Float32Array];
      const shared = a.reduce((sum, x, i) => sum + x * b[i]!, 0) / N;
      near(shared, 0, 1);
    }
  });

  it('has the distribution that was asked for', () => {
    const values = numbers(normal, 2, 3);
    near(mean(values), 0, 1);
    near(variance(values), 1, Math.SQRT2);
    const uniform = numbers({ name: 'u', shape: [N], distribution: 'uniform', low: -1, high: 3 }, 2, 3);
    near(mean(uniform), 1, 4 / Math.sqrt(12));
    assert.ok(uniform.every((x) => x >= -1 && x < 3));
    const coin = numbers({ name: 'b', shape: [N], distribution: 'bernoulli', probability: 0.3 }, 2, 3);
    assert.deepEqual([...new Set(coin)].sort(), [0, 1]);
    near(mean(coin), 0.3, Math.sqrt(0.21));
    const whole = drawNoise({ name: 'i', shape: [N], distribution: 'integers', below: 4 }, 2, 3);
    assert.ok(whole.data instanceof BigInt64Array);
    assert.deepEqual([...new Set(Array.from(whole.data, Number))].sort(), [0, 1, 2, 3]);
  });
});

describe('first values', () => {
  it('depend on seed and name, not on what else is drawn', () => {
    const init = { kind: 'normal', std: 2, mean: 1 } as const;
    const values = initialValues('a/weight', [N], init, 7);
    assert.deepEqual(initialValues('a/weight', [N], init, 7), values);
    assert.notDeepEqual(initialValues('b/weight', [N], init, 7), values);
    assert.notDeepEqual(initialValues('a/weight', [N], init, 8), values);
    near(mean([...values]), 1, 2);
  });

  it('have the width that their papers give', () => {
    assert.deepEqual(fans([20, 30]), { fanIn: 20, fanOut: 30 });
    assert.deepEqual(fans([8, 4, 3, 3]), { fanIn: 36, fanOut: 72 });
    const wide = [...initialValues('w', [200, 100], { kind: 'xavier-uniform' }, 1)];
    const limit = Math.sqrt(6 / 300);
    assert.ok(Math.max(...wide.map(Math.abs)) <= limit && Math.max(...wide) > 0.99 * limit);
    near(
      variance([...initialValues('k', [50, 100, 2, 2], { kind: 'he-normal' }, 1)]),
      2 / 400,
      (2 / 400) * Math.SQRT2,
    );
    const even = initialValues('l', [25, 800], { kind: 'fan-in-uniform' }, 1);
    assert.ok(Math.max(...even) <= 0.2 && Math.max(...even) > 0.199);
  });

  it('take given values of the right length only', () => {
    assert.deepEqual([...initialValues('v', [2], { kind: 'values', values: [3, 4] }, 0)], [3, 4]);
    assert.throws(
      () => initialValues('v', [3], { kind: 'values', values: [3, 4] }, 0),
      /parameter v of shape \[3\] has 2 values/,
    );
  });
});

it('schedules', () => {
  const at = [0, 1, 5, 10, 11, 50];
  assert.deepEqual(at.map(constant(2)), [2, 2, 2, 2, 2, 2]);
  assert.deepEqual(at.map(linear(1, 0, 10)), [1, 0.9, 0.5, 0, 0, 0]);
  const half = at.map(cosine(1, 0.2, 10));
  assert.deepEqual([half[0], half[3], half[5]], [1, 0.2, 0.2]);
  assert.ok(Math.abs(half[2]! - 0.6) < 1e-12);
  const rising = warmUp(4, linear(1, 0, 10));
  assert.deepEqual([0, 1, 3, 4, 9, 14].map(rising), [0.2, 0.4, 0.8, 1, 0.5, 0]);
});
