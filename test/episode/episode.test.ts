import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Catalogue, NOT_CLOSED } from '../../src/episode/catalogue.ts';
import { Episode } from '../../src/episode/episode.ts';
import { encodeTrace, readTrace } from '../../src/episode/trace.ts';
import { FileSink } from '../../src/record/sink.ts';
import { Layout } from '../../src/robot/layout.ts';
import { Fake, fakeJpeg, pandaSpec, scene, T0, writeFake } from '../support/episode.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-episode-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const catalogue = new Catalogue(workspace);
const { files } = catalogue;
const code = (wanted: string) => (e: unknown) => (e as { code: string }).code === wanted;

before(async () => {
  files.makeFolders();
  for (const [id, label] of [
    ['ep-1', 'success'],
    ['ep-2', 'failure'],
    ['ep-3', 'unlabelled'],
  ] as const) {
    const sink = new FileSink(files.mcap(id));
    const writer = await writeFake(sink, id, 1000);
    writer.finish({ label, cause: `cause of ${id}`, overflow: {} });
    sink.close();
  }
});

test('the list comes from the files; sidecars are made, kept, and made anew when older than the file', async () => {
  const list = await catalogue.list();
  assert.deepEqual(
    list.map((e) => e.id),
    ['ep-3', 'ep-2', 'ep-1'],
  );
  assert.deepEqual(
    (await catalogue.list({ label: 'failure' })).map((e) => e.cause),
    ['cause of ep-2'],
  );
  assert.deepEqual(await catalogue.list({ task: 'no such' }), []);
  assert.equal((await catalogue.list({ task: 'THE CUBE', clean: true })).length, 3);
  const one = list[2]!;
  assert.equal(one.ticks, 1000);
  assert.ok(Math.abs(one.rateHz - 1000) < 0.01);
  assert.equal(one.bytes, readFileSync(files.mcap('ep-1')).length);
  assert.deepEqual(
    one.cameras.map((c) => [c.name, c.frames]),
    [
      ['front', 15],
      ['wrist', 15],
      ['front_small', 15],
      ['wrist_small', 15],
    ],
  );
  // A sidecar that is newer counts as it is; an older one does not.
  const sidecar = files.sidecar('ep-1');
  const kept = JSON.parse(readFileSync(sidecar, 'utf8'));
  writeFileSync(sidecar, JSON.stringify({ ...kept, summary: { ...kept.summary, operator: 'edited' } }));
  assert.equal((await catalogue.get('ep-1')).operator, 'edited');
  utimesSync(sidecar, 1, 1);
  assert.equal((await catalogue.get('ep-1')).operator, 'Zoë');
  rmSync(sidecar);
  assert.deepEqual(await catalogue.get('ep-1'), one);
  assert.ok(existsSync(sidecar));
});

test('a new label is kept beside the file, with the old ones', async () => {
  await catalogue.relabel('ep-2', 'success', 'looked again', 100);
  await catalogue.relabel('ep-2', 'failure', 'no', 200);
  const details = await catalogue.details('ep-2');
  assert.equal(details.summary.label, 'failure');
  assert.deepEqual(
    details.relabels.map((r) => r.cause),
    ['looked again', 'no'],
  );
  utimesSync(files.sidecar('ep-2'), 1, 1);
  assert.equal((await catalogue.get('ep-2')).cause, 'no');
});

test('trash and restore move everything and overwrite nothing', async () => {
  const before = readFileSync(files.mcap('ep-3'));
  assert.equal((await catalogue.trash('ep-3')).trashed, true);
  assert.equal(existsSync(files.mcap('ep-3')), false);
  assert.equal(existsSync(files.sidecar('ep-3')), false);
  assert.deepEqual(
    (await catalogue.list({ shelf: 'trash' })).map((e) => e.id),
    ['ep-3'],
  );
  assert.equal((await catalogue.get('ep-3')).trashed, true);
  writeFileSync(files.mcap('ep-3'), 'another');
  await assert.rejects(catalogue.restore('ep-3'), code('EPISODE_EXISTS'));
  assert.equal(readFileSync(files.mcap('ep-3'), 'utf8'), 'another');
  rmSync(files.mcap('ep-3'));
  assert.equal((await catalogue.restore('ep-3')).trashed, false);
  assert.ok(readFileSync(files.mcap('ep-3')).equals(before));
  await assert.rejects(catalogue.restore('ep-3'), code('EPISODE_UNKNOWN'));
});

