/** The solver that planners run with: iLQR with limits on controls, one iteration at a time. */
import { IlqrSolver } from '../ilqr/solver.ts';
import type { Solver } from '../solver.ts';

export function createSolver(): Solver {
  return new IlqrSolver({ tolerance: 0 });
}
