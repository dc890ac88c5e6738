/**
 * Residuals: what a cost or constraint is about, as a vector r(x, u, t) that should be 0 (or below 0). A residual depends
 * on a span of z = (x, u); its Jacobian is over that span alone, and where entry i depends on entry i of the span alone
 * only the diagonal is given.
 */

import { ArmloopError } from '../../errors.ts';

export interface Residual {
  readonly name: string;
  readonly size: number;
  /** First entry of the span in z = (x, u), and how many entries it has. `ndx` entries of x come before u. */
  readonly at: number;
  readonly count: number;
  /** The Jacobian is diagonal: `jacobian` writes `size` = `count` numbers. */
  readonly diagonal: boolean;
  /** r (size). */
  evaluate(x: Float64Array, u: Float64Array, t: number, r: Float64Array): void;
  /** r, and J = ∂r/∂span (size × count, or its diagonal). */
  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void;
  /** Adds Σ_i w_i ∂²r_i over the span (count × count), for exact Hessians. Absent: Gauss–Newton. */
  hessian?(x: Float64Array, u: Float64Array, t: number, w: Float64Array, H: Float64Array): void;
}

/** The parts of z that an arm's residuals speak of: n joints, x = (q, v, …), u. */
export type ArmPart = 'q' | 'v' | 'u';

/** Where a part lies; `ndx`: entries of x, 2n unless there is more in it than the arm. */
export function spanOf(
  part: ArmPart,
  n: number,
  ndx = 2 * n,
): { readonly at: number; readonly count: number } {
  return { at: part === 'q' ? 0 : part === 'v' ? n : ndx, count: n };
}

/**
 * From the row of one stage to that of the next, for targets that are one row of `width` for all stages (0) or a row for each.
 * Throws LENGTH_MISMATCH.
 */
export function strideOf(what: string, rows: Float64Array, width: number): number {
  if (rows.length === 0 || rows.length % width !== 0)
    throw new ArmloopError('LENGTH_MISMATCH', { what, got: rows.length, want: width });
  return rows.length === width ? 0 : width;
}
