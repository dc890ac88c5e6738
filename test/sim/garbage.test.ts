// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Room for one boxed number (16 bytes: the reward, once several tasks share a process) and for no object. */
const BUDGET = 24;

interface Measured {
  readonly clean: Readonly<Record<string, number>>;
  readonly spoilt: number;
}

const child = fileURLToPath(new URL('./garbage-child.js', import.meta.url));
const measure = (): Measured =>
  JSON.parse(execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' })) as Measured;
const most = ({ clean }: Measured): number => Math.max(...Object.values(clean));

test('a tick of the simulated device allocates nothing, and one object a tick would be seen', () => {
  // Which numbers are boxed is the optimiser's choice and differs from one process to the next; what the code
  // allocates does not.
  let measured = measure();
  for (let tries = 1; tries < 4 && most(measured) >= BUDGET; tries++) measured = measure();
  const { clean, spoilt } = measured;
  assert.ok(Object.keys(clean).length >= 4);
  for (const [task, bytes] of Object.entries(clean))
    assert.ok(bytes < BUDGET, `${task}: ${bytes} bytes a tick`);
  assert.ok(spoilt > BUDGET, `one object a tick was measured as ${spoilt} bytes`);
});
