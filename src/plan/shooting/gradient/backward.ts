/**
 * Gradient of the cost by the controls, back-propagated through the model (the adjoint, or costate, recursion; Bryson &
 * Ho 1975, chapter 2):
 *
 *     λ_T = ∂l_T/∂x,  g_t = ∂l/∂u + f_uᵀ λ_{t+1},  λ_t = ∂l/∂x + f_xᵀ λ_{t+1}
 *
 * One pass over the stages however many controls there are. λ is the gradient of the value function along the trajectory.
 */
import type { Problem } from '../../problem.ts';
import type { GradientWorkspace } from './workspace.ts';

/**
 * Writes w.gradient (T × nu) and `lambda` ((T + 1) × ndx) at the iterate (w.us, w.xs). Returns the stage whose derivatives
 * are not finite, or -1.
 */
export function backward(problem: Problem, w: GradientWorkspace, lambda: Float64Array): number {
  const { nx, ndx, nu, horizon } = problem;
  const { x, u } = w.scratch;
  const { fx, fu, lx, lu, gradient } = w;
  const bulk = problem.trajectoryDerivatives !== undefined;
  if (bulk) problem.trajectoryDerivatives!(w.xs, w.us, fx, fu);
  for (let i = 0; i < nx; i++) x[i] = w.xs[horizon * nx + i]!;
  problem.terminalDerivatives(x, lx, w.lxx);
  for (let i = 0; i < ndx; i++) {
    lambda[horizon * ndx + i] = lx[i]!;
    if (!Number.isFinite(lx[i]!)) return horizon;
  }
  for (let t = horizon - 1; t >= 0; t--) {
    for (let i = 0; i < nx; i++) x[i] = w.xs[t * nx + i]!;
    for (let j = 0; j < nu; j++) u[j] = w.us[t * nu + j]!;
    if (!bulk) problem.dynamicsDerivatives(x, u, t, fx, fu);
    problem.costDerivatives(x, u, t, lx, lu, w.lxx, w.lux, w.luu);
    const atX = bulk ? t * ndx * ndx : 0;
    const atU = bulk ? t * ndx * nu : 0;
    const next = (t + 1) * ndx;
    for (let k = 0; k < ndx; k++) {
      const l = lambda[next + k]!;
      for (let j = 0; j < nu; j++) lu[j]! += fu[atU + k * nu + j]! * l;
      for (let i = 0; i < ndx; i++) lx[i]! += fx[atX + k * ndx + i]! * l;
    }
    for (let j = 0; j < nu; j++) {
      gradient[t * nu + j] = lu[j]!;
      if (!Number.isFinite(lu[j]!)) return t;
    }
    for (let i = 0; i < ndx; i++) lambda[t * ndx + i] = lx[i]!;
  }
  return -1;
}
