/**
 * Diffusion over chunks. Training (DDPM: Ho et al. 2020, with the squared-cosine schedule of Nichol and Dhariwal 2021):
 * draw a step t and noise ε, and predict from x_t = √ᾱ_t a + √(1 − ᾱ_t) ε either ε, as published, or the clean chunk a
 * (Salimans and Ho 2022, section 4). Acting (DDIM: Song et al. 2021, η = 0): start from noise and go down a few of the
 * steps, unrolled in the graph. For robots: Chi et al. 2023.
 */
import type { DiffusionConfig } from '../networks/config.ts';
import { add, cast, clip, div, gather, mul, reshape, sub } from '../ops.ts';
import type { Tensor } from '../tensor.ts';
import { denoiser } from './denoiser.ts';
import { type HeadMaker, meanSquared, onlyReal } from './head.ts';

/**
 * ᾱ_t for t = 0..steps: the share of signal (in variance) left after t + 1 steps. ᾱ(s) = cos²((s + 0.008)/1.008 · π/2) at
 * s = t / steps; no step takes more than 0.999 of what is left.
 */
export function squaredCosineSchedule(steps: number): Float64Array {
  const level = (s: number): number => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const kept = new Float64Array(steps);
  let product = 1;
  for (let t = 0; t < steps; t++) {
    const beta = Math.min(0.999, 1 - level((t + 1) / steps) / level(t / steps));
    product *= 1 - beta;
    kept[t] = product;
  }
  return kept;
}

/** The steps that acting visits, from noisy to clean: the middles of `count` equal parts of 0..steps. */
export function ddimTimes(steps: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(((count - i - 0.5) * steps) / count));
}

/** The clean chunk that noise ε in x implies, where a share `kept` of the variance is signal: (x − √(1 − ᾱ) ε) / √ᾱ. */
export const cleanOf = (x: Tensor, epsilon: Tensor, kept: number): Tensor =>
  div(sub(x, mul(epsilon, Math.sqrt(1 - kept))), Math.sqrt(kept));

/**
 * Runs x (noise) down to a chunk. At each time: x̂_0 = clip(predicted clean chunk), ε as that implies it, then
 * x = √ᾱ_t' x̂_0 + √(1 − ᾱ_t') ε at the next time t'; after the last time the answer is x̂_0.
 * `predict` gives the clean chunk at (x, t); `range` bounds the normalised actions.
 */
export function ddimSample(
  x: Tensor,
  predict: (x: Tensor, t: number) => Tensor,
  schedule: Float64Array,
  times: readonly number[],
  range: number,
): Tensor {
  let noisy = x;
  let clean = x;
  times.forEach((t, i) => {
    const kept = schedule[t]!;
    clean = clip(predict(noisy, t), -range, range);
    const next = times[i + 1];
    if (next === undefined) return;
    const epsilon = div(sub(noisy, mul(clean, Math.sqrt(kept))), Math.sqrt(1 - kept));
    const after = schedule[next]!;
    noisy = add(mul(clean, Math.sqrt(after)), mul(epsilon, Math.sqrt(1 - after)));
  });
  return clean;
}

export const diffusionHead: HeadMaker<DiffusionConfig> = (g, config, sizes, draws) => {
  const { batch, horizon, actionSize } = sizes;
  const steps = config.trainSteps;
  const schedule = squaredCosineSchedule(steps);
  const network = denoiser(g, config.denoiser, sizes, draws);
  const shape = [batch, horizon, actionSize];
  const ofNoise = config.predicts === 'noise';
  return {
    loss(seen, action, mask) {
      const t = cast(mul(draws.uniform('noise.time', [batch]), steps), 'int64');
      const epsilon = draws.normal('noise.action', shape);
      const at = (f: (kept: number) => number): Tensor =>
        reshape(gather(g.constant(Float32Array.from(schedule, f)), t, 0), [batch, 1, 1]);
      const clean = onlyReal(action, mask);
      const noisy = add(
        mul(clean, at(Math.sqrt)),
        mul(
          epsilon,
          at((kept) => Math.sqrt(1 - kept)),
        ),
      );
      const predicted = network(noisy, cast(t, 'float32'), seen.vector);
      return { loss: meanSquared(predicted, ofNoise ? epsilon : clean, mask), metrics: {} };
    },
    act(seen) {
      const predict = (x: Tensor, t: number): Tensor => {
        const predicted = network(x, g.constant(t, [batch]), seen.vector);
        return ofNoise ? cleanOf(x, predicted, schedule[t]!) : predicted;
      };
      const start = draws.normal('noise.action', shape);
      return ddimSample(start, predict, schedule, ddimTimes(steps, config.actSteps), config.range);
    },
  };
};
