/**
 * What random shooting, CEM and MPPI share: draw control sequences about a mean, roll each out, let the method move the
 * mean, keep the cheapest plan seen. A method gives `begin` and `update`; everything else is here.
 *
 * A sample whose cost or state is not finite costs infinity and has no say. When that is true of all, the solve fails
 * with PLAN_SAMPLES_FAILED and the last good plan stays.
 */
import { ArmloopError } from '../../errors.ts';
import { Rng } from '../../math/rng.ts';
import { checkLimits, checkProblem, checkWarmStart, notFinite } from '../check.ts';
import type { Problem } from '../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../solver.ts';
import { now } from './clock.ts';
import { drawSamples } from './draw.ts';
import { type Blowup, rollout, rolloutCost, startControls } from './forward.ts';
import { ShootingLog, ShootingResult } from './result.ts';
import { checkSampling, type SamplingSettings } from './settings.ts';
import { Stall } from './stall.ts';
import { type Batch, readLimits, type SamplingWorkspace, samplingWorkspace } from './workspace.ts';

/** Columns of the log that all have; methods add their own. `cost` plan, `mean` cost of the mean, `best` sample. */
export const SAMPLING_COLUMNS = ['iteration', 'cost', 'mean', 'best', 'failed', 'spread', 'time'] as const;

export abstract class SamplingSolver implements Solver {
  abstract readonly name: string;
  protected readonly columns: readonly string[] = SAMPLING_COLUMNS;
  readonly #settings: SamplingSettings;
  readonly #stall: Stall;
  readonly #blowup: Blowup = { what: 'the cost', stage: 0, value: 0 };
  #problem: Problem | null = null;
  #work: SamplingWorkspace | null = null;
  #result: ShootingResult | null = null;
  #rng = new Rng(0);
  #started = 0;

  protected constructor(settings: SamplingSettings) {
    checkSampling(settings);
    this.#settings = settings;
    this.#stall = new Stall(settings.tolerance, settings.patience);
  }

  get result(): ShootingResult {
    return this.#allocated(this.#result);
  }

