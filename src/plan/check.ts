/** What solvers ask of a problem before they start, and the errors of a solve that fails. */
import { ArmloopError } from '../errors.ts';
import type { Problem } from './problem.ts';
import type { WarmStart } from './solver.ts';

/** Throws PLAN_PROBLEM_INVALID when sizes, horizon or limits make no sense. */
export function checkProblem(problem: Problem): void {
  const { nx, ndx, nu, horizon, x0 } = problem;
  for (const [what, value] of Object.entries({ nx, ndx, nu, horizon })) {
    if (!(Number.isInteger(value) && value >= 1)) throw invalid(what, value, 'it must be a whole number ≥ 1');
  }
  if (ndx > nx) throw invalid('ndx', ndx, `a tangent is not larger than its state (nx = ${nx})`);
  if (ndx < nx && (problem.difference === undefined || problem.integrate === undefined)) {
    throw invalid('ndx', ndx, `smaller than nx = ${nx} it needs difference() and integrate()`);
  }
  if (x0.length !== nx) throw invalid('the length of x0', x0.length, `states have ${nx} numbers`);
  checkLimits(problem);
}

/**
 * Throws PLAN_PROBLEM_INVALID for limits of the wrong length, that are NaN, or that leave nothing between them. Solvers
 * ask at each solve, so nothing here allocates but an error.
 */
export function checkLimits({ lower, upper, nu }: Problem): void {
  checkLimit('lower', lower, nu);
  checkLimit('upper', upper, nu);
  if (lower === null || upper === null) return;
  for (let i = 0; i < nu; i++) {
    if (lower[i]! > upper[i]!)
      throw invalid(`lower[${i}]`, lower[i]!, `it must not be above upper[${i}] = ${upper[i]}`);
  }
}

function checkLimit(name: string, limit: Float64Array | null, nu: number): void {
  if (limit === null) return;
  if (limit.length !== nu)
    throw invalid(`the length of ${name}`, limit.length, `controls have ${nu} numbers`);
  for (let i = 0; i < nu; i++) {
    if (Number.isNaN(limit[i]!))
      throw invalid(`${name}[${i}]`, 'NaN', 'limits are numbers, infinite for none');
  }
}

/** Throws LENGTH_MISMATCH when a warm start is for another problem. Allocates nothing but the error. */
export function checkWarmStart({ nx, ndx, nu, horizon }: Problem, warm: WarmStart): void {
  checkLength('us', warm.us, horizon * nu);
  checkLength('xs', warm.xs, (horizon + 1) * nx);
  checkLength('gains', warm.gains, horizon * nu * ndx);
}

function checkLength(name: string, array: Float64Array | undefined, want: number): void {
  if (array !== undefined && array.length !== want)
    throw new ArmloopError('LENGTH_MISMATCH', { what: `the warm start's ${name}`, got: array.length, want });
}

/** A problem that cannot be solved. */
export function invalid(what: string, value: string | number, rule: string): ArmloopError {
  return new ArmloopError('PLAN_PROBLEM_INVALID', { what, value, rule });
}

/** For `notFinite`. */
export const DERIVATIVE = 'a derivative of model or cost';

/** A model or cost that gave NaN or infinity. */
export function notFinite(what: string, stage: number, value: number): ArmloopError {
  return new ArmloopError('PLAN_NOT_FINITE', { what, stage, value });
}

/** A solve that ran out of regularisation. */
export function noDescent(regularisation: number, cost: number): ArmloopError {
  return new ArmloopError('PLAN_NO_DESCENT', { regularisation, cost });
}
