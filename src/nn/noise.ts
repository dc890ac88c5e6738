/**
 * Noise as an input of the graph, a function of (seed, step) and of the name of the noise: runtimes restart their own
 * generators with each session, so a resumed training would draw other numbers.
 */
import { mixSeeds, Rng } from '../math/rng.ts';
import { hash } from './init.ts';
import { sizeOf, type TensorData } from './tensor.ts';

interface Named {
  /** Name of the graph's input. */
  readonly name: string;
  readonly shape: readonly number[];
}

export type NoiseSpec = Named &
  (
    | { readonly distribution: 'normal' }
    /** In [low, high); 0 and 1 unless said. */
    | { readonly distribution: 'uniform'; readonly low?: number; readonly high?: number }
    /** 1 with the probability, else 0, as float32: what dropout calls `keep`. */
    | { readonly distribution: 'bernoulli'; readonly probability: number }
    /** Whole numbers in 0..below, int64. */
    | { readonly distribution: 'integers'; readonly below: number }
  );

/** The values of one step. Whole steps from 0; same seed, step and name give the same values on every machine. */
export function drawNoise(spec: NoiseSpec, seed: number, step: number): TensorData {
  const rng = new Rng(mixSeeds(seed, step), hash(spec.name));
  const count = sizeOf(spec.shape);
  const { shape } = spec;
  switch (spec.distribution) {
    case 'normal':
      return { shape, data: floats(count, () => rng.normal()) };
    case 'uniform':
      return { shape, data: floats(count, () => rng.uniform(spec.low ?? 0, spec.high ?? 1)) };
    case 'bernoulli':
      return { shape, data: floats(count, () => (rng.uniform() < spec.probability ? 1 : 0)) };
    case 'integers': {
      const data = new BigInt64Array(count);
      for (let i = 0; i < count; i++) data[i] = BigInt(rng.below(spec.below));
      return { shape, data };
    }
    default:
      throw new TypeError(`unknown distribution ${spec satisfies never}`);
  }
}

/** Type of the graph input that takes the noise. */
export const noiseType = (spec: NoiseSpec): 'float32' | 'int64' =>
  spec.distribution === 'integers' ? 'int64' : 'float32';

function floats(count: number, draw: () => number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = draw();
  return out;
}
