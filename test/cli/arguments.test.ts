import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeast, positive, serverUrl, share, whole } from '../../src/cli/arguments.ts';

const parsers = { whole: whole(0), atLeast: atLeast(0.1), positive, share } as const;

test('what fits is taken as the number that it is', () => {
  assert.equal(whole(0)('0'), 0);
  assert.equal(whole(1)('12'), 12);
  assert.equal(atLeast(0.1)('0.1'), 0.1);
  assert.equal(positive('1e-3'), 1e-3);
  assert.equal(share('1'), 1);
});

test('an empty text, words, and what is no end or beyond it are refused with the rule', () => {
  for (const [name, parse] of Object.entries(parsers)) {
    for (const text of ['', ' ', 'many', 'Infinity', '-1'])
      assert.throws(() => parse(text), /It must be a (whole )?number/, `${name} ${text}`);
  }
  assert.throws(() => whole(0)('1.5'), /whole number of at least 0/);
  assert.throws(() => whole(2)('1'), /at least 2/);
  assert.throws(() => positive('0'), /above 0/);
  assert.throws(() => share('1.01'), /from 0 to 1/);
});

test('a console has an http address', () => {
  assert.equal(serverUrl('https://arm:1').port, '1');
  for (const text of ['arm', 'file:///x'])
    assert.throws(() => serverUrl(text), { code: 'SERVER_UNREACHABLE' }, text);
});
