/** Settings of the augmented Lagrangian around a solver. */

export interface AugmentedSettings {
  /** Rounds of inner solve and multiplier step. Default 20. */
  readonly maxRounds: number;
  /** Converged when no constraint is off by more than this, in the unit of its residual. Default 1e-6. */
  readonly tolerance: number;
  /** ρ at the start, by how much it grows when a round does not bring the violation to `enough` of the last, and its end. */
  readonly rho: number;
  readonly factor: number;
  readonly enough: number;
  readonly maxRho: number;
}

export function augmentedSettings(options: Partial<AugmentedSettings>): AugmentedSettings {
  return { maxRounds: 20, tolerance: 1e-6, rho: 10, factor: 10, enough: 0.25, maxRho: 1e8, ...options };
}
