/**
 * The dynamics of a problem apart from its cost: what every adapter here makes, of whatever model. Meanings, sizes and
 * rules are those of `Problem`.
 */
import type { Problem } from '../problem.ts';

export type System = Pick<
  Problem,
  | 'nx'
  | 'ndx'
  | 'nu'
  | 'memory'
  | 'semiImplicitStep'
  | 'dynamics'
  | 'dynamicsDerivatives'
  | 'dynamicsHessian'
  | 'trajectoryDerivatives'
  | 'difference'
  | 'integrate'
>;

/** A system that lives in time, and can go on for less than a stage: what receding horizons predict with. */
export interface TimedSystem extends System {
  /** Length of a stage, s. */
  readonly dt: number;
  /** out (nx) = the state h seconds (0 < h ≤ dt) after x under u: `dynamics` is this for h = dt. */
  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void;
}
