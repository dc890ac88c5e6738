/** Learning rates over a training. */
import { constant, cosine, linear, type Schedule, warmUp } from '../nn/schedules.ts';
import type { RecipeFile } from './recipe-schema.ts';

/**
 * Learning rate of step `step` (0 is the first): the warm-up, then the fall from the top to floor × top over the rest
 * of the steps. `spent` is the share of the time budget that is gone, 0 without one: the fall follows whichever of
 * steps and time is further, so that a training which its budget ends has seen the whole schedule.
 */
export function learningRate(
  { optimiser, training }: Pick<RecipeFile, 'optimiser' | 'training'>,
  step: number,
  spent: number,
): number {
  const { learningRate: top, warmupSteps, floor } = optimiser;
  const rest = training.steps - warmupSteps;
  const fall = FALLS[optimiser.schedule](top, floor * top, rest);
  const reached = step < warmupSteps ? step : Math.max(step, warmupSteps + spent * rest);
  return warmUp(warmupSteps, fall)(reached);
}

const FALLS: Record<
  RecipeFile['optimiser']['schedule'],
  (top: number, end: number, steps: number) => Schedule
> = { constant, linear, cosine };
