import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EpisodePart } from '../../src/record/episode-writer.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { McapFile } from '../../src/record/reader.ts';
import type { Recorder, RecorderProgress } from '../../src/record/recorder.ts';
import { diagnose } from '../../src/record/repair.ts';
import { readSidecar } from '../../src/record/sidecar.ts';
import { pandaSpec } from '../support/episode.ts';
import { openRecorder, Rings } from '../support/recorder-rig.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-recorder-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

const options = (id: string) => ({ id, task: 'a task', operator: 'me', seed: 3, physics: [], notes: {} });

/** Resolves when the recorder has written that many ticks. */
function written(recorder: Recorder, ticks: number): Promise<void> {
  return new Promise((resolve) => {
    recorder.onProgress = (p: RecorderProgress) => {
      if (p.ticks < ticks) return;
      recorder.onProgress = null;
      resolve();
    };
  });
}

test('start, stop, label: the file begins with the tick of the snapshot and holds all ticks and frames', async () => {
  const rings = new Rings(pandaSpec());
  await using recorder = await openRecorder(rings, workspace);
  rings.run(100);
  const { firstTick } = await recorder.start(options('ep-a'), () => {
    rings.run(50);
    rings.snapshot();
    rings.run(400);
  });
  assert.equal(firstTick, 150);
  recorder.event('info', 'mark', 'half way');
  rings.run(400);
  await written(recorder, 800);
  await recorder.stop();
  const files = new EpisodeFiles(workspace);
  // Under review: every byte is on the disk already, the footer is not, and repair keeps its hands off.
  assert.notEqual(await diagnose(files.mcap('ep-a'), 'quick'), '');
  assert.ok(files.isLocked('ep-a'));
  const summary = await recorder.label('failure', 'dropped it');
  assert.equal(await diagnose(files.mcap('ep-a'), 'deep'), '');
  assert.equal(files.isLocked('ep-a'), false);
  assert.equal(summary.ticks, 800);
  assert.equal(summary.label, 'failure');
  assert.deepEqual(summary.sources, ['human']);
  assert.deepEqual(readSidecar(files.sidecar('ep-a'))?.summary, summary);

  await using file = await McapFile.open(files.mcap('ep-a'));
  const ticks: number[] = [];
  for await (const m of file.mcap.readMessages({ topics: ['/tick'] })) ticks.push(m.sequence);
  assert.deepEqual(
    ticks,
    Array.from({ length: 800 }, (_, i) => 150 + i),
  );
  assert.equal(file.count('/sent/sim'), 800);
  const frames = rings.framesIn(150, 950);
  assert.equal(file.count('/camera/front/compressed'), frames);
  assert.equal(file.count('/camera/wrist/compressed'), frames);
  assert.ok(Math.abs(file.count('/scene') - 0.8 * rings.spec.recording.sceneHz) <= 2);
  const events: string[] = [];
  for await (const m of file.mcap.readMessages({ topics: ['/events'] }))
    events.push(Buffer.from(m.data).toString());
  assert.ok(events.some((e) => e.includes('half way')));
});

test('what a full ring refused is counted, named in words and stored', async () => {
  const rings = new Rings(pandaSpec());
  await using recorder = await openRecorder(rings, workspace);
  await recorder.start(options('ep-b'), () => rings.snapshot());
  // Far faster than the recorder drains, until the ring refuses; then one tick that fits shows the hole.
  while (rings.refused < 10) rings.run(100);
  while (!rings.run(1)) await sleep(1);
  const { refused } = rings;
  await written(recorder, rings.next - refused);
  await recorder.stop();
  const summary = await recorder.label('success', '');
  assert.ok(
    summary.flags.some((f) => f.includes(`${refused} records of /tick were lost`)),
    summary.flags.join('; '),
  );
  assert.ok(
    summary.flags.some((f) => f.includes(`${refused} ticks are missing`)),
    summary.flags.join('; '),
  );
  await using file = await McapFile.open(new EpisodeFiles(workspace).mcap('ep-b'));
  const quality = JSON.parse((await file.metadata(EpisodePart.end))?.get('quality') ?? '{}');
  assert.equal(quality.overflow['/tick'], refused);
});

