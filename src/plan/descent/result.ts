/** The result of a solver of the DDP family: a view of its workspace. */
import type { ArmloopError } from '../../errors.ts';
import type { Log } from '../log.ts';
import type { Feedback, Trajectory } from '../memory.ts';
import type { SolverResult, SolverStatus } from '../solver.ts';

/**
 * Columns of the log. cost: of the iterate that the row starts from. expected: what a full step should save; saved: what
 * the accepted one did (NaN: none was). step: its length (0: none). regularisation: μ of the backward pass. gradient:
 * largest Qu of a control that may move. gap: largest gap of the iterate. passes: backward passes; rollouts: steps tried.
 * time: s since the start, at the end of the iteration.
 */
export const COLUMNS = [
  'iteration',
  'cost',
  'expected',
  'saved',
  'step',
  'regularisation',
  'gradient',
  'gap',
  'passes',
  'rollouts',
  'time',
] as const;

export type Column = (typeof COLUMNS)[number];

/** Place of each column in a row. */
export const COLUMN = Object.fromEntries(COLUMNS.map((name, i) => [name, i])) as Readonly<
  Record<Column, number>
>;

const none = new Float64Array(0);

export class DescentResult implements SolverResult {
  status: SolverStatus = 'running';
  failure: ArmloopError | null = null;
  iterations = 0;
  time = 0;
  valid = false;
  /** Largest entry of f(x, u) ⊖ x' and of x0 ⊖ xs[0] of the plan shown: 0 but for multiple shooting. */
  gap = 0;
  readonly log: Log<Column>;
  #plan: Trajectory | null = null;
  #feedback: Feedback | null = null;

  constructor(log: Log<Column>) {
    this.log = log;
  }

  /** Shows a plan, and a feedback that belongs to it. */
  show(plan: Trajectory, feedback: Feedback): void {
    this.#plan = plan;
    this.#feedback = feedback;
  }

  get cost(): number {
    return this.#plan?.cost ?? Number.POSITIVE_INFINITY;
  }
  get xs(): Float64Array {
    return this.#plan?.xs.flat ?? none;
  }
  get us(): Float64Array {
    return this.#plan?.us.flat ?? none;
  }
  get gains(): Float64Array {
    return this.#feedback?.K.flat ?? none;
  }
  get steps(): Float64Array {
    return this.#feedback?.k.flat ?? none;
  }
  get Vx(): Float64Array {
    return this.#feedback?.Vx.flat ?? none;
  }
  get Vxx(): Float64Array {
    return this.#feedback?.Vxx.flat ?? none;
  }
}
