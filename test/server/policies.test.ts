import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { goalOf } from '../../src/episode/goal.ts';
import type { ConditionInput } from '../../src/policy/manifest.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { Source } from '../../src/robot/tick.ts';
import type { PolicyDetails } from '../../src/server/learning-protocol.ts';
import { dataRobot, writeDataEpisode } from '../support/data-episode.ts';
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

test('the end of an episode is told as the policy takes its goal', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const base = jointManifest(spec);
  const home = spec.axes.map((a) => a.home);
  const features = [{ field: 'in.q', encode: 'raw', unit: 'axis', width: 8 }] as const;
  const condition: ConditionInput = { kind: 'condition', name: 'goal', features: [...features] };
  writeBundle(join(rig.folder, 'policies', 'plain'), base, towards(home, 8, 0.02));
  const taking = { ...base, inputs: [...base.inputs, condition] };
  writeBundle(join(rig.folder, 'policies', 'taking'), taking, towards(home, 8, 0.02));
  const files = new EpisodeFiles(rig.folder);
  files.makeFolders();
  await writeDataEpisode(files, 'shown', { seed: 1, frames: 'none', spec: dataRobot({ cameras: [] }) });
  await writeDataEpisode(files, 'stopped', { seed: 2, frames: 'none', source: Source.safety, seconds: 0.05 });
  const ask = async (policy: string, episode: string): Promise<[number, string]> => {
    const response = await fetch(`${server.url}/api/policies/${policy}/goal?episode=${episode}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask('taking', 'shown'), [
    200,
    JSON.stringify({ goal: await goalOf(files, 'shown', features) }),
  ]);
  for (const [policy, episode, status, mentions] of [
    ['plain', 'shown', 422, /POLICY_ASKED.*takes no goal/],
    ['taking', 'stopped', 422, /GOAL_NONE.*nobody drove/],
    ['taking', 'never', 404, /EPISODE_UNKNOWN/],
    ['nobody', 'shown', 404, /POLICY_UNKNOWN/],
    ['taking', '..%2f', 400, /episode/],
  ] as const) {
    const [got, text] = await ask(policy, episode);
    assert.equal(got, status, text);
    assert.match(text, mentions);
  }
});