  allocate(problem: Problem): void {
    checkProblem(problem);
    const settings = this.#settings;
    this.#problem = problem;
    this.#work = samplingWorkspace(problem, settings);
    const log = new ShootingLog(this.columns, settings.maxIterations);
    this.#result = new ShootingResult(problem, this.#work.memory, log);
    this.#rng = new Rng(settings.seed);
    this.take(problem, this.#work);
  }

  reset(warm?: WarmStart): boolean {
    const problem = this.#allocated(this.#problem);
    const w = this.#allocated(this.#work);
    const result = this.#allocated(this.#result);
    this.#started = now();
    checkLimits(problem);
    if (warm !== undefined) checkWarmStart(problem, warm);
    readLimits(problem, w.low, w.high, this.needs);
    result.begin();
    startControls(problem, warm, w.low, w.high, w.base, w.scratch);
    const cost = rollout(problem, w.base, w.nominalXs, w.scratch, this.#blowup);
    if (cost === Number.POSITIVE_INFINITY) {
      result.fail(notFinite(this.#blowup.what, this.#blowup.stage, this.#blowup.value));
      return false;
    }
    result.take(w.base, w.nominalXs, cost);
    w.mean.fill(0);
    for (let p = 0; p < w.size; p++) w.sigma[p] = w.sigma0[p % problem.nu]!;
    w.basis.bounds(w.base, w.low, w.high, w.thetaLow, w.thetaHigh);
    this.#stall.begin(cost);
    this.begin(w);
    return true;
  }

  iterate(): SolverStatus {
    const result = this.#allocated(this.#result);
    if (result.status !== 'running') return result.status;
    const w = this.#allocated(this.#work);
    const before = result.iterations;
    result.status = this.#iteration(this.#problem!, w, result);
    // One reading of the clock for both: each is a number on the heap.
    const time = now() - this.#started;
    result.time = time;
    if (result.iterations > before) result.log.end(6, time);
    return result.status;
  }

  solve(warm?: WarmStart): ShootingResult {
    if (this.reset(warm)) while (this.iterate() === 'running');
    return this.result;
  }

  /** Whether limits must be finite. */
  protected readonly needs: 'any' | 'finite' = 'any';
  /** Takes the method's own memory; called by `allocate`. */
  protected take(_problem: Problem, _work: SamplingWorkspace): void {}
  /** Begins a solve: mean 0, sigma at its start. */
  protected begin(_work: SamplingWorkspace): void {}
  /** Draws samples from ≤ i < from + count. */
  protected draw(work: SamplingWorkspace, rng: Rng, from: number, count: number): void {
    drawSamples(work, rng, from, count);
  }
  /** Moves mean and sigma by the costs; `best` is the cheapest sample, which is finite. */
  protected abstract update(work: SamplingWorkspace, best: number, log: ShootingLog): void;

  #iteration(problem: Problem, w: SamplingWorkspace, result: ShootingResult): SolverStatus {
    const { maxTime, maxIterations, samples } = this.#settings;
    let evaluated = 0;
    let late = false;
    for (let b = 0; b < w.batches.length && !late; b++) {
      const batch = w.batches[b]!;
      this.draw(w, this.#rng, batch.from, batch.count);
      evaluate(problem, w, batch);
      evaluated += batch.count;
      late = maxTime < Number.POSITIVE_INFINITY && now() - this.#started >= maxTime;
    }
    const best = cheapest(w.costs, evaluated);
    if (best >= 0) this.#offer(problem, w, result, best);
    // Out of time between two batches: what was drawn may serve as the plan, but does not move the mean.
    if (evaluated < samples) return 'max-time';
    if (best < 0) return result.fail(new ArmloopError('PLAN_SAMPLES_FAILED', { solver: this.name, samples }));
    this.update(w, best, result.log);
    w.basis.controls(w.mean, 0, w.base, w.low, w.high, w.nominal, 0);
    const mean = rollout(problem, w.nominal, w.nominalXs, w.scratch);
    if (mean < result.cost) result.take(w.nominal, w.nominalXs, mean);
    result.iterations++;
    this.#record(w, result, mean, best);
    if (late) return 'max-time';
    if (this.#stall.stalled(result.cost)) return 'converged';
    return result.iterations < maxIterations ? 'running' : 'max-iterations';
  }

  /** Makes the sample the plan if it is cheaper. */
  #offer(problem: Problem, w: SamplingWorkspace, result: ShootingResult, sample: number): void {
    if (!(w.costs[sample]! < result.cost)) return;
    const stride = w.trial.length;
    for (let i = 0; i < stride; i++) w.trial[i] = w.controls[sample * stride + i]!;
    const cost = rollout(problem, w.trial, w.trialXs, w.scratch);
    if (cost < result.cost) result.take(w.trial, w.trialXs, cost);
  }

  #record(w: SamplingWorkspace, result: ShootingResult, mean: number, best: number): void {
    const { log } = result;
    let failed = 0;
    for (let i = 0; i < w.costs.length; i++) if (w.costs[i] === Number.POSITIVE_INFINITY) failed++;
    let spread = 0;
    for (let p = 0; p < w.size; p++) spread = Math.max(spread, w.sigma[p]!);
    log.set(0, result.iterations);
    log.set(1, result.cost);
    log.set(2, mean);
    log.set(3, w.costs[best]!);
    log.set(4, failed);
    log.set(5, spread);
  }

  #allocated<T>(value: T | null): T {
    if (value === null) throw new ArmloopError('INTERNAL', { what: `${this.name}: allocate() comes first` });
    return value;
  }
}

function evaluate(problem: Problem, w: SamplingWorkspace, { from, count, controls, costs }: Batch): void {
  if (problem.rolloutCosts === undefined) {
    const stride = problem.horizon * problem.nu;
    for (let i = 0; i < count; i++)
      costs[i] = rolloutCost(problem, w.controls, (from + i) * stride, w.scratch);
    return;
  }
  problem.rolloutCosts(controls, count, costs);
  for (let i = 0; i < count; i++) if (!Number.isFinite(costs[i]!)) costs[i] = Number.POSITIVE_INFINITY;
}

/** Index of the least of the first `count` costs, -1 when none is finite. */
function cheapest(costs: Float64Array, count: number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    if (costs[i]! < least) {
      least = costs[i]!;
      best = i;
    }
  }
  return best;
}
