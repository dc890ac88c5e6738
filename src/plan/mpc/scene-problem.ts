/**
 * The problem of an arm that acts on a scene: its command as in CommandPlant, the rest of the state as a ScenePlant has it
 * go, terms of both. What the plant does is differentiated by forward differences; as its arm goes on with qd' through a
 * stage, u acts through qd' alone, and a stage costs 2n + rest calls of the plant instead of 3n + rest.
 */
import { PlanProblem } from '../../robot/plan.ts';
import type { PlantTerm, ScenePlant, SceneSight } from '../../robot/plant.ts';
import { CommandPlant } from './plant.ts';
import type { MpcProblem, ToolKinematics } from './problem.ts';
import { type StageTarget, Term, type TermLimits, type TermSpec } from './terms.ts';

/** Critically damped at 12 rad/s: the command follows its model exactly, but for what the guard takes away. */
const FEEDBACK = { position: 144, speed: 24 } as const;

export interface SceneProblemOptions {
  readonly plant: ScenePlant;
  readonly sight: SceneSight;
  readonly tool: ToolKinematics;
  readonly limits: TermLimits;
  /** Of the arm's own: those on q, qd and u. */
  readonly terms: readonly TermSpec[];
  readonly horizon: number;
  readonly dt: number;
}

export class SceneProblem implements MpcProblem {
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
  readonly weights: Float64Array;
  readonly finals: Float64Array;
  readonly grip: number;
  readonly done = false;
  readonly feedback = FEEDBACK;
  readonly #plant: ScenePlant;
  readonly #sight: SceneSight;
  readonly #tool: ToolKinematics;
  readonly #arm: CommandPlant;
  readonly #groups: readonly PlantTerm[];
  readonly #own: readonly Term[];
  readonly #rest: Float64Array;
  readonly #moved: Float64Array;
  readonly #varied: Float64Array;
  readonly #base: Float64Array;
  readonly #next: Float64Array;
  readonly #r: Float64Array;
  readonly #rVaried: Float64Array;
  readonly #J: Float64Array;
  readonly #afx: Float64Array;
  readonly #afu: Float64Array;
  readonly #gh = new Float64Array(2);
  readonly #none: Float64Array;
  readonly #aim: StageTarget;
  readonly #pose = new Float64Array(7);
  readonly #q: Float64Array;

  constructor({ plant, sight, tool, limits, terms, horizon, dt }: SceneProblemOptions) {
    const n = plant.joints;
    const nx = 2 * n + plant.rest;
    this.joints = n;
    this.nx = nx;
    this.ndx = nx;
    this.nu = n;
    this.horizon = horizon;
    this.dt = dt;
    this.x0 = new Float64Array(nx);
    this.lower = limits.control.map((v) => -v);
    this.upper = limits.control.slice();
    this.grip = plant.grip;
    this.#groups = plant.terms;
    this.#own = terms.map((t) => new Term(t, n, limits));
    const all = [...plant.terms, ...terms];
    this.terms = all.map((t) => t.name);
    this.weights = Float64Array.from(all, (t) => t.weight);
    this.finals = Float64Array.from(all, (t) => t.final);
    this.#plant = plant;
    this.#sight = sight;
    this.#tool = tool;
    this.#arm = new CommandPlant(n);
    const rows = plant.terms.reduce((sum, t) => sum + t.size, 0);
    this.#rest = new Float64Array(plant.rest);
    this.#moved = new Float64Array(nx);
    this.#varied = new Float64Array(nx);
    this.#base = new Float64Array(plant.rest);
    this.#next = new Float64Array(plant.rest);
    this.#r = new Float64Array(rows);
    this.#rVaried = new Float64Array(rows);
    this.#J = new Float64Array(rows * nx);
    this.#afx = new Float64Array(4 * n * n);
    this.#afu = new Float64Array(2 * n * n);
    this.#none = new Float64Array(n);
    this.#aim = { pose: new Float64Array(7), q: new Float64Array(n), qd: new Float64Array(n) };
    this.#q = new Float64Array(n);
  }

  prepare(): PlanProblem {
    return PlanProblem.none;
  }

