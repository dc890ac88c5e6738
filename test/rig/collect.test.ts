/** @alone @limit 180 Collection in real time: a rig that `armloop collect --server` drives by itself. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { Mode } from '../../src/robot/tick.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { writeGoer } from '../support/policy.ts';
import { Client, Command, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

test('the teacher and a policy collect on a running rig, and the rig records', async () => {
  using folder = workspace();
  const sim = { task: 'reach', seed: 1, timestep: 0.001, vary: 'appearance' };
  const robot = testRobot(folder.path, { sim });
  await using rig = await up(folder.path, robot);
  {
    await using client = await Client.open(rig.url);
    await client.until('holding', () => client.value('mode') === Mode.holding);
    // A collector that died left this open.
    await client.take();
    await client.ask('/api/recording/start', {});
  }
  const collect = (...args: readonly string[]): Command =>
    new Command(['collect', '--server', rig.url, '--workspace', folder.path, '--json', ...args]);
  await using run = collect('--teacher', '--episodes', '2', '--seed', '5', '--id', 'live');
  const { code } = await run.ended;
  assert.equal(code, 0, run.output);
  const files = new CollectionFiles(folder.path);
  const state = files.state(files.read('live'));
  assert.equal(state.stopped!.why, 'done');
  assert.deepEqual(
    state.finished.map((f) => [f.seed, f.reason]),
    [
      [5, 'success'],
      [6, 'success'],
    ],
  );
  const listed = await new Catalogue(folder.path).list();
  assert.deepEqual(
    listed.map((e) => e.id).sort(),
    state.finished.map((f) => f.recorded).sort(),
    'the recording that was left open is in the trash',
  );
  for (const f of state.finished) {
    const episode = listed.find((e) => e.id === f.recorded)!;
    assert.deepEqual([episode.label, episode.operator, episode.seed], ['success', 'teacher', f.seed]);
    assert.ok(Number.isFinite(f.variation['light.azimuth']) && Number.isFinite(f.variation['teacher.pace']));
    assert.ok(f.timeToSuccess! > 0.8 && f.jointTravel > 0.1);
  }

  // A policy from a folder, with the goal that the first of them reached; it takes the place of the teacher.
  const elsewhere = join(folder.path, 'elsewhere', 'goer');
  const { sha256 } = writeGoer(elsewhere, loadRobot(robot));
  const [shown] = state.finished;
  const goer = ['--policy', elsewhere, '--goal-of', shown!.recorded!, '--seed', '5', '--episodes', '1'];
  await using byPolicy = collect(...goer, '--id', 'goer');
  const ended = await byPolicy.ended;
  assert.equal(ended.code, 0, byPolicy.output);
  const { plan, finished } = files.state(files.read('goer'));
  assert.deepEqual(
    [plan.driver.kind, plan.driver.kind === 'policy' && plan.driver.sha256],
    ['policy', sha256],
  );
  assert.deepEqual([finished[0]!.success, finished.length], [true, 1]);
  writeFileSync(
    join(elsewhere, 'policy.json'),
    readFileSync(join(elsewhere, 'policy.json'), 'utf8').replace('for tests', 'for others'),
  );
  await using changed = collect(...goer);
  assert.notEqual((await changed.ended).code, 0);
  assert.match(changed.output, /POLICY_TAKEN/);

  await using aimless = collect('--policy', 'goer', '--seed', '5', '--episodes', '1');
  assert.equal((await aimless.ended).code, 2, 'what the rig refuses is told as it tells it');
  assert.match(aimless.output, /POLICY_ASKED.*its goal goal has 8 finite values/);

  await using other = collect('--teacher', '--task', 'push');
  assert.notEqual((await other.ended).code, 0);
  assert.match(other.output, /COLLECTION_OTHER_RIG/);
});
