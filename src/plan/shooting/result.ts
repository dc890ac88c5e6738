/** The live result of a shooting solver, and the plan in it. */
import type { ArmloopError } from '../../errors.ts';
import { heap } from '../memory.ts';
import type { PlanMemory, Problem } from '../problem.ts';
import type { IterationLog, SolverResult, SolverStatus } from '../solver.ts';

export class ShootingLog implements IterationLog {
  readonly columns: readonly string[];
  readonly data: Float64Array;
  rows = 0;

  constructor(columns: readonly string[], rows: number) {
    this.columns = columns;
    this.data = new Float64Array(rows * columns.length);
  }

  /** Writes column `column` of the row that is being made. */
  set(column: number, value: number): void {
    this.data[this.rows * this.columns.length + column] = value;
  }

  /** Writes its last value and ends the row. */
  end(column: number, value: number): void {
    this.set(column, value);
    this.rows++;
  }
}

export class ShootingResult implements SolverResult {
  status: SolverStatus = 'running';
  failure: ArmloopError | null = null;
  iterations = 0;
  time = 0;
  cost = Number.POSITIVE_INFINITY;
  valid = false;
  readonly xs: Float64Array;
  readonly us: Float64Array;
  readonly gains: Float64Array;
  readonly steps: Float64Array;
  readonly Vx: Float64Array;
  readonly Vxx: Float64Array;
  readonly log: ShootingLog;

  constructor(problem: Problem, memory: PlanMemory, log: ShootingLog) {
    const { nx, ndx, nu, horizon } = problem;
    this.xs = memory.alloc((horizon + 1) * nx);
    this.us = memory.alloc(horizon * nu);
    // Shooting has no feedback and no value function beyond its gradient: these stay zero (gradient shooting fills Vx).
    this.gains = new Float64Array(horizon * nu * ndx);
    this.steps = new Float64Array(horizon * nu);
    this.Vx = new Float64Array((horizon + 1) * ndx);
    this.Vxx = new Float64Array((horizon + 1) * ndx * ndx);
    this.log = log;
  }

  /** A solve begins; the plan of the one before stays until there is another. */
  begin(): void {
    this.status = 'running';
    this.failure = null;
    this.iterations = 0;
    this.time = 0;
    this.log.rows = 0;
  }

  /** The solve ends here. */
  fail(failure: ArmloopError): 'failed' {
    this.failure = failure;
    this.status = 'failed';
    return 'failed';
  }

  /** Takes a rolled-out trajectory as the plan. */
  take(us: Float64Array, xs: Float64Array, cost: number): void {
    this.us.set(us);
    this.xs.set(xs);
    this.cost = cost;
    this.valid = true;
  }
}

/** Memory for a problem that brings none. */
export const ownMemory: PlanMemory = heap;
