/** Settings of random shooting. */
import { badSetting, SAMPLING_DEFAULTS, type SamplingSettings } from '../settings.ts';

export interface RandomSettings extends SamplingSettings {
  /** `normal` about the middle with `sigma`, or `uniform` between the limits, which must then be finite. Default normal. */
  readonly distribution: 'normal' | 'uniform';
  /**
   * The middle of the distribution: the warm start throughout (`start`: iterations only add samples), or the cheapest
   * sequence so far (`best`: predictive sampling, Howell et al. 2022, arXiv:2212.00541). Uniform samples have no
   * middle. Default start.
   */
  readonly around: 'start' | 'best';
}

export const RANDOM_DEFAULTS: RandomSettings = {
  ...SAMPLING_DEFAULTS,
  distribution: 'normal',
  around: 'start',
};

/** Throws PLAN_SETTING_INVALID. */
export function checkRandom({ distribution, around }: RandomSettings): void {
  if (distribution === 'uniform' && around === 'best')
    throw badSetting('around', 'best', 'uniform samples have no middle to move');
}
