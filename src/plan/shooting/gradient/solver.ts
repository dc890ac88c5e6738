/**
 * First-order shooting: the controls follow the gradient of the cost, back-propagated through the model. The baseline that
 * second-order methods must beat: it needs the same derivatives and has no idea of curvature.
 */
import { ArmloopError } from '../../../errors.ts';
import { checkLimits, checkProblem, checkWarmStart, notFinite } from '../../check.ts';
import type { Problem } from '../../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../../solver.ts';
import { now } from '../clock.ts';
import { type Blowup, rollout, startControls } from '../forward.ts';
import { ShootingLog, ShootingResult } from '../result.ts';
import { Stall } from '../stall.ts';
import { readLimits } from '../workspace.ts';
import { backward } from './backward.ts';
import { checkGradient, GRADIENT_DEFAULTS, type GradientSettings, noStep } from './settings.ts';
import { adam, nextLength, project, slope } from './step.ts';
import { type GradientWorkspace, gradientWorkspace } from './workspace.ts';

/** `cost` plan, `iterate` where the gradient was taken, `gradient` projected, per scale; `step` length or rate. */
export const GRADIENT_COLUMNS = ['iteration', 'cost', 'iterate', 'gradient', 'step', 'rollouts', 'time'];

/** Share of the scale that the very first step moves the control with the steepest gradient. */
const FIRST_STEP = 0.1;
/** Adam's step blew up this often in a row, halved each time: the model has no answer near the iterate. */
const BLOWUPS = 10;

export class GradientShooting implements Solver {
  readonly name: string;
  readonly #settings: GradientSettings;
  readonly #stall: Stall;
  readonly #blowup: Blowup = { what: 'the cost', stage: 0, value: 0 };
  #problem: Problem | null = null;
  #work: GradientWorkspace | null = null;
  #result: ShootingResult | null = null;
  #started = 0;
  /** Cost at the iterate. */
  #cost = 0;
  /** Length of the next step (descent) or rate (adam); 0 asks for a first guess. */
  #length = 0;
  /** Share of the last direction that was walked. */
  #share = 0;
  #moments = 0;
  #blowups = 0;
  #rollouts = 0;

  /** Throws PLAN_SETTING_INVALID. */
  constructor(settings: Partial<GradientSettings> = {}) {
    const all = { ...GRADIENT_DEFAULTS, ...settings };
    checkGradient(all);
    this.#settings = all;
    this.#stall = new Stall(all.tolerance, all.patience);
    this.name = all.method === 'adam' ? 'gradient-adam' : 'gradient';
  }

  get result(): ShootingResult {
    return this.#allocated(this.#result);
  }

