/** The problem of an arm that acts on a scene: the plant's dynamics and terms (of what lies around), then terms of the arm's own. */
import { PlanProblem } from '../../robot/plan.ts';
import type { ScenePlant, SceneSight } from '../../robot/plant.ts';
import type { FrameView } from '../cost/frame.ts';
import { sceneTerms } from '../cost/scene.ts';
import { SceneSystem } from '../dynamics/scene.ts';
import { MpcProblem } from './problem.ts';
import { costTerms, StageTargets, type TermLimits, type TermSpec } from './terms.ts';

/** Critically damped at 12 rad/s: the command follows its model exactly, but for what the guard takes away. */
const FEEDBACK = { position: 144, speed: 24 } as const;

export interface SceneProblemOptions {
  readonly plant: ScenePlant;
  readonly sight: SceneSight;
  readonly view: FrameView;
  readonly limits: TermLimits;
  /** Of the arm's own: those without a target. */
  readonly terms: readonly TermSpec[];
  readonly horizon: number;
  readonly dt: number;
}

export class SceneProblem extends MpcProblem {
  readonly grip: number;
  readonly done = false;
  override readonly feedback = FEEDBACK;
  readonly #plant: ScenePlant;
  readonly #sight: SceneSight;
  readonly #forget: () => void;
  readonly #rest: Float64Array;

  /** Throws PLAN_PROBLEM_INVALID, LENGTH_MISMATCH. */
  constructor({ plant, sight, view, limits, terms, horizon, dt }: SceneProblemOptions) {
    const scene = sceneTerms(plant);
    const system = new SceneSystem(plant, dt);
    const targets = new StageTargets(view.n, horizon);
    const own = costTerms(terms, { view, limits, targets, ndx: system.ndx });
    super({ system, terms: [...scene.terms, ...own], view, limits, horizon });
    this.grip = plant.grip;
    this.#plant = plant;
    this.#sight = sight;
    this.#forget = scene.forget;
    this.#rest = new Float64Array(plant.rest);
  }

  prepare(): PlanProblem {
    return PlanProblem.none;
  }

  observe(time: number, x: Float64Array): PlanProblem {
    this.#forget();
    if (!this.#plant.observe(this.#sight, time, this.#rest)) return PlanProblem.noTarget;
    x.set(this.#rest, 2 * this.joints);
    return PlanProblem.none;
  }
}
