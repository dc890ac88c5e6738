/** Where a task leads, by time: what each stage of a plan aims at, and the opening of the gripper. */
import { PlanProblem } from '../../robot/plan.ts';
import type { StageTarget } from './terms.ts';

/** A target by time. Times are in.time of the rig; `start` is that of the activation. */
export interface TargetSource {
  /** Called before each plan with its first time. What is known of the scene may be read here. */
  begin(time: number): PlanProblem;
  /** Fills in what it knows of stages at `time`, `time` + dt, …; the rest stays as it was. All in one call: no number is boxed. */
  aim(time: number, dt: number, stages: readonly StageTarget[]): void;
  /** Wanted opening at `time`, m; NaN: as it is. */
  grip(time: number): number;
  /** True when there is nothing more to do. */
  readonly done: boolean;
}

/** Targets as data, in requests and task files. */
export type TargetSpec =
  /** Tool pose: p x y z (m), quaternion x y z w. */
  | { readonly kind: 'pose'; readonly pose: readonly number[] }
  /**
   * A closed way of the tool about a pose, in its orientation: centre + Σ over the axes of amplitude · sin(2π
   * multiple · t/period + phase).
   */
  | {
      readonly kind: 'path';
      readonly pose: readonly number[];
      readonly amplitude: readonly number[];
      readonly multiple: readonly number[];
      readonly phase: readonly number[];
      /** s */
      readonly period: number;
    }
  /** Joint angles, n. */
  | { readonly kind: 'joints'; readonly q: readonly number[] }
  /** q + amplitude · sin(2π t/period + phase), per joint. */
  | {
      readonly kind: 'joint-path';
      readonly q: readonly number[];
      readonly amplitude: readonly number[];
      readonly phase: readonly number[];
      readonly period: number;
    };

/** A target that follows from its data and the time since `start` alone. */
export class FormulaTarget implements TargetSource {
  readonly done = false;
  readonly #start: number;
  #spec: TargetSpec;

  constructor(spec: TargetSpec, start: number) {
    this.#spec = spec;
    this.#start = start;
  }

  get spec(): TargetSpec {
    return this.#spec;
  }

  /** Another target from the next plan on. */
  set(spec: TargetSpec): void {
    this.#spec = spec;
  }

  begin(): PlanProblem {
    return PlanProblem.none;
  }

  aim(time: number, dt: number, stages: readonly StageTarget[]): void {
    const spec = this.#spec;
    for (let k = 0; k < stages.length; k++) {
      const out = stages[k]!;
      const t = time + k * dt - this.#start;
      out.qd.fill(0);
      switch (spec.kind) {
        case 'pose':
          for (let i = 0; i < 7; i++) out.pose[i] = spec.pose[i]!;
          break;
        case 'path':
          for (let i = 0; i < 7; i++) out.pose[i] = spec.pose[i]!;
          for (let i = 0; i < 3; i++) {
            out.pose[i]! +=
              spec.amplitude[i]! *
              Math.sin((2 * Math.PI * spec.multiple[i]! * t) / spec.period + spec.phase[i]!);
          }
          break;
        case 'joints':
          for (let i = 0; i < out.q.length; i++) out.q[i] = spec.q[i]!;
          break;
        case 'joint-path': {
          const w = (2 * Math.PI) / spec.period;
          for (let i = 0; i < out.q.length; i++) {
            out.q[i] = spec.q[i]! + spec.amplitude[i]! * Math.sin(w * t + spec.phase[i]!);
            out.qd[i] = spec.amplitude[i]! * w * Math.cos(w * t + spec.phase[i]!);
          }
          break;
        }
        default:
          spec satisfies never;
      }
    }
  }

  grip(): number {
    return Number.NaN;
  }
}
