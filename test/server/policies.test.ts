import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PolicyDetails } from '../../src/server/learning-protocol.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';
import { serverOn } from '../support/quiet-server.ts';
import { ScriptedRig, spec } from '../support/scripted-rig.ts';

test('a policy is told with its whole contract; damaged and unknown ones in words', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const manifest = jointManifest(spec);
  const home = spec.axes.map((a) => a.home);
  const { sha256 } = writeBundle(join(rig.folder, 'policies', 'mine'), manifest, towards(home, 8, 0.02));
  mkdirSync(join(rig.folder, 'policies', 'damaged'));
  writeFileSync(join(rig.folder, 'policies', 'damaged', 'policy.json'), '{');
  const response = await fetch(`${server.url}/api/policies/mine`);
  assert.equal(response.status, 200);
  const details = (await response.json()) as PolicyDetails;
  assert.deepEqual([details.name, details.shipped, details.sha256], ['mine', false, sha256]);
  assert.deepEqual(details.manifest.inputs, manifest.inputs);
  for (const [name, status, mentions] of [
    ['nobody', 404, /no policy nobody; there are: .*mine/],
    ['damaged', 422, /cannot be read/],
    ['..%2fmine', 400, /name/],
    ['.hidden', 400, /name/],
  ] as const) {
    const refused = await fetch(`${server.url}/api/policies/${name}`);
    assert.equal(refused.status, status, name);
    const { error } = (await refused.json()) as { error: { message: string } };
    assert.match(error.message, mentions, name);
  }
});
