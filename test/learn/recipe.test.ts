import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { resolveSpec } from '../../src/learn/data/spec.ts';
import { loadRecipe, recipeFromText, resolveRecipe, sampleSpec } from '../../src/learn/recipe.ts';
import { packageRoot } from '../../src/root.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-recipe-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SEEN = 'observation: { states: [{ name: arm, features: [{ field: in.q }] }] }';
const HEAD = 'model: { head: { kind: gaussian } }';

/** A recipe that is right, with some lines in place of its own. */
const recipe = (...lines: string[]): string => {
  const keys = new Set(lines.map((l) => l.slice(0, l.indexOf(':'))));
  return ['name: a', SEEN, HEAD]
    .filter((l) => !keys.has(l.slice(0, l.indexOf(':'))))
    .concat(lines)
    .join('\n');
};

test('the shortest recipe has every default', () => {
  const r = recipeFromText(recipe(), 'a.yaml');
  assert.equal(r.data.label, 'success');
  assert.equal(r.training.steps, 20_000);
  assert.equal(r.optimiser.kind, 'adamw');
  assert.ok(r.training.threads >= 1);
  assert.equal(r.deployment.every, 8, 'half the horizon of 16');
  assert.equal(r.model.head.kind, 'gaussian');
  assert.ok('widths' in r.model.head && r.model.head.widths.length > 0, 'defaults of the network too');
  assert.equal(r.observation.states[0]!.normaliser, 'mean-std');
});

test('a resolved recipe resolves to itself: a run folder reproduces what it stores', () => {
  const r = recipeFromText(recipe('training: { minutes: 3 }', 'action: { horizon: 7 }'), 'a.yaml');
  assert.deepEqual(resolveRecipe(JSON.parse(JSON.stringify(r)), 'run.json'), r);
});

test('the command line takes the place of what the file says', () => {
  const text = recipe('training: { seed: 3, batch: 16 }');
  const r = recipeFromText(text, 'a.yaml', { seed: 5, threads: 3, name: 'b', minutes: undefined });
  assert.deepEqual([r.name, r.training.seed, r.training.threads, r.training.batch], ['b', 5, 3, 16]);
  assert.equal('minutes' in r.training, false);
});

const condition = (text: string) =>
  `observation: { states: [{ name: arm, features: [{ field: in.q }] }], condition: ${text} }`;

