/** Settings of gradient shooting. */
import { ArmloopError } from '../../../errors.ts';
import type { Problem } from '../../problem.ts';
import { badSetting, between, checkEnd, wholeAtLeast } from '../settings.ts';

export interface GradientSettings {
  /**
   * `descent`: projected steps whose length follows the curvature seen last (Barzilai & Borwein 1988; Birgin, Martínez &
   * Raydan 2000), each made to lower the cost by a line search. `adam`: Kingma & Ba 2015, steps of a fixed size whatever
   * the gradient's, which crosses plateaus and steep walls alike. Default descent.
   */
  readonly method: 'descent' | 'adam';
  /**
   * Size of a control, in its unit: one number, one per control, or null for half the range between its limits (1 where
   * there are none). Steps are even in controls over their size. Default null.
   */
  readonly scale: number | readonly number[] | null;
  /** Adam's step as a share of `scale`, and its memory of gradient and square. Defaults 0.02, 0.9, 0.999. */
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Share of the promised decrease that a step must keep, and most halvings of one step. Defaults 1e-4 and 30. */
  readonly armijo: number;
  readonly halvings: number;
  /** Converged when the projected gradient, in cost per `scale`, is nowhere larger. Default 1e-6. */
  readonly gradientTolerance: number;
  /** As in sampling solvers; defaults 500, infinite, 1e-9 and 10. */
  readonly maxIterations: number;
  readonly maxTime: number;
  readonly tolerance: number;
  readonly patience: number;
  /** Seconds of a clock that does not go back. Default performance.now() / 1000. */
  readonly clock: () => number;
}

export const GRADIENT_DEFAULTS: GradientSettings = {
  method: 'descent',
  scale: null,
  rate: 0.02,
  beta1: 0.9,
  beta2: 0.999,
  armijo: 1e-4,
  halvings: 30,
  gradientTolerance: 1e-6,
  maxIterations: 500,
  maxTime: Number.POSITIVE_INFINITY,
  tolerance: 1e-9,
  patience: 10,
  clock: () => performance.now() / 1000,
};

/** Throws PLAN_SETTING_INVALID. */
export function checkGradient(s: GradientSettings): void {
  checkEnd(s);
  between('rate', s.rate, 1e-9, 1);
  between('beta1', s.beta1, 0, 0.9999);
  between('beta2', s.beta2, 0, 0.99999);
  between('armijo', s.armijo, 1e-9, 0.5);
  wholeAtLeast('halvings', s.halvings, 1);
  if (!(s.gradientTolerance >= 0))
    throw badSetting('gradientTolerance', s.gradientTolerance, 'it must be ≥ 0');
  for (const scale of s.scale === null ? [] : typeof s.scale === 'number' ? [s.scale] : s.scale) {
    if (!(scale > 0 && scale < Number.POSITIVE_INFINITY))
      throw badSetting('scale', scale, 'it must be above 0 and finite');
  }
}

/** Size per control. Throws PLAN_SETTING_INVALID for a list of another length. */
export function scaleFor({ scale }: GradientSettings, { nu, lower, upper }: Problem): Float64Array {
  if (typeof scale === 'number') return new Float64Array(nu).fill(scale);
  if (scale !== null) {
    if (scale.length !== nu)
      throw badSetting('the length of scale', scale.length, `controls have ${nu} numbers`);
    return Float64Array.from(scale);
  }
  return Float64Array.from({ length: nu }, (_, j) => {
    const range = (upper?.[j] ?? Number.POSITIVE_INFINITY) - (lower?.[j] ?? Number.NEGATIVE_INFINITY);
    return range > 0 && range < Number.POSITIVE_INFINITY ? range / 2 : 1;
  });
}

/** A gradient along which nothing gets cheaper. */
export function noStep(cost: number, step: number): ArmloopError {
  return new ArmloopError('PLAN_NO_STEP', { cost, step });
}
