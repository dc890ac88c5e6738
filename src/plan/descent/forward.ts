/** Rollouts of the true dynamics. */
import { difference, type Feedback, finite, type Trajectory } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { WarmStart } from '../solver.ts';

/** Where the last rollout that failed left the numbers: stage and value, for the error. */
export interface Blame {
  what: string;
  stage: number;
  value: number;
}

/** u held to the limits. NaN stays NaN. */
export function clampControls({ lower, upper }: Problem, u: Float64Array): void {
  if (lower !== null) for (let i = 0; i < u.length; i++) if (u[i]! < lower[i]!) u[i] = lower[i]!;
  if (upper !== null) for (let i = 0; i < u.length; i++) if (u[i]! > upper[i]!) u[i] = upper[i]!;
}

/** u = û + step · k + K dx, held to the limits. */
export function controls(
  problem: Problem,
  nominal: Float64Array,
  step: number,
  k: Float64Array,
  K: Float64Array,
  dx: Float64Array,
  u: Float64Array,
): void {
  const n = dx.length;
  for (let i = 0; i < u.length; i++) {
    let s = nominal[i]! + step * k[i]!;
    for (let j = 0; j < n; j++) s += K[i * n + j]! * dx[j]!;
    u[i] = s;
  }
  clampControls(problem, u);
}

/**
 * Rolls out u = û + step · k + K (x ⊖ x̂) from x0 into `to`, with its cost. False, and `blame`, as soon as a state or cost
 * is not finite.
 */
export function forward(
  problem: Problem,
  from: Trajectory,
  feedback: Feedback,
  step: number,
  to: Trajectory,
  dx: Float64Array,
  blame: Blame,
): boolean {
  const T = problem.horizon;
  to.xs.rows[0]!.set(problem.x0);
  let cost = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    difference(problem, from.xs.rows[t]!, x, dx);
    controls(problem, from.us.rows[t]!, step, feedback.k.rows[t]!, feedback.K.rows[t]!, dx, u);
    cost += problem.cost(x, u, t);
    if (!advance(problem, x, u, t, to.xs.rows[t + 1]!, cost, blame)) return false;
  }
  return close(problem, to, cost, blame);
}

/** Rolls out a warm start from x0: along its states with its gains where it has both, else its controls alone. */
export function rollout(
  problem: Problem,
  warm: WarmStart | null,
  to: Trajectory,
  dx: Float64Array,
  blame: Blame,
): boolean {
  const { horizon: T, nu, ndx } = problem;
  const { xs, gains } = warm ?? {};
  to.xs.rows[0]!.set(problem.x0);
  let cost = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    for (let i = 0; i < nu; i++) u[i] = warm === null ? 0 : warm.us[t * nu + i]!;
    if (xs !== undefined && gains !== undefined) {
      difference(problem, xs.subarray(t * problem.nx, (t + 1) * problem.nx), x, dx);
      for (let i = 0; i < nu; i++) {
        for (let j = 0; j < ndx; j++) u[i]! += gains[(t * nu + i) * ndx + j]! * dx[j]!;
      }
    }
    clampControls(problem, u);
    cost += problem.cost(x, u, t);
    if (!advance(problem, x, u, t, to.xs.rows[t + 1]!, cost, blame)) return false;
  }
  return close(problem, to, cost, blame);
}

/** One step of the dynamics; false when it, or the cost so far, is not finite. */
export function advance(
  problem: Problem,
  x: Float64Array,
  u: Float64Array,
  t: number,
  next: Float64Array,
  cost: number,
  blame: Blame,
): boolean {
  if (!Number.isFinite(cost)) return blamed(blame, finite(u) ? 'the cost' : 'the control', t, cost);
  problem.dynamics(x, u, t, next);
  if (finite(next)) return true;
  return blamed(blame, 'the dynamics', t, next.find((v) => !Number.isFinite(v)) ?? Number.NaN);
}

export function close(problem: Problem, to: Trajectory, cost: number, blame: Blame): boolean {
  const T = problem.horizon;
  to.cost = cost + problem.terminalCost(to.xs.rows[T]!);
  return Number.isFinite(to.cost) || blamed(blame, 'the terminal cost', T, to.cost);
}

function blamed(blame: Blame, what: string, stage: number, value: number): false {
  blame.what = what;
  blame.stage = stage;
  blame.value = value;
  return false;
}
