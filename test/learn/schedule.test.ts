import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRESH, look, shouldStop } from '../../src/learn/early-stopping.ts';
import { recipeFromText } from '../../src/learn/recipe.ts';
import { learningRate } from '../../src/learn/schedule.ts';

function rates(optimiser: string, steps: number, at: readonly number[], spent = 0): number[] {
  const text = `
name: a
observation: { states: [{ name: s, features: [{ field: in.q }] }] }
optimiser: ${optimiser}
training: { steps: ${steps} }`;
  const recipe = recipeFromText(text, 'a.yaml');
  return at.map((step) => learningRate(recipe, step, spent));
}

const near = (got: readonly number[], want: readonly number[]): void =>
  got.forEach((g, i) => {
    assert.ok(Math.abs(g - want[i]!) < 1e-12, `${got} is not ${want}`);
  });

test('warm-up rises from below to the top, and never starts with a step of nothing', () => {
  const made = rates('{ learningRate: 0.5, warmupSteps: 4, schedule: constant }', 10, [0, 1, 2, 3, 4, 9]);
  near(made, [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]);
});

test('linear and cosine go from the top to the floor', () => {
  near(
    rates('{ learningRate: 1, warmupSteps: 0, schedule: linear, floor: 0.2 }', 10, [0, 5, 10, 99]),
    [1, 0.6, 0.2, 0.2],
  );
  const quarter = (1 + Math.SQRT1_2) / 2;
  near(rates('{ learningRate: 2, warmupSteps: 2, schedule: cosine }', 10, [2, 4, 6, 10]), [
    2,
    2 * quarter,
    1,
    0,
  ]);
});

test('a time budget that is further than the steps pulls the schedule along, but not the warm-up', () => {
  const cosine = '{ learningRate: 1, warmupSteps: 2, schedule: cosine }';
  near(rates(cosine, 10, [1, 2, 6], 0.5), [2 / 3, 0.5, 0.5]);
  near(rates(cosine, 10, [8], 2), [0]);
});

test('early stopping counts the looks since the best, and a loss that is not a number is none', () => {
  let state = FRESH;
  const stops: boolean[] = [];
  [5, 4, Number.NaN, 4, 3, 6, 7, 8].forEach((error, i) => {
    state = look(state, i * 10, error);
    stops.push(shouldStop(state, 3));
  });
  assert.deepEqual(stops, [false, false, false, false, false, false, false, true]);
  assert.deepEqual(state, { best: { step: 40, error: 3 }, without: 3 });
  assert.equal(shouldStop({ best: null, without: 1000 }, 0), false);
});
