/** Arrays of solvers: one block per quantity, with a view per stage. */
import type { PlanMemory, Problem } from './problem.ts';

/** Plain arrays, each on its own. */
export const heap: PlanMemory = {
  alloc: (count) => new Float64Array(count),
  slice: (array, start, count) => array.subarray(start, start + count),
};

/** `count` vectors or matrices of one size, one after the other. */
export interface Rows {
  readonly size: number;
  readonly flat: Float64Array;
  /** rows[t] is flat[t·size … (t + 1)·size). */
  readonly rows: readonly Float64Array[];
}

export function allocRows(memory: PlanMemory, count: number, size: number): Rows {
  const flat = memory.alloc(count * size);
  const rows = Array.from({ length: count }, (_, t) => memory.slice(flat, t * size, size));
  return { size, flat, rows };
}

/** States and controls of one rollout, and what it costs. */
export interface Trajectory {
  readonly xs: Rows;
  readonly us: Rows;
  cost: number;
}

export function allocTrajectory(memory: PlanMemory, { nx, nu, horizon }: Problem): Trajectory {
  return {
    xs: allocRows(memory, horizon + 1, nx),
    us: allocRows(memory, horizon, nu),
    cost: Number.POSITIVE_INFINITY,
  };
}

/** What a backward pass gives: u = û + α k + K (x ⊖ x̂), and the value function V(x̂ ⊕ dx) = … + Vx·dx + ½ dxᵀ Vxx dx. */
export interface Feedback {
  /** nu × ndx each. */
  readonly K: Rows;
  readonly k: Rows;
  readonly Vx: Rows;
  readonly Vxx: Rows;
}

export function allocFeedback(memory: PlanMemory, { ndx, nu, horizon }: Problem): Feedback {
  return {
    K: allocRows(memory, horizon, nu * ndx),
    k: allocRows(memory, horizon, nu),
    Vx: allocRows(memory, horizon + 1, ndx),
    Vxx: allocRows(memory, horizon + 1, ndx * ndx),
  };
}

/** Derivatives along a trajectory: T of each, T + 1 of lx and lxx (the last are the terminal cost's). */
export interface Expansion {
  readonly fx: Rows;
  readonly fu: Rows;
  readonly lx: Rows;
  readonly lu: Rows;
  readonly lxx: Rows;
  readonly lux: Rows;
  readonly luu: Rows;
}

export function allocExpansion(memory: PlanMemory, { ndx, nu, horizon }: Problem): Expansion {
  return {
    fx: allocRows(memory, horizon, ndx * ndx),
    fu: allocRows(memory, horizon, ndx * nu),
    lx: allocRows(memory, horizon + 1, ndx),
    lu: allocRows(memory, horizon, nu),
    lxx: allocRows(memory, horizon + 1, ndx * ndx),
    lux: allocRows(memory, horizon, nu * ndx),
    luu: allocRows(memory, horizon, nu * nu),
  };
}

/** Derivatives of dynamics and costs along a trajectory. */
export function expand(problem: Problem, { xs, us }: Trajectory, to: Expansion): void {
  const T = problem.horizon;
  if (problem.trajectoryDerivatives !== undefined) {
    problem.trajectoryDerivatives(xs.flat, us.flat, to.fx.flat, to.fu.flat);
  } else {
    for (let t = 0; t < T; t++) {
      problem.dynamicsDerivatives(xs.rows[t]!, us.rows[t]!, t, to.fx.rows[t]!, to.fu.rows[t]!);
    }
  }
  for (let t = 0; t < T; t++) {
    problem.costDerivatives(
      xs.rows[t]!,
      us.rows[t]!,
      t,
      to.lx.rows[t]!,
      to.lu.rows[t]!,
      to.lxx.rows[t]!,
      to.lux.rows[t]!,
      to.luu.rows[t]!,
    );
  }
  problem.terminalDerivatives(xs.rows[T]!, to.lx.rows[T]!, to.lxx.rows[T]!);
}

/** out = b ⊖ a: plain subtraction unless the problem's states have a tangent of their own. */
export function difference(problem: Problem, a: Float64Array, b: Float64Array, out: Float64Array): void {
  if (problem.difference !== undefined) problem.difference(a, b, out);
  else for (let i = 0; i < out.length; i++) out[i] = b[i]! - a[i]!;
}

/** out = x ⊕ dx. */
export function integrate(problem: Problem, x: Float64Array, dx: Float64Array, out: Float64Array): void {
  if (problem.integrate !== undefined) problem.integrate(x, dx, out);
  else for (let i = 0; i < out.length; i++) out[i] = x[i]! + dx[i]!;
}

/** Whether all numbers are finite. */
export function finite(x: Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * 0;
  return sum === 0;
}

/** Last stage whose derivatives are not all finite, or -1. */
export function brokenStage({ fx, fu, lx, lu, lxx, lux, luu }: Expansion): number {
  if (finite(fx.flat) && finite(fu.flat) && finite(lx.flat) && finite(lu.flat) && finite(lxx.flat)) {
    if (finite(lux.flat) && finite(luu.flat)) return -1;
  }
  const running = [fx, fu, lx, lu, lxx, lux, luu];
  for (let t = lx.rows.length - 1; t >= 0; t--) {
    const here = t < fx.rows.length ? running : [lx, lxx];
    if (!here.every((r) => finite(r.rows[t]!))) return t;
  }
  return -1;
}
