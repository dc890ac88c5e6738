import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tailOf } from '../../src/server/tail.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-tail-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const line = (i: number, pad = ''): string => `${JSON.stringify({ i, pad })}\n`;
const numbers = (lines: readonly { i: number }[]): number[] => lines.map((l) => l.i);

test('each answer goes on where the one before ended; a torn line waits for its end', async () => {
  const path = join(folder, 'grows.jsonl');
  assert.deepEqual(await tailOf(path, undefined), {
    cursor: '0-0',
    fresh: true,
    more: false,
    damaged: 0,
    lines: [],
  });
  writeFileSync(path, line(1) + line(2) + line(3).slice(0, 4));
  const first = await tailOf<{ i: number }>(path, '0-0');
  assert.deepEqual([numbers(first.lines), first.fresh, first.more], [[1, 2], true, false]);
  const none = await tailOf<{ i: number }>(path, first.cursor);
  assert.deepEqual([none.lines, none.fresh, none.cursor], [[], false, first.cursor]);
  appendFileSync(path, line(3).slice(4) + line(4));
  const next = await tailOf<{ i: number }>(path, first.cursor);
  assert.deepEqual([numbers(next.lines), next.fresh], [[3, 4], false]);
});

test('a file that was written anew or cut is told from its start', async () => {
  const path = join(folder, 'anew.jsonl');
  writeFileSync(path, line(1) + line(2) + line(3));
  const { cursor } = await tailOf(path, undefined);
  // As writeAtomically does: another file takes the name. It is longer, so its length says nothing.
  writeFileSync(`${path}.tmp`, line(1) + line(7) + line(8) + line(9));
  renameSync(`${path}.tmp`, path);
  const anew = await tailOf<{ i: number }>(path, cursor);
  assert.deepEqual([numbers(anew.lines), anew.fresh], [[1, 7, 8, 9], true]);
  writeFileSync(path, line(5));
  const cut = await tailOf<{ i: number }>(path, anew.cursor);
  assert.deepEqual([numbers(cut.lines), cut.fresh], [[5], true]);
});

test('damaged lines are counted, the others kept', async () => {
  const path = join(folder, 'damaged.jsonl');
  writeFileSync(path, `${line(1)}{"i": \n${line(2)}`);
  const { lines, damaged } = await tailOf<{ i: number }>(path, undefined);
  assert.deepEqual([numbers(lines), damaged], [[1, 2], 1]);
});

test('a long file comes in parts, whole lines each, a longer line whole', async () => {
  const path = join(folder, 'long.jsonl');
  const lines = Array.from({ length: 3000 }, (_, i) => line(i, 'x'.repeat(i === 1500 ? 3_000_000 : 700)));
  writeFileSync(path, lines.join(''));
  const got: number[] = [];
  let cursor: string | undefined;
  let answers = 0;
  for (let more = true; more; answers++) {
    const part = await tailOf<{ i: number }>(path, cursor);
    assert.equal(part.damaged, 0);
    got.push(...numbers(part.lines));
    ({ cursor, more } = part);
  }
  assert.ok(answers > 2);
  assert.deepEqual(
    got,
    lines.map((_, i) => i),
  );
});
