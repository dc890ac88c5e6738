import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Bytes that one period may allocate: `performance.now()` and a fractional `Atomics.wait` box their numbers. */
const BUDGET = 64;

function measure(...args: string[]): number {
  const child = fileURLToPath(new URL('./allocation-child.js', import.meta.url));
  const flags = ['--single-threaded-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
  const { rises, active } = JSON.parse(
    execFileSync(process.execPath, [...flags, child, ...args], { encoding: 'utf8' }),
  );
  assert.ok(active > 10_000, 'the twist controller was to be active');
  // The median bears a stretch in which V8 compiled something; a collection would show as a fall.
  const sorted = (rises as number[]).toSorted((a, b) => a - b);
  assert.ok(sorted[0]! >= 0, `collected: ${rises}`);
  return sorted[sorted.length >> 1]!;
}

test('one period of the loop allocates nothing but the boxes of clock and sleep', () => {
  const bytes = measure();
  assert.ok(bytes <= BUDGET, `${bytes} B per tick`);
});

test('one object a tick is noticed', () => {
  const bytes = measure('litter');
  assert.ok(bytes > BUDGET, `${bytes} B per tick with one object added`);
});
