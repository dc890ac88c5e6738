/**
 * A scene as planners model it: the arm goes where its command goes, and the plant says what that does to the rest, such
 * as an object that is pushed. Made by the kind of a simulated device (`createPlant`); derivatives are the planner's
 * business (finite differences).
 *
 * State: q (n), qd (n) of the arm's joints, then `rest` numbers of the plant's own. Nothing here allocates per call.
 */
import type { RobotSpec } from './spec.ts';

/** What a planner sees of the scene. */
export interface SceneSight {
  /** Pose of a body in the base: p x y z, quaternion x y z w; null when the scene has none of that name. */
  pose(body: string): Float64Array | null;
  /** Measured pose of the tool. */
  readonly tool: Float64Array;
}

/** A group of numbered residuals: cost w φ(r), φ = ½ |r|² or, with `smooth` p, p² (√(1 + |r|²/p²) − 1). */
export interface PlantTerm {
  readonly name: string;
  readonly size: number;
  /** Per second, and at the last state. */
  readonly weight: number;
  readonly final: number;
  readonly smooth?: number;
}

export interface ScenePlant {
  readonly joints: number;
  readonly rest: number;
  readonly terms: readonly PlantTerm[];
  /** Opening at which the gripper is to be, m; NaN: as it is. */
  readonly grip: number;
  /** Step of finite differences for each of q, qd and the rest: 2n + rest numbers. */
  readonly steps: Float64Array;
  /** Writes the rest of the state as it is seen at `time` (s), and takes in goals. False when something is missing. */
  observe(sight: SceneSight, time: number, rest: Float64Array): boolean;
  /** out (rest) = the rest of the state h seconds later, while the arm goes on from q with the speed qd. */
  advance(x: Float64Array, h: number, out: Float64Array): void;
  /** All residuals of a state, term after term. */
  residuals(x: Float64Array, out: Float64Array): void;
  dispose(): void;
}

/**
 * A model that is stepped from a given state and keeps none of its own, such as a simulator that sets its state before
 * each step: `DifferenceSystem` (src/plan/dynamics) makes one a system that every solver takes. sim/step-model.ts is MuJoCo as
 * one; the engine knows no simulator.
 */
export interface StepModel {
  readonly nx: number;
  readonly nu: number;
  /** Tangent size, where states hold quaternions; then `difference` and `integrate` belong to it. Else nx. */
  readonly ndx?: number;
  /** out (nx) = the state one stage after x under u. Allocates nothing; writes NaN when it blows up. */
  step(x: Float64Array, u: Float64Array, out: Float64Array): void;
  difference?(a: Float64Array, b: Float64Array, out: Float64Array): void;
  integrate?(x: Float64Array, dx: Float64Array, out: Float64Array): void;
}

/** null for a task that has none. */
export type PlantFactory = (robot: RobotSpec) => Promise<ScenePlant | null>;
