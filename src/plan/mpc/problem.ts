/**
 * The optimal-control problem of an arm that is to follow a target: a plant, terms with weights, and what each stage
 * aims at. Weights and targets may change between plans; sizes may not.
 */
import { poseError } from '../../math/se3.ts';
import type { PlanProblem } from '../../robot/plan.ts';
import type { PlanMemory, Problem } from '../problem.ts';
import type { ArmPlant } from './plant.ts';
import type { TargetSource } from './target.ts';
import { type StageTarget, Term, type TermLimits, type TermSpec } from './terms.ts';

/** What the engine needs of a problem beyond what solvers need. Its state begins with the arm: q (n), qd (n), others. */
export interface MpcProblem extends Problem {
  readonly joints: number;
  /** Length of a stage, s. */
  readonly dt: number;
  /** Names of the terms. */
  readonly terms: readonly string[];
  /** Weight and final weight of each: may be changed between plans. */
  readonly weights: Float64Array;
  readonly finals: Float64Array;
  /** Takes in targets and weights for a plan whose first knot is at `time`, s. */
  prepare(time: number): PlanProblem;
  /** out = the state h ≤ dt seconds later: `dynamics` for any h. */
  roll(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void;
  /** What is in the state beyond the arm, as it is at `time`, into x; absent when nothing is. */
  observe?(time: number, x: Float64Array): PlanProblem;
  /** Cost of each term over a trajectory, and the tool's position at each state ((T + 1) × 3). */
  report(xs: Float64Array, us: Float64Array, costs: Float64Array, path: Float64Array): void;
  /**
   * What the loop is given for K instead of the solver's: u = û − position (q − q̂) − speed (qd − qd̂). For problems whose
   * gains answer for more than the loop sees, such as a contact.
   */
  readonly feedback?: { readonly position: number; readonly speed: number };
  /** Opening and end of the task at the first knot. */
  readonly grip: number;
  readonly done: boolean;
}

/** Pose and Jacobian of the tool, of the n joints of the arm. */
export interface ToolKinematics {
  pose(q: Float64Array, out: Float64Array): void;
  /** 6 × n: vx vy vz wx wy wz. */
  jacobian(q: Float64Array, out: Float64Array): void;
}

export interface ArmProblemOptions {
  readonly plant: ArmPlant;
  readonly tool: ToolKinematics;
  readonly limits: TermLimits;
  readonly terms: readonly TermSpec[];
  readonly target: TargetSource;
  /** T, and the length of a stage, s. */
  readonly horizon: number;
  readonly dt: number;
}

export class ArmProblem implements MpcProblem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly joints: number;
  readonly horizon: number;
  readonly dt: number;
  readonly x0: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly terms: readonly string[];
  readonly memory?: PlanMemory;
  readonly semiImplicitStep: number;
  readonly trajectoryDerivatives?: NonNullable<Problem['trajectoryDerivatives']>;
  /** Weight and final weight per term. */
  readonly weights: Float64Array;
  readonly finals: Float64Array;
  target: TargetSource;
  grip = Number.NaN;
  readonly #plant: ArmPlant;
  readonly #tool: ToolKinematics;
  readonly #terms: readonly Term[];
  readonly #usesTool: boolean;
  readonly #stages: readonly StageTarget[];
  readonly #q: Float64Array;
  readonly #pose: Float64Array;
  readonly #error = new Float64Array(6);
  readonly #jacobian: Float64Array;
  readonly #hj: Float64Array;
  readonly #gh = new Float64Array(2);
  readonly #none: Float64Array;

