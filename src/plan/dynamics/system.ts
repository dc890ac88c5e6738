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
