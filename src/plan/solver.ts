/**
 * What every solver of src/plan offers. Life cycle: `allocate` once per problem, then `solve` as often as wanted, or
 * `reset` and `iterate` by hand. After `allocate` nothing allocates but a failure's error.
 *
 * The plan in `result` is always the last good one: finite, rolled out (or, for multiple shooting, the last accepted
 * iterate), and inside the limits. A solve that fails before it has anything better leaves the plan of the solve before.
 */
import type { ArmloopError } from '../errors.ts';
import type { Problem } from './problem.ts';

export type SolverStatus = 'running' | 'converged' | 'max-iterations' | 'max-time' | 'failed';

/** Where to start from. Arrays are copied. */
export interface WarmStart {
  /** T × nu; held to the limits. */
  readonly us: Float64Array;
  /**
   * (T + 1) × nx. Single shooting follows it with the gains, where given, as it rolls out; multiple shooting takes it as
   * it is, gaps included. Without it states come from a rollout of `us`.
   */
  readonly xs?: Float64Array;
  /** T × nu × ndx: u = us + K (x ⊖ xs) while rolling out from a state that is not xs[0]. */
  readonly gains?: Float64Array;
}

/** One row per iteration, in memory of fixed size. Row r is data[r·columns.length …]. */
export interface IterationLog {
  readonly columns: readonly string[];
  /** Rows written by this solve. */
  readonly rows: number;
  readonly data: Float64Array;
}

/**
 * A live view: read its arrays anew after each iteration, for they take turns, and copy what must last. Plan and
 * feedback belong together: gains, steps and value are of the last backward pass that went through.
 */
export interface SolverResult {
  readonly status: SolverStatus;
  /** Why, when the status is `failed`. */
  readonly failure: ArmloopError | null;
  readonly iterations: number;
  /** Seconds that the solve took. */
  readonly time: number;
  /** Cost of the plan; infinity before the first. */
  readonly cost: number;
  /**
   * Whether there is a plan that the model follows: true from the first success on. Multiple shooting that ended with gaps
   * open, and has no earlier plan, shows what it has, and false here.
   */
  readonly valid: boolean;
  /** (T + 1) × nx. */
  readonly xs: Float64Array;
  /** T × nu. */
  readonly us: Float64Array;
  /** K, T × nu × ndx: u = us + K (x ⊖ xs). Zero where the solver has no feedback; rows of clamped controls are 0. */
  readonly gains: Float64Array;
  /** k, T × nu: the step in u that the backward pass found; near 0 at an optimum. */
  readonly steps: Float64Array;
  /** Gradient and Hessian of the value function, (T + 1) × ndx and (T + 1) × ndx × ndx. */
  readonly Vx: Float64Array;
  readonly Vxx: Float64Array;
  readonly log: IterationLog;
}

export interface Solver {
  readonly name: string;
  readonly result: SolverResult;
  /**
   * Takes the memory for a problem. Throws PLAN_PROBLEM_INVALID when sizes, horizon or limits make no sense or the
   * problem lacks what the solver needs.
   */
  allocate(problem: Problem): void;
  /**
   * Begins a solve at a warm start, or at controls of zero held to the limits. Throws LENGTH_MISMATCH for a warm start
   * of the wrong size, PLAN_PROBLEM_INVALID for limits that were changed to nonsense. False, with status `failed`, when
   * the start cannot be rolled out.
   */
  reset(warm?: WarmStart): boolean;
  /** One iteration; `running` while there is more to gain. Calls after the end change nothing. */
  iterate(): SolverStatus;
  /** `reset` and `iterate` to the end. */
  solve(warm?: WarmStart): SolverResult;
}
