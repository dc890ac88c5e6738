/** Settings that the solvers of the DDP family share. */

export interface DescentSettings {
  /** Default 100. */
  readonly maxIterations: number;
  /** Seconds after which a solve ends where it is; checked between passes and rollouts. Default infinity. */
  readonly maxTime: number;
  /**
   * Converged when the cost that the next step is expected to save is at most this, relative to 1 + |cost|, at the least
   * regularisation at which the backward pass goes through. Default 1e-9.
   */
  readonly tolerance: number;
  readonly regularisation: RegularisationSettings;
  readonly lineSearch: LineSearchSettings;
  /** The Riccati stage: WebAssembly where it fits, or JavaScript. Default auto. */
  readonly kernel: 'auto' | 'script';
  /** Seconds of a clock that does not go back. Default performance.now() / 1000. */
  readonly clock: () => number;
}

/**
 * μ is added to the diagonal of Quu (hardware facts of crocoddyl: 1e-9 to 1e9 in steps of 10): greater when the backward
 * pass fails, no step is accepted or only a short one; smaller after a long one.
 */
export interface RegularisationSettings {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly factor: number;
  /** ρ = state · μ is added to the diagonal of Vxx (Tassa 2012 for fu alone). Default 0. */
  readonly state: number;
}

/** Steps 1, shrink, shrink² … are tried until one saves `accept` of what the expansion promises for it. */
export interface LineSearchSettings {
  readonly steps: number;
  readonly shrink: number;
  readonly accept: number;
}

export type DescentOptions = Partial<Omit<DescentSettings, 'regularisation' | 'lineSearch'>> & {
  readonly regularisation?: Partial<RegularisationSettings>;
  readonly lineSearch?: Partial<LineSearchSettings>;
};

export function descentSettings(options: DescentOptions): DescentSettings {
  return {
    maxIterations: options.maxIterations ?? 100,
    maxTime: options.maxTime ?? Number.POSITIVE_INFINITY,
    tolerance: options.tolerance ?? 1e-9,
    regularisation: { initial: 1e-9, min: 1e-9, max: 1e9, factor: 10, state: 0, ...options.regularisation },
    lineSearch: { steps: 10, shrink: 0.5, accept: 0.1, ...options.lineSearch },
    kernel: options.kernel ?? 'auto',
    clock: options.clock ?? (() => performance.now() / 1000),
  };
}
