import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/root.ts';

interface Script {
  recipePage: (page: string, schemas: object) => string;
  recipeSchemas: () => Promise<object>;
}

it('the tables of docs/train.md are what the schemas say', async () => {
  const script = pathToFileURL(join(packageRoot(), 'scripts', 'recipe-doc.mjs')).href;
  const { recipePage, recipeSchemas } = (await import(script)) as Script;
  const page = readFileSync(join(packageRoot(), 'docs', 'train.md'), 'utf8');
  const schemas = await recipeSchemas();
  assert.equal(page, recipePage(page, schemas), 'node scripts/recipe-doc.mjs writes them');
  for (const path of [
    'training.steps',
    'observation.states[].features[].field',
    'history.network',
    'klWeight',
  ])
    assert.ok(page.includes(`| \`${path}\` |`), path);
});
