import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Episode } from '../../src/episode/episode.ts';
import { type VerifyResult, verifyEpisode } from '../../src/episode/verify.ts';
import { EpisodePart } from '../../src/record/episode-writer.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { FileSink } from '../../src/record/sink.ts';
import { Mode, tickRecordLayout } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { recordPick } from '../support/lockstep-pick.ts';
import { editMcap } from '../support/mcap-edit.ts';
import { simRobot } from '../support/sim-rig.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-verify-'));
after(() => rmSync(workspace, { recursive: true, force: true }));
const files = new EpisodeFiles(workspace);
const TICKS = 4000;
const layout = tickRecordLayout(simRobot('pick-cube'));

before(async () => {
  files.makeFolders();
  const sink = new FileSink(files.mcap('run'));
  await recordPick(sink, { seed: 11, ticks: TICKS, jitter: true, stopAt: 2000 });
  sink.close();
});

/** What `armloop replay ID --verify --json` prints, from a process of its own. */
function inNewProcess(
  id: string,
): Promise<{ code: number; result: VerifyResult & { error?: { code: string } } }> {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  const args = [main, 'replay', id, '--verify', '--json', '--workspace', workspace];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), result: JSON.parse(stdout) });
    });
  });
}

test('a run with jitter and a stop in it comes out bit for bit in a new process', async () => {
  await using episode = await Episode.open(files, 'run');
  let missed = 0;
  const modes = new Set<number>();
  await episode.ticks((block) => {
    missed += block[layout.at('in.missed')]!;
    modes.add(block[layout.at('out.mode')]!);
  });
  assert.ok(missed > 10, 'the run must have missed periods');
  for (const mode of [Mode.holding, Mode.active, Mode.stopping])
    assert.ok(modes.has(mode), `no mode ${mode}`);
  const { code, result } = await inNewProcess('run');
  assert.equal(code, 0);
  assert.equal(result.equal, true, result.text);
  assert.equal(result.ticks, TICKS);
});

const flips: readonly [string, number, number][] = [
  ['in.q', 2, 1500],
  ['in.wake', 0, 700],
  ['in.task.reward', 0, TICKS - 1],
  ['in.row.q', 5, 0],
];
for (const [i, [field, index, tick]] of flips.entries()) {
  test(`the lowest bit of ${field}[${index}] of tick ${tick} is found and named`, async () => {
    const id = `flipped-${i}`;
    await editMcap(files.mcap('run'), files.mcap(id), (topic, message) => {
      if (topic === '/tick' && message.sequence === tick)
        message.data[4 + 8 * (layout.at(field) + index)]! ^= 1;
      return 'keep';
    });
    const { code, result } = await inNewProcess(id);
    assert.equal(code, 1);
    assert.equal(result.difference?.tick, tick, result.text);
    assert.equal(result.difference.field, 'out.inputHash');
    assert.match(result.difference.why, /inputs/);
    assert.match(result.text, new RegExp(`tick ${tick}:`));
  });
}

test('a changed output is told from a changed input', async () => {
  await editMcap(files.mcap('run'), files.mcap('output'), (topic, message) => {
    if (topic === '/tick' && message.sequence === 900) message.data[4 + 8 * (layout.at('out.q') + 3)]! ^= 4;
    return 'keep';
  });
  await using episode = await Episode.open(files, 'output');
  const { difference } = await verifyEpisode(episode, { versions: 'same' });
  assert.equal(difference?.tick, 900);
  assert.equal(difference.field, 'out.q[3]');
  assert.match(difference.why, /output/);
});

test('missing ticks and requests are refused, never passed over', async () => {
  const cut = async (id: string, leaveOut: (topic: string, sequence: number) => boolean): Promise<void> => {
    await editMcap(files.mcap('run'), files.mcap(id), (topic, m) =>
      leaveOut(topic, m.sequence) ? 'drop' : 'keep',
    );
    await using episode = await Episode.open(files, id);
    await assert.rejects(verifyEpisode(episode, { versions: 'same' }), { code: 'VERIFY_REFUSED' }, id);
  };
  await cut('hole', (topic, sequence) => topic === '/tick' && sequence === 1234);
  await cut('head', (topic, sequence) => topic === '/tick' && sequence < 5);
  await cut('mute', (topic) => topic === '/request');
});

test('another engine is refused by name, unless it is asked for', async () => {
  const other = (name: string): Record<string, string> => (name === EpisodePart.start ? { v8: '1.2.3' } : {});
  await editMcap(files.mcap('run'), files.mcap('older'), () => 'keep', other);
  await using episode = await Episode.open(files, 'older');
  await assert.rejects(verifyEpisode(episode, { versions: 'same' }), /v8 1\.2\.3/);
  assert.equal((await verifyEpisode(episode, { versions: 'any' })).equal, true);
});
