/** The updates of CEM and MPPI against figures worked out by hand and against their definitions. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Rng } from '../../../src/math/rng.ts';
import { refit, selectElites } from '../../../src/plan/shooting/cem/refit.ts';
import {
  controlRatios,
  lambdaFor,
  mppiWeights,
  weightedMean,
} from '../../../src/plan/shooting/mppi/weights.ts';
import { quadratic } from './problems.ts';

const close = (got: number, want: number, tolerance: number, what: string): void =>
  assert.ok(Math.abs(got - want) <= tolerance, `${what}: ${got}, want ${want}`);

describe('CEM', () => {
  it('selects the cheapest, equal ones in order, none of infinite cost', () => {
    const cost = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(Number.POSITIVE_INFINITY));
    fc.assert(
      fc.property(
        fc.array(cost, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        (c, m) => {
          const out = new Int32Array(m);
          const found = selectElites(Float64Array.from(c), out);
          const want = c
            .map((_, i) => i)
            .filter((i) => c[i] !== Number.POSITIVE_INFINITY)
            .sort((a, b) => c[a]! - c[b]! || a - b)
            .slice(0, m);
          assert.deepEqual([...out.subarray(0, found)], want);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it('refits mean and variance with momentum and floor: by hand', () => {
    // Elites are samples 2 and 0: (1, 10) and (3, 10). m = (2, 10), s² = (1, 0).
    const thetas = Float64Array.of(3, 10, 99, 99, 1, 10);
    const mean = Float64Array.of(0, 2);
    const sigma = Float64Array.of(2, 0.5);
    refit(thetas, Int32Array.of(2, 0), 2, 0.25, 0.1, Float64Array.of(1, 4), mean, sigma);
    // mean = ¼·(0, 2) + ¾·(2, 10); sigma² = ¼·(4, 0.25) + ¾·(1, 0) = (1.75, 0.0625); floors 0.1 and 0.4.
    assert.deepEqual([...mean], [1.5, 8]);
    close(sigma[0]!, Math.sqrt(1.75), 1e-15, 'sigma[0]');
    assert.equal(sigma[1], 0.4);
  });
});

describe('MPPI', () => {
  it('weighs by exp(−(S − min)/λ): by hand', () => {
    const weights = new Float64Array(4);
    const costs = Float64Array.of(5, 5 + 2 * Math.LN2, Number.POSITIVE_INFINITY, 5 + 4 * Math.LN2);
    const count = mppiWeights(costs, new Float64Array(4), 2, weights);
    // 1, ½, 0, ¼ over 7/4; (7/4)² / (1 + ¼ + 1/16) = 7/3.
    [4 / 7, 2 / 7, 0, 1 / 7].forEach((w, i) => {
      close(weights[i]!, w, 1e-15, `weight ${i}`);
    });
    close(count, 7 / 3, 1e-14, 'effective');
    const mean = Float64Array.of(123, 456);
    weightedMean(Float64Array.of(7, 0, 0, 7, 99, 99, 0, 14), weights, mean);
    close(mean[0]!, 4, 1e-14, 'mean[0]');
    close(mean[1]!, 4, 1e-14, 'mean[1]');
  });

  it('does not care for a constant in the cost, nor overflow with huge ones', () => {
    const rng = new Rng(2);
    const costs = Float64Array.from({ length: 20 }, () => rng.uniform(0, 8));
    const [a, b] = [new Float64Array(20), new Float64Array(20)];
    mppiWeights(costs, new Float64Array(20), 0.5, a);
    mppiWeights(
      costs.map((c) => c + 2 ** 30),
      new Float64Array(20),
      0.5,
      b,
    );
    // Adding 2^30 rounds costs by 2^-23, which λ = ½ doubles.
    a.forEach((w, i) => {
      close(b[i]!, w, 2 * w * 2 ** -21, `weight ${i}`);
    });
    assert.ok(Math.abs(a.reduce((s, w) => s + w, 0) - 1) < 1e-14);
  });

  it('finds the λ that leaves the wanted number of samples, in any unit of the cost', () => {
    const rng = new Rng(3);
    const shape = Float64Array.from({ length: 200 }, () => rng.normal() ** 2);
    const weights = new Float64Array(200);
    for (const unit of [1e-6, 1, 1e9]) {
      const costs = shape.map((c) => unit * c);
      costs[5] = Number.POSITIVE_INFINITY;
      for (const wanted of [3, 20, 120]) {
        const lambda = lambdaFor(costs, new Float64Array(200), wanted, weights);
        const count = mppiWeights(costs, new Float64Array(200), lambda, weights);
        close(count, wanted, 0.01 * wanted, `λ ${lambda}`);
      }
    }
    assert.equal(lambdaFor(Float64Array.of(4, 4), new Float64Array(2), 1, new Float64Array(2)), 4);
  });

  it('control ratios are log ratios of densities up to a constant', () => {
    const rng = new Rng(4);
    const [sigma, passive, mean] = [
      [0.5, 2, 1],
      [0, -1, 3],
      [1, 1, 1.5],
    ].map((v) => Float64Array.from(v));
    const logDensity = (theta: Float64Array, at: Float64Array): number =>
      theta.reduce((sum, v, p) => sum - 0.5 * ((v - at[p]!) / sigma![p]!) ** 2, 0);
    const thetas = Float64Array.from({ length: 30 }, (_, i) => mean![i % 3]! + rng.normal(sigma![i % 3]!));
    const y = mean!.map((m, p) => (m - passive![p]!) / sigma![p]! ** 2);
    const ratios = new Float64Array(10);
    controlRatios(thetas, mean!, y, 1, ratios);
    const wanted = Array.from({ length: 10 }, (_, i) => {
      const theta = thetas.slice(3 * i, 3 * i + 3);
      return logDensity(theta, mean!) - logDensity(theta, passive!);
    });
    for (let i = 1; i < 10; i++)
      close(ratios[i]! - ratios[0]!, wanted[i]! - wanted[0]!, 1e-12, `sample ${i}`);
  });

  it('one weighted mean is the optimum of cost + λ/2 uᵀΣ⁻¹u, from wherever it was sampled', () => {
    // exp(−J/λ) N(0, Σ) is normal about (H + λΣ⁻¹)⁻¹(−g), and the ratios undo that samples came from about `from`.
    const { problem, H, g, minimiser } = quadratic(5, 2, 1, 2);
    const n = problem.horizon * problem.nu;
    const [samples, sigma, lambda] = [200_000, 1.2, 3];
    const want = minimiser(lambda / sigma ** 2);
    for (const from of [Float64Array.of(0, 0), Float64Array.of(1, -0.7)]) {
      const rng = new Rng(6);
      const thetas = Float64Array.from({ length: samples * n }, (_, i) => from[i % n]! + rng.normal(sigma));
      const costs = new Float64Array(samples);
      for (let i = 0; i < samples; i++) {
        for (let a = 0; a < n; a++) {
          costs[i]! += g[a]! * thetas[i * n + a]!;
          for (let b = 0; b < n; b++)
            costs[i]! += 0.5 * H[a * n + b]! * thetas[i * n + a]! * thetas[i * n + b]!;
        }
      }
      const [ratios, weights, mean] = [new Float64Array(samples), new Float64Array(samples), from.slice()];
      controlRatios(
        thetas,
        from,
        from.map((m) => m / sigma ** 2),
        1,
        ratios,
      );
      mppiWeights(costs, ratios, lambda, weights);
      weightedMean(thetas, weights, mean);
      for (let p = 0; p < n; p++) {
        let variance = 0;
        for (let i = 0; i < samples; i++) variance += (weights[i]! * (thetas[i * n + p]! - want[p]!)) ** 2;
        // 5 standard errors of a self-normalised importance estimate.
        close(mean[p]!, want[p]!, 5 * Math.sqrt(variance), `from ${from}: mean[${p}]`);
        assert.ok(Math.sqrt(variance) < 0.01 * Math.max(...want.map(Math.abs)), 'the estimate is sharp');
      }
    }
  });
});
