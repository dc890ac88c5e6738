/**
 * The iteration that the solvers of the DDP family share: derivatives along the iterate, a backward pass at the least
 * regularisation that it goes through with, and a search along the step for a rollout that saves enough.
 */
import type { ArmloopError } from '../../errors.ts';
import { checkLimits, checkProblem, checkWarmStart, DERIVATIVE, noDescent, notFinite } from '../check.ts';
import { Log } from '../log.ts';
import { brokenStage, expand, type Rows } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../solver.ts';
import { backward } from './backward.ts';
import { type Blame, forward, rollout } from './forward.ts';
import { COLUMN, COLUMNS, type Column, DescentResult } from './result.ts';
import { type DescentOptions, type DescentSettings, descentSettings } from './settings.ts';
import { allocWorkspace, type Workspace } from './workspace.ts';

/** Below this, relative to 1 + |cost|, what a step saves drowns in the rounding of the cost. */
const NOISE = 1e-12;

const at = COLUMN;

export abstract class DescentSolver implements Solver {
  abstract readonly name: string;
  readonly settings: DescentSettings;
  readonly result: DescentResult;
  protected ws!: Workspace;
  /** Expected change of the cost: step · slope + ½ step² · curvature. */
  protected slope = 0;
  protected curvature = 0;
  protected readonly blame: Blame = { what: '', stage: 0, value: 0 };
  readonly #log: Log<Column>;
  #started = 0;
  #mu = 0;
  /** μ at which no step of the current iterate was accepted. */
  #refused = 0;
  #expanded = false;
  readonly #pass = { secondOrder: false, limits: true, gaps: null as Rows | null, mu: 0, rho: 0 };

