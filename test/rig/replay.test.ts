/** @alone @limit 120 A rig in real time: what it records is verified, read by others, and driven again by command. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Episode } from '../../src/episode/episode.ts';
import { verifyEpisode } from '../../src/episode/verify.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { diagnose } from '../../src/record/repair.ts';
import { Mode, Source } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { Client, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
}

function armloop(...args: readonly string[]): Promise<Ran> {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out: stdout + stderr });
    });
  });
}

test('a real-time episode', async (t) => {
  using folder = workspace();
  const files = new EpisodeFiles(folder.path);
  await using rig = await up(folder.path, testRobot(folder.path));
  let id = '';
  let last = 0;
  {
    await using client = await Client.open(rig.url);
    await client.until('holding', () => client.value('mode') === Mode.holding);
    await client.take();
    id = String((await client.ask('/api/recording/start', { task: 'turn', operator: 'Ada' }))['episode']);
    client.set({ kind: 1, enable: 1, speed: 0.5, jog: [0, 0, 0, 0, 0, 1] });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    const before = client.value('q', 5);
    await client.until('the sixth joint has moved', () => client.value('q', 5) > before + 0.2);
    // A stop in the middle, then on again, the other way.
    await client.ask('/api/request', { kind: 'hold' });
    await client.until('holding', () => client.value('mode') === Mode.holding);
    client.set({ jog: [0, 0, 0, 0, 0, 0, 1] });
    await client.ask('/api/request', { kind: 'activate', controller: 'jog' });
    const seventh = client.value('q', 6);
    await client.until('the seventh joint has moved', () => client.value('q', 6) > seventh + 0.1);
    client.set({ jog: 0 });
    await client.until('at rest', () => Math.abs(client.value('qd', 6)) < 1e-3);
    last = client.value('q', 6);
    await client.ask('/api/recording/stop');
    await client.ask('/api/recording/label', { label: 'success' });
  }

  await t.test('is sound, and whole from the tick of its memory snapshot', async () => {
    assert.equal(await diagnose(files.mcap(id), 'deep'), '');
    await using episode = await Episode.open(files, id);
    const { tickLayout } = episode;
    const ticks: number[] = [];
    let sources = 0;
    await episode.ticks((block) => {
      ticks.push(block[tickLayout.at('in.tick')]!);
      sources |= 1 << block[tickLayout.at('out.source')]!;
    });
    assert.deepEqual(
      ticks,
      Array.from(ticks, (_, i) => ticks[0]! + i),
    );
    assert.ok(sources & (1 << Source.human));
    const sent = await episode.sent('sim');
    // A starved machine lets the device take only the newest of several commands, but never one twice.
    assert.ok(sent.length > 50);
    assert.ok(sent.every((block, i) => i === 0 || block[0]! > sent[i - 1]![0]!));
    assert.ok((await episode.frameAt('front', Number.MAX_SAFE_INTEGER / 1e9)) !== null);
    assert.ok((episode.physics[0]?.state.length ?? 0) > 10);
  });

  await t.test('is verified bit for bit: the real-time inputs give the same commands again', async () => {
    const { code, out } = await armloop('replay', id, '--verify', '--workspace', folder.path);
    assert.equal(code, 0, out);
    await using episode = await Episode.open(files, id);
    assert.equal((await verifyEpisode(episode, { versions: 'same' })).ticks, episode.tickCount);
  });

  await t.test('is replayed in lockstep and on the rig, by command', async () => {
    const apart = await armloop('replay', id, '--lockstep', '--json', '--workspace', folder.path);
    assert.equal(JSON.parse(apart.out).finished, true, apart.out);
    const moved = await armloop('replay', id, '--server', rig.url);
    assert.equal(moved.code, 0, moved.out);
    await using client = await Client.open(rig.url);
    assert.ok(Math.abs(client.value('q', 6) - last) < 0.02, `${client.value('q', 6)} is not ${last}`);
  });
});
