/** Settings of MPPI. */
import { badSetting, between, SAMPLING_DEFAULTS, type SamplingSettings } from '../settings.ts';

export interface MppiSettings extends SamplingSettings {
  /**
   * λ > 0 in the unit of the cost: how much dearer than the cheapest a sample may be and still have a say. Null: in each
   * iteration the λ that leaves `effective` of the samples, which needs no knowledge of the cost's size. Default null.
   */
  readonly lambda: number | null;
  /** Effective number of samples (Σ w)² / Σ w² as a share of all, in 0..1; used when lambda is null. Default 0.1. */
  readonly effective: number;
  /**
   * The control cost of Williams et al. 2017, as a share in 0..1 (1 − α in Williams et al. 2018). MPPI in its theory
   * prices a control by λ/2 uᵀΣ⁻¹u on top of the cost; 1 does so here. But problems of src/plan carry a control cost of
   * their own, and the pull to u = 0 lets an arm sink: at 0 the problem's cost is all there is. Default 0.
   */
  readonly controlCost: number;
  /** Factor on sigma after each iteration, in 0..1: below 1 a solve homes in, as a single plan should. Default 1. */
  readonly anneal: number;
}

export const MPPI_DEFAULTS: MppiSettings = {
  ...SAMPLING_DEFAULTS,
  lambda: null,
  effective: 0.1,
  controlCost: 0,
  anneal: 1,
};

/** Throws PLAN_SETTING_INVALID. */
export function checkMppi(s: MppiSettings): void {
  if (s.lambda !== null && !(s.lambda > 0 && s.lambda < Number.POSITIVE_INFINITY))
    throw badSetting('lambda', s.lambda, 'it must be above 0 and finite, or null');
  between('effective', s.effective, 1e-6, 1);
  between('controlCost', s.controlCost, 0, 1);
  between('anneal', s.anneal, 1e-3, 1);
}
