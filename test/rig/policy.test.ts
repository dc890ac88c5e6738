/** @alone @limit 180 A rig in processes of its own, driven by a policy through its server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { Episode } from '../../src/episode/episode.ts';
import { verifyEpisode } from '../../src/episode/verify.ts';
import { cast, mean, reshape } from '../../src/nn/ops.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { ControllerId, Mode, OperatorKind, Source } from '../../src/robot/tick.ts';
import type { PolicyListing, SessionState } from '../../src/server/protocol.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';
import { Client, Command, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

/** Joint 1 goes to this. */
const GOAL = 0.3;

/** A policy that looks, and goes to a pose from wherever it is. */
function bundle(folder: string, spec: RobotSpec): void {
  const m = jointManifest(spec);
  const home = spec.axes.map((a) => a.home);
  const graph = towards([GOAL, ...home.slice(1)], 8, 0.02);
  // The picture is an input that the model asks for, and an output of its own.
  const image = cast(graph.input('image', [1, 1, 32, 32, 3], 'uint8'), 'float32');
  graph.output('brightness', mean(reshape(image, [1, 32 * 32 * 3]), [1]));
  const camera = spec.cameras[0]!.name;
  const input = {
    kind: 'image',
    name: 'image',
    camera,
    width: 32,
    height: 32,
    encoding: 'uint8-hwc',
  } as const;
  writeBundle(
    folder,
    {
      ...m,
      // Patient with a busy machine: this is about who drives.
      latencyMs: 200,
      observation: { steps: 1, maxAgeMs: 3000 },
      inputs: [...m.inputs, input],
      chunk: { ...m.chunk, horizon: 8, every: 2 },
    },
    graph,
  );
}

test('a policy is deployed, drives, gives way to hands, goes on and is put away; the episode tells who drove when', async (t) => {
  using folder = workspace();
  const robot = testRobot(folder.path, { sim: { task: 'reach', seed: 1, timestep: 0.002 } });
  const spec = loadRobot(robot);
  bundle(join(folder.path, 'policies', 'reacher'), spec);
  const broken = join(folder.path, 'policies', 'broken');
  bundle(broken, spec);
  writeFileSync(join(broken, 'policy.onnx'), 'nothing');
  await using rig = await up(folder.path, robot);
  await using client = await Client.open(rig.url);
  const policy = () => (client.session as unknown as SessionState).policy;
  const drives = (source: number) => () =>
    client.value('source') === source && client.value('mode') === Mode.active;
  let episode = '';

  await t.test('it is listed, and refused by name and by what is wrong with it', async () => {
    const list = await client.get<PolicyListing[]>('/api/policies');
    const own = list.filter((p) => p.name === 'reacher' || p.name === 'broken');
    assert.deepEqual(
      own.map((p) => [p.name, p.problems]),
      [
        ['broken', []],
        ['reacher', []],
      ],
    );
    assert.equal((await client.post('/api/policy/deploy', { lease: 7, policy: 'reacher' })).status, 403);
    await client.take('Ada');
    const unknown = await client.post('/api/policy/deploy', { lease: client.lease, policy: 'nobody' });
    assert.equal(unknown.status, 404);
    assert.match(JSON.stringify(unknown.body), /there is no policy nobody; there are: .*reacher/);
    const changed = await client.post('/api/policy/deploy', { lease: client.lease, policy: 'broken' });
    assert.match(JSON.stringify(changed.body), /POLICY_CHANGED/);
    await client.until('nothing is loaded', () => policy() === null && client.value('policy.loaded') === 0);
  });

  await t.test('it drives to its goal', async () => {
    const started = await client.ask('/api/recording/start', { task: 'reach', operator: 'Ada' });
    episode = String(started['episode']);
    await client.ask('/api/policy/deploy', { policy: 'reacher' });
    await client.until('the policy drives', drives(Source.policy));
    assert.equal(client.value('controller'), ControllerId.policy);
    await client.until('it is there', () => Math.abs(client.value('q') - GOAL) < 0.02, 60_000);
    assert.ok(client.value('policy.chunks') > 2);
    assert.ok(client.value('policy.inferenceMs') > 0);
    assert.ok(client.value('policy.chunkAge') > 0);
    await client.until('the session says so', () => policy()?.state === 'driving');
    assert.match(policy()!.sha256, /^[0-9a-f]{64}$/);
  });

  await t.test('hands take over at once, and it stays ready', async () => {
    client.set({ kind: OperatorKind.jog, enable: 1, speed: 0.5, jog: [-1] });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    await client.until('a person drives', drives(Source.human));
    await client.until('away from the goal', () => client.value('q') < GOAL - 0.25);
    client.set({ jog: 0 });
    await client.until('the session says so', () => policy()?.state === 'ready');
    assert.equal(client.value('policy.loaded'), 1);
  });

  await t.test('handed back, it goes on from where the arm is', async () => {
    await client.ask('/api/policy/resume');
    await client.until('the policy drives', drives(Source.policy));
    await client.until('it is there again', () => Math.abs(client.value('q') - GOAL) < 0.02, 60_000);
  });

  await t.test('put away, the arm holds, and nothing can be handed back to', async () => {
    await client.ask('/api/policy/stop');
    await client.until('holding', () => client.value('mode') === Mode.holding);
    await client.until('no policy', () => policy() === null && client.value('policy.loaded') === 0);
    const none = await client.post('/api/policy/resume', { lease: client.lease });
    assert.match(JSON.stringify(none.body), /POLICY_NONE/);
    await client.ask('/api/recording/stop');
    await client.ask('/api/recording/label', { label: 'success' });
  });

  await t.test(
    'armloop deploy is the operator until Ctrl-C; then the arm holds and nobody has control',
    async () => {
      client.operator.send({ type: 'release' });
      await client.until('nobody in control', () => client.value('lease') === 0);
      await using deploy = new Command([
        'deploy',
        'reacher',
        '--server',
        rig.url,
        '--workspace',
        folder.path,
      ]);
      await deploy.prints(/reacher drives/);
      assert.ok(client.value('lease') > 0);
      deploy.child.kill('SIGINT');
      assert.deepEqual(await deploy.ended, { code: 0, signal: null }, deploy.output);
      assert.match(deploy.output, /stopping; .*stopped; the arm holds/s);
      await client.until(
        'at rest',
        () => client.value('mode') === Mode.holding && client.value('lease') === 0,
      );
    },
  );

  await t.test('the episode: who drove in every tick, and every tick verified', async () => {
    await using file = await Episode.open(new EpisodeFiles(folder.path), episode);
    const at = { source: file.tickLayout.at('out.source'), start: file.tickLayout.at('in.row.start') };
    const order: number[] = [];
    await file.ticks((block) => {
      const source = block[at.source]!;
      if (order.at(-1) !== source) order.push(source);
    });
    const driven = order.filter((s) => s === Source.policy || s === Source.human);
    assert.deepEqual(driven, [Source.policy, Source.human, Source.policy]);
    const result = await verifyEpisode(file, { versions: 'same' });
    assert.equal(result.equal, true, result.text);
  });
});