  allocate(problem: Problem): void {
    checkProblem(problem);
    this.#problem = problem;
    this.#work = gradientWorkspace(problem, this.#settings);
    const log = new ShootingLog(GRADIENT_COLUMNS, this.#settings.maxIterations);
    this.#result = new ShootingResult(problem, this.#work.memory, log);
  }

  reset(warm?: WarmStart): boolean {
    const problem = this.#allocated(this.#problem);
    const w = this.#allocated(this.#work);
    const result = this.#allocated(this.#result);
    this.#started = now();
    checkLimits(problem);
    if (warm !== undefined) checkWarmStart(problem, warm);
    readLimits(problem, w.low, w.high, 'any');
    result.begin();
    startControls(problem, warm, w.low, w.high, w.us, w.scratch);
    const cost = rollout(problem, w.us, w.xs, w.scratch, this.#blowup);
    if (cost === Number.POSITIVE_INFINITY) {
      result.fail(notFinite(this.#blowup.what, this.#blowup.stage, this.#blowup.value));
      return false;
    }
    result.take(w.us, w.xs, cost);
    this.#cost = cost;
    this.#length = this.#settings.method === 'adam' ? this.#settings.rate : 0;
    this.#share = 0;
    this.#blowups = 0;
    this.#forget(w);
    this.#stall.begin(cost);
    return true;
  }

  iterate(): SolverStatus {
    const result = this.#allocated(this.#result);
    if (result.status !== 'running') return result.status;
    const before = result.iterations;
    result.status = this.#iteration(this.#problem!, this.#work!, result);
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

  #iteration(problem: Problem, w: GradientWorkspace, result: ShootingResult): SolverStatus {
    const { method, gradientTolerance, maxIterations, maxTime } = this.#settings;
    w.before.set(w.gradient);
    const bad = backward(problem, w, result.Vx);
    if (bad >= 0) return result.fail(notFinite('the derivatives', bad, Number.NaN));
    const optimality = project(w, 1, result.steps);
    const iterate = this.#cost;
    this.#rollouts = 0;
    const optimal = optimality <= gradientTolerance;
    const status = optimal
      ? 'converged'
      : method === 'adam'
        ? this.#adam(problem, w, result)
        : this.#descend(problem, w, result);
    result.iterations++;
    this.#record(result, iterate, optimality);
    if (status !== 'running') return status;
    if (this.#stall.stalled(result.cost)) return 'converged';
    if (this.#late(maxTime)) return 'max-time';
    return result.iterations < maxIterations ? 'running' : 'max-iterations';
  }

  /** One projected step with a line search. */
  #descend(problem: Problem, w: GradientWorkspace, result: ShootingResult): SolverStatus {
    const { armijo, halvings, maxTime } = this.#settings;
    if (this.#share > 0) this.#length = nextLength(w, this.#share, this.#length);
    else this.#length = firstLength(w);
    project(w, this.#length, w.direction);
    const promised = slope(w);
    let share = 1;
    for (let h = 0; h <= halvings; h++, share /= 2) {
      for (let i = 0; i < w.us.length; i++) w.trial[i] = w.us[i]! + share * w.direction[i]!;
      const cost = this.#roll(problem, w);
      if (cost <= this.#cost + armijo * share * promised) {
        this.#share = share;
        this.#accept(w, result, cost);
        return 'running';
      }
      if (this.#late(maxTime)) return 'max-time';
    }
    // What the step promises drowns in the rounding of the sum that the cost is: as good as it gets.
    const rounding = 1e-13 * problem.horizon * Math.max(Math.abs(this.#cost), Number.MIN_VALUE);
    return -promised <= rounding ? 'converged' : result.fail(noStep(this.#cost, share * this.#length));
  }

  #adam(problem: Problem, w: GradientWorkspace, result: ShootingResult): SolverStatus {
    const { beta1, beta2 } = this.#settings;
    adam(w, ++this.#moments, this.#length, beta1, beta2);
    const cost = this.#roll(problem, w);
    if (cost < Number.POSITIVE_INFINITY) {
      this.#blowups = 0;
      this.#accept(w, result, cost);
      return 'running';
    }
    const { what, stage, value } = this.#blowup;
    if (++this.#blowups === BLOWUPS) return result.fail(notFinite(what, stage, value));
    // Back to the best plan, more carefully.
    w.us.set(result.us);
    w.xs.set(result.xs);
    this.#cost = result.cost;
    this.#length /= 2;
    this.#forget(w);
    return 'running';
  }

  #roll(problem: Problem, w: GradientWorkspace): number {
    this.#rollouts++;
    return rollout(problem, w.trial, w.trialXs, w.scratch, this.#blowup);
  }

  #accept(w: GradientWorkspace, result: ShootingResult, cost: number): void {
    w.us.set(w.trial);
    w.xs.set(w.trialXs);
    this.#cost = cost;
    if (cost < result.cost) result.take(w.us, w.xs, cost);
  }

  #forget(w: GradientWorkspace): void {
    this.#moments = 0;
    w.first.fill(0);
    w.second.fill(0);
  }

  #late(maxTime: number): boolean {
    return maxTime < Number.POSITIVE_INFINITY && now() - this.#started >= maxTime;
  }

  #record(result: ShootingResult, iterate: number, optimality: number): void {
    const { log } = result;
    log.set(0, result.iterations);
    log.set(1, result.cost);
    log.set(2, iterate);
    log.set(3, optimality);
    log.set(4, this.#length);
    log.set(5, this.#rollouts);
  }

  #allocated<T>(value: T | null): T {
    if (value === null) throw new ArmloopError('INTERNAL', { what: `${this.name}: allocate() comes first` });
    return value;
  }
}

/** Length of a step before any curvature was seen. */
function firstLength(w: GradientWorkspace): number {
  const nu = w.scale.length;
  let steepest = 0;
  for (let i = 0; i < w.gradient.length; i++) {
    const g = Math.abs(w.gradient[i]!) * w.scale[i % nu]!;
    if (g > steepest) steepest = g;
  }
  return steepest > 0 ? FIRST_STEP / steepest : 1;
}
