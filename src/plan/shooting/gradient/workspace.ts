/** Memory of gradient shooting, taken once per problem. */
import { allocExpansion, allocTrajectory, type Expansion, heap, type Trajectory } from '../../memory.ts';
import type { PlanMemory, Problem } from '../../problem.ts';
import { type GradientSettings, scaleFor } from './settings.ts';

export interface GradientWorkspace {
  readonly memory: PlanMemory;
  /** Size of each control (nu), and limits, infinite where there are none. */
  readonly scale: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Where the gradient is taken; with a line search the plan itself. */
  readonly iterate: Trajectory;
  readonly expansion: Expansion;
  /** Gradient of the cost by the controls (T × nu), the one before, and the direction of a step. */
  readonly gradient: Float64Array;
  readonly before: Float64Array;
  readonly direction: Float64Array;
  /** Adam's means of the gradient and its square. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  readonly dx: Float64Array;
}

export function gradientWorkspace(problem: Problem, settings: GradientSettings): GradientWorkspace {
  const { ndx, nu, horizon } = problem;
  const memory = problem.memory ?? heap;
  const controls = (): Float64Array => new Float64Array(horizon * nu);
  return {
    memory,
    scale: scaleFor(settings, problem),
    low: new Float64Array(nu),
    high: new Float64Array(nu),
    iterate: allocTrajectory(memory, problem),
    expansion: allocExpansion(memory, problem),
    gradient: controls(),
    before: controls(),
    direction: controls(),
    first: controls(),
    second: controls(),
    dx: memory.alloc(ndx),
  };
}
