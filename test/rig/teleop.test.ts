/** @alone @limit 120 One simulated rig with its server, in processes of their own, driven through its sockets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { ControllerId, Mode, OperatorKind, Reason, Source } from '../../src/robot/tick.ts';
import type { EpisodeSummary } from '../../src/server/protocol.ts';
import { Client, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

test('a rig is driven, recorded, stopped and cleared through its server', async (t) => {
  using folder = workspace();
  await using rig = await up(folder.path, testRobot(folder.path));
  await using client = await Client.open(rig.url);
  const mode = (wanted: number) => () => client.value('mode') === wanted;

  await t.test('it holds by itself after its start', async () => {
    await client.until('holding', mode(Mode.holding));
    assert.equal(client.value('source'), Source.none);
    assert.ok(client.value('loop.rate') > 0 || client.value('tick') > 0);
  });

  await t.test('without a lease nothing moves it; with one, jog does', async () => {
    const refused = await client.post('/api/request', { kind: 'activate', lease: 5, controller: 'jog' });
    assert.equal(refused.status, 403);
    await client.take('Ada');
    assert.deepEqual((client.session['lease'] as { operator: string } | null)?.operator ?? 'Ada', 'Ada');
    const start = client.value('q');
    client.set({ kind: OperatorKind.jog, enable: 1, speed: 0.5, jog: [1] });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    await client.until('the first joint has moved', () => client.value('q') > start + 0.1);
    assert.equal(client.value('mode'), Mode.active);
    assert.equal(client.value('source'), Source.human);
    assert.equal(client.value('controller'), ControllerId.jog);
    assert.equal(client.value('lease'), client.lease);
    client.set({ jog: 0 });
    await client.until('at rest', () => Math.abs(client.value('qd')) < 1e-3);
    assert.ok(client.value('operatorSeq') > 0);
  });

  await t.test('a second client watches, is refused the lease, and may stop the arm', async () => {
    await using other = await Client.open(rig.url);
    await assert.rejects(other.take('Bob'), /Ada has control/);
    assert.equal((await other.post('/api/home', { lease: client.lease + 1 })).status, 403);
    client.set({ jog: [-1] });
    await client.until('moving', () => client.value('qd') < -0.05);
    assert.equal((await other.post('/api/estop')).status, 200);
    await other.until('stopped', () => other.value('mode') === Mode.stopped);
    assert.ok((other.value('fault') & Reason.estop) !== 0);
    await client.until('at rest', () => Math.abs(client.value('qd')) < 1e-3);
    const refused = await client.post('/api/request', {
      kind: 'activate',
      lease: client.lease,
      controller: 'jog',
    });
    assert.equal(refused.status, 409);
    assert.match(JSON.stringify(refused.body), /emergency stop/);
    assert.equal((await other.post('/api/request', { kind: 'clear', lease: 1 })).status, 403);
    client.set({ jog: 0 });
    await client.ask('/api/request', { kind: 'clear' });
    await client.until('holding', mode(Mode.holding));
  });

  let episode = '';
  await t.test(
    'an episode: start, drive, stop, label, listed; its trace and frames can be read',
    async () => {
      const started = await client.ask('/api/recording/start', { task: 'wave', operator: 'Ada' });
      episode = String(started['episode']);
      assert.equal(
        (await client.post('/api/recording/start', { lease: client.lease, task: 'x' })).status,
        409,
      );
      assert.equal((await client.post('/api/scene/reset', { lease: client.lease })).status, 409);
      client.set({ jog: [0, 0, 0, 0, 0, 1] });
      await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
      const before = client.value('q', 5);
      await client.until('the sixth joint has moved', () => client.value('q', 5) > before + 0.15);
      assert.ok(client.value('recording') > 0);
      client.set({ jog: 0 });
      await client.until('at rest', () => Math.abs(client.value('qd', 5)) < 1e-3);
      await client.ask('/api/request', { kind: 'hold' });
      assert.deepEqual(await client.ask('/api/recording/stop'), { episode });
      assert.deepEqual(await client.ask('/api/recording/label', { label: 'failure', cause: 'only a test' }), {
        episode,
      });
      assert.equal((await client.post('/api/recording/stop', { lease: client.lease })).status, 409);
      const list = await client.get<EpisodeSummary[]>('/api/episodes');
      assert.equal(list.length, 1);
      const [summary] = list;
      assert.equal(summary!.id, episode);
      assert.equal(summary!.label, 'failure');
      assert.equal(summary!.cause, 'only a test');
      assert.equal(summary!.operator, 'Ada');
      assert.ok(summary!.ticks > 100, `${summary!.ticks} ticks`);
      const trace = await fetch(`${rig.url}/api/episodes/${episode}/trace?hz=30`);
      assert.equal(trace.status, 200);
      assert.ok((await trace.arrayBuffer()).byteLength > 1000);
      const frame = await fetch(`${rig.url}/api/episodes/${episode}/frame/front?at=0.5`);
      assert.equal(frame.headers.get('content-type'), 'image/jpeg');
      assert.equal((await fetch(`${rig.url}/api/episodes/${episode}/trace?hz=no`)).status, 400);
      assert.equal((await fetch(`${rig.url}/api/episodes/none`)).status, 404);
      assert.equal((await fetch(`${rig.url}/api/episodes/${episode}/frame/none`)).status, 404);
    },
  );

  await t.test('home, a new scene, re-record and the trash', async () => {
    await client.ask('/api/home');
    await client.until(
      'home',
      () => client.value('mode') === Mode.holding && Math.abs(client.value('q')) < 0.01,
    );
    const epoch = client.value('epoch');
    assert.deepEqual(await client.ask('/api/scene/reset', { seed: 77 }), { seed: 77 });
    await client.until(
      'the scene of seed 77',
      () => client.value('seed') === 77 && client.value('epoch') > epoch,
    );
    await client.until('holding', mode(Mode.holding));
    const first = String(
      (await client.ask('/api/recording/start', { task: 'again', operator: 'Ada' }))['episode'],
    );
    const second = String((await client.ask('/api/recording/rerecord'))['episode']);
    assert.notEqual(first, second);
    await client.until('another seed', () => client.value('seed') !== 77);
    assert.deepEqual(await client.ask('/api/recording/discard'), { episode: second });
    const trash = await client.get<EpisodeSummary[]>('/api/episodes?trash=true');
    assert.deepEqual(new Set(trash.map((e) => e.id)), new Set([first, second]));
    assert.equal((await client.post(`/api/episodes/${first}/restore`)).status, 200);
    const back = await client.get<EpisodeSummary>(`/api/episodes/${first}`);
    assert.equal(back.trashed, false);
    assert.equal(back.task, 'again');
  });

  await t.test('an episode is driven again from the scene of its start', async () => {
    const seed = (await client.get<EpisodeSummary>(`/api/episodes/${episode}`)).seed;
    await client.ask(`/api/episodes/${episode}/replay`);
    await client.until('the replay', () => client.value('source') === Source.replay);
    assert.equal(client.value('seed'), seed);
    await client.until('its end', mode(Mode.holding));
    const trace = Buffer.from(await (await fetch(`${rig.url}/api/episodes/${episode}/trace`)).arrayBuffer());
    const length = trace.readUInt32LE(0);
    const header = JSON.parse(trace.subarray(4, 4 + length).toString()) as {
      rows: number;
      layout: { size: number; fields: { name: string; offset: number }[] };
    };
    const q = header.layout.fields.find((f) => f.name === 'q')!.offset;
    const last = ((4 + length + 7) & ~7) + ((header.rows - 1) * header.layout.size + q) * 8;
    for (let joint = 0; joint < 7; joint++) {
      const wanted = trace.readDoubleLE(last + joint * 8);
      assert.ok(Math.abs(client.value('q', joint) - wanted) < 0.02, `joint ${joint + 1}`);
    }
  });

  await t.test('a silent operator loses the lease and the arm stops, not latched', async () => {
    client.set({ jog: [0, 0, 0, 0, 0, 0, 1] });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    await client.until('moving', () => client.value('qd', 6) > 0.05);
    client.silence();
    await client.operator.text('lost');
    await client.until('holding', mode(Mode.holding));
    await client.until('nobody in control', () => client.value('lease') === 0);
    assert.equal(client.value('fault'), 0);
    const old = client.lease;
    assert.equal((await client.post('/api/home', { lease: old })).status, 403);
    client.set({ jog: 0 });
    assert.notEqual(await client.take('Ada'), old);
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    await client.until('active', mode(Mode.active));
  });

  await t.test('Ctrl-C: the arm is stopped, the recording closed, exit 0', async () => {
    client.set({ jog: [0, 0, 0, 0, 0, 0, -1] });
    const last = String(
      (await client.ask('/api/recording/start', { task: 'end', operator: 'Ada' }))['episode'],
    );
    const begun = client.value('tick');
    await client.until('moving', () => client.value('qd', 6) < -0.05 && client.value('tick') > begun + 100);
    rig.child.kill('SIGINT');
    assert.deepEqual(await rig.ended, { code: 0, signal: null });
    const kept = await new Catalogue(folder.path).get(last);
    assert.equal(kept.label, 'unlabelled');
    assert.equal(kept.repaired, false);
    assert.ok(kept.ticks > 10);
  });
});
