// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FORMS } from '../support/dynamics-forms.ts';

/** No object fits in it; V8's own traces do. */
const BUDGET = 8;

test('no function of the dynamics allocates, and one object a call would be seen', () => {
  const child = fileURLToPath(new URL('./allocation-child.js', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' });
  const { bytes, spoilt } = JSON.parse(text) as { bytes: Record<string, number>; spoilt: number };
  assert.equal(Object.keys(bytes).length, 10 * FORMS.length);
  for (const [name, value] of Object.entries(bytes))
    assert.ok(value < BUDGET, `${name}: ${value} bytes a call`);
  assert.ok(spoilt > BUDGET, `one object a call was measured as ${spoilt} bytes`);
});
