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
import { type Blame, rollout } from '../descent/forward.ts';
import { Log } from '../log.ts';
import type { Problem } from '../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../solver.ts';
import { drawSamples } from './draw.ts';
import { rolloutControls, rolloutCost } from './forward.ts';
import { ShootingResult } from './result.ts';
import { checkSampling, type SamplingSettings } from './settings.ts';
import { Stall } from './stall.ts';
import { type Batch, readLimits, type SamplingWorkspace, samplingWorkspace } from './workspace.ts';

/**
 * Columns of the log; methods add their own. cost: of the plan, and mean: of the distribution's middle, both after the
 * iteration. best: of the cheapest sample. failed: samples that blew up. spread: largest sigma. time: s since the start.
 */
export const SAMPLING_COLUMNS = ['iteration', 'cost', 'mean', 'best', 'failed', 'spread', 'time'] as const;
const at = Object.fromEntries(SAMPLING_COLUMNS.map((name, i) => [name, i])) as Record<
  (typeof SAMPLING_COLUMNS)[number],
  number
>;

export abstract class SamplingSolver implements Solver {
  abstract readonly name: string;
  protected readonly columns: readonly string[] = SAMPLING_COLUMNS;
  /** Whether limits must be finite. */
  protected readonly needs: 'any' | 'finite' = 'any';
  readonly #settings: SamplingSettings;
  readonly #stall: Stall;
  readonly #blame: Blame = { what: '', stage: 0, value: 0 };
  #problem: Problem | null = null;
  #work: SamplingWorkspace | null = null;
  #result: ShootingResult | null = null;
  #rng = new Rng(0);
  #started = 0;
  #dx: Float64Array = new Float64Array(0);

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
    const log = new Log(this.columns, settings.maxIterations);
    this.#result = new ShootingResult(problem, this.#work.memory, log);
    this.#rng = new Rng(settings.seed);
    this.#dx = this.#work.memory.alloc(problem.ndx);
    this.take(this.#work);
  }

  reset(warm?: WarmStart): boolean {
    const problem = this.#allocated(this.#problem);
    const w = this.#allocated(this.#work);
    const result = this.#allocated(this.#result);
    checkLimits(problem);
    if (warm !== undefined) checkWarmStart(problem, warm);
    readLimits(problem, w.low, w.high, this.needs);
    this.#started = this.#settings.clock();
    result.begin();
    if (!rollout(problem, warm ?? null, result.trial, this.#dx, this.#blame)) {
      result.fail(notFinite(this.#blame.what, this.#blame.stage, this.#blame.value));
      return false;
    }
    result.take();
    w.base.set(result.us);
    w.mean.fill(0);
    for (let p = 0; p < w.size; p++) w.sigma[p] = w.sigma0[p % problem.nu]!;
    w.basis.bounds(w.base, w.low, w.high, w.thetaLow, w.thetaHigh);
    this.#stall.begin(result.cost);
    this.begin(w);
    return true;
  }

  iterate(): SolverStatus {
    const result = this.#allocated(this.#result);
    if (result.status !== 'running') return result.status;
    const w = this.#allocated(this.#work);
    result.iterations++;
    const row = result.log.begin();
    result.status = this.#iteration(this.#problem!, w, result, row);
    const { data } = result.log;
    data[row + at.iteration] = result.iterations;
    data[row + at.cost] = result.cost;
    // One reading of the clock for both: each is a number on the heap.
    const time = this.#settings.clock() - this.#started;
    result.time = time;
    data[row + at.time] = time;
    return result.status;
  }

  solve(warm?: WarmStart): ShootingResult {
    if (this.reset(warm)) while (this.iterate() === 'running');
    return this.result;
  }

  /** Takes the method's own memory; called by `allocate`. */
  protected take(_work: SamplingWorkspace): void {}
  /** Begins a solve: mean 0, sigma at its start. */
  protected begin(_work: SamplingWorkspace): void {}
  /** Draws samples from ≤ i < from + count. */
  protected draw(work: SamplingWorkspace, rng: Rng, from: number, count: number): void {
    drawSamples(work, rng, from, count);
  }
  /**
   * Moves mean and sigma by the costs; `best` is the cheapest sample, which is finite. The method's own columns of the log
   * start at data[row].
   */
  protected abstract update(work: SamplingWorkspace, best: number, data: Float64Array, row: number): void;

  #iteration(problem: Problem, w: SamplingWorkspace, result: ShootingResult, row: number): SolverStatus {
    const { maxTime, maxIterations, samples, clock } = this.#settings;
    const { data } = result.log;
    let evaluated = 0;
    let late = false;
    for (let b = 0; b < w.batches.length && !late; b++) {
      const batch = w.batches[b]!;
      this.draw(w, this.#rng, batch.from, batch.count);
      evaluate(problem, w, batch);
      evaluated += batch.count;
      late = maxTime < Number.POSITIVE_INFINITY && clock() - this.#started >= maxTime;
    }
    const best = cheapest(w.costs, evaluated);
    data[row + at.failed] = countFailed(w.costs, evaluated);
    if (best >= 0) {
      data[row + at.best] = w.costs[best]!;
      this.#offer(problem, w, result, best);
    }
    // Out of time between two batches: what was drawn may serve as the plan, but does not move the mean.
    if (evaluated < samples) return 'max-time';
    if (best < 0) return result.fail(new ArmloopError('PLAN_SAMPLES_FAILED', { solver: this.name, samples }));
    this.update(w, best, data, row + SAMPLING_COLUMNS.length);
    data[row + at.spread] = largest(w.sigma);
    w.basis.controls(w.mean, 0, w.base, w.low, w.high, result.trial.us.flat, 0);
    const rolled = rolloutControls(problem, result.trial, this.#blame);
    data[row + at.mean] = rolled ? result.trial.cost : Number.POSITIVE_INFINITY;
    if (rolled && result.trial.cost < result.cost) result.take();
    if (late) return 'max-time';
    if (this.#stall.stalled(result.cost)) return 'converged';
    return result.iterations < maxIterations ? 'running' : 'max-iterations';
  }

  /** Makes the sample the plan if it is cheaper, rolling it out once more for its states. */
  #offer(problem: Problem, w: SamplingWorkspace, result: ShootingResult, sample: number): void {
    if (!(w.costs[sample]! < result.cost)) return;
    const us = result.trial.us.flat;
    for (let i = 0; i < us.length; i++) us[i] = w.controls[sample * us.length + i]!;
    if (rolloutControls(problem, result.trial, this.#blame) && result.trial.cost < result.cost) result.take();
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

function countFailed(costs: Float64Array, count: number): number {
  let failed = 0;
  for (let i = 0; i < count; i++) if (costs[i] === Number.POSITIVE_INFINITY) failed++;
  return failed;
}

function largest(sigma: Float64Array): number {
  let most = 0;
  for (let p = 0; p < sigma.length; p++) if (sigma[p]! > most) most = sigma[p]!;
  return most;
}
