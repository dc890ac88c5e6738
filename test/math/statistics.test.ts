import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import {
  binomial,
  binomialAtMost,
  fisherExact,
  type Interval,
  logFactorial,
  mcnemarExact,
  medianInterval,
  newcombe,
  newcombePaired,
  normalQuantile,
  quantile,
  wilson,
} from '../../src/math/statistics.ts';

const close = (got: number, want: number, tolerance: number, what = ''): void =>
  assert.ok(Math.abs(got - want) <= tolerance, `${what} ${got}, wanted ${want} ± ${tolerance}`);
const between = (got: Interval, low: number, high: number, tolerance: number): void => {
  close(got.low, low, tolerance, 'low');
  close(got.high, high, tolerance, 'high');
};

describe('distributions', () => {
  it('factorials and binomials: closed forms, and all chances add up to one', () => {
    close(Math.exp(logFactorial(10)), 3_628_800, 1e-6);
    close(binomial(3, 10, 0.5), 120 / 1024, 1e-15);
    close(binomialAtMost(2, 5, 0.2), 0.94208, 1e-12);
    for (const p of [0, 0.03, 0.5, 1]) close(binomialAtMost(400, 400, p), 1, 1e-10);
    assert.equal(binomial(0, 0, 0.3), 1);
    assert.equal(binomial(4, 3, 0.3), 0);
  });

  it('normal quantiles: the tabulated ones, and symmetry', () => {
    close(normalQuantile(0.975), 1.959963984540054, 1e-8);
    close(normalQuantile(0.995), 2.5758293035489004, 1e-8);
    close(normalQuantile(0.9999), 3.719016485455709, 1e-8);
    close(normalQuantile(0.5), 0, 1e-12);
    for (let p = 0.001; p < 0.5; p += 0.013) close(normalQuantile(p), -normalQuantile(1 - p), 1e-9);
    assert.equal(normalQuantile(0), -Infinity);
    assert.ok(Number.isNaN(normalQuantile(-1)));
  });

  it('a quantile interpolates, and of nothing is nothing', () => {
    assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
    assert.equal(quantile([4, 1, 3, 2], 1), 4);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });
});

describe('Wilson interval', () => {
  it('the ends solve |x/n − p| = z √(p(1 − p)/n), which defines it', () => {
    const z = 1.959963984540054;
    for (const n of [1, 2, 7, 30, 100, 1000]) {
      for (let x = 0; x <= n; x += Math.max(1, Math.floor(n / 9))) {
        const { low, high } = wilson(x, n);
        assert.ok(low >= 0 && high <= 1 && low <= x / n && x / n <= high);
        for (const p of [low, high]) {
          if (p === 0 || p === 1) continue;
          close(Math.abs(x / n - p), z * Math.sqrt((p * (1 - p)) / n), 1e-7, `${x} of ${n}`);
        }
      }
    }
  });

  it('published values: 81 of 263, 15 of 148, 0 of 20, 1 of 29 (Newcombe 1998, table I)', () => {
    between(wilson(81, 263), 0.2553, 0.3662, 5e-5);
    between(wilson(15, 148), 0.0624, 0.1605, 5e-5);
    between(wilson(0, 20), 0, 0.1611, 5e-5);
    between(wilson(1, 29), 0.0061, 0.1718, 5e-5);
  });

  it('nothing tried, nothing known; all of them is exactly one', () => {
    assert.deepEqual(wilson(0, 0), { low: 0, high: 1 });
    assert.equal(wilson(50, 50).high, 1);
    assert.equal(wilson(0, 50).low, 0);
  });

  it('covers the true rate about as often as it says', () => {
    const rng = new Rng(5);
    let covered = 0;
    const runs = 2000;
    for (let i = 0; i < runs; i++) {
      const p = rng.uniform(0.05, 0.95);
      let x = 0;
      for (let k = 0; k < 40; k++) x += rng.uniform() < p ? 1 : 0;
      const { low, high } = wilson(x, 40);
      covered += low <= p && p <= high ? 1 : 0;
    }
    // Five standard deviations of 2000 draws around 0.95.
    close(covered / runs, 0.95, 5 * Math.sqrt((0.95 * 0.05) / runs));
  });
});

