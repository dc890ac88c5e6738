// @alone
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Room for seven numbers on the heap (readings of the clock and returned costs, 16 bytes each), less than a small array takes. */
const BUDGET = 112;

test('an iteration of a shooting solver allocates nothing, and one array an iteration would be seen', () => {
  const child = fileURLToPath(new URL('./garbage-child.js', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', child], { encoding: 'utf8' });
  const { clean, spoilt } = JSON.parse(text) as { clean: Record<string, number>; spoilt: number };
  assert.ok(Object.keys(clean).length >= 9);
  for (const [name, bytes] of Object.entries(clean))
    assert.ok(bytes < BUDGET, `${name}: ${bytes} bytes an iteration`);
  assert.ok(spoilt > BUDGET, `one array an iteration was measured as ${spoilt} bytes`);
});
