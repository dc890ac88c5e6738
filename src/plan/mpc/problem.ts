/**
 * Problems of receding horizons: a `CostProblem` of the common dynamics and cost terms, and what the engine needs beyond what
 * solvers do. The state begins with the arm: q (n), v (n), others. Weights (`terms[i].weight`, `.final`) and targets may change
 * between plans; sizes may not.
 */
import { PlanProblem } from '../../robot/plan.ts';
import type { CostTerm } from '../cost/cost.ts';
import type { FrameView } from '../cost/frame.ts';
import { CostProblem } from '../cost/problem.ts';
import type { TimedSystem } from '../dynamics/system.ts';
import type { TargetSource } from './target.ts';
import { costTerms, StageTargets, type TermLimits, type TermSpec } from './terms.ts';

export interface MpcProblemOptions {
  readonly system: TimedSystem;
  readonly terms: readonly CostTerm[];
  /** The tool, for the way of a plan. */
  readonly view: FrameView;
  readonly limits: TermLimits;
  /** T. */
  readonly horizon: number;
}

export abstract class MpcProblem extends CostProblem {
  /** Joints of the arm. */
  readonly joints: number;
  /** Length of a stage, s. */
  readonly dt: number;
  declare readonly lower: Float64Array;
  declare readonly upper: Float64Array;
  /**
   * What the loop is given for K instead of the solver's: u = û − position (q − q̂) − speed (qd − qd̂). For problems whose
   * gains answer for more than the loop sees, such as a contact.
   */
  readonly feedback?: { readonly position: number; readonly speed: number };
  /** Opening and end of the task at the first knot. */
  abstract readonly grip: number;
  abstract readonly done: boolean;
  readonly #system: TimedSystem;
  readonly #view: FrameView;
  readonly #none: Float64Array;

  /** Throws PLAN_PROBLEM_INVALID. */
  constructor({ system, terms, view, limits, horizon }: MpcProblemOptions) {
    const { control } = limits;
    super({ system, terms, horizon, dt: system.dt, lower: control.map((v) => -v), upper: control.slice() });
    this.joints = view.n;
    this.dt = system.dt;
    this.#system = system;
    this.#view = view;
    this.#none = new Float64Array(this.nu);
  }

  /** Takes in targets and weights for a plan whose first knot is at `time`, s. */
  abstract prepare(time: number): PlanProblem;

  /** What is in the state beyond the arm, as it is at `time`, into x. */
  abstract observe(time: number, x: Float64Array): PlanProblem;

  /** out = the state h ≤ dt seconds later: `dynamics` for any h. */
  roll(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    this.#system.step(x, u, h, out);
  }

  /** Cost of each term over a trajectory, and the tool's position at each state ((T + 1) × 3). For people: allocates. */
  report(xs: Float64Array, us: Float64Array, costs: Float64Array, path: Float64Array): void {
    const { nx, nu, horizon, dt, terms } = this;
    costs.fill(0);
    for (let t = 0; t <= horizon; t++) {
      const x = xs.subarray(t * nx, (t + 1) * nx);
      const last = t === horizon;
      const u = last ? this.#none : us.subarray(t * nu, (t + 1) * nu);
      for (let i = 0; i < terms.length; i++) {
        const term = terms[i]!;
        const weight = last ? term.final : dt * term.weight;
        if (weight === 0) continue;
        term.evaluate(x, u, t);
        costs[i]! += weight * term.phi[0]!;
      }
      this.#view.look(x);
      for (let i = 0; i < 3; i++) path[3 * t + i] = this.#view.pose[i]!;
    }
  }
}

export interface ArmProblemOptions {
  readonly system: TimedSystem;
  readonly view: FrameView;
  readonly limits: TermLimits;
  readonly terms: readonly TermSpec[];
  readonly target: TargetSource;
  /** T. */
  readonly horizon: number;
}

/** An arm that is to follow a target, and has nothing else in its state. */
export class ArmProblem extends MpcProblem {
  target: TargetSource;
  grip = Number.NaN;
  readonly #targets: StageTargets;

  /** Throws PLAN_PROBLEM_INVALID, LENGTH_MISMATCH. */
  constructor({ system, view, limits, terms, target, horizon }: ArmProblemOptions) {
    const targets = new StageTargets(view.n, horizon);
    const { ndx } = system;
    super({ system, terms: costTerms(terms, { view, limits, targets, ndx }), view, limits, horizon });
    this.target = target;
    this.#targets = targets;
  }

  get done(): boolean {
    return this.target.done;
  }

  observe(): PlanProblem {
    return PlanProblem.none;
  }

  prepare(time: number): PlanProblem {
    const problem = this.target.begin(time);
    this.target.aim(time, this.dt, this.#targets.stages);
    this.grip = this.target.grip(time);
    return problem;
  }
}
