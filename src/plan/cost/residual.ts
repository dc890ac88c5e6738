/**
 * Residuals: what a cost or constraint is about, as a vector r(x, u, t) that should be 0 (or below 0). A residual depends
 * on a span of z = (x, u); its Jacobian is over that span alone, and where entry i depends on entry i of the span alone
 * only the diagonal is given.
 */

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

/** The parts of z that an arm's residuals speak of: n joints, x = (q, v), u. */
export type ArmPart = 'q' | 'v' | 'u';

export function spanOf(part: ArmPart, n: number): { readonly at: number; readonly count: number } {
  return { at: part === 'q' ? 0 : part === 'v' ? n : 2 * n, count: n };
}
