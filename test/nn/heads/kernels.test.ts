import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { klToStandardNormal } from '../../../src/nn/heads/act.ts';
import { cleanOf, ddimSample, ddimTimes, squaredCosineSchedule } from '../../../src/nn/heads/diffusion.ts';
import { eulerFlow, velocityTo } from '../../../src/nn/heads/flow.ts';
import { gaussianNll } from '../../../src/nn/heads/gaussian.ts';
import { maskedMean } from '../../../src/nn/heads/head.ts';
import { mixtureLogLikelihood } from '../../../src/nn/heads/mixture.ts';
import { add, div, mul, sub, sum, tanh } from '../../../src/nn/ops.ts';
import type { Tensor, TensorData } from '../../../src/nn/tensor.ts';
import { allClose } from '../../support/close.ts';
import { evaluate, normals, values } from '../../support/nn-run.ts';

const rng = new Rng(61);
const at = (t: TensorData, i: number): number => Number(t.data[i]);

describe('kernels of the heads against closed forms', () => {
  it('a masked mean counts real actions only, and an empty batch is 0', async () => {
    const x = values([2, 2, 2], [1, 2, 3, 4, 5, 6, 70, 80]);
    const { some, none } = await evaluate(
      (g) => {
        const at = g.input('x', x.shape);
        return {
          some: maskedMean(at, g.constant([1, 1, 1, 0], [2, 2])),
          none: maskedMean(at, g.constant(0, [2, 2])),
        };
      },
      { x },
    );
    assert.deepEqual([some![0], none![0]], [3.5, 0]);
  });

  it('Gaussian: −log of the density', async () => {
    const { y } = await evaluate((g) => ({
      y: gaussianNll(g.constant([0.3, -2]), g.constant([0, 1]), g.constant([1, 0.5])),
    }));
    const density = (x: number, m: number, s: number): number =>
      Math.exp(-0.5 * ((x - m) / s) ** 2) / (s * Math.sqrt(2 * Math.PI));
    allClose(y!, [-Math.log(density(0.3, 0, 1)), -Math.log(density(-2, 1, 0.5))], { rtol: 1e-6 });
  });

  it('mixture: log of the weighted sum of densities, masked steps left out, in float64', async () => {
    const [B, K, H, A] = [2, 3, 2, 2];
    const weights = [0.2, 0.5, 0.3, 0.7, 0.2, 0.1];
    const means = normals(rng, [B, K, H, A]);
    const deviations = values(
      [B, K, H, A],
      Array.from({ length: B * K * H * A }, () => rng.uniform(0.3, 2)),
    );
    const action = normals(rng, [B, H, A]);
    const mask = [1, 1, 1, 0];
    const { y } = await evaluate(
      (g) => ({
        y: mixtureLogLikelihood(
          g.constant(weights.map(Math.log), [B, K]),
          g.input('means', means.shape),
          g.input('deviations', deviations.shape),
          g.input('action', action.shape),
          g.constant(mask, [B, H]),
        ),
      }),
      { means, deviations, action },
    );
    const want = Array.from({ length: B }, (_, b) => {
      let total = 0;
      for (let k = 0; k < K; k++) {
        let density = weights[b * K + k]!;
        for (let h = 0; h < H; h++) {
          if (mask[b * H + h] === 0) continue;
          for (let a = 0; a < A; a++) {
            const i = ((b * K + k) * H + h) * A + a;
            const [m, s, x] = [at(means, i), at(deviations, i), at(action, (b * H + h) * A + a)];
            density *= Math.exp(-0.5 * ((x - m) / s) ** 2) / (s * Math.sqrt(2 * Math.PI));
          }
        }
        total += density;
      }
      return Math.log(total);
    });
    allClose(y!, want, { rtol: 1e-5, atol: 1e-5 });
  });

  it('KL to the standard normal: 0 for itself, the integral otherwise', async () => {
    const { y } = await evaluate((g) => ({
      y: klToStandardNormal(g.constant([0, 0, 1, -0.5], [2, 2]), g.constant([0, 0, Math.log(4), -1], [2, 2])),
    }));
    // By quadrature of q log(q / p).
    const numeric = (m: number, s: number): number => {
      let sum = 0;
      const dx = 1e-3;
      for (let x = m - 12 * s; x < m + 12 * s; x += dx) {
        const q = Math.exp(-0.5 * ((x - m) / s) ** 2) / (s * Math.sqrt(2 * Math.PI));
        sum += q * (-0.5 * ((x - m) / s) ** 2 - Math.log(s) + 0.5 * x * x) * dx;
      }
      return sum;
    };
    allClose(y!, [0, numeric(1, 2) + numeric(-0.5, Math.exp(-0.5))], { atol: 1e-5 });
  });

  it('squared-cosine schedule: the share of signal falls from almost 1 to almost 0 as the cosine says', () => {
    const schedule = squaredCosineSchedule(100);
    const level = (s: number): number => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;
    assert.ok(schedule[0]! > 0.999 && schedule[99]! < 1e-5);
    for (let t = 0; t < 99; t++) {
      assert.ok(schedule[t + 1]! < schedule[t]!);
      // The product telescopes; only the last step is cut.
      assert.ok(Math.abs(schedule[t]! - level((t + 1) / 100) / level(0)) < 1e-12);
    }
    assert.deepEqual(ddimTimes(100, 10), [95, 85, 75, 65, 55, 45, 35, 25, 15, 5]);
    assert.deepEqual(ddimTimes(4, 4), [3, 2, 1, 0]);
  });

  it('DDIM with the true noise gives the data, from any start', async () => {
    const data = normals(rng, [2, 3, 2], 0.5);
    const start = normals(rng, [2, 3, 2]);
    const schedule = squaredCosineSchedule(50);
    const { y, cut } = await evaluate(
      (g) => {
        const clean = g.input('data', data.shape);
        const noise = g.input('start', start.shape);
        // The noise that a perfect network sees in x at time t: (x − √ᾱ a) / √(1 − ᾱ).
        const predict = (x: Tensor, t: number) => {
          const epsilon = div(sub(x, mul(clean, Math.sqrt(schedule[t]!))), Math.sqrt(1 - schedule[t]!));
          return cleanOf(x, epsilon, schedule[t]!);
        };
        return {
          y: ddimSample(noise, predict, schedule, ddimTimes(50, 5), 4),
          cut: ddimSample(noise, predict, schedule, ddimTimes(50, 5), 0.25),
        };
      },
      { data, start },
    );
    allClose(y!, data.data as Float32Array, { atol: 1e-4 });
    allClose(
      cut!,
      (data.data as Float32Array).map((v) => Math.min(0.25, Math.max(-0.25, v))),
      { atol: 1e-4 },
    );
  });

  it('flow: a constant field is exact, a linear one is the Euler product', async () => {
    const x = normals(rng, [1, 2, 2]);
    const { constant, linear, time } = await evaluate(
      (g) => {
        const start = g.input('x', x.shape);
        return {
          constant: eulerFlow(start, () => g.constant(3, x.shape), 7),
          linear: eulerFlow(start, (y) => mul(y, -2), 10),
          // dx/dt = t: the sum over i / n of the left ends, (n − 1) / 2n.
          time: eulerFlow(start, (y, t) => add(mul(y, 0), t), 4),
        };
      },
      { x },
    );
    const data = x.data as Float32Array;
    allClose(
      constant!,
      data.map((v) => v + 3),
      { atol: 1e-5 },
    );
    allClose(
      linear!,
      data.map((v) => v * 0.8 ** 10),
      { atol: 1e-6 },
    );
    allClose(
      time!,
      data.map((v) => v + 3 / 8),
      { atol: 1e-6 },
    );
  });

  it('diffusion and flow of two chunks end at one of them, each as often as its side of the noise says', async () => {
    // A perfect predictor of a chunk that is m or -m: the mean of a given x. At signal s and noise n it is
    // m tanh(s x·m / n²), as both have the same length.
    const m = [0.9, -0.4, 0.6];
    const count = 64;
    const start = normals(rng, [count, 1, 3]);
    const schedule = squaredCosineSchedule(100);
    const { flow, diffusion } = await evaluate(
      (g) => {
        const x = g.input('start', start.shape);
        const mode = g.constant(m, [1, 1, 3]);
        const expected = (y: Tensor, signal: number, noise: number): Tensor =>
          mul(tanh(mul(sum(mul(y, mode), [2], { keepDims: true }), signal / noise ** 2)), mode);
        return {
          flow: eulerFlow(x, (y, t) => velocityTo(expected(y, t, 1 - t), y, t), 20),
          diffusion: ddimSample(
            x,
            (y, t) => expected(y, Math.sqrt(schedule[t]!), Math.sqrt(1 - schedule[t]!)),
            schedule,
            ddimTimes(100, 20),
            4,
          ),
        };
      },
      { start },
    );
    for (let i = 0; i < count; i++) {
      const side = Math.sign(m.reduce((total, v, a) => total + v * at(start, 3 * i + a), 0));
      const want = m.map((v) => side * v);
      allClose(flow!.slice(3 * i, 3 * i + 3), want, { atol: 0.02, what: `flow ${i}` });
      allClose(diffusion!.slice(3 * i, 3 * i + 3), want, { atol: 0.02, what: `diffusion ${i}` });
    }
  });
});
