/** Forward passes of shooting: what a sequence of controls costs, with its states and without. */
import { addCost, advance, type Blame, blameCost, close, sum } from '../descent/forward.ts';
import { finite, type Trajectory } from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';

/** What a rollout without states works in; from the problem's memory, so that its functions need not copy. */
export interface Scratch {
  /** nu. */
  readonly u: Float64Array;
  /** nx each. */
  readonly x: Float64Array;
  readonly next: Float64Array;
}

export function allocScratch({ nu, nx }: Problem, memory: PlanMemory): Scratch {
  return { u: memory.alloc(nu), x: memory.alloc(nx), next: memory.alloc(nx) };
}

/**
 * Cost of the controls us[at …] (T × nu) from x0; infinity when a cost or the last state is not finite (what is not a
 * number stays so from stage to stage).
 */
export function rolloutCost(problem: Problem, us: Float64Array, at: number, scratch: Scratch): number {
  const { nu, horizon } = problem;
  const u = scratch.u;
  let x = scratch.x;
  let next = scratch.next;
  x.set(problem.x0);
  let cost = 0;
  for (let t = 0; t < horizon; t++) {
    for (let j = 0; j < nu; j++) u[j] = us[at + t * nu + j]!;
    cost += problem.cost(x, u, t);
    if (!Number.isFinite(cost)) return Number.POSITIVE_INFINITY;
    problem.dynamics(x, u, t, next);
    const swap = x;
    x = next;
    next = swap;
  }
  cost += problem.terminalCost(x);
  return Number.isFinite(cost) && finite(x) ? cost : Number.POSITIVE_INFINITY;
}

/** Rolls out the controls in `to.us`, which lie within the limits. False, and `blame`, when something is not finite. */
export function rolloutControls(problem: Problem, to: Trajectory, blame: Blame): boolean {
  const { horizon } = problem;
  const { xs, us } = to;
  xs.rows[0]!.set(problem.x0);
  sum[0] = 0;
  for (let t = 0; t < horizon; t++) {
    const x = xs.rows[t]!;
    const u = us.rows[t]!;
    addCost(problem, x, u, t);
    if (!Number.isFinite(sum[0]!)) return blameCost(blame, u, t);
    if (!advance(problem, x, u, t, xs.rows[t + 1]!, blame)) return false;
  }
  return close(problem, to, blame);
}
