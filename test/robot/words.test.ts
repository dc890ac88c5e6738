import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerId, Mode, Reason, Source } from '../../src/robot/tick.ts';
import { controllerWords, modeWords, reasonWords, sourceWords } from '../../src/robot/words.ts';

test('every mode, source and controller has words of its own', () => {
  const cases = [
    [Mode, modeWords],
    [Source, sourceWords],
    [ControllerId, controllerWords],
  ] as const;
  for (const [codes, words] of cases) {
    const seen = new Set<string>();
    for (const [name, code] of Object.entries(codes)) {
      assert.equal(words(code).name, name);
      assert.ok(words(code).text.endsWith('.'), `${name} needs a sentence`);
      seen.add(words(code).short);
    }
    assert.equal(seen.size, Object.keys(codes).length);
  }
});

test('reason bits are told apart and listed in order', () => {
  for (const [name, bit] of Object.entries(Reason))
    assert.deepEqual(
      reasonWords(bit).map((w) => w.name),
      [name],
    );
  assert.deepEqual(
    reasonWords(Reason.workspace | Reason.deadman).map((w) => w.name),
    ['workspace', 'deadman'],
  );
  assert.deepEqual(reasonWords(0), []);
});

test('an unknown code is named, not hidden', () => {
  assert.equal(modeWords(99).short, 'code 99');
});
