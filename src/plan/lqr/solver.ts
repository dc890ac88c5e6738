/**
 * Finite-horizon LQR: one Riccati pass and one rollout. Exact where dynamics are linear and costs quadratic; elsewhere
 * it is LQR about the rollout of the warm start, without a line search. Controls have no limits here: problems that have
 * them are refused.
 *
 *     Q_t = C_t + F_tᵀ V_{t+1} F_t    q_t = c_t + F_tᵀ V_{t+1} f_t + F_tᵀ v_{t+1}    K_t = -Quu⁻¹ Qux    k_t = -Quu⁻¹ qu
 */
import { checkProblem, checkWarmStart, DERIVATIVE, invalid, noDescent, notFinite } from '../check.ts';
import { backward } from '../descent/backward.ts';
import { type Blame, forward, rollout } from '../descent/forward.ts';
import { COLUMN, COLUMNS, DescentResult } from '../descent/result.ts';
import { allocWorkspace, type Workspace } from '../descent/workspace.ts';
import { Log } from '../log.ts';
import { allocRows, brokenStage, expand, heap, type Rows } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { Solver, SolverStatus, WarmStart } from '../solver.ts';
import { spread, valueOffset } from './noise.ts';
import { type LqrSettings, lqrSettings } from './settings.ts';

export class LqrResult extends DescentResult {
  /** Covariance of the state, (T + 1) × ndx × ndx: zeros without noise. */
  covariance: Float64Array = new Float64Array(0);
  /** By how much noise raises the expected cost above `cost`. */
  offset = 0;
}

export class LqrSolver implements Solver {
  readonly name = 'lqr';
  readonly settings: LqrSettings;
  readonly result = new LqrResult(new Log(COLUMNS, 1));
  #ws!: Workspace;
  #noise!: Float64Array;
  #initial!: Float64Array;
  #covariance!: Rows;
  #scratch!: readonly [Float64Array, Float64Array];
  #started = 0;
  readonly #blame: Blame = { what: '', stage: 0, value: 0 };
  readonly #pass = { secondOrder: false, limits: false, gaps: null, mu: 0, rho: 0 };

  constructor(options: Partial<LqrSettings> = {}) {
    this.settings = lqrSettings(options);
  }

  allocate(problem: Problem): void {
    checkProblem(problem);
    for (const [name, limit] of Object.entries({ lower: problem.lower, upper: problem.upper })) {
      const i = limit?.findIndex((v) => Number.isFinite(v)) ?? -1;
      if (i >= 0) throw invalid(`${name}[${i}]`, limit![i]!, 'LQR knows no limits; iLQR does');
    }
    const size = problem.ndx ** 2;
    for (const [what, matrix] of Object.entries({
      noise: this.settings.noise,
      initial: this.settings.initial,
    })) {
      if (matrix !== null && matrix.length !== size) {
        throw invalid(
          `the length of ${what}`,
          matrix.length,
          `it is a covariance of ${problem.ndx} × ${problem.ndx}`,
        );
      }
    }
    this.#ws = allocWorkspace(problem, this.settings.kernel);
    this.#noise = this.settings.noise ?? new Float64Array(size);
    this.#initial = this.settings.initial ?? new Float64Array(size);
    this.#covariance = allocRows(heap, problem.horizon + 1, size);
    this.#scratch = [new Float64Array(size), new Float64Array(size)];
    const { result } = this;
    result.valid = false;
    result.status = 'failed';
    result.covariance = this.#covariance.flat;
    result.show(this.#ws.current, this.#ws.feedback);
  }

  reset(warm?: WarmStart): boolean {
    const { result } = this;
    const ws = this.#ws;
    if (warm !== undefined) checkWarmStart(ws.problem, warm);
    this.#started = this.settings.clock();
    result.log.clear();
    result.iterations = 0;
    result.failure = null;
    result.status = 'running';
    if (!rollout(ws.problem, warm ?? null, ws.candidate, ws.dx, this.#blame)) {
      this.#fail();
      return false;
    }
    this.#swap();
    result.valid = true;
    return true;
  }

  solve(warm?: WarmStart): LqrResult {
    this.reset(warm);
    this.iterate();
    return this.result;
  }

  iterate(): SolverStatus {
    const { result } = this;
    const ws = this.#ws;
    if (result.status !== 'running') return result.status;
    result.iterations++;
    const row = result.log.begin();
    const before = ws.current.cost;
    expand(ws.problem, ws.current, ws.expansion);
    if (backward(ws, this.#pass) >= 0) {
      const bad = brokenStage(ws.expansion);
      result.failure = bad < 0 ? noDescent(0, before) : notFinite(DERIVATIVE, bad, Number.NaN);
      result.status = 'failed';
      return result.status;
    }
    const used = ws.spare;
    if (!forward(ws.problem, ws.current, used, 1, ws.candidate, ws.dx, this.#blame)) return this.#fail();
    ws.spare = ws.feedback;
    ws.feedback = used;
    this.#swap();
    this.#covariance.rows[0]!.set(this.#initial);
    spread(ws.expansion, used, this.#noise, this.#covariance, this.#scratch[0], this.#scratch[1]);
    result.offset = valueOffset(used, this.#noise, this.#initial);
    result.status = 'converged';
    result.time = this.settings.clock() - this.#started;
    const { data } = result.log;
    data[row + COLUMN.iteration] = 1;
    data[row + COLUMN.cost] = before;
    data[row + COLUMN.expected] = -(ws.sums.slope + 0.5 * ws.sums.curvature);
    data[row + COLUMN.saved] = before - ws.current.cost;
    data[row + COLUMN.step] = 1;
    data[row + COLUMN.regularisation] = 0;
    data[row + COLUMN.gradient] = ws.sums.gradient;
    data[row + COLUMN.gap] = 0;
    data[row + COLUMN.passes] = 1;
    data[row + COLUMN.rollouts] = 1;
    data[row + COLUMN.time] = result.time;
    return result.status;
  }

  #swap(): void {
    const ws = this.#ws;
    const before = ws.current;
    ws.current = ws.candidate;
    ws.candidate = before;
    this.result.show(ws.current, ws.feedback);
  }

  #fail(): SolverStatus {
    const { what, stage, value } = this.#blame;
    this.result.failure = notFinite(what, stage, value);
    this.result.status = 'failed';
    return this.result.status;
  }
}
