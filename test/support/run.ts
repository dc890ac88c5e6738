/** Facts of a training run for tests that need a run folder, not a training. */
import { recipeFromText, recipeSource } from '../../src/learn/recipe.ts';
import { RUN_FORMAT, type RunFacts } from '../../src/learn/run-folder.ts';

export const recipeText = `name: reach-pixels
description: Reaches for the marker
observation: { states: [{ name: s, features: [{ field: in.q }] }] }
training: { steps: 2000 }
`;

export function runFacts(id: string, created = '2026-01-31T14:25:01.000Z'): RunFacts {
  return {
    format: RUN_FORMAT,
    id,
    created,
    recipe: recipeFromText(recipeText, 'recipe.yaml'),
    recipeSha256: recipeSource(recipeText, 'recipe.yaml').sha256,
    robot: {
      ids: ['panda-sim'],
      axes: [{ name: 'joint1', unit: 'rad' }],
      files: ['00'],
      models: [],
      calibrations: ['none'],
    },
    tasks: ['Reach for the marker'],
    episodes: [
      { id: 'e1', sha256: '11', split: 'train' },
      { id: 'e2', sha256: '12', split: 'train' },
      { id: 'e3', sha256: '13', split: 'validation' },
    ],
    skipped: [{ episode: 'e4', reason: 'nothing in it was driven by human, script' }],
    samples: { train: 200, validation: 100 },
    dataSha256: '22',
    versions: { node: process.versions.node },
  };
}
