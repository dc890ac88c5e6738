import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { ColouredNoise } from '../../../src/plan/shooting/noise.ts';

describe('coloured noise', () => {
  it('is the sum of waves that it says it is', () => {
    for (const [length, exponent] of [
      [5, 1],
      [50, 2],
      [100, 0.5],
    ] as const) {
      const noise = new ColouredNoise(length, exponent);
      noise.draw(new Rng(7));
      const m = noise.period;
      assert.ok(m >= 1.25 * length && Number.isInteger(Math.log2(m)));
      const rng = new Rng(7);
      const a = new Float64Array(m);
      const b = new Float64Array(m);
      for (let k = 0; k < m; k++) {
        a[k] = rng.normal();
        b[k] = rng.normal();
      }
      const power = Array.from({ length: m }, (_, k) => Math.max(Math.min(k, m - k), 1) ** -exponent);
      const total = power.reduce((sum, p) => sum + p, 0);
      for (let t = 0; t < length; t++) {
        let re = 0;
        let im = 0;
        for (let k = 0; k < m; k++) {
          const s = Math.sqrt(power[k]! / total);
          const angle = (2 * Math.PI * ((k * t) % m)) / m;
          re += s * (a[k]! * Math.cos(angle) - b[k]! * Math.sin(angle));
          im += s * (a[k]! * Math.sin(angle) + b[k]! * Math.cos(angle));
        }
        // Rounding of log2 M stages on terms of size 1 to 5.
        const tolerance = 16 * Math.log2(m) * Number.EPSILON * 5;
        assert.ok(Math.abs(noise.first[t]! - re) < tolerance, `first[${t}] of ${length}`);
        assert.ok(Math.abs(noise.second[t]! - im) < tolerance, `second[${t}] of ${length}`);
      }
    }
  });

  it('has the correlation in time of its spectrum, unit variance, and two independent sequences', () => {
    const draws = 4000;
    const noise = new ColouredNoise(24, 1.5);
    const rng = new Rng(11);
    const lags = [0, 1, 3, 8, 20];
    const sums = lags.map(() => 0);
    let across = 0;
    for (let d = 0; d < draws; d++) {
      noise.draw(rng);
      lags.forEach((lag, i) => {
        sums[i]! += noise.first[0]! * noise.first[lag]!;
      });
      across += noise.first[4]! * noise.second[9]!;
    }
    assert.ok(Math.abs(noise.correlation(0) - 1) < 1e-12);
    assert.ok(noise.correlation(1) > noise.correlation(3) && noise.correlation(3) > noise.correlation(8));
    // Var(xy) = 1 + ρ² for normal x, y of unit variance; 5 standard errors: wrong once in a million.
    lags.forEach((lag, i) => {
      const rho = noise.correlation(lag);
      const allowed = 5 * Math.sqrt((1 + rho * rho) / draws);
      assert.ok(Math.abs(sums[i]! / draws - rho) < allowed, `lag ${lag}: ${sums[i]! / draws}, want ${rho}`);
    });
    assert.ok(Math.abs(across / draws) < 5 / Math.sqrt(draws));
  });

  it('factors its correlation matrix', () => {
    const noise = new ColouredNoise(30, 2);
    const n = noise.length;
    const l = noise.factor();
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let k = 0; k <= j; k++) sum += l[i * n + k]! * l[j * n + k]!;
        // 1e-12 is what the factor adds to the diagonal.
        assert.ok(Math.abs(sum - noise.correlation(i - j)) < 1e-12 + 8 * n * Number.EPSILON);
      }
    }
  });
});
