/**
 * First-order shooting: the controls follow the gradient of the cost, back-propagated through the model. The baseline that
 * second-order methods must beat: it needs the same derivatives and has no idea of curvature.
 */
import { ArmloopError } from '../../../errors.ts';
import { checkLimits, checkProblem, checkWarmStart, notFinite } from '../../check.ts';
import { type Blame, rollout } from '../../descent/forward.ts';
import { Log } from '../../log.ts';
import { expand, type Trajectory } from '../../memory.ts';
import type { Problem } from '../../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../../solver.ts';
import { rolloutControls } from '../forward.ts';
import { ShootingResult } from '../result.ts';
import { Stall } from '../stall.ts';
import { readLimits } from '../workspace.ts';
import { backward } from './backward.ts';
import { checkGradient, GRADIENT_DEFAULTS, type GradientSettings, noStep } from './settings.ts';
import { adam, nextLength, project, slope } from './step.ts';
import { type GradientWorkspace, gradientWorkspace } from './workspace.ts';

/**
 * Columns of the log. cost: of the plan after the iteration; iterate: where the gradient was taken. gradient: the
 * projected one, per scale. step: length, or Adam's rate. time: s since the start.
 */
export const GRADIENT_COLUMNS = [
  'iteration',
  'cost',
  'iterate',
  'gradient',
  'step',
  'rollouts',
  'time',
] as const;
type Column = (typeof GRADIENT_COLUMNS)[number];
const at = Object.fromEntries(GRADIENT_COLUMNS.map((name, i) => [name, i])) as Record<Column, number>;

/** Share of the scale that the very first step moves the control with the steepest gradient. */
const FIRST_STEP = 0.1;
/** Adam's step blew up this often in a row, halved each time: the model has no answer near the iterate. */
const BLOWUPS = 10;

export class GradientShooting implements Solver {
  readonly name: string;
  readonly #settings: GradientSettings;
  readonly #stall: Stall;
  readonly #blame: Blame = { what: '', stage: 0, value: 0 };
  #problem: Problem | null = null;
  #work: GradientWorkspace | null = null;
  #result: ShootingResult<Column> | null = null;
  #started = 0;
  /** Length of the next step (descent) or rate (adam). */
  #length = 0;
  /** Share of the last direction that was walked; 0 before the first. */
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

  get result(): ShootingResult<Column> {
    return this.#allocated(this.#result);
  }