  /** The rest of the state as it is now, into the entries behind the arm's of `x`. */
  observe(time: number, x: Float64Array): PlanProblem {
    if (!this.#plant.observe(this.#sight, time, this.#rest)) return PlanProblem.noTarget;
    x.set(this.#rest, 2 * this.joints);
    return PlanProblem.none;
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.roll(x, u, this.dt, out);
  }

  roll(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    const n = this.joints;
    this.#arm.step(x, u, h, out);
    for (let i = 0; i < this.nx; i++) this.#moved[i] = i >= n && i < 2 * n ? out[i]! : x[i]!;
    this.#plant.advance(this.#moved, h, this.#next);
    for (let i = 0; i < this.#next.length; i++) out[2 * n + i] = this.#next[i]!;
  }

  dynamicsDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    const { nx, nu, joints: n, dt } = this;
    const m = nx - 2 * n;
    fx.fill(0);
    fu.fill(0);
    this.#arm.derivatives(x, u, dt, this.#afx, this.#afu);
    for (let i = 0; i < 2 * n; i++) {
      for (let j = 0; j < 2 * n; j++) fx[i * nx + j] = this.#afx[i * 2 * n + j]!;
      for (let j = 0; j < nu; j++) fu[i * nu + j] = this.#afu[i * n + j]!;
    }
    const z = this.#varied;
    for (let i = 0; i < nx; i++) z[i] = x[i]!;
    for (let i = 0; i < n; i++) z[n + i] = x[n + i]! + dt * u[i]!;
    this.#plant.advance(z, dt, this.#base);
    for (let j = 0; j < nx; j++) {
      const step = this.#plant.steps[j]!;
      const before = z[j]!;
      z[j] = before + step;
      this.#plant.advance(z, dt, this.#next);
      z[j] = before;
      for (let i = 0; i < m; i++) {
        const d = (this.#next[i]! - this.#base[i]!) / step;
        fx[(2 * n + i) * nx + j] = d;
        if (j >= n && j < 2 * n) fu[(2 * n + i) * nu + j - n] = dt * d;
      }
    }
  }

  cost(x: Float64Array, u: Float64Array, _t: number): number {
    return this.dt * this.#value(x, u, this.weights);
  }

  terminalCost(x: Float64Array): number {
    return this.#value(x, null, this.finals);
  }

  costDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void {
    lu.fill(0);
    lux.fill(0);
    luu.fill(0);
    this.#derive(x, u, this.weights, this.dt, lx, lxx, lu, luu);
  }

  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    this.#derive(x, this.#none, this.finals, 1, lx, lxx, null, null);
  }

  report(xs: Float64Array, us: Float64Array, costs: Float64Array, path: Float64Array): void {
    const { nx, nu, horizon } = this;
    costs.fill(0);
    for (let t = 0; t <= horizon; t++) {
      const x = xs.subarray(t * nx, (t + 1) * nx);
      const u = t < horizon ? us.subarray(t * nu, (t + 1) * nu) : this.#none;
      const [weights, scale] = t < horizon ? [this.weights, this.dt] : [this.finals, 1];
      this.#plant.residuals(x, this.#r);
      let row = 0;
      this.#groups.forEach((g, i) => {
        costs[i]! += scale * weights[i]! * this.#phi(g, row, null);
        row += g.size;
      });
      this.#own.forEach((term, i) => {
        term.residual(x, u, this.#pose, this.#aim);
        costs[this.#groups.length + i]! += scale * weights[this.#groups.length + i]! * term.value();
      });
      for (let i = 0; i < this.joints; i++) this.#q[i] = x[i]!;
      this.#tool.pose(this.#q, this.#pose);
      for (let i = 0; i < 3; i++) path[3 * t + i] = this.#pose[i]!;
    }
  }