test('discard goes to the trash; a second episode of that id is refused', async () => {
  const rings = new Rings(pandaSpec());
  await using recorder = await openRecorder(rings, workspace);
  await recorder.start(options('ep-c'), () => rings.snapshot());
  rings.run(200);
  await written(recorder, 200);
  await recorder.stop();
  const summary = await recorder.discard();
  assert.equal(summary.trashed, true);
  const files = new EpisodeFiles(workspace);
  assert.equal(files.shelfOf('ep-c'), 'trash');
  assert.equal(await diagnose(files.mcap('ep-c', 'trash'), 'deep'), '');
  const code = (wanted: string) => (e: unknown) => (e as { code: string }).code === wanted;
  await assert.rejects(
    recorder.start(options('ep-c'), () => {}),
    code('EPISODE_EXISTS'),
  );
  await assert.rejects(
    recorder.start(options('../x'), () => {}),
    code('EPISODE_BAD_ID'),
  );
  await assert.rejects(recorder.stop(), code('RECORD_STATE'));
  await assert.rejects(recorder.label('success', ''), code('RECORD_STATE'));
});

test('a loop that gives no snapshot is named, and nothing stays behind', async () => {
  const rings = new Rings(pandaSpec());
  await using recorder = await openRecorder(rings, workspace);
  await assert.rejects(
    recorder.start(options('ep-d'), () => {}),
    { code: 'RECORD_NO_SNAPSHOT' },
  );
  const files = new EpisodeFiles(workspace);
  assert.equal(existsSync(files.mcap('ep-d')), false);
  assert.equal(existsSync(files.lock('ep-d')), false);
  await recorder.start(options('ep-d'), () => rings.snapshot());
});

test('closing the rig while recording keeps the episode, unlabelled', async () => {
  const rings = new Rings(pandaSpec());
  {
    await using recorder = await openRecorder(rings, workspace);
    await recorder.start(options('ep-e'), () => rings.snapshot());
    rings.run(300);
    await written(recorder, 300);
  }
  const files = new EpisodeFiles(workspace);
  assert.equal(await diagnose(files.mcap('ep-e'), 'deep'), '');
  const summary = readSidecar(files.sidecar('ep-e'))!.summary;
  assert.equal(summary.label, 'unlabelled');
  assert.match(summary.cause, /shut down/);
});

test('kill -9 while recording: the next start repairs, and at most 0.5 s is lost', async () => {
  const space = mkdtempSync(join(workspace, 'killed-'));
  const victim = spawn(
    process.execPath,
    [new URL('../support/recorder-victim.js', import.meta.url).pathname, space],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  // Lines are the number of the newest tick in the ring and how many the recorder has taken, about 100 a second.
  let newest = 0;
  await new Promise<void>((resolve) => {
    victim.stdout.on('data', (text: Buffer) => {
      const [tick, taken] = text.toString().trim().split('\n').at(-1)!.split(' ').map(Number);
      newest = tick!;
      // Killed while its thread keeps up: what a machine without time for it loses says nothing of what is not yet on the disk.
      if (newest > 1500 && newest - taken! < 100) resolve();
    });
  });
  victim.kill('SIGKILL');
  await new Promise((resolve) => victim.once('exit', resolve));
  const files = new EpisodeFiles(space);
  assert.equal(files.isLocked('victim'), false);
  const rings = new Rings(pandaSpec());
  await using recorder = await openRecorder(rings, space);
  assert.deepEqual(
    recorder.repaired.map((r) => `${r.id} ${r.action}`),
    ['victim repaired'],
  );
  assert.equal(await diagnose(files.mcap('victim'), 'deep'), '');
  const summary = readSidecar(files.sidecar('victim'))!.summary;
  assert.ok(summary.repaired);
  // The rig runs at 1 kHz by its own stamps, so ticks count milliseconds.
  const lost = newest - summary.ticks;
  assert.ok(lost <= 500, `${lost} ticks of ${newest} are lost`);
});
