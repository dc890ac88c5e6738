/** Forward passes of shooting: the cost of a sequence, a plan with its states, and the start of a solve. */
import type { PlanMemory, Problem } from '../problem.ts';
import type { WarmStart } from '../solver.ts';

/** What a rollout works in; from the problem's memory, so that its functions need not copy. */
export interface Scratch {
  /** nu. */
  readonly u: Float64Array;
  /** nx each. */
  readonly x: Float64Array;
  readonly next: Float64Array;
  /** ndx. */
  readonly dx: Float64Array;
}

export function scratchFor(problem: Problem, memory: PlanMemory): Scratch {
  return {
    u: memory.alloc(problem.nu),
    x: memory.alloc(problem.nx),
    next: memory.alloc(problem.nx),
    dx: memory.alloc(problem.ndx),
  };
}

/** Where a rollout stopped being finite. */
export interface Blowup {
  what: 'the cost' | 'the dynamics' | 'the terminal cost';
  stage: number;
  value: number;
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
  return Number.isFinite(cost) && allFinite(x) ? cost : Number.POSITIVE_INFINITY;
}

/** The same, keeping the states: xs ((T + 1) × nx). Tells `blowup`, where given, why the cost is infinite. */
export function rollout(
  problem: Problem,
  us: Float64Array,
  xs: Float64Array,
  scratch: Scratch,
  blowup?: Blowup,
): number {
  const { nx, nu, horizon } = problem;
  const { x, u, next } = scratch;
  xs.set(problem.x0);
  x.set(problem.x0);
  let cost = 0;
  for (let t = 0; t < horizon; t++) {
    for (let j = 0; j < nu; j++) u[j] = us[t * nu + j]!;
    const stage = problem.cost(x, u, t);
    cost += stage;
    if (!Number.isFinite(cost)) return blown(blowup, 'the cost', t, stage);
    problem.dynamics(x, u, t, next);
    for (let i = 0; i < nx; i++) {
      const v = next[i]!;
      if (!Number.isFinite(v)) return blown(blowup, 'the dynamics', t, v);
      x[i] = v;
      xs[(t + 1) * nx + i] = v;
    }
  }
  const end = problem.terminalCost(x);
  return Number.isFinite(cost + end) ? cost + end : blown(blowup, 'the terminal cost', horizon, end);
}

/**
 * Controls that a solve begins with: those of the warm start, followed with its gains from x0 where it has them, held to
 * the limits; zero without a warm start. us (T × nu).
 */
export function startControls(
  problem: Problem,
  warm: WarmStart | undefined,
  low: Float64Array,
  high: Float64Array,
  us: Float64Array,
  scratch: Scratch,
): void {
  const { nu, horizon } = problem;
  if (warm === undefined) us.fill(0);
  else us.set(warm.us);
  const follow = warm?.xs !== undefined && warm.gains !== undefined;
  if (!follow) {
    for (let t = 0; t < horizon; t++) hold(us, t * nu, nu, low, high);
    return;
  }
  const { x, u, next } = scratch;
  x.set(problem.x0);
  for (let t = 0; t < horizon; t++) {
    feedback(problem, warm.xs!, warm.gains!, t, us, scratch);
    hold(us, t * nu, nu, low, high);
    for (let j = 0; j < nu; j++) u[j] = us[t * nu + j]!;
    problem.dynamics(x, u, t, next);
    x.set(next);
  }
}

/** us_t += K_t (x ⊖ xs_t) with the state in scratch.x; `next` serves as the reference's copy. */
function feedback(
  problem: Problem,
  xs: Float64Array,
  gains: Float64Array,
  t: number,
  us: Float64Array,
  { x, next, dx }: Scratch,
): void {
  const { nx, ndx, nu } = problem;
  for (let i = 0; i < nx; i++) next[i] = xs[t * nx + i]!;
  if (problem.difference === undefined) for (let i = 0; i < nx; i++) dx[i] = x[i]! - next[i]!;
  else problem.difference(next, x, dx);
  for (let j = 0; j < nu; j++) {
    let sum = 0;
    for (let i = 0; i < ndx; i++) sum += gains[(t * nu + j) * ndx + i]! * dx[i]!;
    us[t * nu + j]! += sum;
  }
}

/** Holds the nu numbers from us[at] to the limits. */
export function hold(us: Float64Array, at: number, nu: number, low: Float64Array, high: Float64Array): void {
  for (let j = 0; j < nu; j++) {
    const u = us[at + j]!;
    us[at + j] = u < low[j]! ? low[j]! : u > high[j]! ? high[j]! : u;
  }
}

function allFinite(x: Float64Array): boolean {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i]!)) return false;
  return true;
}

function blown(blowup: Blowup | undefined, what: Blowup['what'], stage: number, value: number): number {
  if (blowup !== undefined) {
    blowup.what = what;
    blowup.stage = stage;
    blowup.value = value;
  }
  return Number.POSITIVE_INFINITY;
}