  allocate(problem: Problem): void {
    checkProblem(problem);
    this.#problem = problem;
    this.#work = gradientWorkspace(problem, this.#settings);
    const log = new Log(GRADIENT_COLUMNS, this.#settings.maxIterations);
    this.#result = new ShootingResult(problem, this.#work.memory, log);
  }

  reset(warm?: WarmStart): boolean {
    const problem = this.#allocated(this.#problem);
    const w = this.#allocated(this.#work);
    const result = this.#allocated(this.#result);
    checkLimits(problem);
    if (warm !== undefined) checkWarmStart(problem, warm);
    readLimits(problem, w.low, w.high, 'any');
    this.#started = this.#settings.clock();
    result.begin();
    if (!rollout(problem, warm ?? null, result.trial, w.dx, this.#blame)) {
      result.fail(notFinite(this.#blame.what, this.#blame.stage, this.#blame.value));
      return false;
    }
    copy(result.trial, w.iterate);
    result.take();
    this.#length = this.#settings.method === 'adam' ? this.#settings.rate : 0;
    this.#share = 0;
    this.#blowups = 0;
    this.#forget(w);
    this.#stall.begin(result.cost);
    return true;
  }

  iterate(): SolverStatus {
    const result = this.#allocated(this.#result);
    if (result.status !== 'running') return result.status;
    result.iterations++;
    const row = result.log.begin();
    const { data } = result.log;
    this.#rollouts = 0;
    result.status = this.#iteration(this.#problem!, this.#work!, result, row);
    data[row + at.iteration] = result.iterations;
    data[row + at.cost] = result.cost;
    data[row + at.rollouts] = this.#rollouts;
    // One reading of the clock for both: each is a number on the heap.
    const time = this.#settings.clock() - this.#started;
    result.time = time;
    data[row + at.time] = time;
    return result.status;
  }

  solve(warm?: WarmStart): ShootingResult<Column> {
    if (this.reset(warm)) while (this.iterate() === 'running');
    return this.result;
  }

  #iteration(
    problem: Problem,
    w: GradientWorkspace,
    result: ShootingResult<Column>,
    row: number,
  ): SolverStatus {
    const { method, gradientTolerance, maxIterations } = this.#settings;
    const { data } = result.log;
    data[row + at.iterate] = w.iterate.cost;
    w.before.set(w.gradient);
    expand(problem, w.iterate, w.expansion);
    const bad = backward(w.expansion, w.gradient, result.feedback.Vx);
    if (bad >= 0) return result.fail(notFinite('the derivatives', bad, Number.NaN));
    const optimality = project(w, 1, result.steps);
    data[row + at.gradient] = optimality;
    if (optimality <= gradientTolerance) return 'converged';
    const status = method === 'adam' ? this.#adam(problem, w, result) : this.#descend(problem, w, result);
    data[row + at.step] = this.#length;
    if (status !== 'running') return status;
    if (this.#stall.stalled(result.cost)) return 'converged';
    if (this.#late()) return 'max-time';
    return result.iterations < maxIterations ? 'running' : 'max-iterations';
  }

  /** One projected step with a line search. */
  #descend(problem: Problem, w: GradientWorkspace, result: ShootingResult<Column>): SolverStatus {
    const { armijo, halvings } = this.#settings;
    this.#length = this.#share > 0 ? nextLength(w, this.#share, this.#length) : firstLength(w);
    project(w, this.#length, w.direction);
    const promised = slope(w);
    const from = w.iterate.us.flat;
    let share = 1;
    for (let h = 0; h <= halvings; h++, share /= 2) {
      const { trial } = result;
      const to = trial.us.flat;
      for (let i = 0; i < to.length; i++) to[i] = from[i]! + share * w.direction[i]!;
      this.#rollouts++;
      if (
        rolloutControls(problem, trial, this.#blame) &&
        trial.cost <= w.iterate.cost + armijo * share * promised
      ) {
        this.#share = share;
        copy(trial, w.iterate);
        if (trial.cost < result.cost) result.take();
        return 'running';
      }
      if (this.#late()) return 'max-time';
    }
    // What the step promises drowns in the rounding of the sum that the cost is: as good as it gets.
    const rounding = 1e-13 * problem.horizon * Math.max(Math.abs(w.iterate.cost), Number.MIN_VALUE);
    return -promised <= rounding ? 'converged' : result.fail(noStep(w.iterate.cost, share * this.#length));
  }

  #adam(problem: Problem, w: GradientWorkspace, result: ShootingResult<Column>): SolverStatus {
    const { beta1, beta2 } = this.#settings;
    const { trial } = result;
    adam(w, ++this.#moments, this.#length, beta1, beta2, trial.us.flat);
    this.#rollouts++;
    if (rolloutControls(problem, trial, this.#blame)) {
      this.#blowups = 0;
      copy(trial, w.iterate);
      if (trial.cost < result.cost) result.take();
      return 'running';
    }
    const { what, stage, value } = this.#blame;
    if (++this.#blowups === BLOWUPS) return result.fail(notFinite(what, stage, value));
    // Back to the best plan, more carefully.
    copy(result.plan, w.iterate);
    this.#length /= 2;
    this.#forget(w);
    return 'running';
  }

  #forget(w: GradientWorkspace): void {
    this.#moments = 0;
    w.first.fill(0);
    w.second.fill(0);
  }

  #late(): boolean {
    const { maxTime, clock } = this.#settings;
    return maxTime < Number.POSITIVE_INFINITY && clock() - this.#started >= maxTime;
  }

  #allocated<T>(value: T | null): T {
    if (value === null) throw new ArmloopError('INTERNAL', { what: `${this.name}: allocate() comes first` });
    return value;
  }
}

function copy(from: Trajectory, to: Trajectory): void {
  to.us.flat.set(from.us.flat);
  to.xs.flat.set(from.xs.flat);
  to.cost = from.cost;
}

/** Length of a step before any curvature was seen. */
function firstLength({ gradient, scale }: GradientWorkspace): number {
  const nu = scale.length;
  let steepest = 0;
  for (let i = 0; i < gradient.length; i++) {
    const g = Math.abs(gradient[i]!) * scale[i % nu]!;
    if (g > steepest) steepest = g;
  }
  return steepest > 0 ? FIRST_STEP / steepest : 1;
}