  constructor(options: DescentOptions = {}) {
    this.settings = descentSettings(options);
    this.#log = new Log(COLUMNS, this.settings.maxIterations);
    this.result = new DescentResult(this.#log);
  }

  /** Second-order terms of the dynamics belong to DDP. */
  protected get secondOrder(): boolean {
    return false;
  }

  allocate(problem: Problem): void {
    checkProblem(problem);
    this.ws = this.allocWorkspace(problem);
    this.result.valid = false;
    this.result.status = 'failed';
    this.#log.clear();
    this.result.show(this.ws.current, this.ws.feedback);
  }

  protected allocWorkspace(problem: Problem): Workspace {
    return allocWorkspace(problem, this.settings.kernel);
  }

  reset(warm?: WarmStart): boolean {
    const { problem } = this.ws;
    checkLimits(problem);
    if (warm !== undefined) checkWarmStart(problem, warm);
    const { result } = this;
    this.#started = this.settings.clock();
    this.#log.clear();
    this.#expanded = false;
    this.#mu = this.settings.regularisation.initial;
    this.#refused = 0;
    result.iterations = 0;
    result.failure = null;
    result.time = 0;
    result.status = 'running';
    if (!this.begin(warm ?? null)) {
      this.#fail(notFinite(this.blame.what, this.blame.stage, this.blame.value));
      return false;
    }
    return true;
  }

  solve(warm?: WarmStart): DescentResult {
    this.reset(warm);
    while (this.iterate() === 'running');
    return this.result;
  }

  iterate(): SolverStatus {
    const { result, settings, ws } = this;
    if (result.status !== 'running') return result.status;
    if (result.iterations >= settings.maxIterations) return this.#end('max-iterations');
    if (this.#late()) return this.#end('max-time');
    result.iterations++;
    const row = this.#log.begin();
    const { data } = this.#log;
    data[row + at.iteration] = result.iterations;
    data[row + at.cost] = ws.current.cost;
    data[row + at.gap] = this.gap;
    data[row + at.step] = 0;
    data[row + at.passes] = 0;
    data[row + at.rollouts] = 0;

    if (!this.#expanded) {
      expand(ws.problem, ws.current, ws.expansion);
      this.#expanded = true;
      if (this.#late()) return this.#end('max-time');
    }
    const noise = NOISE * (1 + Math.abs(ws.current.cost));
    const enough = settings.tolerance * (1 + Math.abs(ws.current.cost));
    const expected = this.#backward(row, enough);
    if (expected === null) return this.result.status;
    data[row + at.regularisation] = this.#mu;
    data[row + at.expected] = expected;
    data[row + at.gradient] = ws.sums.gradient;
    if (this.gap === 0 && expected <= enough) return this.#end('converged', row);
    if (this.#late()) return this.#end('max-time', row);

    let step = 1;
    for (let i = 0; i < settings.lineSearch.steps; i++, step *= settings.lineSearch.shrink) {
      const cost = ws.current.cost;
      data[row + at.rollouts]!++;
      if (this.attempt(step)) {
        data[row + at.step] = step;
        data[row + at.saved] = cost - ws.current.cost;
        this.#expanded = false;
        this.#refused = 0;
        if (step > 0.5) this.#relax();
        else if (step <= 0.01) this.#tighten();
        result.time = settings.clock() - this.#started;
        data[row + at.time] = result.time;
        return 'running';
      }
      if (this.#late()) return this.#end('max-time', row);
    }
    if (this.gap === 0 && expected <= noise) return this.#end('converged', row);
    this.#refused = this.#mu;
    if (!this.#tighten()) return this.#fail(noDescent(this.#mu, ws.current.cost), row);
    data[row + at.time] = settings.clock() - this.#started;
    return 'running';
  }

  /**
   * A backward pass that goes through, in ws.feedback; returns what a full step should save, or null when the solve
   * failed. A small promise under regularisation says nothing: the pass is then repeated with less, as long as it can
   * and no step was refused there.
   */
  #backward(row: number, enough: number): number | null {
    const { ws } = this;
    const { min, factor } = this.settings.regularisation;
    let relaxing = false;
    for (;;) {
      this.#log.data[row + at.passes]!++;
      const stage = this.#passAt(this.#mu);
      if (stage >= 0) {
        if (relaxing) {
          // Less does not go through: the pass before it stands.
          this.#mu *= factor;
          return this.#promise();
        }
        const bad = brokenStage(ws.expansion);
        if (bad >= 0) {
          this.#fail(notFinite(DERIVATIVE, bad, Number.NaN), row);
          return null;
        }
        if (this.#tighten()) continue;
        this.#fail(noDescent(this.#mu, ws.current.cost), row);
        return null;
      }
      const swap = ws.feedback;
      ws.feedback = ws.spare;
      ws.spare = swap;
      this.slope = ws.sums.slope;
      this.curvature = ws.sums.curvature;
      this.expectation();
      const promise = this.#promise();
      const less = Math.max(min, this.#mu / factor);
      if (promise > enough || this.gap > 0 || this.#mu <= min || less <= this.#refused) {
        this.present();
        return promise;
      }
      relaxing = true;
      this.#mu = less;
    }
  }

  #passAt(mu: number): number {
    const pass = this.#pass;
    pass.secondOrder = this.secondOrder;
    pass.limits = this.boxed;
    pass.gaps = this.gaps;
    pass.mu = mu;
    pass.rho = this.settings.regularisation.state * mu;
    return backward(this.ws, pass);
  }

  #promise(): number {
    return -(this.slope + 0.5 * this.curvature);
  }

  /** More regularisation; false when there is no more. */
  #tighten(): boolean {
    const { max, min, factor } = this.settings.regularisation;
    if (this.#mu >= max) return false;
    this.#mu = Math.min(max, Math.max(min, this.#mu) * factor);
    return true;
  }

  #relax(): void {
    const { min, factor } = this.settings.regularisation;
    this.#mu = Math.max(min, this.#mu / factor);
  }

  #late(): boolean {
    // Without a limit the clock is not read: each reading is a number on the heap.
    const { maxTime } = this.settings;
    return maxTime < Number.POSITIVE_INFINITY && this.settings.clock() - this.#started >= maxTime;
  }

  #end(status: SolverStatus, row = -1): SolverStatus {
    this.result.status = status;
    this.result.time = this.settings.clock() - this.#started;
    if (row >= 0) this.#log.data[row + at.time] = this.result.time;
    this.present();
    return status;
  }

  #fail(failure: ArmloopError, row = -1): SolverStatus {
    this.result.failure = failure;
    return this.#end('failed', row);
  }

  // --- what multiple shooting does otherwise

  /** Largest gap of the iterate. */
  protected get gap(): number {
    return 0;
  }
  protected get gaps(): Rows | null {
    return null;
  }
  /** Whether backward passes hold steps to the limits. */
  protected get boxed(): boolean {
    return true;
  }

  /** Rolls the warm start out as the first iterate; false, and `blame`, when it cannot be. */
  protected begin(warm: WarmStart | null): boolean {
    const { ws } = this;
    if (!rollout(ws.problem, warm, ws.candidate, ws.dx, this.blame)) return false;
    this.swap();
    this.result.valid = true;
    this.present();
    return true;
  }

  /** After a backward pass: corrects slope and curvature. */
  protected expectation(): void {}

  /** Tries a step; true, and the iterate is the new one, when it saves enough. */
  protected attempt(step: number): boolean {
    const { ws } = this;
    if (!forward(ws.problem, ws.current, ws.feedback, step, ws.candidate, ws.dx, this.blame)) return false;
    const expected = -(step * this.slope + 0.5 * step * step * this.curvature);
    const saved = ws.current.cost - ws.candidate.cost;
    if (!(saved > 0 && saved >= this.settings.lineSearch.accept * expected)) return false;
    this.swap();
    this.present();
    return true;
  }

  protected swap(): void {
    const { ws } = this;
    const before = ws.current;
    ws.current = ws.candidate;
    ws.candidate = before;
  }

  /** Shows the plan in the result. */
  protected present(): void {
    this.result.gap = this.gap;
    this.result.show(this.ws.current, this.ws.feedback);
  }
}
