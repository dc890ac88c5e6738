/**
 * Phases of a task (src/robot/task.ts) as the target of a planner: the tool goes from phase to phase, each begun when the
 * one before is reached. Targets follow the bodies as they lie now, until a body is in the hand: then as it lay when the
 * fingers began to close. An object that is lost on the way is gone for again from the first phase on.
 */
import { quatAngle, quatHeading } from '../../math/quat.ts';
import { distance3 } from '../../math/vec.ts';
import { PlanProblem } from '../../robot/plan.ts';
import type { TaskPhase } from '../../robot/task.ts';
import type { TargetSource } from './target.ts';
import type { StageTarget } from './terms.ts';

/** What a planner sees. */
export interface PlannerView {
  /** Pose of a body in the base: p x y z, quaternion x y z w; null when the scene has none of that name. */
  pose(body: string): Float64Array | null;
  /** Measured pose of the tool. */
  readonly tool: Float64Array;
  /** Measured opening, m; NaN without a gripper. */
  readonly opening: number;
}

/** A phase is reached within these, m and rad: loosely where the arm is free, closely where it touches. */
const NEAR = { free: 0.03, close: 0.006, turn: 0.12 } as const;
/** An opening is reached within this, m. */
const OPENING = 0.003;
/** Fingers that an object stops: closed is what they are after this, s. */
const CLOSED_S = 0.6;
/** Further from the hand than this an object is lost, m. */
const LOST = 0.06;

export class PhaseTarget implements TargetSource {
  readonly #phases: readonly TaskPhase[];
  readonly #view: PlannerView;
  readonly #goal = new Float64Array(7);
  /** Pose of the body of this phase when it began. */
  readonly #began = new Float64Array(7);
  #index = 0;
  #entered = Number.NaN;
  #turn = Number.NaN;
  /** Body in the hand, and how it lay when the fingers closed on it. */
  #held = '';
  readonly #heldAt = new Float64Array(7);
  #done = false;
  /** Times that an object was lost. */
  losses = 0;

  constructor(phases: readonly TaskPhase[], view: PlannerView) {
    this.#phases = phases;
    this.#view = view;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Name of the phase under way. */
  get phase(): string {
    return this.#phases[this.#index]!.name;
  }

  begin(time: number): PlanProblem {
    if (Number.isNaN(this.#entered) && !this.#enter(0, time)) return PlanProblem.noTarget;
    if (this.#lost() && !this.#enter(0, time)) return PlanProblem.noTarget;
    if (!this.#aim()) return PlanProblem.noTarget;
    if (!this.#reached(time)) return PlanProblem.none;
    if (this.#index === this.#phases.length - 1) {
      this.#done = true;
      return PlanProblem.none;
    }
    if (!this.#enter(this.#index + 1, time)) return PlanProblem.noTarget;
    return this.#aim() ? PlanProblem.none : PlanProblem.noTarget;
  }

  aim(_time: number, _dt: number, stages: readonly StageTarget[]): void {
    for (let k = 0; k < stages.length; k++) {
      stages[k]!.pose.set(this.#goal);
      stages[k]!.qd.fill(0);
    }
  }

  grip(): number {
    return this.#phases[this.#index]!.opening;
  }

  #grips(index: number): number {
    const before = index === 0 ? this.#phases[0]!.opening : this.#phases[index - 1]!.opening;
    return this.#phases[index]!.opening - before;
  }

  /** False when the phase's body is not there. */
  #enter(index: number, time: number): boolean {
    const left = this.#index;
    if (index === left + 1) {
      if (this.#grips(left) < 0) {
        this.#held = this.#phases[left]!.at;
        this.#heldAt.set(this.#began);
      } else if (this.#grips(left) > 0) this.#held = '';
    }
    this.#index = index;
    this.#entered = time;
    const body = this.#view.pose(this.#phases[index]!.at);
    if (body === null) return false;
    this.#began.set(body);
    return true;
  }

  #lost(): boolean {
    // While the fingers open it is meant to go.
    if (this.#held === '' || this.#grips(this.#index) > 0) return false;
    const body = this.#view.pose(this.#held);
    if (body !== null && distance3(body, 0, this.#view.tool, 0) < LOST) return false;
    this.#held = '';
    this.#index = 0;
    this.losses++;
    return true;
  }

  #aim(): boolean {
    const phase = this.#phases[this.#index]!;
    const live = this.#view.pose(phase.at);
    if (live === null) return false;
    const body = phase.at === this.#held ? this.#heldAt : this.#grips(this.#index) !== 0 ? this.#began : live;
    if (Number.isNaN(this.#turn)) this.#turn = quatHeading(this.#view.tool, 3);
    if (phase.turn !== 'keep') {
      const step = (2 * Math.PI) / phase.turn;
      const yaw = 2 * Math.atan2(body[5]!, body[6]!);
      this.#turn = yaw - step * Math.round((yaw - this.#turn) / step);
    }
    for (let i = 0; i < 3; i++) this.#goal[i] = body[i]! + phase.offset[i]!;
    // Half a turn about x points the tool down; then the turn about the vertical.
    this.#goal[3] = Math.cos(this.#turn / 2);
    this.#goal[4] = Math.sin(this.#turn / 2);
    this.#goal[5] = 0;
    this.#goal[6] = 0;
    return true;
  }

  #reached(time: number): boolean {
    const phase = this.#phases[this.#index]!;
    const { tool, opening } = this.#view;
    const elapsed = time - this.#entered;
    const last = this.#index === this.#phases.length - 1;
    const grips = this.#grips(this.#index);
    if (distance3(tool, 0, this.#goal, 0) > (phase.free ? NEAR.free : NEAR.close)) return false;
    if (quatAngle(tool, 3, this.#goal, 3) > NEAR.turn) return false;
    if (last) return elapsed >= phase.seconds;
    if (grips === 0) return true;
    const there = Math.abs(opening - phase.opening) < OPENING;
    return grips < 0 ? elapsed >= CLOSED_S : there || elapsed >= 2 * CLOSED_S;
  }
}
