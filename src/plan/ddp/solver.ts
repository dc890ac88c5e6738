/**
 * Differential dynamic programming with limits on controls: iLQR whose Q terms have the second derivatives of the
 * dynamics too, Σ_k Vx'_k ∂²f_k (Mayne 1966; Tassa, Mansard and Todorov 2014). Converges quadratically where iLQR is
 * linear; a stage whose Quu is not positive definite is regularised.
 */
import { invalid } from '../check.ts';
import { DescentSolver } from '../descent/solver.ts';
import type { Problem } from '../problem.ts';

export class DdpSolver extends DescentSolver {
  override readonly name: string = 'ddp';

  protected override get secondOrder(): boolean {
    return true;
  }

  /** Throws PLAN_PROBLEM_INVALID also for problems without `dynamicsHessian`. */
  override allocate(problem: Problem): void {
    if (problem.dynamicsHessian === undefined) {
      throw invalid(
        'dynamicsHessian',
        'missing',
        'DDP needs second derivatives of the dynamics (iLQR does not)',
      );
    }
    super.allocate(problem);
  }
}
