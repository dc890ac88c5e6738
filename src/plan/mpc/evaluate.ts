/**
 * A feedback plan at any time: which stage holds, and x̂(t). The loop, the prediction over the planner's own delay and
 * the tests evaluate plans with this one piece of code.
 */
import { planLayout } from '../../robot/plan.ts';

/** Where the parts of a plan lie in its block. */
export interface PlanOffsets {
  readonly seq: number;
  readonly start: number;
  readonly mode: number;
  readonly captured: number;
  readonly from: number;
  readonly until: number;
  readonly problem: number;
  readonly grip: number;
  readonly last: number;
  readonly dt: number;
  readonly stages: number;
  readonly xs: number;
  readonly us: number;
  readonly gains: number;
}

export function planOffsets(n: number): PlanOffsets {
  const l = planLayout(n);
  return {
    seq: l.at('seq'),
    start: l.at('start'),
    mode: l.at('mode'),
    captured: l.at('captured'),
    from: l.at('from'),
    until: l.at('until'),
    problem: l.at('problem'),
    grip: l.at('grip'),
    last: l.at('last'),
    dt: l.at('dt'),
    stages: l.at('stages'),
    xs: l.at('xs'),
    us: l.at('us'),
    gains: l.at('gains'),
  };
}

/** Fields of the head that plan and Tick share: everything before `dt`. */
export const PLAN_HEAD = planLayout(1).at('dt');

/**
 * Writes the row in effect at time t[0] into out: x̂ (2n) at `x`, û (n) at `u`, K (n × 2n) at `K`. Before the first knot
 * x̂ goes back with the first stage's acceleration (a plan that came early), behind the last it stands at the last knot.
 * The time comes in an array, so that no number is boxed. Allocates nothing.
 */
export function evaluatePlan(
  plan: Float64Array,
  at: PlanOffsets,
  n: number,
  t: Float64Array,
  out: Float64Array,
  x: number,
  u: number,
  K: number,
): void {
  const dt = plan[at.dt]!;
  const stages = plan[at.stages]!;
  const elapsed = t[0]! - plan[at.from]!;
  const k = Math.min(stages - 1, Math.max(0, Math.floor(elapsed / dt + 1e-9))) | 0;
  const s = Math.min(elapsed - k * dt, dt);
  const a = at.xs + 2 * n * k;
  const b = a + 2 * n;
  for (let i = 0; i < n; i++) {
    const v = plan[a + n + i]!;
    const acc = (plan[b + n + i]! - v) / dt;
    out[x + n + i] = v + acc * s;
    // What the knots say of the position beyond constant acceleration goes in evenly.
    const drift = (plan[b + i]! - plan[a + i]!) / dt - v - (acc * dt) / 2;
    out[x + i] = plan[a + i]! + s * (v + drift + (acc * s) / 2);
    out[u + i] = plan[at.us + n * k + i]!;
  }
  const gains = at.gains + 2 * n * n * k;
  for (let i = 0; i < 2 * n * n; i++) out[K + i] = plan[gains + i]!;
}
