import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Ledger, readLedger } from '../../src/record/ledger.ts';

interface Fact {
  readonly seed: number;
  readonly note: string;
}

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'armloop-ledger-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, ...facts: readonly Fact[]): void {
  using ledger = Ledger.open<Fact>(path);
  for (const fact of facts) ledger.append(fact);
}

describe('ledger', () => {
  it('gives back what was appended, over several openings, in a folder it makes', () => {
    const path = join(folder, 'new', 'ledger.jsonl');
    assert.deepEqual(readLedger(path), []);
    write(path, { seed: 1, note: 'a\nb' }, { seed: 2, note: 'ü' });
    write(path, { seed: 3, note: '' });
    assert.deepEqual(
      readLedger<Fact>(path).map((f) => f.seed),
      [1, 2, 3],
    );
    assert.equal(readLedger<Fact>(path)[0]!.note, 'a\nb');
  });

  it('torn after any byte of the last line: the lines before stand, and writing goes on cleanly', () => {
    const path = join(folder, 'ledger.jsonl');
    write(path, { seed: 1, note: 'first' }, { seed: 2, note: 'zweite Zeile, mit ü' });
    const whole = readFileSync(path);
    const first = whole.indexOf(10) + 1;
    for (let cut = first; cut < whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut));
      assert.deepEqual(readLedger(path), [{ seed: 1, note: 'first' }], `cut at ${cut}`);
      write(path, { seed: 9, note: 'after' });
      assert.deepEqual(readLedger(path), [
        { seed: 1, note: 'first' },
        { seed: 9, note: 'after' },
      ]);
    }
  });

  it('a whole line that is no object is damage, named by its number', () => {
    const path = join(folder, 'ledger.jsonl');
    write(path, { seed: 1, note: '' });
    appendFileSync(path, 'seed 2\n');
    assert.throws(() => readLedger(path), { code: 'LEDGER_DAMAGED', message: /line 2.*seed 2/ });
    writeFileSync(path, '7\n');
    assert.throws(() => readLedger(path), { code: 'LEDGER_DAMAGED' });
  });
});
