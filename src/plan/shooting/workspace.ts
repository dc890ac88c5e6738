/** Memory of a sampling solver, taken once per problem. */
import { invalid } from '../check.ts';
import { heap } from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';
import { Basis } from './basis.ts';
import { allocScratch, type Scratch } from './forward.ts';
import { ColouredNoise } from './noise.ts';
import { type SamplingSettings, sigmaFor } from './settings.ts';

/** Samples between two looks at the clock. */
const BATCH = 16;

/** Sequences and costs of one batch, views into those of all samples. */
export interface Batch {
  readonly from: number;
  readonly count: number;
  readonly controls: Float64Array;
  readonly costs: Float64Array;
}

export interface SamplingWorkspace {
  readonly memory: PlanMemory;
  readonly scratch: Scratch;
  readonly basis: Basis;
  readonly noise: ColouredNoise | null;
  /** K × nu: number of search parameters. */
  readonly size: number;
  /** Limits, infinite where there are none. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Limits of the parameters. */
  readonly thetaLow: Float64Array;
  readonly thetaHigh: Float64Array;
  /** T × nu: the warm start. */
  readonly base: Float64Array;
  /** Standard deviation at the start of a solve (nu), and now (size). */
  readonly sigma0: Float64Array;
  readonly sigma: Float64Array;
  /** The middle of the distribution (size). */
  readonly mean: Float64Array;
  /** Parameters (samples × size), controls (samples × T × nu) and costs of the samples; infinity for what blew up. */
  readonly thetas: Float64Array;
  readonly controls: Float64Array;
  readonly costs: Float64Array;
  readonly batches: readonly Batch[];
}

export function samplingWorkspace(problem: Problem, settings: SamplingSettings): SamplingWorkspace {
  const { nu, horizon } = problem;
  const { samples, shape } = settings;
  const memory = problem.memory ?? heap;
  // Samples are large: they take room in the problem's memory only where its batch will read them there.
  const bulk = problem.rolloutCosts === undefined ? heap : memory;
  const basis = new Basis(shape, horizon, nu);
  const size = basis.knots * nu;
  const stride = horizon * nu;
  const controls = bulk.alloc(samples * stride);
  const costs = bulk.alloc(samples);
  const batches: Batch[] = [];
  for (let from = 0; from < samples; from += BATCH) {
    const count = Math.min(BATCH, samples - from);
    batches.push({
      from,
      count,
      controls: bulk.slice(controls, from * stride, count * stride),
      costs: bulk.slice(costs, from, count),
    });
  }
  const numbers = (count: number): Float64Array => new Float64Array(count);
  return {
    memory,
    scratch: allocScratch(problem, memory),
    basis,
    noise:
      shape.kind === 'coloured' && shape.exponent > 0 ? new ColouredNoise(horizon, shape.exponent) : null,
    size,
    low: numbers(nu),
    high: numbers(nu),
    thetaLow: numbers(size),
    thetaHigh: numbers(size),
    base: numbers(stride),
    sigma0: sigmaFor(settings, problem),
    sigma: numbers(size),
    mean: numbers(size),
    thetas: numbers(samples * size),
    controls,
    costs,
    batches,
  };
}

/** Writes the limits that hold now. Throws PLAN_PROBLEM_INVALID where `finite` is asked for and one is not. */
export function readLimits(
  { nu, lower, upper }: Problem,
  low: Float64Array,
  high: Float64Array,
  need: 'any' | 'finite',
): void {
  for (let j = 0; j < nu; j++) {
    low[j] = lower === null ? Number.NEGATIVE_INFINITY : lower[j]!;
    high[j] = upper === null ? Number.POSITIVE_INFINITY : upper[j]!;
    if (need === 'finite' && !(high[j]! - low[j]! < Number.POSITIVE_INFINITY))
      throw invalid(`the range of control ${j}`, 'infinite', 'uniform samples need limits on both sides');
  }
}