  #value(x: Float64Array, u: Float64Array | null, weights: Float64Array): number {
    this.#plant.residuals(x, this.#r);
    let sum = 0;
    let row = 0;
    for (let i = 0; i < this.#groups.length; i++) {
      sum += weights[i]! * this.#phi(this.#groups[i]!, row, null);
      row += this.#groups[i]!.size;
    }
    for (let i = 0; i < this.#own.length; i++) {
      const term = this.#own[i]!;
      const w = weights[this.#groups.length + i]!;
      if (w === 0 || (u === null && term.part === 'u')) continue;
      term.residual(x, u ?? this.#none, this.#pose, this.#aim);
      sum += w * term.value();
    }
    return sum;
  }

  /** φ of a group of #r from `row` on; its curvature (g, h) as in Term when `out` is given. */
  #phi({ size, smooth = 0 }: PlantTerm, row: number, out: Float64Array | null): number {
    let s = 0;
    for (let i = row; i < row + size; i++) s += this.#r[i]! * this.#r[i]!;
    const p = smooth;
    const a = p > 0 ? Math.sqrt(1 + s / (p * p)) : 1;
    if (out !== null) {
      out[0] = 1 / a;
      out[1] = p > 0 ? 1 / (p * p * a * a * a) : 0;
    }
    return p > 0 ? p * p * (a - 1) : 0.5 * s;
  }

  #derive(
    x: Float64Array,
    u: Float64Array,
    weights: Float64Array,
    scale: number,
    lx: Float64Array,
    lxx: Float64Array,
    lu: Float64Array | null,
    luu: Float64Array | null,
  ): void {
    const { nx, joints: n } = this;
    lx.fill(0);
    lxx.fill(0);
    this.#differences(x);
    let row = 0;
    for (let i = 0; i < this.#groups.length; i++) {
      const w = weights[i]! * scale;
      if (w !== 0) this.#deriveGroup(this.#groups[i]!, row, w, lx, lxx);
      row += this.#groups[i]!.size;
    }
    for (let i = 0; i < this.#own.length; i++) {
      const term = this.#own[i]!;
      const w = weights[this.#groups.length + i]! * scale;
      if (w === 0 || (term.part === 'u' && lu === null)) continue;
      term.residual(x, u, this.#pose, this.#aim);
      term.curvature(this.#gh);
      if (term.part === 'u') term.derive(w, this.#gh, n, 0, lu!, luu!);
      else term.derive(w, this.#gh, nx, term.part === 'q' ? 0 : n, lx, lxx);
    }
  }

  /** #r and #J = ∂r/∂x. */
  #differences(x: Float64Array): void {
    const { nx } = this;
    const z = this.#varied;
    for (let i = 0; i < nx; i++) z[i] = x[i]!;
    this.#plant.residuals(z, this.#r);
    for (let j = 0; j < nx; j++) {
      // Residuals are smooth: a step much smaller than that over a contact.
      const step = 1e-3 * this.#plant.steps[j]!;
      const before = z[j]!;
      z[j] = before + step;
      this.#plant.residuals(z, this.#rVaried);
      z[j] = before;
      for (let i = 0; i < this.#r.length; i++) this.#J[i * nx + j] = (this.#rVaried[i]! - this.#r[i]!) / step;
    }
  }

  /** Jᵀ (g I − h r rᵀ) J of the rows of one group. */
  #deriveGroup(group: PlantTerm, row: number, w: number, lx: Float64Array, lxx: Float64Array): void {
    const { nx } = this;
    const J = this.#J;
    this.#phi(group, row, this.#gh);
    const g = w * this.#gh[0]!;
    const h = w * this.#gh[1]!;
    for (let k = row; k < row + group.size; k++) {
      const r = this.#r[k]!;
      for (let i = 0; i < nx; i++) {
        const a = J[k * nx + i]!;
        if (a === 0) continue;
        lx[i]! += g * r * a;
        for (let j = 0; j < nx; j++) lxx[i * nx + j]! += g * a * J[k * nx + j]!;
      }
    }
    if (h === 0) return;
    for (let i = 0; i < nx; i++) {
      let ri = 0;
      for (let k = row; k < row + group.size; k++) ri += this.#r[k]! * J[k * nx + i]!;
      if (ri === 0) continue;
      for (let j = 0; j < nx; j++) {
        let rj = 0;
        for (let k = row; k < row + group.size; k++) rj += this.#r[k]! * J[k * nx + j]!;
        lxx[i * nx + j]! -= h * ri * rj;
      }
    }
  }
}
