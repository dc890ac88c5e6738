/**
 * iLQR with limits on controls: dynamics to first, cost to second order about the iterate; a Riccati pass backward with
 * box QPs; a rollout of the true dynamics with u = û + α k + K (x ⊖ x̂), α searched from 1 down. Li and Todorov 2004;
 * Tassa, Erez and Todorov 2012; Tassa, Mansard and Todorov 2014.
 */
import { DescentSolver } from '../descent/solver.ts';

export class IlqrSolver extends DescentSolver {
  override readonly name: string = 'ilqr';
}
