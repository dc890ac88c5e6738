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
 * μ is added to the diagonal of Quu and `state` · μ to that of Vxx: greater when the backward pass fails, no step is accepted
 * or only a short one; smaller after a long one.
 */
export interface RegularisationSettings {
  /** Default 1, for starts far from an optimum; near one, as a planner that goes on from its last plan, 1e-9 saves iterations. */
  readonly initial: number;
  /** Default 1e-9 to 1e9, by factors of 10. */
  readonly min: number;
  readonly max: number;
  readonly factor: number;
  /** Keeps the next state near the iterate's, where μ alone keeps the control near it (Tassa et al. 2012). Default 1. */
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
    regularisation: { initial: 1, min: 1e-9, max: 1e9, factor: 10, state: 1, ...options.regularisation },
    lineSearch: { steps: 10, shrink: 0.5, accept: 0.1, ...options.lineSearch },
    kernel: options.kernel ?? 'auto',
    clock: options.clock ?? (() => performance.now() / 1000),
  };
}
