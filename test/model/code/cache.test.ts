import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cached, generatorVersion } from '../../../src/model/code/cache.ts';
import { dynamicTree } from '../../../src/model/dynamic-tree.ts';
import { type CodeForm, generateDynamics } from '../../../src/model/generated.ts';
import { readTree } from '../../../src/model/load.ts';
import { PANDA7 } from '../../support/panda.ts';

const root = mkdtempSync(join(tmpdir(), 'armloop-code-'));
after(() => rmSync(root, { recursive: true }));

test('code is made once per key, and again when its file is damaged in any way', () => {
  const folder = join(root, 'made', 'here');
  let made = 0;
  const code = Uint8Array.of(1, 2, 3, 4, 5);
  const get = (key: string): Uint8Array =>
    cached(folder, key, () => {
      made++;
      return code;
    });
  assert.deepEqual([...get('a')], [...code]);
  assert.deepEqual([...get('a')], [...code]);
  assert.equal(made, 1);
  get('b');
  assert.equal(made, 2);
  assert.equal(readdirSync(folder).length, 2, 'no temporary files are left');
  const damage: ((file: string, whole: Buffer) => void)[] = [
    (file) => truncateSync(file, 3),
    (file) => truncateSync(file, 0),
    (file, whole) => writeFileSync(file, whole.subarray(0, whole.length - 1)),
    (file, whole) => writeFileSync(file, Buffer.concat([whole, Buffer.of(0)])),
    (file, whole) => {
      whole[whole.length - 1]! ^= 1;
      writeFileSync(file, whole);
    },
    (file, whole) => {
      whole[20]! ^= 1;
      writeFileSync(file, whole);
    },
  ];
  for (const [i, hurt] of damage.entries()) {
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      hurt(file, readFileSync(file));
    }
    assert.deepEqual([...get('a')], [...code], `damage ${i}`);
    assert.equal(made, 3 + 2 * i);
    get('b');
    get('a');
    assert.equal(made, 4 + 2 * i, 'the file is whole again');
  }
});

test('without a folder, or with one that cannot be written, code is made every time', () => {
  let made = 0;
  const make = (): Uint8Array => Uint8Array.of(made++);
  const blocked = join(root, 'file');
  writeFileSync(blocked, '');
  for (const folder of [null, join(blocked, 'below')]) {
    const before = made;
    cached(folder, 'x', make);
    cached(folder, 'x', make);
    assert.equal(made, before + 2);
  }
});

test('the version of the generator is a hash of its files', () => {
  assert.match(generatorVersion(), /^[0-9a-f]{64}$/);
});

test('a model from the cache is the model that was made; another robot has files of its own', () => {
  const tree = dynamicTree(readTree(PANDA7));
  for (const form of ['js', 'wasm'] as CodeForm[]) {
    const cache = join(root, form);
    const q = Float64Array.from([0.1, -0.5, 0.9, -1.4, 0.2, 1.9, -0.3]);
    const zero = new Float64Array(7);
    const [first, second, other] = [0, 1, 2].map(() => new Float64Array(7)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    generateDynamics(tree, { cache }, form).rnea(q, q, zero, first);
    const files = readdirSync(cache).length;
    assert.ok(files > 0);
    generateDynamics(tree, { cache }, form).rnea(q, q, zero, second);
    assert.equal(readdirSync(cache).length, files);
    assert.deepEqual(second, first);
    const loaded = dynamicTree(readTree(PANDA7), {
      payload: { frame: 'link7', mass: 1, position: [0, 0, 0.1] },
    });
    generateDynamics(loaded, { cache }, form).rnea(q, q, zero, other);
    assert.ok(readdirSync(cache).length > files);
    assert.ok(Math.abs(other[1]! - first[1]!) > 1);
  }
});