test('ids that are no ids never reach the file system', async () => {
  for (const id of ['../ep-1', 'ep-1/../ep-2', '', '.', 'EP-1', 'ep 1', 'ep-1\0', '-x', 'a'.repeat(64)]) {
    await assert.rejects(catalogue.get(id), code('EPISODE_BAD_ID'), JSON.stringify(id));
    await assert.rejects(catalogue.trash(id), code('EPISODE_BAD_ID'));
  }
  await assert.rejects(catalogue.get('ep-9'), code('EPISODE_UNKNOWN'));
});

test('episodes that were not closed are listed as such; those being recorded are not', async () => {
  const sink = new FileSink(files.mcap('open'));
  await writeFake(sink, 'open', 300);
  sink.close();
  assert.deepEqual((await catalogue.get('open')).flags, [NOT_CLOSED]);
  await assert.rejects(Episode.open(files, 'open'), code('EPISODE_DAMAGED'));
  await assert.rejects(catalogue.relabel('open', 'success', ''), code('EPISODE_DAMAGED'));
  files.takeLock('open');
  assert.equal(
    (await catalogue.list()).some((e) => e.id === 'open'),
    false,
  );
  await assert.rejects(catalogue.trash('open'), code('EPISODE_BUSY'));
  files.releaseLock('open');
  rmSync(files.mcap('open'));
});

test('ticks, requests and sent records come back bit for bit', async () => {
  await using episode = await Episode.open(files, 'ep-1');
  const fake = new Fake(pandaSpec());
  let k = 0;
  await episode.ticks((block) => {
    assert.deepEqual(block, fake.tick(k++));
  });
  assert.equal(k, 1000);
  assert.deepEqual(await episode.requests(), [fake.request(5, 3)]);
  const sent = await episode.sent('sim');
  assert.deepEqual(sent[999], fake.sent(999));
  assert.deepEqual(episode.memory.values, fake.memory);
  assert.deepEqual([...episode.physics[0]!.state], [1, 2, Math.PI]);
  assert.equal(episode.physics[0]!.time, T0);
  assert.equal(episode.robotText, pandaSpec().source.text);
});

test('the frame at a time is the newest one before it', async () => {
  await using episode = await Episode.open(files, 'ep-1');
  const at = async (time: number) => (await episode.frameAt('wrist', T0 + time))!;
  const third = await at(0.134);
  assert.ok(Math.abs(third.time - (T0 + 0.134)) < 1e-6);
  assert.deepEqual(Buffer.from(third.jpeg), Buffer.from(fakeJpeg(2 * 8 + 1, 3034)));
  assert.deepEqual((await at(0.1339)).jpeg, (await at(0.067)).jpeg);
  assert.deepEqual((await at(-5)).jpeg, (await at(0)).jpeg);
  assert.ok(Math.abs((await at(100)).time - (T0 + 0.938)) < 1e-6);
  await assert.rejects(episode.frameAt('side', 0), code('EPISODE_NO_CAMERA'));
});

test('the trace lies on an even grid and shows the newest values before each row', async () => {
  await using episode = await Episode.open(files, 'ep-1');
  const trace = await readTrace(episode, 40);
  const layout = Layout.fromJSON(trace.header.layout);
  assert.equal(trace.header.rows, 40);
  assert.equal(trace.rows.length, 40 * layout.size);
  const fake = new Fake(pandaSpec());
  for (const i of [0, 1, 17, 39]) {
    const row = trace.rows.subarray(i * layout.size, (i + 1) * layout.size);
    assert.ok(Math.abs(row[layout.at('time')]! - i * 0.025) < 1e-12);
    assert.deepEqual([...layout.view(row, 'q')], [...fake.tickLayout.view(fake.tick(i * 25), 'in.q')]);
    // Poses come every 20 ticks and are written at 30 Hz at most: at ticks 0, 40, 80 and so on, about.
    const newest = layout.view(row, 'poses')[7]! - 9 / 64;
    assert.ok(newest <= i * 25 && newest > i * 25 - 60, `row ${i} shows the poses of tick ${newest}`);
  }
  assert.equal(trace.header.scene?.bodies.length, scene.bodies.length);
  const bytes = encodeTrace(trace);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  assert.equal(JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))).rows, 40);
  assert.equal((bytes.byteLength - trace.rows.byteLength) % 8, 0);
});
