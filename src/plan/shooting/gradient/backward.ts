/**
 * Gradient of the cost by the controls, back-propagated through the model (the adjoint, or costate, recursion; Bryson &
 * Ho 1975, chapter 2):
 *
 *     λ_T = ∂l_T/∂x,  g_t = ∂l/∂u + f_uᵀ λ_{t+1},  λ_t = ∂l/∂x + f_xᵀ λ_{t+1}
 *
 * One pass over the stages however many controls there are. λ is the gradient of the value function along the trajectory.
 */
import { type Expansion, finite, type Rows } from '../../memory.ts';

/**
 * Writes `gradient` (T × nu) and `lambda` (T + 1 of ndx) from the derivatives along a trajectory. Returns the stage at
 * which they are not finite, or -1.
 */
export function backward({ fx, fu, lx, lu }: Expansion, gradient: Float64Array, lambda: Rows): number {
  const horizon = fx.rows.length;
  const ndx = lx.size;
  const nu = lu.size;
  const end = lambda.rows[horizon]!;
  end.set(lx.rows[horizon]!);
  if (!finite(end)) return horizon;
  for (let t = horizon - 1; t >= 0; t--) {
    const next = lambda.rows[t + 1]!;
    const now = lambda.rows[t]!;
    const A = fx.rows[t]!;
    const B = fu.rows[t]!;
    const slope = lu.rows[t]!;
    now.set(lx.rows[t]!);
    for (let j = 0; j < nu; j++) gradient[t * nu + j] = slope[j]!;
    for (let k = 0; k < ndx; k++) {
      const l = next[k]!;
      for (let j = 0; j < nu; j++) gradient[t * nu + j]! += B[k * nu + j]! * l;
      for (let i = 0; i < ndx; i++) now[i]! += A[k * ndx + i]! * l;
    }
    for (let j = 0; j < nu; j++) if (!Number.isFinite(gradient[t * nu + j]!)) return t;
  }
  return finite(lambda.rows[0]!) ? -1 : 0;
}
