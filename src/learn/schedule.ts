/** Learning rates over a training. */
import type { Recipe } from './recipe.ts';

/**
 * Learning rate of step `step` (0 is the first). It rises as (step + 1) / (warmupSteps + 1) of the top, then falls with
 * the progress p = 0..1 of the rest: linear 1 − (1 − f) p, cosine f + (1 − f)(1 + cos πp)/2 (Loshchilov and Hutter
 * 2017, SGDR, one cycle), f the floor. `spent` is the share of the time budget that is gone, 0 without one: the
 * schedule follows whichever of steps and time is further.
 */
export function learningRate(
  recipe: Pick<Recipe, 'optimiser' | 'training'>,
  step: number,
  spent: number,
): number {
  const { learningRate: top, schedule, warmupSteps, floor } = recipe.optimiser;
  if (step < warmupSteps) return (top * (step + 1)) / (warmupSteps + 1);
  const rest = recipe.training.steps - warmupSteps;
  const p = Math.min(1, Math.max((step - warmupSteps) / rest, spent));
  switch (schedule) {
    case 'constant':
      return top;
    case 'linear':
      return top * (1 - (1 - floor) * p);
    case 'cosine':
      return top * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * p))) / 2);
    default:
      return schedule satisfies never;
  }
}
