import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ArmloopError, ERRORS, type ErrorCode, explain } from '../../src/errors.ts';
import { packageRoot } from '../../src/root.ts';
import { sources } from '../support/sources.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

it('docs/errors.md is what the table says', async () => {
  const script = pathToFileURL(join(packageRoot(), 'scripts', 'errors-doc.mjs')).href;
  const { errorsDoc } = (await import(script)) as { errorsDoc: (table: object, source: string) => string };
  const table = readFileSync(join(packageRoot(), 'src', 'errors.ts'), 'utf8');
  const page = readFileSync(join(packageRoot(), 'docs', 'errors.md'), 'utf8');
  assert.equal(page, errorsDoc(ERRORS, table), 'node scripts/errors-doc.mjs writes it');
  for (const code of codes) assert.ok(page.includes(`### ${code}\n`), `${code} is missing in the page`);
});

it('every code is raised somewhere', () => {
  const code = sources(['src', 'drivers', 'sim', 'policies', 'bench'], ['.ts'])
    .filter((s) => s.path !== 'src/errors.ts')
    .map((s) => s.text)
    .join('\n');
  const unused = codes.filter((c) => !code.includes(`'${c}'`));
  assert.deepEqual(unused, [], 'codes that nothing raises');
});

it('every text says something, and what to do is a sentence', () => {
  for (const code of codes) {
    assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    assert.ok(ERRORS[code].text.length > 0);
    assert.match(ERRORS[code].todo, /^[A-Z`].*[.:]?.*\.$/s, `${code}: ${ERRORS[code].todo}`);
  }
});

it('an error carries its text filled in, its code and what to do', () => {
  const error = new ArmloopError('CONFIG_INVALID', {
    file: 'a.yaml',
    path: 'loop.rateHz',
    value: 0,
    rule: 'it must be ≥ 10',
  });
  assert.equal(error.message, 'a.yaml: loop.rateHz is 0, but it must be ≥ 10');
  assert.equal(error.code, 'CONFIG_INVALID');
  assert.ok(explain(error).startsWith('CONFIG_INVALID: a.yaml: '));
  assert.ok(explain(error).includes(ERRORS.CONFIG_INVALID.todo));
  assert.equal(explain(new Error('plain')), 'plain');
  assert.equal(explain('text'), 'text');
});
