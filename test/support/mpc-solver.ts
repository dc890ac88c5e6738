/** What the planner thread of a test runs with: see SolverModule. */
import { SmallIlqr } from './small-ilqr.ts';

export const createSolver = (): SmallIlqr => new SmallIlqr();
