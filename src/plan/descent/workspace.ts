/** All memory of a solver of the DDP family, taken once per problem. */
import { BoxQp } from '../../math/boxqp.ts';
import { Arena } from '../../model/code/arena.ts';
import { createRiccati, type Riccati } from '../kernels/riccati.ts';
import {
  allocExpansion,
  allocFeedback,
  allocTrajectory,
  type Expansion,
  type Feedback,
  type Trajectory,
} from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';

export interface Workspace {
  readonly problem: Problem;
  readonly memory: PlanMemory;
  /** The iterate, and where the next one is rolled out; they swap when a step is accepted. */
  current: Trajectory;
  candidate: Trajectory;
  /** Of the last backward pass that went through, and where the next one writes. */
  feedback: Feedback;
  spare: Feedback;
  readonly expansion: Expansion;
  readonly riccati: Riccati;
  readonly box: BoxStage;
  /** Dense second-order terms of the dynamics, for DDP. */
  readonly hessian: { readonly xx: Float64Array; readonly ux: Float64Array; readonly uu: Float64Array };
  /** ndx. */
  readonly dx: Float64Array;
  readonly sums: PassSums;
}

/** What the box QP of one stage works on. */
export interface BoxStage {
  readonly qp: BoxQp;
  readonly h: Float64Array;
  readonly g: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** What a backward pass adds up. The cost is expected to change by step · slope + ½ step² · curvature. */
export interface PassSums {
  slope: number;
  curvature: number;
  /** Largest entry of Qu whose control may move. */
  gradient: number;
}

/** `iterates`: pairs of trajectory and feedback beside the two that swap, for which memory of its own has room. */
export function allocWorkspace(problem: Problem, kernel: 'auto' | 'script', iterates = 0): Workspace {
  const memory: PlanMemory = problem.memory ?? new Arena(workspaceBytes(problem, iterates));
  const { ndx, nu } = problem;
  const current = allocTrajectory(memory, problem);
  const candidate = allocTrajectory(memory, problem);
  const feedback = allocFeedback(memory, problem);
  const spare = allocFeedback(memory, problem);
  const expansion = allocExpansion(memory, problem);
  const dt = problem.semiImplicitStep ?? null;
  return {
    problem,
    memory,
    current,
    candidate,
    feedback,
    spare,
    expansion,
    // Last, so that what its kernels read beyond the end of an array is memory of its own.
    riccati: createRiccati(memory, ndx, nu, expansion, { form: kernel, dt }),
    box: {
      qp: new BoxQp(nu),
      h: new Float64Array(nu * nu),
      g: new Float64Array(nu),
      lower: new Float64Array(nu),
      upper: new Float64Array(nu),
    },
    hessian: {
      xx: memory.alloc(ndx * ndx),
      ux: memory.alloc(nu * ndx),
      uu: memory.alloc(nu * nu),
    },
    dx: new Float64Array(ndx),
    sums: { slope: 0, curvature: 0, gradient: 0 },
  };
}

/** Bytes of arena that a solver takes for a problem: what to add to the arena of a problem that brings its own. */
export function workspaceBytes({ nx, ndx, nu, horizon }: Problem, iterates = 0): number {
  const stages = horizon + 1;
  const trajectory = nx + nu;
  const feedback = (nu + 1) * (ndx + 1) + (ndx + 1) * ndx;
  const expansion = ndx * (ndx + nu) + ndx + nu + ndx * ndx + nu * ndx + nu * nu;
  const scratch = 4 * (ndx + nu + 4) ** 2;
  const values = stages * ((2 + iterates) * (trajectory + feedback) + expansion) + scratch;
  return 8 * values + 4096;
}
