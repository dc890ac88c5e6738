/**
 * Feasibility-driven DDP with limits on controls: takes a warm start whose states are no rollout of its controls and
 * closes the gaps as it steps (Mastalli et al. 2020; Box-FDDP, Mastalli et al. 2022). While gaps are open, backward
 * passes are unconstrained and the forward pass holds controls to the limits; once closed, it is iLQR with box QPs.
 *
 * A step is judged by a merit, cost + ν Σ|gaps|, with ν so large that closing the gaps is worth what it costs (Nocedal
 * and Wright 2006, 18.36), so that steps which raise the cost while they close gaps are taken.
 */
import { DescentSolver } from '../descent/solver.ts';
import { allocWorkspace, type Workspace } from '../descent/workspace.ts';
import type { Rows } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { WarmStart } from '../solver.ts';
import { allocLinearRollout, expectation, type LinearRollout } from './expectation.ts';
import { openForward, openStart, type Scratch } from './forward.ts';
import { allocGaps, allocKept, type Gaps, type Kept, shrinkGaps } from './workspace.ts';

/** Share of ν Σ|gaps| by which a full step should at least lower the merit. */
const SHARE = 0.5;

export class FddpSolver extends DescentSolver {
  override readonly name: string = 'fddp';
  #gaps!: Gaps;
  #kept!: Kept;
  /** Whether #kept holds a plan that this solve has not yet replaced. */
  #holds = false;
  #linear!: LinearRollout;
  #scratch!: Scratch;
  #weight = 0;

  protected override allocWorkspace(problem: Problem): Workspace {
    const ws = allocWorkspace(problem, this.settings.kernel, 1);
    this.#gaps = allocGaps(problem);
    this.#kept = allocKept(ws.memory, problem);
    this.#holds = false;
    this.#linear = allocLinearRollout(problem);
    this.#scratch = {
      next: new Float64Array(problem.nx),
      dx: new Float64Array(problem.ndx),
      gap: new Float64Array(problem.ndx),
    };
    return ws;
  }

  protected override get gap(): number {
    return this.#gaps.largest;
  }

  protected override get gaps(): Rows | null {
    return this.#gaps.largest > 0 ? this.#gaps.f : null;
  }

  protected override get boxed(): boolean {
    return this.#gaps.largest === 0;
  }

  protected override begin(warm: WarmStart | null): boolean {
    if (this.#holds) this.#exchange();
    this.#holds = false;
    this.#weight = 0;
    this.#gaps.f.flat.fill(0);
    this.#gaps.largest = 0;
    this.#gaps.sum = 0;
    if (warm?.xs === undefined) return super.begin(warm);
    const { ws } = this;
    const start = { us: warm.us, xs: warm.xs };
    if (!openStart(ws.problem, start, ws.candidate, this.#gaps, this.#scratch, this.blame)) {
      this.#gaps.largest = 0;
      return false;
    }
    if (this.result.valid && this.#gaps.largest > 0) {
      this.#exchange();
      this.#holds = true;
    }
    this.swap();
    this.present();
    return true;
  }

  /** The plan put aside for the iterate, or back. */
  #exchange(): void {
    const { ws } = this;
    const { trajectory, feedback } = this.#kept;
    this.#kept.trajectory = ws.current;
    this.#kept.feedback = ws.feedback;
    ws.current = trajectory;
    ws.feedback = feedback;
  }

  protected override expectation(): void {
    if (this.#gaps.largest === 0) return;
    expectation(this.ws, this.#gaps, this.#linear);
    this.slope = this.ws.sums.slope;
    this.curvature = this.ws.sums.curvature;
    const rise = this.slope + 0.5 * Math.max(0, this.curvature);
    this.#weight = Math.max(this.#weight, rise / ((1 - SHARE) * this.#gaps.sum));
  }

  protected override attempt(step: number): boolean {
    if (this.#gaps.largest === 0) return super.attempt(step);
    const { ws } = this;
    const gaps = this.#gaps;
    const problem = ws.problem;
    if (!openForward(problem, ws.current, ws.feedback, gaps, step, ws.candidate, this.#scratch, this.blame)) {
      return false;
    }
    const closed = this.#weight * step * gaps.sum;
    const expected = closed - (step * this.slope + 0.5 * step * step * this.curvature);
    const saved = closed + ws.current.cost - ws.candidate.cost;
    if (!(saved > 0 && saved >= this.settings.lineSearch.accept * expected)) return false;
    shrinkGaps(gaps, step);
    this.swap();
    this.present();
    return true;
  }

  protected override present(): void {
    if (this.#gaps.largest === 0) this.#holds = false;
    if (this.#holds) {
      this.result.gap = 0;
      this.result.show(this.#kept.trajectory, this.#kept.feedback);
      return;
    }
    this.result.valid = this.#gaps.largest === 0;
    super.present();
  }
}
