/** A problem put together of a system and cost terms. */
import { invalid } from '../check.ts';
import type { System } from '../dynamics/system.ts';
import type { PlanMemory, Problem } from '../problem.ts';
import { addTerm, type CostTerm, type Target, Term } from './cost.ts';

export interface CostProblemOptions {
  readonly system: System;
  readonly terms: readonly CostTerm[];
  /** T. */
  readonly horizon: number;
  /** What running weights are multiplied by: the length of a stage (s) for weights per second. Default 1. */
  readonly dt?: number;
  readonly x0?: Float64Array;
  readonly lower?: Float64Array | null;
  readonly upper?: Float64Array | null;
  /** Adds second derivatives of residuals that have them. Default Gauss–Newton. */
  readonly hessian?: 'gauss-newton' | 'exact';
}

export class CostProblem implements Problem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly horizon: number;
  readonly x0: Float64Array;
  readonly lower: Float64Array | null;
  readonly upper: Float64Array | null;
  readonly memory?: PlanMemory;
  readonly semiImplicitStep?: number;
  readonly dynamics: Problem['dynamics'];
  readonly dynamicsDerivatives: Problem['dynamicsDerivatives'];
  readonly dynamicsHessian?: NonNullable<Problem['dynamicsHessian']>;
  readonly trajectoryDerivatives?: NonNullable<Problem['trajectoryDerivatives']>;
  readonly difference?: NonNullable<Problem['difference']>;
  readonly integrate?: NonNullable<Problem['integrate']>;
  readonly terms: readonly Term[];
  readonly #dt: number;
  readonly #exact: boolean;
  readonly #sum = new Float64Array(1);
  /** No control: what residuals of the last state get. */
  readonly #none: Float64Array;
  readonly #unused: { readonly lu: Float64Array; readonly lux: Float64Array; readonly luu: Float64Array };
  /** One object, rewritten per stage. */
  readonly #target: { -readonly [K in keyof Target]: Target[K] };

  /** Throws PLAN_PROBLEM_INVALID when a residual's span is not within (x, u). */
  constructor(options: CostProblemOptions) {
    const { system } = options;
    this.nx = system.nx;
    this.ndx = system.ndx;
    this.nu = system.nu;
    this.horizon = options.horizon;
    this.x0 = options.x0 ?? new Float64Array(system.nx);
    this.lower = options.lower ?? null;
    this.upper = options.upper ?? null;
    if (system.memory !== undefined) this.memory = system.memory;
    if (system.semiImplicitStep !== undefined) this.semiImplicitStep = system.semiImplicitStep;
    this.dynamics = (x, u, t, out) => system.dynamics(x, u, t, out);
    this.dynamicsDerivatives = (x, u, t, fx, fu) => system.dynamicsDerivatives(x, u, t, fx, fu);
    if (system.dynamicsHessian !== undefined) {
      this.dynamicsHessian = (x, u, t, v, xx, ux, uu) => system.dynamicsHessian!(x, u, t, v, xx, ux, uu);
    }
    if (system.trajectoryDerivatives !== undefined) {
      this.trajectoryDerivatives = (xs, us, fx, fu) => system.trajectoryDerivatives!(xs, us, fx, fu);
    }
    if (system.difference !== undefined && system.integrate !== undefined) {
      this.difference = (a, b, out) => system.difference!(a, b, out);
      this.integrate = (x, dx, out) => system.integrate!(x, dx, out);
    }
    this.#dt = options.dt ?? 1;
    this.#exact = options.hessian === 'exact';
    const [n, m] = [this.ndx, this.nu];
    this.terms = options.terms.map((t) => new Term(t));
    for (const { name, residual, final } of this.terms) {
      const end = residual.at + residual.count;
      if (!(residual.at >= 0 && end <= n + m))
        throw invalid(`the span of ${name}`, `${residual.at} to ${end}`, `(x, u) has ${n + m} entries`);
      if (final > 0 && end > n)
        throw invalid(`the final weight of ${name}`, final, 'the last state has no control');
    }
    this.#none = new Float64Array(m);
    this.#unused = { lu: new Float64Array(m), lux: new Float64Array(m * n), luu: new Float64Array(m * m) };
    const none = new Float64Array(0);
    this.#target = { n, m, lx: none, lu: none, lxx: none, lux: none, luu: none };
  }

  cost(x: Float64Array, u: Float64Array, t: number): number {
    this.#sum[0] = 0;
    this.addCost(x, u, t, this.#sum);
    return this.#sum[0]!;
  }

  addCost(x: Float64Array, u: Float64Array, t: number, total: Float64Array): void {
    let sum = 0;
    for (let i = 0; i < this.terms.length; i++) {
      const term = this.terms[i]!;
      if (term.weight === 0) continue;
      term.evaluate(x, u, t);
      sum += term.weight * term.phi[0]!;
    }
    total[0]! += sum * this.#dt;
  }

  terminalCost(x: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.terms.length; i++) {
      const term = this.terms[i]!;
      if (term.final === 0) continue;
      term.evaluate(x, this.#none, this.horizon);
      sum += term.final * term.phi[0]!;
    }
    return sum;
  }

  costDerivatives(
    x: Float64Array,
    u: Float64Array,
    t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void {
    lx.fill(0);
    lu.fill(0);
    lxx.fill(0);
    lux.fill(0);
    luu.fill(0);
    const to = this.#target;
    to.lx = lx;
    to.lu = lu;
    to.lxx = lxx;
    to.lux = lux;
    to.luu = luu;
    for (let i = 0; i < this.terms.length; i++) {
      const term = this.terms[i]!;
      if (term.weight === 0) continue;
      term.scale = term.weight * this.#dt;
      addTerm(term, x, u, t, to, this.#exact);
    }
  }

  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    lx.fill(0);
    lxx.fill(0);
    const to = this.#target;
    const { lu, lux, luu } = this.#unused;
    to.lx = lx;
    to.lu = lu;
    to.lxx = lxx;
    to.lux = lux;
    to.luu = luu;
    for (let i = 0; i < this.terms.length; i++) {
      const term = this.terms[i]!;
      if (term.final === 0) continue;
      term.scale = term.final;
      addTerm(term, x, this.#none, this.horizon, to, this.#exact);
    }
  }
}