describe('exact tests', () => {
  it('McNemar is the sign test of the pairs that differ', () => {
    assert.equal(mcnemarExact(0, 0), 1);
    close(mcnemarExact(0, 6), 2 / 64, 1e-15);
    close(mcnemarExact(0, 5), 2 / 32, 1e-15);
    // 2 (1 + 10 + 45) / 1024
    close(mcnemarExact(2, 8), 112 / 1024, 1e-14);
    assert.equal(mcnemarExact(2, 8), mcnemarExact(8, 2));
    assert.equal(mcnemarExact(5, 5), 1);
  });

  it('Fisher: the lady tasting tea, and tables counted by hand', () => {
    // 3 of 4 right: (16 + 1) / 70 on one side, both sides the same.
    close(fisherExact(3, 4, 1, 4), 34 / 70, 1e-12);
    close(fisherExact(4, 4, 0, 4), 2 / 70, 1e-12);
    // 8 of 10 against 1 of 6: of the C(16, 9) tables, those that are no likelier.
    const choose = (n: number, k: number): number =>
      Math.exp(logFactorial(n) - logFactorial(k) - logFactorial(n - k));
    let p = 0;
    const seen = choose(10, 8) * choose(6, 1);
    for (let k = 3; k <= 9; k++) {
      const ways = choose(10, k) * choose(6, 9 - k);
      if (ways <= seen * (1 + 1e-9)) p += ways / choose(16, 9);
    }
    close(fisherExact(8, 10, 1, 6), p, 1e-12);
    close(p, 0.0349650349650348, 1e-12);
    assert.equal(fisherExact(0, 5, 0, 9), 1);
  });

  it('equal policies are called different no more often than alpha', () => {
    const rng = new Rng(6);
    let paired = 0;
    let unpaired = 0;
    const runs = 1500;
    for (let i = 0; i < runs; i++) {
      let [onlyA, onlyB, a, b] = [0, 0, 0, 0];
      for (let k = 0; k < 50; k++) {
        const first = rng.uniform() < 0.7;
        const second = rng.uniform() < 0.7;
        a += first ? 1 : 0;
        b += second ? 1 : 0;
        onlyA += first && !second ? 1 : 0;
        onlyB += second && !first ? 1 : 0;
      }
      paired += mcnemarExact(onlyA, onlyB) < 0.05 ? 1 : 0;
      unpaired += fisherExact(a, 50, b, 50) < 0.05 ? 1 : 0;
    }
    const most = 0.05 + 5 * Math.sqrt((0.05 * 0.95) / runs);
    assert.ok(paired / runs <= most, `McNemar ${paired / runs}`);
    assert.ok(unpaired / runs <= most, `Fisher ${unpaired / runs}`);
  });
});

describe('intervals of a difference', () => {
  it('independent rates: published values (Newcombe 1998, Statistics in Medicine 17:873, table II, method 10)', () => {
    between(newcombe(56, 70, 48, 80), 0.0524, 0.3339, 5e-5);
    between(newcombe(9, 10, 3, 10), 0.1705, 0.809, 5e-5);
    between(newcombe(6, 7, 2, 7), 0.0582, 0.8062, 5e-5);
    between(newcombe(5, 56, 0, 29), -0.0381, 0.1926, 5e-5);
    between(newcombe(0, 10, 0, 20), -0.1611, 0.2775, 5e-5);
    between(newcombe(10, 10, 0, 20), 0.6791, 1, 5e-5);
  });

  it('paired: the published value (Newcombe 1998, Statistics in Medicine 17:2635, method 10)', () => {
    between(newcombePaired({ both: 36, onlyA: 12, onlyB: 2, neither: 0 }), 0.0569, 0.3404, 5e-5);
  });

  it('paired: as independent ones when nothing correlates, narrower when outcomes go together', () => {
    const none = { both: 25, onlyA: 25, onlyB: 25, neither: 25 };
    assert.deepEqual(newcombePaired(none), newcombe(50, 100, 50, 100));
    const alike = newcombePaired({ both: 48, onlyA: 2, onlyB: 2, neither: 48 });
    assert.ok(alike.high < newcombe(50, 100, 50, 100).high / 2, `${alike.high}`);
    const opposed = newcombePaired({ both: 2, onlyA: 48, onlyB: 48, neither: 2 });
    assert.ok(opposed.high > newcombe(50, 100, 50, 100).high);
    assert.deepEqual(newcombePaired({ both: 0, onlyA: 0, onlyB: 0, neither: 0 }), { low: -1, high: 1 });
  });

  it('turned round, the sign turns', () => {
    const one = newcombePaired({ both: 30, onlyA: 12, onlyB: 3, neither: 5 });
    const other = newcombePaired({ both: 30, onlyA: 3, onlyB: 12, neither: 5 });
    close(one.low, -other.high, 1e-12);
    close(one.high, -other.low, 1e-12);
    assert.ok(one.low < 9 / 50 && 9 / 50 < one.high);
  });
});

describe('median with its interval', () => {
  it('order statistics: the tabulated ranks', () => {
    const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
    assert.deepEqual(medianInterval(upTo(10)), { median: 5.5, low: 2, high: 9 });
    assert.deepEqual(medianInterval(upTo(20)), { median: 10.5, low: 6, high: 15 });
    assert.deepEqual(medianInterval(upTo(100)), { median: 50.5, low: 40, high: 61 });
    assert.deepEqual(medianInterval(upTo(6)), { median: 3.5, low: 1, high: 6 });
  });

  it('five values give no 95 % interval, none give nothing', () => {
    const few = medianInterval([3, 1, 2, 5, 4]);
    assert.equal(few.median, 3);
    assert.ok(Number.isNaN(few.low) && Number.isNaN(few.high));
    assert.ok(Number.isNaN(medianInterval([]).median));
  });
});
