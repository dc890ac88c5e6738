/** The solver that planners run with: iLQR with limits on controls, one iteration at a time. */
import { IlqrSolver } from '../ilqr/solver.ts';
import type { Solver } from '../solver.ts';

/** Each plan goes on from the last one, near its optimum, and has one iteration: with no regularisation to come down from. */
export function createSolver(): Solver {
  return new IlqrSolver({ tolerance: 0, regularisation: { initial: 1e-9 } });
}
