/** Settings of LQR. */

export interface LqrSettings {
  /** Covariance of the noise added to each next state, ndx × ndx; null for none. */
  readonly noise: Float64Array | null;
  /** Covariance of the initial state, ndx × ndx; null where it is known. */
  readonly initial: Float64Array | null;
  readonly kernel: 'auto' | 'script';
  readonly clock: () => number;
}

export function lqrSettings(options: Partial<LqrSettings>): LqrSettings {
  return {
    noise: options.noise ?? null,
    initial: options.initial ?? null,
    kernel: options.kernel ?? 'auto',
    clock: options.clock ?? (() => performance.now() / 1000),
  };
}
