/** Early stopping on held-out episodes: the best look so far, and the looks since without a better one. */

export interface Best {
  readonly step: number;
  /** Held-out loss; smaller is better. */
  readonly error: number;
}

export interface StopState {
  readonly best: Best | null;
  /** Looks since the best. */
  readonly without: number;
}

export const FRESH: StopState = { best: null, without: 0 };

/** The state after a look at step `step`. A loss that is not a number is never the best. */
export function look(state: StopState, step: number, error: number): StopState {
  if (Number.isFinite(error) && (state.best === null || error < state.best.error))
    return { best: { step, error }, without: 0 };
  return { best: state.best, without: state.without + 1 };
}

/** `patience` 0 never stops. */
export function shouldStop(state: StopState, patience: number): boolean {
  return patience > 0 && state.without >= patience;
}
