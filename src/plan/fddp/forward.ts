/** Rollouts with gaps: each is closed by the share that the step is long, so that only a full step closes them. */
import { advance, type Blame, clampControls, close, controls } from '../descent/forward.ts';
import { difference, type Feedback, integrate, type Trajectory } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { WarmStart } from '../solver.ts';
import { type Gaps, measure, setGap } from './workspace.ts';

/** Scratch of a rollout: nx, ndx, ndx. */
export interface Scratch {
  readonly next: Float64Array;
  readonly dx: Float64Array;
  readonly gap: Float64Array;
}

/**
 * x_0 = x0 ⊕ (step - 1) f_0; u = û + step · k + K (x ⊖ x̂) held to the limits; x' = f(x, u) ⊕ (step - 1) f'. Mastalli et
 * al. 2020, section III. False, and `blame`, when a number is not finite.
 */
export function openForward(
  problem: Problem,
  from: Trajectory,
  feedback: Feedback,
  gaps: Gaps,
  step: number,
  to: Trajectory,
  { next, dx, gap }: Scratch,
  blame: Blame,
): boolean {
  const T = problem.horizon;
  const rest = step - 1;
  scaled(gaps.f.rows[0]!, rest, gap);
  integrate(problem, problem.x0, gap, to.xs.rows[0]!);
  let cost = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    difference(problem, from.xs.rows[t]!, x, dx);
    controls(problem, from.us.rows[t]!, step, feedback.k.rows[t]!, feedback.K.rows[t]!, dx, u);
    cost += problem.cost(x, u, t);
    if (!advance(problem, x, u, t, next, cost, blame)) return false;
    scaled(gaps.f.rows[t + 1]!, rest, gap);
    integrate(problem, next, gap, to.xs.rows[t + 1]!);
  }
  return close(problem, to, cost, blame);
}

function scaled(a: Float64Array, s: number, out: Float64Array): void {
  for (let i = 0; i < a.length; i++) out[i] = s * a[i]!;
}

/** Takes a warm start as it is, controls held to the limits, and measures its gaps. */
export function openStart(
  problem: Problem,
  warm: WarmStart & { readonly xs: Float64Array },
  to: Trajectory,
  gaps: Gaps,
  { next }: Scratch,
  blame: Blame,
): boolean {
  const T = problem.horizon;
  to.xs.flat.set(warm.xs);
  to.us.flat.set(warm.us);
  setGap(problem, gaps, 0, to.xs.rows[0]!, problem.x0);
  let cost = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    clampControls(problem, u);
    cost += problem.cost(x, u, t);
    if (!advance(problem, x, u, t, next, cost, blame)) return false;
    setGap(problem, gaps, t + 1, to.xs.rows[t + 1]!, next);
  }
  measure(gaps);
  return close(problem, to, cost, blame);
}
