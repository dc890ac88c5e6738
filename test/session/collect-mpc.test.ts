// @limit 300
/** `armloop collect --teacher --planner mpc` from the command line, and what it wrote read back from the files. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { Episode } from '../../src/episode/episode.ts';
import { verifyEpisode } from '../../src/episode/verify.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { Command } from '../support/rig-process.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-collect-mpc-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

for (const { task, episodes, seed } of [
  { task: 'reach', episodes: 1, seed: 2 },
  { task: 'pick-place-bin', episodes: 2, seed: 2 },
  { task: 'push', episodes: 1, seed: 2 },
]) {
  test(`${task}: the planner drives every tick, the task judges, the files hold it`, async () => {
    const args = ['--teacher', '--planner', 'mpc', '--task', task, '--cameras', 'none', '--id', task];
    const numbers = ['--episodes', String(episodes), '--seed', String(seed)];
    await using run = new Command(['collect', ...args, ...numbers, '--workspace', workspace, '--json']);
    const { code } = await run.ended;
    assert.equal(code, 0, run.output);
    const files = new CollectionFiles(workspace);
    const plan = files.read(task);
    assert.deepEqual(plan.driver, { kind: 'teacher', disturb: 'none', planner: 'mpc' });
    const { finished } = files.state(plan);
    assert.deepEqual(
      finished.map((f) => [f.seed, f.reason, f.flags]).sort(),
      Array.from({ length: episodes }, (_, i) => [seed + i, 'success', []]),
    );
    const listed = await new Catalogue(workspace).list();
    for (const f of finished) {
      const entry = listed.find((e) => e.id === f.recorded)!;
      assert.deepEqual([entry.label, entry.operator, entry.seed], ['success', driver(task), f.seed]);
      await using episode = await Episode.open(new EpisodeFiles(workspace), f.recorded!);
      const seen = await told(episode);
      assert.deepEqual([...seen.sources], [Source.mpc], 'who drove');
      assert.ok(seen.driven > 0.9 * f.timeToSuccess! * episode.spec.loop.rateHz, `${seen.driven} ticks`);
      assert.ok(seen.plans > 20, `${seen.plans} plans`);
      assert.equal(seen.success, 1, 'the task says so in the last tick');
      const again = await verifyEpisode(episode, { versions: 'same' });
      assert.ok(again.equal, again.text);
    }
  });
}

const driver = (task: string): string => `mpc ${task === 'push' ? 'push' : 'phases'}`;

/** Sources of the ticks in which something drove, how many they are, plans that were followed, and the end. */
async function told(episode: Episode) {
  const { tickLayout } = episode;
  const [mode, controller, source, plan, success] = (
    ['out.mode', 'out.controller', 'out.source', 'in.plan.seq', 'in.task.success'] as const
  ).map((name) => tickLayout.at(name)) as [number, number, number, number, number];
  const seen = { sources: new Set<number>(), driven: 0, plans: 0, success: Number.NaN };
  await episode.ticks((block) => {
    seen.success = block[success]!;
    seen.plans = Math.max(seen.plans, block[plan]!);
    if (block[mode] !== Mode.active) return;
    assert.equal(block[controller], ControllerId.mpc);
    seen.sources.add(block[source]!);
    seen.driven++;
  });
  return seen;
}

test('a planner does not push the arm off its way, nor begin as after a missed grasp', async () => {
  const args = ['collect', '--teacher', '--planner', 'mpc', '--disturb', 'push', '--workspace', workspace];
  await using run = new Command(args);
  const { code } = await run.ended;
  assert.equal(code, 2);
  assert.match(run.output, /--planner goes with --teacher, without --disturb and --recover/);
});
