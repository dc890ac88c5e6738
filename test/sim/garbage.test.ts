// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Room for one boxed number (16 bytes: the reward, once several tasks share a process) and for no object. */
const BUDGET = 24;

test('a tick of the simulated device allocates nothing, and one object a tick would be seen', () => {
  const child = fileURLToPath(new URL('./garbage-child.js', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' });
  const { clean, spoilt } = JSON.parse(text) as { clean: Record<string, number>; spoilt: number };
  assert.ok(Object.keys(clean).length >= 4);
  for (const [task, bytes] of Object.entries(clean))
    assert.ok(bytes < BUDGET, `${task}: ${bytes} bytes a tick`);
  assert.ok(spoilt > BUDGET, `one object a tick was measured as ${spoilt} bytes`);
});
