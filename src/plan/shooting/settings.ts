/** Settings that all sampling solvers share, with their defaults and what is allowed. */
import { ArmloopError } from '../../errors.ts';
import type { Problem } from '../problem.ts';

/**
 * How the noise on controls hangs together in time.
 *
 * - `white`: every stage for itself. Fine for short horizons; on an arm it mostly cancels.
 * - `knots`: a spline through `count` knots, evenly spread over the horizon and drawn independently: held (`zero`),
 *   straight lines (`linear`) or cubic. Fewer numbers to search, smooth controls; cannot draw what lies between knots.
 * - `coloured`: power falls as 1/f^exponent: long waves are drawn more often and short ones stay possible.
 */
export type NoiseShape =
  | { readonly kind: 'white' }
  | { readonly kind: 'knots'; readonly count: number; readonly spline: 'zero' | 'linear' | 'cubic' }
  | { readonly kind: 'coloured'; readonly exponent: number };

export interface SamplingSettings {
  /** Control sequences that one iteration draws. Default 128. */
  readonly samples: number;
  /** Default knots, 8, cubic. */
  readonly shape: NoiseShape;
  /**
   * Standard deviation of the noise, in the unit of the controls: one number, one per control, or null for a quarter of
   * the range between the limits (then all must be finite). Default null.
   */
  readonly sigma: number | readonly number[] | null;
  /** Whole number; same seed and same calls since `allocate`, same plans. Default 1. */
  readonly seed: number;
  /** Iterations of a solve. Default 50. */
  readonly maxIterations: number;
  /** Seconds of a solve; looked at after every few rollouts. Default infinite. */
  readonly maxTime: number;
  /**
   * Converged when `patience` iterations together lower the cost by less than `tolerance` times its size. Defaults 1e-4
   * and 10. With tolerance 0 a solve runs to its last iteration.
   */
  readonly tolerance: number;
  readonly patience: number;
  /** Seconds of a clock that does not go back. Default performance.now() / 1000. */
  readonly clock: () => number;
}

export const SAMPLING_DEFAULTS: SamplingSettings = {
  samples: 128,
  shape: { kind: 'knots', count: 8, spline: 'cubic' },
  sigma: null,
  seed: 1,
  maxIterations: 50,
  maxTime: Number.POSITIVE_INFINITY,
  tolerance: 1e-4,
  patience: 10,
  clock: () => performance.now() / 1000,
};

/** Throws PLAN_SETTING_INVALID. */
export function checkSampling(s: SamplingSettings): void {
  wholeAtLeast('samples', s.samples, 2);
  wholeAtLeast('seed', s.seed, 0);
  checkEnd(s);
  if (s.shape.kind === 'knots') wholeAtLeast('shape.count', s.shape.count, 1);
  if (s.shape.kind === 'coloured') {
    between('shape.exponent', s.shape.exponent, 0, 4);
  }
  for (const sigma of s.sigma === null ? [] : typeof s.sigma === 'number' ? [s.sigma] : s.sigma) {
    if (!(sigma >= 0 && sigma < Number.POSITIVE_INFINITY))
      throw badSetting('sigma', sigma, 'it must be ≥ 0 and finite');
  }
}

/** What ends a solve, of all solvers of this folder. Throws PLAN_SETTING_INVALID. */
export function checkEnd(
  s: Pick<SamplingSettings, 'maxIterations' | 'maxTime' | 'tolerance' | 'patience'>,
): void {
  wholeAtLeast('maxIterations', s.maxIterations, 1);
  wholeAtLeast('patience', s.patience, 1);
  if (!(s.maxTime > 0)) throw badSetting('maxTime', s.maxTime, 'it must be above 0 s');
  if (!(s.tolerance >= 0)) throw badSetting('tolerance', s.tolerance, 'it must be ≥ 0');
}

/** Standard deviation per control. Throws PLAN_SETTING_INVALID when settings and limits leave it open. */
export function sigmaFor({ sigma }: SamplingSettings, { nu, lower, upper }: Problem): Float64Array {
  if (typeof sigma === 'number') return new Float64Array(nu).fill(sigma);
  if (sigma !== null) {
    if (sigma.length !== nu)
      throw badSetting('the length of sigma', sigma.length, `controls have ${nu} numbers`);
    return Float64Array.from(sigma);
  }
  return Float64Array.from({ length: nu }, (_, j) => {
    const range = (upper?.[j] ?? Number.POSITIVE_INFINITY) - (lower?.[j] ?? Number.NEGATIVE_INFINITY);
    if (range < Number.POSITIVE_INFINITY) return range / 4;
    throw badSetting('sigma', 'null', `control ${j} has no limits from which to take it`);
  });
}

export function badSetting(what: string, value: string | number, rule: string): ArmloopError {
  return new ArmloopError('PLAN_SETTING_INVALID', { what, value, rule });
}

export function wholeAtLeast(what: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw badSetting(what, value, `it must be a whole number ≥ ${least}`);
}

export function between(what: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) throw badSetting(what, value, `it must lie in ${low}..${high}`);
}
