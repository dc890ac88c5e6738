/**
 * State and control constraints by augmented Lagrangian: rounds of an inner solve and a step of the multipliers,
 * λ ← λ + ρ r, with ρ raised where a round brings too little (Nocedal and Wright 2006, framework 17.3). Works with every
 * solver that takes the cost's derivatives.
 */
import { invalid } from '../check.ts';
import { AugmentedNorm, type ConstraintKind } from '../cost/augmented.ts';
import { CostProblem, type CostProblemOptions } from '../cost/problem.ts';
import type { Residual } from '../cost/residual.ts';
import type { Solver, SolverResult, WarmStart } from '../solver.ts';
import { type AugmentedSettings, augmentedSettings } from './settings.ts';

export interface Constraint {
  readonly residual: Residual;
  /** `zero`: r = 0; `below`: r ≤ 0. */
  readonly kind: ConstraintKind;
  /** Whether it holds at the last state too; not for residuals of controls. Default false. */
  readonly final?: boolean;
}

/** A problem with constraints: their terms come after the costs'. */
export class ConstrainedProblem extends CostProblem {
  readonly constraints: readonly Constraint[];
  readonly norms: readonly AugmentedNorm[];
  readonly #r: readonly Float64Array[];
  readonly #none: Float64Array;

  constructor(options: CostProblemOptions, constraints: readonly Constraint[], rho = 10) {
    const norms = constraints.map(
      ({ kind, residual }) => new AugmentedNorm(kind, residual.size, options.horizon, rho),
    );
    const weight = 1 / (options.dt ?? 1);
    const terms = constraints.map(({ residual, final }, i) => ({
      residual,
      norm: norms[i]!,
      weight,
      final: final === true ? 1 : 0,
    }));
    super({ ...options, terms: [...options.terms, ...terms] });
    this.constraints = constraints;
    this.norms = norms;
    this.#r = constraints.map(({ residual }) => new Float64Array(residual.size));
    this.#none = new Float64Array(this.nu);
  }

  /** Largest violation along a plan. */
  violation(xs: Float64Array, us: Float64Array): number {
    let most = 0;
    this.#visit(xs, us, (norm, r) => {
      most = Math.max(most, norm.violation(r));
    });
    return most;
  }

  /** Steps all multipliers along a plan. */
  updateMultipliers(xs: Float64Array, us: Float64Array, rate = 1): void {
    this.#visit(xs, us, (norm, r, t) => norm.update(t, r, rate));
  }

  setRho(rho: number): void {
    for (const norm of this.norms) norm.rho = rho;
  }

  #visit(
    xs: Float64Array,
    us: Float64Array,
    each: (norm: AugmentedNorm, r: Float64Array, t: number) => void,
  ): void {
    const { nx, nu, horizon: T } = this;
    for (let t = 0; t <= T; t++) {
      const x = xs.subarray(t * nx, (t + 1) * nx);
      const u = t < T ? us.subarray(t * nu, (t + 1) * nu) : this.#none;
      for (let i = 0; i < this.constraints.length; i++) {
        const { residual, final } = this.constraints[i]!;
        if (t === T && final !== true) continue;
        residual.evaluate(x, u, t, this.#r[i]!);
        each(this.norms[i]!, this.#r[i]!, t);
      }
    }
  }
}

export interface AugmentedResult {
  readonly converged: boolean;
  readonly rounds: number;
  /** Largest violation after each round. */
  readonly violations: readonly number[];
  readonly rho: number;
  /** Of the last inner solve; its cost contains the multipliers' terms. */
  readonly inner: SolverResult;
}

export class AugmentedLagrangian {
  readonly settings: AugmentedSettings;
  readonly #inner: Solver;
  #problem: ConstrainedProblem | null = null;

  constructor(inner: Solver, options: Partial<AugmentedSettings> = {}) {
    this.settings = augmentedSettings(options);
    this.#inner = inner;
  }

  allocate(problem: ConstrainedProblem): void {
    if (problem.constraints.length === 0)
      throw invalid('the number of constraints', 0, 'there is at least one');
    this.#inner.allocate(problem);
    this.#problem = problem;
  }

  /** Multipliers stay from solve to solve; a fresh problem starts with zeros. */
  solve(warm?: WarmStart): AugmentedResult {
    const problem = this.#problem!;
    const { maxRounds, tolerance, enough, factor, maxRho } = this.settings;
    let { rho } = this.settings;
    problem.setRho(rho);
    const violations: number[] = [];
    let from = warm;
    for (let round = 1; ; round++) {
      const inner = this.#inner.solve(from);
      if (!inner.valid || inner.status === 'failed') {
        return { converged: false, rounds: round, violations, rho, inner };
      }
      const last = violations.at(-1) ?? Number.POSITIVE_INFINITY;
      const violation = problem.violation(inner.xs, inner.us);
      violations.push(violation);
      const converged = violation <= tolerance && inner.status === 'converged';
      if (converged || round >= maxRounds) return { converged, rounds: round, violations, rho, inner };
      problem.updateMultipliers(inner.xs, inner.us);
      if (violation > enough * last) rho = Math.min(maxRho, rho * factor);
      problem.setRho(rho);
      from = { us: inner.us };
    }
  }
}
