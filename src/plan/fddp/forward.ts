/** Rollouts with gaps: each is closed by the share that the step is long, so that only a full step closes them. */
import {
  addCost,
  advance,
  type Blame,
  blameCost,
  clampControls,
  close,
  controls,
  sum,
} from '../descent/forward.ts';
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
  for (let i = 0; i < gap.length; i++) gap[i] = rest * gaps.f.rows[0]![i]!;
  integrate(problem, problem.x0, gap, to.xs.rows[0]!);
  sum[0] = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    difference(problem, from.xs.rows[t]!, x, dx);
    controls(problem, from.us.rows[t]!, step, feedback.k.rows[t]!, feedback.K.rows[t]!, dx, u);
    addCost(problem, x, u, t);
    if (!Number.isFinite(sum[0]!)) return blameCost(blame, u, t);
    if (!advance(problem, x, u, t, next, blame)) return false;
    for (let i = 0; i < gap.length; i++) gap[i] = rest * gaps.f.rows[t + 1]![i]!;
    integrate(problem, next, gap, to.xs.rows[t + 1]!);
  }
  return close(problem, to, blame);
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
  sum[0] = 0;
  for (let t = 0; t < T; t++) {
    const x = to.xs.rows[t]!;
    const u = to.us.rows[t]!;
    clampControls(problem, u);
    addCost(problem, x, u, t);
    if (!Number.isFinite(sum[0]!)) return blameCost(blame, u, t);
    if (!advance(problem, x, u, t, next, blame)) return false;
    setGap(problem, gaps, t + 1, to.xs.rows[t + 1]!, next);
  }
  measure(gaps);
  return close(problem, to, blame);
}
