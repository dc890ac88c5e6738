import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  bundleFile,
  findBundle,
  installBundle,
  listBundles,
  loadBundle,
  readOnnx,
} from '../../src/policy/bundle.ts';
import { HOME, spec } from '../support/bench-arm.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-bundle-'));
after(() => rmSync(folder, { recursive: true }));
const good = (name: string) =>
  writeBundle(join(folder, name), { ...jointManifest(spec), name }, towards(HOME, 8, 0.1));

test('a bundle is read back, and its model is the one that policy.json names', () => {
  const bundle = good('good');
  assert.equal(bundle.manifest.name, 'good');
  assert.equal(readOnnx(bundle).byteLength, readFileSync(join(bundle.folder, 'policy.onnx')).byteLength);
  writeFileSync(join(bundle.folder, 'policy.onnx'), 'something else');
  assert.throws(() => readOnnx(bundle), {
    code: 'POLICY_CHANGED',
    message: /policy.onnx of the policy good/,
  });
});

test('a manifest that is none is refused with the place and the rule', () => {
  const bundle = good('bad');
  const file = join(bundle.folder, 'policy.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...json, rateHz: -3 }));
  assert.throws(() => loadBundle(bundle.folder), { code: 'POLICY_INVALID', message: /rateHz is -3, but/ });
  writeFileSync(file, JSON.stringify({ ...json, ratehz: 3 }));
  assert.throws(() => loadBundle(bundle.folder), { code: 'POLICY_INVALID', message: /did you mean rateHz/ });
  writeFileSync(file, '{');
  assert.throws(() => loadBundle(bundle.folder), { code: 'POLICY_UNREADABLE' });
  assert.throws(() => loadBundle(join(folder, 'none')), { code: 'POLICY_UNREADABLE' });
});

test('no file outside of the bundle is read, by name or by link', () => {
  const bundle = good('closed');
  writeFileSync(join(folder, 'secret.onnx'), 'x');
  symlinkSync(join(folder, 'secret.onnx'), join(bundle.folder, 'link.onnx'));
  for (const name of ['../secret.onnx', 'a/../../secret.onnx', join(folder, 'secret.onnx'), 'link.onnx']) {
    assert.throws(() => bundleFile(bundle, name), {
      code: 'POLICY_UNREADABLE',
      message: /leads out of the bundle/,
    });
  }
  assert.throws(() => bundleFile(bundle, 'missing.onnx'), { code: 'POLICY_UNREADABLE', message: /ENOENT/ });
  assert.ok(bundleFile(bundle, 'policy.onnx').endsWith('policy.onnx'));
});

test('policies are found by path, then by name in the order of the places', () => {
  const places = [join(folder, 'own'), join(folder, 'shipped')];
  for (const place of places) mkdirSync(place, { recursive: true });
  writeBundle(join(places[1]!, 'pick'), { ...jointManifest(spec), name: 'pick' }, towards(HOME, 8, 0.1));
  assert.equal(findBundle('pick', places), join(places[1]!, 'pick'));
  writeBundle(join(places[0]!, 'pick'), { ...jointManifest(spec), name: 'pick' }, towards(HOME, 8, 0.1));
  mkdirSync(join(places[0]!, 'broken'));
  writeFileSync(join(places[0]!, 'broken', 'policy.json'), '{}');
  assert.equal(findBundle('pick', places), join(places[0]!, 'pick'));
  assert.equal(findBundle(join(places[1]!, 'pick'), []), join(places[1]!, 'pick'));
  for (const name of ['push', '..', '']) {
    assert.throws(() => findBundle(name, places), {
      code: 'POLICY_UNKNOWN',
      message: /there are: broken, pick$/,
    });
  }
  const list = listBundles(places);
  assert.deepEqual(
    list.map((b) => b.name),
    ['broken', 'pick'],
  );
  assert.match(list[0]!.problem, /policy.json/);
  assert.equal(list[1]!.problem, '');
});

test('a bundle is installed once under its name, whole, and another of that name is refused', () => {
  const places = [join(folder, 'installed'), join(folder, 'others')];
  const bundle = good('fresh');
  assert.equal(installBundle(bundle.folder, places), 'fresh');
  assert.equal(loadBundle(join(places[0]!, 'fresh')).sha256, bundle.sha256);
  assert.deepEqual(readdirSync(places[0]!), ['fresh'], 'nothing is left beside it');
  assert.equal(installBundle(bundle.folder, places), 'fresh', 'again: the same');
  assert.equal(installBundle('fresh', places), 'fresh');
  assert.equal(installBundle(join(places[0]!, 'fresh'), places), 'fresh');
  const other = writeBundle(
    join(folder, 'namesake'),
    { ...jointManifest(spec), name: 'fresh', description: 'another' },
    towards(HOME, 8, 0.1),
  );
  assert.throws(() => installBundle(other.folder, places), { code: 'POLICY_TAKEN' });
});