for (const [what, text, path, value, rule] of [
  ['an unknown key', recipe('optimizer: {}'), 'optimizer', '{}', /no such key; did you mean optimiser\?/],
  ['a key with a slip', recipe('training: { sted: 5 }'), 'training.sted', '5', /did you mean seed\?/],
  ['no name', SEEN, 'name', 'missing', /required/],
  ['a name that is a path', recipe('name: ../x'), 'name', '"../x"', /must match/],
  ['half a step', recipe('training: { steps: 0.5 }'), 'training.steps', '0.5', /whole number/],
  ['no batch', recipe('training: { batch: 0 }'), 'training.batch', '0', /≥ 1/],
  ['all held out', recipe('data: { validation: 1 }'), 'data.validation', '1', /< 1/],
  ['an unknown label', recipe('data: { label: good }'), 'data.label', '"good"', /one of success, failure/],
  ['nothing seen', recipe('observation: {}'), 'observation', '{}', /must see something/],
  [
    'a field without a name',
    recipe('observation: { states: [{ name: arm, features: [{}] }] }'),
    'observation.states[0].features[0].field',
    'missing',
    /required/,
  ],
  [
    'one name twice',
    recipe(
      'observation: { states: [{ name: a, features: [{ field: in.q }] }], images: [{ name: a, camera: c }] }',
    ),
    'observation.images[0].name',
    '"a"',
    /observation.states\[0\].name already has that name/,
  ],
  [
    'the name of the label',
    recipe('observation: { images: [{ name: action, camera: c }] }'),
    'observation.images[0].name',
    '"action"',
    /belongs to the label/,
  ],
  [
    'part of a pose',
    recipe(
      'observation: { states: [{ name: a, features: [{ field: out.tool, encode: pose9, axes: [0] }] }] }',
    ),
    'observation.states[0].features[0].axes',
    '[0]',
    /taken whole/,
  ],
  [
    'tasks without a list',
    recipe(condition('{ kind: tasks, name: t }')),
    'observation.condition.tasks',
    'missing',
    /needs it/,
  ],
  [
    'a goal with tasks',
    recipe(condition('{ kind: goal, name: g, features: [{ field: in.q }], tasks: [x] }')),
    'observation.condition.tasks',
    '["x"]',
    /has none/,
  ],
  ['an episode twice', recipe('data: { episodes: [a, b, a] }'), 'data.episodes[2]', '"a"', /twice/],
  [
    'warm-up to the end',
    recipe('training: { steps: 100 }'),
    'optimiser.warmupSteps',
    '100',
    /below training.steps = 100/,
  ],
  [
    'patience without held-out episodes',
    recipe('data: { validation: 0 }', 'training: { patience: 2 }'),
    'training.patience',
    '2',
    /needs held-out episodes/,
  ],
  [
    'the best of no looks',
    recipe('data: { validation: 0 }', 'training: { weights: best }'),
    'training.weights',
    '"best"',
    /needs held-out episodes/,
  ],
  [
    'more steps than there are',
    recipe('deployment: { every: 17 }'),
    'deployment.every',
    '17',
    /≤ action.horizon = 16/,
  ],
  ['no head', recipe('model: {}'), 'model.head.kind', 'missing', /must be one of/],
  [
    'an unknown head',
    recipe('model: { head: { kind: magic } }'),
    'model.head.kind',
    '"magic"',
    /one of .*diffusion/,
  ],
  [
    'a slip in the network',
    recipe('model: { head: { kind: gaussian, width: [3] } }'),
    'model.head.width',
    '[3]',
    /did you mean widths\?/,
  ],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(
      () => recipeFromText(text, 'a.yaml'),
      (error: { code: string; message: string; details: Record<string, string> }) => {
        assert.equal(error.code, 'RECIPE_INVALID');
        assert.deepEqual([error.details['path'], error.details['value']], [path, value]);
        assert.match(error.details['rule']!, rule);
        assert.ok(error.message.startsWith(`a.yaml: ${path} is `));
        return true;
      },
    );
  });

test('files that cannot be read, and YAML that is none, are named with their line', () => {
  const missing = join(folder, 'missing.yaml');
  assert.throws(() => loadRecipe(missing), { code: 'RECIPE_UNREADABLE' });
  const broken = join(folder, 'broken.yaml');
  writeFileSync(broken, 'name: a\ntraining: { steps: 5\n');
  assert.throws(
    () => loadRecipe(broken),
    (error: { code: string; details: { line: number } }) => {
      assert.equal(error.code, 'RECIPE_SYNTAX');
      assert.ok(error.details.line >= 2);
      return true;
    },
  );
  for (const text of ['', 'just words', '[1, 2]'])
    assert.throws(() => recipeFromText(text, 'a.yaml'), { code: 'RECIPE_INVALID' }, JSON.stringify(text));
});

test('every shipped recipe can be read, and says what a sample is in a way that the data set takes', () => {
  const recipes = join(packageRoot(), 'policies', 'recipes');
  const files = readdirSync(recipes).filter((f) => f.endsWith('.yaml'));
  assert.ok(files.length >= 2);
  for (const file of files) {
    const { recipe: r } = loadRecipe(join(recipes, file));
    assert.equal(`${r.name}.yaml`, file);
    const spec = resolveSpec(sampleSpec(r));
    assert.equal(spec.horizon, r.action.horizon);
    assert.equal(spec.observationSteps, r.observation.steps);
  }
});
