/** @limit 180 Policies that are asked for something: which task, or which goal. Through the commands, in lockstep. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { main } from '../../src/cli/program.ts';
import { loadRobot } from '../../src/config.ts';
import { Episode } from '../../src/episode/episode.ts';
import { goalOf } from '../../src/episode/goal.ts';
import { Graph } from '../../src/nn/graph.ts';
import { gather } from '../../src/nn/ops.ts';
import type { ConditionInput } from '../../src/policy/manifest.ts';
import { Mode } from '../../src/robot/tick.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { ROOT } from '../support/panda.ts';
import { drive, jointManifest, writeBundle, writeGoer } from '../support/policy.ts';

const robot = join(ROOT, 'robots', 'panda-sim.yaml');
const spec = loadRobot(robot);
const N = spec.axes.length;
/** The seed of the demonstration, and one whose marker lies elsewhere. */
const [SHOWN, OTHER] = [11, 12];
const DEMONSTRATION = 'shown-00000';
const REACH = 'Bring the tool to the marker and hold it there';

let workspace = '';
let evaluations: EvaluationFiles;

/** Goes to a pose for each of two tasks. */
function writeChooser(poses: readonly (readonly number[])[], tasks: string[]): void {
  const g = new Graph();
  const table = g.constant(Float32Array.from(poses.flat()), [poses.length, N]);
  const base = jointManifest(spec);
  drive(g, gather(table, g.input('task', [1], 'int64'), 0), base.chunk.horizon, 0.02);
  const condition: ConditionInput = { kind: 'condition', name: 'task', tasks };
  const manifest = { ...base, name: 'chooser', inputs: [...base.inputs, condition] };
  writeBundle(join(workspace, 'policies', 'chooser'), manifest, g);
}

/** Runs a command and gives what it wrote to standard error too. */
async function armloop(...args: readonly string[]): Promise<{ code: number; said: string }> {
  const heard: string[] = [];
  const { write: own } = process.stderr;
  process.stderr.write = ((text: string) => heard.push(text) > 0) as typeof own;
  try {
    const code = await main([...args, '--workspace', workspace, '--workers', '1']);
    return { code, said: heard.join('') };
  } finally {
    process.stderr.write = own;
  }
}

const attempt = (policy: string, seed: number, ...more: readonly string[]) =>
  armloop('eval', policy, '--seeds', `${seed}`, '--vary', 'none', '--time-limit', '8', ...more);

before(async () => {
  workspace = mkdtempSync(join(tmpdir(), 'armloop-asked-'));
  evaluations = new EvaluationFiles(workspace);
  writeGoer(join(workspace, 'policies', 'goer'), spec);
  const shown = await armloop(
    ...['collect', '--teacher', '--task', 'reach', '--episodes', '1', '--seed', `${SHOWN}`],
    ...['--cameras', 'none', '--id', 'shown'],
  );
  assert.equal(shown.code, 0, shown.said);
});
after(() => rmSync(workspace, { recursive: true, force: true }));

const files = () => new CollectionFiles(workspace).episodes;

describe('a policy that takes a goal', () => {
  it('gets it from the last tick in which somebody drove', async () => {
    const features = [{ field: 'in.q', encode: 'raw', unit: 'axis', width: N }] as const;
    const goal = await goalOf(files(), DEMONSTRATION, features);
    await using episode = await Episode.open(files(), DEMONSTRATION);
    const { tickLayout: layout } = episode;
    let last: number[] = [];
    await episode.ticks((block) => {
      if (block[layout.at('out.mode')] === Mode.active)
        last = [...block.subarray(layout.at('in.q'), layout.at('in.q') + N)];
    });
    assert.deepEqual(goal, last);
  });

  it('reaches in an evaluation what was reached in the episode, and what it was given stands in the results', async () => {
    const { code, said } = await attempt(
      ...([
        'goer',
        SHOWN,
        '--task',
        'reach',
        '--goal-of',
        DEMONSTRATION,
        '--goal',
        '100',
        '--id',
        'goal',
      ] as const),
    );
    assert.equal(code, 0, said);
    const { request } = evaluations.read('goal').contestants[0]!;
    assert.equal(request!.goal!.length, N);
    assert.equal(request!.task, undefined);
  });

  it('does not where that is not the goal', async () => {
    const { code } = await attempt(
      ...(['goer', OTHER, '--task', 'reach', '--goal-of', DEMONSTRATION, '--goal', '100'] as const),
    );
    assert.equal(code, 1);
  });

  it('is refused without one, and one that takes none with one', async () => {
    const without = await attempt('goer', SHOWN, '--task', 'reach');
    assert.equal(without.code, 2);
    assert.match(without.said, /POLICY_ASKED.*its goal goal has 8 finite values, and 0 were given/);
    const given = await attempt('pick-cube-pixels', SHOWN, '--goal-of', DEMONSTRATION);
    assert.equal(given.code, 2);
    assert.match(given.said, /POLICY_ASKED.*it takes no goal, but one was given/);
    const unknown = await attempt('goer', SHOWN, '--task', 'reach', '--goal-of', 'never');
    assert.match(unknown.said, /EPISODE_UNKNOWN/);
  });

  it('collects, and a collection that goes on asks the same', async () => {
    const collect = [
      'collect',
      '--policy',
      'goer',
      '--task',
      'reach',
      '--cameras',
      'none',
      '--seed',
      `${SHOWN}`,
    ];
    const { code, said } = await armloop(
      ...[...collect, '--episodes', '1', '--goal-of', DEMONSTRATION, '--id', 'again'],
    );
    assert.equal(code, 0, said);
    const plans = new CollectionFiles(workspace);
    const { plan, finished } = plans.state(plans.read('again'));
    assert.deepEqual(
      finished.map((f) => f.success),
      [true],
    );
    assert.ok(plan.driver.kind === 'policy' && plan.driver.request!.goal!.length === N);
  });
});

describe('a policy that does several things', () => {
  it('is asked for the task that is attempted', async () => {
    const features = [{ field: 'in.q', encode: 'raw', unit: 'axis', width: N }] as const;
    const pose = await goalOf(files(), DEMONSTRATION, features);
    const home = spec.axes.map((a) => a.home);
    writeChooser([home, pose], ['Pick up the red cube and lift it', REACH]);
    const reach = await attempt('chooser', SHOWN, '--task', 'reach', '--goal', '100', '--id', 'task');
    assert.equal(reach.code, 0, reach.said);
    assert.deepEqual(evaluations.read('task').contestants[0]!.request, { task: REACH });
    writeChooser([pose, home], ['Pick up the red cube and lift it', REACH]);
    assert.equal((await attempt('chooser', SHOWN, '--task', 'reach', '--goal', '100')).code, 1);
  });

  it('is refused for a task that it does not list', async () => {
    const { code, said } = await attempt('chooser', SHOWN, '--task', 'push');
    assert.equal(code, 2);
    assert.match(
      said,
      /POLICY_ASKED.*it does one of 'Pick up the red cube and lift it', 'Bring the tool.*asked for/,
    );
  });
});
