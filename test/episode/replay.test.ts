import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { Episode } from '../../src/episode/episode.ts';
import { replayLockstep } from '../../src/episode/replay-lockstep.ts';
import { checkReplayable, RowFeeder, readReplayRows } from '../../src/episode/replay-rows.ts';
import { RingEnd, RingView, ring } from '../../src/loop/channel.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { FileSink, MemorySink } from '../../src/record/sink.ts';
import { rowLayout } from '../../src/robot/tick.ts';
import { recordPick } from '../support/lockstep-pick.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-replay-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const files = new EpisodeFiles(workspace);
const TICKS = 9000;

before(async () => {
  files.makeFolders();
  const sink = new FileSink(files.mcap('pick'));
  const summary = await recordPick(sink, { seed: 3, ticks: TICKS });
  sink.close();
  assert.equal(summary.label, 'success', 'the scripted pick itself must work');
});

test('open-loop replay in lockstep repeats the pick', async () => {
  await using episode = await Episode.open(files, 'pick');
  const outcome = await replayLockstep(episode, async () => createLockstepDevice);
  assert.deepEqual(outcome.fault, []);
  assert.ok(outcome.finished);
  assert.ok(outcome.recordedSuccess);
  assert.ok(outcome.success, 'the replay must lift the cube again');
});

test('a device that does not run in lockstep is refused by name', async () => {
  await using episode = await Episode.open(files, 'pick');
  await assert.rejects(
    replayLockstep(episode, async () => null),
    { code: 'REPLAY_IMPOSSIBLE' },
  );
  const other = { ...episode.spec, axes: episode.spec.axes.slice(0, 6) };
  assert.throws(() => checkReplayable(episode, other), { code: 'REPLAY_IMPOSSIBLE' });
});

test('rows are the commands of the episode, at their own times after the lead', async () => {
  await using episode = await Episode.open(files, 'pick');
  const rows = await readReplayRows(episode);
  const layout = rowLayout(rows.axes);
  // A ring far smaller than the plan: the feeder waits for room and leaves nothing out.
  const buffer = ring(layout.size, 64);
  const feeder = new RowFeeder(rows, 0.5, new RingEnd(buffer));
  const reader = new RingView(buffer);
  const { tickLayout } = episode;
  const commands: Float64Array[] = [];
  const times: number[] = [];
  await episode.ticks((block) => {
    if (block[tickLayout.at('out.commandMode')] === 0) return;
    commands.push(tickLayout.view(block, 'out.q').slice());
    times.push(block[tickLayout.at('in.time')]!);
  });
  let count = 0;
  for (let done = false; !done || reader.length > 0; ) {
    done = feeder.pump();
    for (let slot = reader.peek(); slot !== null; slot = reader.peek()) {
      const { block } = slot;
      assert.equal(block[layout.at('seq')], count + 1);
      const lead = count === 0 ? 0 : 0.5;
      assert.ok(Math.abs(block[layout.at('time')]! - lead - (times[count]! - times[0]!)) < 1e-9);
      assert.deepEqual(layout.view(block, 'q'), commands[count]);
      assert.equal(block[layout.at('last')], count === commands.length - 1 ? 1 : 0);
      count++;
      reader.release();
    }
  }
  assert.equal(count, commands.length);
});

test('one seed, one file: a lockstep run gives the same bytes twice', async () => {
  const run = async (): Promise<Buffer> => {
    const sink = new MemorySink();
    await recordPick(sink, { seed: 5, ticks: 1500, jitter: true });
    return sink.bytes();
  };
  assert.ok((await run()).equals(await run()));
});
