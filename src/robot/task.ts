/** A task is one model file plus functions with numbered residuals; it is data, and src/control executes phases. */
import type { Rng } from '../math/rng.ts';
import type { SceneLight } from './scene.ts';
import type { SceneVary } from './spec.ts';

/** What a task sees of the world: poses by name in the world frame. */
export interface TaskView {
  /** World position of a body or site, written to out[0..3). */
  position(name: string, out: Float64Array): void;
  /** World orientation x, y, z, w of a body or site, written to out[0..4). */
  orientation(name: string, out: Float64Array): void;
  /** World linear velocity of a body, written to out[0..3). */
  velocity(name: string, out: Float64Array): void;
  /** Simulated seconds since the reset. */
  readonly time: number;
  /** Gripper opening in m. */
  readonly opening: number;
}

/** Colours as on a screen (sRGB), 0..1. */
export interface Surface {
  readonly rgb: readonly [number, number, number];
  /** Second colour and squares per metre; left out for a plain surface. */
  readonly checker?: { readonly rgb2: readonly [number, number, number]; readonly perMetre: number };
}

/** What a reset may change of how the scene looks. A new scene starts from the model's own look. */
export interface SceneLook {
  /** A number drawn uniformly and kept under its name: it is recorded with the episode. */
  draw(name: string, rng: Rng, low: number, high: number): number;
  /** Everything of that material. Throws SIM_UNKNOWN_NAME. */
  paint(material: string, surface: Surface): void;
  /** Throws SIM_UNKNOWN_NAME. */
  light(name: string, change: Partial<Pick<SceneLight, 'direction' | 'diffuse' | 'ambient'>>): void;
  sky(top: readonly [number, number, number], bottom: readonly [number, number, number]): void;
}

/** What a reset may set. */
export interface TaskScene {
  /** Puts a free object: position and x, y, z, w quaternion; velocities become zero. */
  place(object: string, position: ArrayLike<number>, quaternion: ArrayLike<number>): void;
  /** Moves a target marker (a mocap body). */
  mark(marker: string, position: ArrayLike<number>, quaternion: ArrayLike<number>): void;
  /** Sets the arm's joint angles and the opening. */
  pose(q: ArrayLike<number>, opening: number): void;
  readonly home: { readonly q: readonly number[]; readonly opening: number };
  /** What of the scene is to vary from seed to seed, besides the task's objects. */
  readonly vary: SceneVary;
  readonly look: SceneLook;
}

/**
 * One step of a demonstration, as data: src/control/teacher.ts turns a list of them into one smooth motion. Targets are
 * given relative to bodies as they lie at the reset, with the tool pointing straight down.
 */
export interface TaskPhase {
  readonly name: string;
  /** Body that the tool goes to. */
  readonly at: string;
  /** From the body's origin to the tool at the end of the phase, m, in world directions. */
  readonly offset: readonly [number, number, number];
  /**
   * Turn of the tool about the vertical: `keep` the one before, or a number n of symmetric grasps per full turn of the
   * body, of which the nearest is taken (4 for a cube).
   */
  readonly turn: 'keep' | number;
  /** Gripper opening at the end, m. A phase that changes it waits for the motion before, and the next waits for it. */
  readonly opening: number;
  /** Least duration of an average demonstration, s; long ways take longer. */
  readonly seconds: number;
  /** How far off its target a natural demonstration may come, level, in height and in turn; the next phase makes up. */
  readonly spread?: { readonly level?: number; readonly height?: number; readonly turn?: number };
  /** True where the arm is free of contact, so that it may be pushed off and come back. */
  readonly free: boolean;
}

export interface Task {
  readonly name: string;
  /** One sentence for people, the default task text of an episode. */
  readonly text: string;
  /** MJCF file of the scene, relative to the task's own folder's models. */
  readonly model: string;
  /** Names of the residuals, in their numbered order (at most RESIDUALS). */
  readonly residuals: readonly { readonly name: string; readonly unit: string }[];
  /** Time after which an attempt counts as failed, s. */
  readonly timeLimit: number;
  /** Draws a new scene. Same seed, same scene. */
  reset(scene: TaskScene, rng: Rng): void;
  /** Writes the residuals. Allocates nothing. */
  residual(view: TaskView, out: Float64Array): void;
  /** Reward from the residuals, higher is better. */
  reward(residual: Float64Array): number;
  /** Judges success. `held` is how long (s) the raw condition has been true without a break. */
  condition(view: TaskView, residual: Float64Array): boolean;
  /** Seconds for which the condition must hold. */
  readonly holdTime: number;
  /** How a teacher does it; absent when none knows. */
  readonly phases?: readonly TaskPhase[];
  /** Planners have a model of it, with what the arm touches: `createPlant` of the device's kind makes it. */
  readonly modelled?: boolean;
}
