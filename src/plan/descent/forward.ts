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

/** Cost of the stages of the rollout in progress: a rollout sets it to 0, and `close` reads it. */
export const sum = new Float64Array(1);

/** Adds the cost of a stage to `sum`. */
export function addCost(problem: Problem, x: Float64Array, u: Float64Array, t: number): void {
  if (problem.addCost !== undefined) problem.addCost(x, u, t, sum);
  else sum[0]! += problem.cost(x, u, t);
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
    let v = nominal[i]! + step * k[i]!;
    for (let j = 0; j < n; j++) v += K[i * n + j]! * dx[j]!;
    u[i] = v;
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
  sum[0] = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    difference(problem, from.xs.rows[t]!, x, dx);
    controls(problem, from.us.rows[t]!, step, feedback.k.rows[t]!, feedback.K.rows[t]!, dx, u);
    addCost(problem, x, u, t);
    if (!Number.isFinite(sum[0]!)) return blameCost(blame, u, t);
    if (!advance(problem, x, u, t, to.xs.rows[t + 1]!, blame)) return false;
  }
  return close(problem, to, blame);
}

/** Rolls out a warm start from x0: along its states with its gains where it has both, else its controls alone. */
export function rollout(
  problem: Problem,
  warm: WarmStart | null,
  to: Trajectory,
  dx: Float64Array,
  blame: Blame,
): boolean {
  const { horizon: T, nx, nu, ndx } = problem;
  const xs = warm?.xs;
  const gains = warm?.gains;
  to.xs.rows[0]!.set(problem.x0);
  sum[0] = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    for (let i = 0; i < nu; i++) u[i] = warm === null ? 0 : warm.us[t * nu + i]!;
    if (xs !== undefined && gains !== undefined) {
      // In place of xs.subarray, which would be a new array: the next state's place is still free.
      const nominal = to.xs.rows[t + 1]!;
      for (let i = 0; i < nx; i++) nominal[i] = xs[t * nx + i]!;
      difference(problem, nominal, x, dx);
      for (let i = 0; i < nu; i++) {
        for (let j = 0; j < ndx; j++) u[i]! += gains[(t * nu + i) * ndx + j]! * dx[j]!;
      }
    }
    clampControls(problem, u);
    addCost(problem, x, u, t);
    if (!Number.isFinite(sum[0]!)) return blameCost(blame, u, t);
    if (!advance(problem, x, u, t, to.xs.rows[t + 1]!, blame)) return false;
  }
  return close(problem, to, blame);
}

/** One step of the dynamics; false when it is not finite. */
export function advance(
  problem: Problem,
  x: Float64Array,
  u: Float64Array,
  t: number,
  next: Float64Array,
  blame: Blame,
): boolean {
  problem.dynamics(x, u, t, next);
  if (finite(next)) return true;
  return blamed(blame, 'the dynamics', t, next.find((v) => !Number.isFinite(v)) ?? Number.NaN);
}

/** The cost of a rollout whose stages are in `sum`. */
export function close(problem: Problem, to: Trajectory, blame: Blame): boolean {
  const T = problem.horizon;
  to.cost = sum[0]! + problem.terminalCost(to.xs.rows[T]!);
  return Number.isFinite(to.cost) || blamed(blame, 'the terminal cost', T, to.cost);
}

export function blameCost(blame: Blame, u: Float64Array, t: number): false {
  return blamed(blame, finite(u) ? 'the cost' : 'the control', t, Number.NaN);
}

function blamed(blame: Blame, what: string, stage: number, value: number): false {
  blame.what = what;
  blame.stage = stage;
  blame.value = value;
  return false;
}
