/** Settings of the cross-entropy method. */
import { between, SAMPLING_DEFAULTS, type SamplingSettings } from '../settings.ts';

export interface CemSettings extends SamplingSettings {
  /** Share of the samples, the cheapest, to which the distribution is refitted: M = max(1, elites · N). Default 0.1. */
  readonly elites: number;
  /**
   * Share of the elites that stay among the samples of the next iteration (Pinneri et al. 2020): the mean then cannot
   * lose what was found, and the iteration draws that many fewer. Default 0.3.
   */
  readonly keep: number;
  /** Share of the old mean and variance in the new ones, 0 ≤ momentum < 1. Default 0.1. */
  readonly momentum: number;
  /**
   * Least standard deviation, as a share of the one at the start. Controls of an arm depend on each other, which a
   * diagonal distribution cannot say: it dies on the walls of the valley, and the floor keeps it moving. Default 0.1.
   */
  readonly floor: number;
}

export const CEM_DEFAULTS: CemSettings = {
  ...SAMPLING_DEFAULTS,
  elites: 0.1,
  keep: 0.3,
  momentum: 0.1,
  floor: 0.1,
};

/** Throws PLAN_SETTING_INVALID. */
export function checkCem(s: CemSettings): void {
  between('elites', s.elites, 0, 0.9);
  between('keep', s.keep, 0, 1);
  between('momentum', s.momentum, 0, 0.999);
  between('floor', s.floor, 0, 1);
}
