/**
 * A planner at the controls: watches the ticks, knows when its controller was activated, plans from the newest state, and
 * tells how it goes. Without clock and thread: the planner thread of a rig and the lockstep cell both drive one.
 *
 *   pilot.tick(record);                             // every tick
 *   pilot.scene(poses);                             // when there are new ones
 *   if (pilot.driving) pilot.attempt(arrival);      // one plan, to take effect at `arrival`
 *   pilot.engine.write(block);                      // for the loop
 */
import { PlanProblem } from '../../robot/plan.ts';
import type { RobotSpec } from '../../robot/spec.ts';
import { CommandMode, ControllerId, Mode, tickLayout } from '../../robot/tick.ts';
import type { Solver } from '../solver.ts';
import { checkTarget, checkWeights, type MpcPlanSpec, type MpcWeights } from './choice.ts';
import { MpcEngine } from './engine.ts';
import type { PhaseTarget, PlannerView } from './phases.ts';
import { ArmProblem } from './problem.ts';
import { FormulaTarget, type TargetSource, type TargetSpec } from './target.ts';

export interface MpcStatus {
  readonly attempts: number;
  readonly plans: number;
  readonly improved: number;
  readonly failed: number;
  readonly problem: PlanProblem;
  /** Why the newest attempt failed; '' when it did not. */
  readonly failure: string;
  /** Cost of the plan in force; NaN before the first. */
  readonly cost: number;
  /** Phase under way, for tasks that have some. */
  readonly phase: string;
}

/** A term of the cost, for people. */
export interface TermWeights {
  readonly name: string;
  /** TermKind, or 'scene' for a term of the scene's own. */
  readonly kind: string;
  readonly weight: number;
  readonly final: number;
}

export interface PilotParts {
  readonly spec: RobotSpec;
  readonly plan: MpcPlanSpec;
  readonly engine: MpcEngine;
  readonly view: SceneView;
}

/** The scene as a planner sees it, filled in by whoever drives the pilot. */
export class SceneView implements PlannerView {
  readonly tool = new Float64Array(7);
  opening = Number.NaN;
  readonly #bodies: readonly string[];
  readonly #poses: Float64Array;
  readonly #views: readonly Float64Array[];
  #known = false;

  constructor(bodies: readonly string[]) {
    this.#bodies = bodies;
    this.#poses = new Float64Array(7 * bodies.length);
    this.#views = bodies.map((_, i) => this.#poses.subarray(7 * i, 7 * i + 7));
  }

  /** bodies × 7. */
  set(poses: Float64Array): void {
    this.#poses.set(poses.subarray(0, this.#poses.length));
    this.#known = true;
  }

  pose(body: string): Float64Array | null {
    const i = this.#known ? this.#bodies.indexOf(body) : -1;
    return i < 0 ? null : this.#views[i]!;
  }
}

export class MpcPilot {
  readonly engine: MpcEngine;
  readonly plan: MpcPlanSpec;
  readonly #spec: RobotSpec;
  readonly #view: SceneView;
  readonly #at: ReturnType<typeof offsets>;
  readonly #makeTarget: (start: number) => TargetSource;
  #start = Number.NaN;
  #seen = -1;
  #tried = -1;
  #problem: PlanProblem = PlanProblem.none;
  /** Where the target leads after `set`. */
  #target: TargetSpec | null;

  constructor(parts: PilotParts, makeTarget: (start: number, target: TargetSpec | null) => TargetSource) {
    this.#spec = parts.spec;
    this.plan = parts.plan;
    this.engine = parts.engine;
    this.#view = parts.view;
    this.#at = offsets(tickLayout(parts.spec).layout, parts.spec);
    this.#target = parts.plan.target;
    this.#makeTarget = (start) => makeTarget(start, this.#target);
  }

  /** True while its plans are followed. */
  get driving(): boolean {
    return !Number.isNaN(this.#start);
  }

  /** True when a tick came in since the newest attempt. */
  get fresh(): boolean {
    return this.driving && this.#seen !== this.#tried;
  }

  get status(): MpcStatus {
    const { counts, failure, cost, problem } = this.engine;
    const target = problem instanceof ArmProblem ? problem.target : null;
    const phase = target !== null && 'phase' in target ? (target as PhaseTarget).phase : '';
    return { ...counts, problem: this.#problem, failure, cost, phase };
  }

  /** The terms of the cost with their weights as they are, for people. */
  get terms(): TermWeights[] {
    return this.engine.problem.terms.map(({ name, weight, final }) => ({
      name,
      kind: this.plan.terms.find((t) => t.name === name)?.kind ?? 'scene',
      weight,
      final,
    }));
  }

  /** Every tick or tick record, in order. */
  tick(record: Float64Array): void {
    const at = this.#at;
    this.engine.see(record);
    this.#seen = record[at.tick]!;
    for (let i = 0; i < 7; i++) this.#view.tool[i] = record[at.tool + i]!;
    if (at.opening >= 0) this.#view.opening = record[at.opening]!;
    const drives = record[at.mode] === Mode.active && record[at.controller] === ControllerId.mpc;
    if (!drives) {
      this.#start = Number.NaN;
      return;
    }
    if (record[at.start] !== this.#start) this.#begin(record[at.start]!);
  }

  /** Poses of the scene's bodies. */
  scene(poses: Float64Array): void {
    this.#view.set(poses);
  }

  /** One plan that takes effect at `arrival` (rig clock, s). */
  attempt(arrival: number): PlanProblem {
    this.#tried = this.#seen;
    this.#problem = this.engine.attempt(arrival);
    return this.#problem;
  }

  /** Another target or other weights from the next plan on. Throws PLAN_PROBLEM_INVALID, and then changes nothing. */
  set(change: { readonly target?: TargetSpec; readonly weights?: MpcWeights }): void {
    const { problem } = this.engine;
    const { target, weights } = change;
    if (target !== undefined) checkTarget(target, this.plan, this.#spec);
    if (weights !== undefined) checkWeights(weights, this.terms);
    if (target !== undefined) {
      this.#target = target;
      if (problem instanceof ArmProblem && problem.target instanceof FormulaTarget)
        problem.target.set(target);
    }
    for (const [name, { weight, final }] of Object.entries(weights ?? {})) {
      const term = problem.terms.find((t) => t.name === name)!;
      if (weight !== undefined) term.weight = weight;
      if (final !== undefined) term.final = final;
    }
  }

  #begin(start: number): void {
    this.#start = start;
    this.engine.begin(start);
    this.#problem = PlanProblem.none;
    const { problem } = this.engine;
    if (problem instanceof ArmProblem) problem.target = this.#makeTarget(start);
  }
}

/** The engine of a problem with the mode that its drive means. */
export function engineOf(
  spec: RobotSpec,
  plan: MpcPlanSpec,
  problem: MpcEngine['problem'],
  solver: Solver,
): MpcEngine {
  const mode = plan.drive === 'torque' ? CommandMode.torque : CommandMode.position;
  return new MpcEngine({ spec, problem, solver, mode });
}

function offsets(layout: ReturnType<typeof tickLayout>['layout'], spec: RobotSpec) {
  return {
    tick: layout.at('in.tick'),
    start: layout.at('in.row.start'),
    mode: layout.at('out.mode'),
    controller: layout.at('out.controller'),
    tool: layout.at('out.tool'),
    opening: spec.gripperAxis < 0 ? -1 : layout.at('in.q') + spec.gripperAxis,
  };
}
