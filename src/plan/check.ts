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

/** Throws PLAN_PROBLEM_INVALID for limits of the wrong length, that are NaN, or that leave nothing between them. */
export function checkLimits({ lower, upper, nu }: Problem): void {
  for (const [name, limit] of [
    ['lower', lower],
    ['upper', upper],
  ] as const) {
    if (limit === null) continue;
    if (limit.length !== nu)
      throw invalid(`the length of ${name}`, limit.length, `controls have ${nu} numbers`);
    const bad = limit.findIndex((v) => Number.isNaN(v));
    if (bad >= 0) throw invalid(`${name}[${bad}]`, 'NaN', 'limits are numbers, infinite for none');
  }
  if (lower === null || upper === null) return;
  const crossed = lower.findIndex((low, i) => low > upper[i]!);
  if (crossed >= 0) {
    throw invalid(
      `lower[${crossed}]`,
      lower[crossed]!,
      `it must not be above upper[${crossed}] = ${upper[crossed]}`,
    );
  }
}

/** Throws LENGTH_MISMATCH when a warm start is for another problem. */
export function checkWarmStart({ nx, ndx, nu, horizon }: Problem, warm: WarmStart): void {
  const sizes = [
    ['us', warm.us, horizon * nu],
    ['xs', warm.xs, (horizon + 1) * nx],
    ['gains', warm.gains, horizon * nu * ndx],
  ] as const;
  for (const [name, array, want] of sizes) {
    if (array !== undefined && array.length !== want) {
      throw new ArmloopError('LENGTH_MISMATCH', {
        what: `the warm start's ${name}`,
        got: array.length,
        want,
      });
    }
  }
}

/** A problem that cannot be solved. */
export function invalid(what: string, value: string | number, rule: string): ArmloopError {
  return new ArmloopError('PLAN_PROBLEM_INVALID', { what, value, rule });
}

/** A model or cost that gave NaN or infinity. */
export function notFinite(what: string, stage: number, value: number): ArmloopError {
  return new ArmloopError('PLAN_NOT_FINITE', { what, stage, value });
}

/** A solve that ran out of regularisation. */
export function noDescent(regularisation: number, cost: number): ArmloopError {
  return new ArmloopError('PLAN_NO_DESCENT', { regularisation, cost });
}
