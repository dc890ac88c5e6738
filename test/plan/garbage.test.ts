// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Room for a few numbers on the heap, 16 bytes each: readings of the clock, step lengths, costs; less than two arrays take. */
const BUDGET = 128;
/** A view of an array takes some 70 to 100 bytes. */
const ARRAY = 60;

for (const name of [
  'lqr',
  'ilqr',
  'ilqr in JavaScript',
  'ddp',
  'fddp with gaps',
  'ilqr of an arm',
] as const) {
  test(`an iteration of ${name} allocates nothing, and one array an iteration would be seen`, () => {
    const child = fileURLToPath(new URL('./garbage-child.js', import.meta.url));
    const text = execFileSync(process.execPath, ['--expose-gc', child, name], { encoding: 'utf8' });
    const { clean, spoilt } = JSON.parse(text) as { clean: number; spoilt: number };
    assert.ok(clean >= 0 && clean < BUDGET, `${clean} bytes an iteration`);
    assert.ok(spoilt > clean + ARRAY, `one array an iteration was measured as ${spoilt - clean} bytes`);
  });
}
