// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Room for a few numbers on the heap, 16 bytes each: readings of the clock, step lengths, costs; less than two arrays take. */
const BUDGET = 128;
/** A whole plan hands more of them from part to part; an object per stage would be above it. */
const PLAN_BUDGET = 512;
/** A view of an array takes some 70 to 100 bytes. */
const ARRAY = 60;

const child = fileURLToPath(new URL('./garbage-child.js', import.meta.url));
const measure = (name: string): { clean: number; spoilt: number } =>
  JSON.parse(execFileSync(process.execPath, ['--expose-gc', child, name], { encoding: 'utf8' })) as {
    clean: number;
    spoilt: number;
  };

for (const name of [
  'lqr',
  'ilqr',
  'ilqr in JavaScript',
  'ddp',
  'fddp with gaps',
  'ilqr of an arm',
  'planner of an arm',
] as const) {
  test(`an iteration of ${name} allocates nothing, and one array an iteration would be seen`, () => {
    // What the optimiser boxes differs from one process to the next; what the code allocates does not.
    const budget = name === 'planner of an arm' ? PLAN_BUDGET : BUDGET;
    let measured = measure(name);
    for (let tries = 1; tries < 4 && measured.clean >= budget; tries++) measured = measure(name);
    const { clean, spoilt } = measured;
    assert.ok(clean >= 0 && clean < budget, `${clean} bytes an iteration`);
    assert.ok(spoilt > clean + ARRAY, `one array an iteration was measured as ${spoilt - clean} bytes`);
  });
}