  constructor(options: ArmProblemOptions) {
    const { plant, terms, horizon, limits } = options;
    const n = plant.joints;
    this.joints = n;
    this.nx = 2 * n;
    this.ndx = 2 * n;
    this.nu = n;
    this.horizon = horizon;
    this.dt = options.dt;
    this.semiImplicitStep = options.dt;
    const { memory } = plant;
    if (memory !== undefined) this.memory = memory;
    if (plant.trajectory !== undefined) {
      this.trajectoryDerivatives = (xs, us, fx, fu) => plant.trajectory!(horizon, xs, us, options.dt, fx, fu);
    }
    this.x0 = new Float64Array(2 * n);
    this.lower = limits.control.map((v) => -v);
    this.upper = limits.control.slice();
    this.target = options.target;
    this.terms = terms.map((t) => t.name);
    this.weights = Float64Array.from(terms, (t) => t.weight);
    this.finals = Float64Array.from(terms, (t) => t.final);
    this.#plant = plant;
    this.#tool = options.tool;
    this.#terms = terms.map((t) => new Term(t, n, limits));
    this.#usesTool = this.#terms.some((t) => t.part === 'tool');
    this.#stages = Array.from({ length: Math.max(1, horizon + 1) }, () => ({
      pose: Float64Array.of(0, 0, 0, 0, 0, 0, 1),
      q: new Float64Array(n),
      qd: new Float64Array(n),
    }));
    const alloc = (count: number): Float64Array => memory?.alloc(count) ?? new Float64Array(count);
    this.#q = alloc(n);
    this.#pose = alloc(7);
    this.#jacobian = alloc(6 * n);
    this.#hj = new Float64Array(3 * n);
    this.#none = new Float64Array(n);
  }

  prepare(time: number): PlanProblem {
    const problem = this.target.begin(time);
    for (let t = 0; t <= this.horizon; t++) this.target.at(time + t * this.dt, this.#stages[t]!);
    this.grip = this.target.grip(time);
    return problem;
  }

  get done(): boolean {
    return this.target.done;
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.#plant.step(x, u, this.dt, out);
  }

  roll(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    this.#plant.step(x, u, h, out);
  }

  dynamicsDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    this.#plant.derivatives(x, u, this.dt, fx, fu);
  }

  cost(x: Float64Array, u: Float64Array, t: number): number {
    this.#look(x, t);
    let sum = 0;
    for (let i = 0; i < this.#terms.length; i++) {
      const w = this.weights[i]!;
      if (w === 0) continue;
      const term = this.#terms[i]!;
      term.residual(x, u, this.#error, this.#stages[t]!);
      sum += w * term.value();
    }
    return sum * this.dt;
  }

  terminalCost(x: Float64Array): number {
    this.#look(x, this.horizon);
    let sum = 0;
    for (let i = 0; i < this.#terms.length; i++) {
      const w = this.finals[i]!;
      const term = this.#terms[i]!;
      if (w === 0 || term.part === 'u') continue;
      term.residual(x, this.#none, this.#error, this.#stages[this.horizon]!);
      sum += w * term.value();
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
    lu.fill(0);
    lux.fill(0);
    luu.fill(0);
    this.#derive(x, u, t, this.weights, this.dt, lx, lxx, lu, luu);
  }

  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    this.#derive(x, this.#none, this.horizon, this.finals, 1, lx, lxx, null, null);
  }

  report(xs: Float64Array, us: Float64Array, costs: Float64Array, path: Float64Array): void {
    const { nx, nu, horizon } = this;
    costs.fill(0);
    for (let t = 0; t <= horizon; t++) {
      const x = xs.subarray(t * nx, (t + 1) * nx);
      const u = t < horizon ? us.subarray(t * nu, (t + 1) * nu) : this.#none;
      this.#look(x, t);
      for (let i = 0; i < this.#terms.length; i++) {
        const term = this.#terms[i]!;
        term.residual(x, u, this.#error, this.#stages[t]!);
        costs[i]! += term.value() * (t < horizon ? this.weights[i]! * this.dt : this.finals[i]!);
      }
      for (let i = 0; i < this.joints; i++) this.#q[i] = x[i]!;
      this.#tool.pose(this.#q, this.#pose);
      for (let i = 0; i < 3; i++) path[3 * t + i] = this.#pose[i]!;
    }
  }

  /** #error = the tool's, for terms that ask. */
  #look(x: Float64Array, t: number): void {
    if (!this.#usesTool) return;
    for (let i = 0; i < this.joints; i++) this.#q[i] = x[i]!;
    this.#tool.pose(this.#q, this.#pose);
    poseError(this.#error, 0, this.#stages[t]!.pose, 0, this.#pose, 0);
  }

  /** Σ w scale φ: gradient and Hessian; `lu` null where there are no controls. */
  #derive(
    x: Float64Array,
    u: Float64Array,
    t: number,
    weights: Float64Array,
    scale: number,
    lx: Float64Array,
    lxx: Float64Array,
    lu: Float64Array | null,
    luu: Float64Array | null,
  ): void {
    const n = this.joints;
    lx.fill(0);
    lxx.fill(0);
    this.#look(x, t);
    if (this.#usesTool) this.#tool.jacobian(this.#q, this.#jacobian);
    for (let i = 0; i < this.#terms.length; i++) {
      const w = weights[i]! * scale;
      if (w === 0) continue;
      const term = this.#terms[i]!;
      if (term.part === 'u' && lu === null) continue;
      term.residual(x, u, this.#error, this.#stages[t]!);
      term.curvature(this.#gh);
      if (term.part === 'tool') this.#deriveTool(term, w, lx, lxx);
      else if (term.part === 'u') term.derive(w, this.#gh, n, 0, lu!, luu!);
      else term.derive(w, this.#gh, 2 * n, term.part === 'q' ? 0 : n, lx, lxx);
    }
  }

  /** Jᵀ (g I − h r rᵀ) J, by rows of the tool's Jacobian. */
  #deriveTool(term: Term, w: number, lx: Float64Array, lxx: Float64Array): void {
    const n = this.joints;
    const J = this.#jacobian;
    const row = term.row * n;
    const { r } = term;
    const [g, h] = [this.#gh[0]! * w, this.#gh[1]! * w];
    const hj = this.#hj;
    for (let j = 0; j < n; j++) {
      const a = J[row + j]!;
      const b = J[row + n + j]!;
      const c = J[row + 2 * n + j]!;
      const along = r[0]! * a + r[1]! * b + r[2]! * c;
      lx[j]! += g * along;
      hj[j] = g * a - h * along * r[0]!;
      hj[n + j] = g * b - h * along * r[1]!;
      hj[2 * n + j] = g * c - h * along * r[2]!;
    }
    for (let i = 0; i < n; i++) {
      const a = J[row + i]!;
      const b = J[row + n + i]!;
      const c = J[row + 2 * n + i]!;
      for (let j = 0; j <= i; j++) {
        const v = a * hj[j]! + b * hj[n + j]! + c * hj[2 * n + j]!;
        lxx[i * 2 * n + j]! += v;
        if (j !== i) lxx[j * 2 * n + i]! += v;
      }
    }
  }
}
