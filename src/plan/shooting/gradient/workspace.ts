/** Memory of gradient shooting, taken once per problem. */
import type { PlanMemory, Problem } from '../../problem.ts';
import { type Scratch, scratchFor } from '../forward.ts';
import { ownMemory } from '../result.ts';
import { type GradientSettings, scaleFor } from './settings.ts';

export interface GradientWorkspace {
  readonly memory: PlanMemory;
  readonly scratch: Scratch;
  /** Size of each control (nu), and limits, infinite where there are none. */
  readonly scale: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** The iterate and its states. */
  readonly us: Float64Array;
  readonly xs: Float64Array;
  /** What a step leads to. */
  readonly trial: Float64Array;
  readonly trialXs: Float64Array;
  /** Gradient of the cost by the controls (T × nu), the one before, and the direction of a step. */
  readonly gradient: Float64Array;
  readonly before: Float64Array;
  readonly direction: Float64Array;
  /** Adam's means of the gradient and its square. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Derivatives of the dynamics: of all stages where the problem gives them at once, else of one. */
  readonly fx: Float64Array;
  readonly fu: Float64Array;
  /** Derivatives of the cost of one stage. */
  readonly lx: Float64Array;
  readonly lu: Float64Array;
  readonly lxx: Float64Array;
  readonly lux: Float64Array;
  readonly luu: Float64Array;
}

export function gradientWorkspace(problem: Problem, settings: GradientSettings): GradientWorkspace {
  const { nx, ndx, nu, horizon } = problem;
  const memory = problem.memory ?? ownMemory;
  const stages = problem.trajectoryDerivatives === undefined ? 1 : horizon;
  const controls = (): Float64Array => new Float64Array(horizon * nu);
  return {
    memory,
    scratch: scratchFor(problem, memory),
    scale: scaleFor(settings, problem),
    low: new Float64Array(nu),
    high: new Float64Array(nu),
    us: memory.alloc(horizon * nu),
    xs: memory.alloc((horizon + 1) * nx),
    trial: memory.alloc(horizon * nu),
    trialXs: memory.alloc((horizon + 1) * nx),
    gradient: controls(),
    before: controls(),
    direction: controls(),
    first: controls(),
    second: controls(),
    fx: memory.alloc(stages * ndx * ndx),
    fu: memory.alloc(stages * ndx * nu),
    lx: memory.alloc(ndx),
    lu: memory.alloc(nu),
    lxx: memory.alloc(ndx * ndx),
    lux: memory.alloc(nu * ndx),
    luu: memory.alloc(nu * nu),
  };
}
