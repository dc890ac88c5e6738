/** Learning rate as a function of the step alone, so that a resumed training goes on as if it had not stopped. */

/** Learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number;

export const constant =
  (rate: number): Schedule =>
  () =>
    rate;

/** From `from` at step 0 to `to` at step `steps`, on a straight line; `to` from then on. */
export const linear =
  (from: number, to: number, steps: number): Schedule =>
  (step) =>
    step >= steps ? to : from + ((to - from) * step) / steps;

/** Half a cosine from `from` at step 0 to `to` at step `steps`; `to` from then on (Loshchilov and Hutter 2017). */
export const cosine =
  (from: number, to: number, steps: number): Schedule =>
  (step) =>
    step >= steps ? to : to + ((from - to) * (1 + Math.cos((Math.PI * step) / steps))) / 2;

/**
 * Rises on a straight line over the first `steps` steps, then follows `then` from its own step 0. Step 0 already learns:
 * it has 1/(steps + 1) of the first rate of `then`.
 */
export const warmUp =
  (steps: number, then: Schedule): Schedule =>
  (step) =>
    step < steps ? (then(0) * (step + 1)) / (steps + 1) : then(step - steps);
