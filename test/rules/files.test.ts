import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sources } from '../support/sources.ts';

const CODE = ['src', 'drivers', 'sim', 'policies', 'bench', 'scripts', 'test'];
const code = sources(CODE, ['.ts', '.mjs', '.svelte']);
const texts = sources(
  ['.'],
  ['.ts', '.mjs', '.svelte', '.md', '.yaml', '.json', '.xml', '.py', '.c', '.css', '.html', 'run'],
).filter((s) => s.path !== 'package-lock.json' && !s.path.startsWith('test/golden/'));

/** Files that are one long table: there length is no sign of two things in one place. */
const TABLES = new Set(['src/errors.ts']);
const LONGEST = 600;

it('no file is longer than 600 lines, and most are short', () => {
  const lines = code.map((s) => ({ path: s.path, lines: s.text.split('\n').length - 1 }));
  const long = lines.filter((s) => s.lines > LONGEST && !TABLES.has(s.path));
  assert.deepEqual(long, []);
  const sorted = lines.map((s) => s.lines).sort((a, b) => a - b);
  assert.ok(sorted[sorted.length >> 1]! <= 200, `median ${sorted[sorted.length >> 1]} lines`);
});

it('nothing is typed `any`: biome refuses it, and nothing tells biome to look away', () => {
  const biome = sources(['biome.json'], ['.json'])[0]!.text;
  assert.match(biome, /"noExplicitAny": "error"/);
  const ignored = /biome-ignore (?:lint|lint\/suspicious)[^\n]*Explicit/;
  assert.deepEqual(
    code.filter((s) => ignored.test(s.text)).map((s) => s.path),
    [],
  );
});

it('nothing refers to the machine it was written on', () => {
  const machine = /(?<![\w.@:/-])\/(?:home|root|Users|work|mnt)\/[\w.-]/;
  const bad = texts.filter((s) => machine.test(s.text));
  assert.deepEqual(
    bad.map((s) => `${s.path}: ${machine.exec(s.text)![0]}`),
    [],
  );
});

it('nothing is left to do later in a comment', () => {
  // Put together here, so that this file does not find itself.
  const mark = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
  const bad = code.filter((s) => mark.test(s.text));
  assert.deepEqual(
    bad.map((s) => s.path),
    [],
  );
});
