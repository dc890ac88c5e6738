// @limit 180
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { main } from '../../src/cli/program.ts';
import { loadRobot } from '../../src/config.ts';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { Graph } from '../../src/nn/graph.ts';
import { add, cast, mean, mul, reshape } from '../../src/nn/ops.ts';
import type { PolicyManifest } from '../../src/policy/manifest.ts';
import {
  type EvaluationRequest,
  prepareEvaluation,
  resumeEvaluation,
  runEvaluation,
} from '../../src/rig/evaluation.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { type EpisodeFact, factsOf } from '../../src/session/evaluation.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { ROOT } from '../support/panda.ts';
import { jointManifest, writeBundle } from '../support/policy.ts';

const robot = join(ROOT, 'robots', 'panda-sim.yaml');
let workspace = '';
let bundle = '';
let files: EvaluationFiles;

/** Turns the first joint the faster the brighter the picture is: wrong for any task, but it looks. */
function brightness(spec: RobotSpec, horizon: number): Graph {
  const n = spec.axes.length;
  const g = new Graph();
  const state = reshape(g.input('state', [1, 1, n]), [1, 1, n]);
  const picture = g.input('front', [1, 1, 96, 96, 3], 'uint8');
  const bright = reshape(mean(cast(picture, 'float32'), [1, 2, 3, 4], { keepDims: false }), [1, 1, 1]);
  const way = new Float32Array(horizon * n);
  for (let k = 0; k < horizon; k++) way[k * n] = ((k + 1) * 0.02) / 255;
  g.output('action', add(state, mul(g.constant(way, [1, horizon, n]), bright)));
  return g;
}

before(() => {
  workspace = mkdtempSync(join(tmpdir(), 'armloop-eval-'));
  files = new EvaluationFiles(workspace);
  const spec = loadRobot(robot);
  const base = jointManifest(spec);
  const manifest: PolicyManifest = {
    ...base,
    name: 'brightness',
    // As a trained policy has it: the text of its episodes.
    tasks: ['Pick up the red cube and lift it'],
    inputs: [
      ...base.inputs,
      {
        kind: 'image',
        name: 'front',
        camera: 'front_small',
        width: 96,
        height: 96,
        encoding: 'uint8-hwc',
      },
    ],
    observation: { steps: 1, maxAgeMs: 300 },
  };
  bundle = join(workspace, 'policies', 'brightness');
  writeBundle(bundle, manifest, brightness(spec, manifest.chunk.horizon));
});
after(() => rmSync(workspace, { recursive: true, force: true }));

const request = (more: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  workspace,
  id: null,
  policies: ['brightness'],
  robot: { file: robot, given: 'panda-sim' },
  task: null,
  episodes: null,
  seeds: '4,5',
  vary: 'all',
  images: 'own',
  record: 'none',
  latencyMs: null,
  timeLimitS: 0.8,
  goal: null,
  goalOf: null,
  ...more,
});

/** Facts by seed, without what differs between two evaluations by name alone. */
const facts = (id: string): Omit<EpisodeFact, 'episode'>[] =>
  (['A', 'B'] as const).flatMap((side) =>
    factsOf(side, files.facts(id)).map(({ episode: _, ...fact }) => fact),
  );

const ofPolicy = (id: string) => facts(id).filter((f) => f.side === 'A');

/** Evaluation of the policy and the teacher on their own pictures: what the others are compared with. */
let own = '';

describe('evaluation in lockstep cells', () => {
  it('gives the same results on one worker and on two, and takes the task from the policy', async () => {
    const runs = [];
    for (const workers of [1, 2]) {
      const prepared = await prepareEvaluation(request({ policies: ['brightness', null] }));
      assert.equal(prepared.evaluation.task, 'pick-cube');
      const done = await runEvaluation(files, prepared, { workers });
      assert.equal(done.state, 'done');
      runs.push(done);
    }
    const [one, two] = runs as [(typeof runs)[0], (typeof runs)[0]];
    own = one.id;
    assert.deepEqual(one.results, two.results);
    assert.deepEqual(facts(one.id), facts(two.id));
    assert.deepEqual(one.comparison, two.comparison);
    const found = facts(one.id);
    assert.deepEqual(
      found.map((f) => [f.side, f.seed, f.reason]),
      [
        ['A', 4, 'time limit'],
        ['A', 5, 'time limit'],
        ['B', 4, 'time limit'],
        ['B', 5, 'time limit'],
      ],
    );
    const policy = found.filter((f) => f.side === 'A');
    // 0.8 s with a chunk every 0.2 s.
    for (const { chunks } of policy) assert.ok(chunks!.made >= 3 && chunks!.made <= 5, `${chunks!.made}`);
    assert.notDeepEqual(policy[0]!.residuals, policy[1]!.residuals);
    assert.ok(Math.abs(policy[0]!.start['cube']![0] - policy[1]!.start['cube']![0]) > 1e-6);
    assert.ok(!('hand' in policy[0]!.start), 'the robot is no object');
    const report = readFileSync(files.report(one.id), 'utf8');
    for (const f of found) assert.ok(report.includes(`id="${f.side.toLowerCase()}-seed-${f.seed}"`));
    assert.equal(report.match(/data:image\/jpeg/g)?.length, found.length);
  });

  it('stopped and torn, it goes on to the same results as without a stop', async () => {
    const prepared = await prepareEvaluation(request());
    const { id } = prepared.evaluation;
    const stop = new AbortController();
    const half = await runEvaluation(files, prepared, {
      workers: 1,
      signal: stop.signal,
      progress: (done) => {
        if (done === 1) stop.abort();
      },
    });
    assert.equal(half.state, 'running');
    assert.equal(files.facts(id).length, 1);
    appendFileSync(join(files.of(id), 'ledger.jsonl'), '{"side":"A","seed":5,"imagesOf":5,"succ');
    const again = await resumeEvaluation(files, id, workspace, () => robot);
    let first = -1;
    const done = await runEvaluation(files, again, {
      workers: 2,
      progress: (n) => {
        if (first < 0) first = n;
      },
    });
    assert.equal(first, 1, 'one was done before');
    assert.equal(done.state, 'done');
    assert.deepEqual(facts(id), ofPolicy(own));
    assert.deepEqual(done.results, files.read(own).results!.slice(0, 1));
  });

  it("shown another seed's pictures, the policy acts on those, in its own scene", async () => {
    const own = await runEvaluation(files, await prepareEvaluation(request({ seeds: '4,5' })), {
      workers: 1,
    });
    const other = await runEvaluation(
      files,
      await prepareEvaluation(request({ seeds: '4,5', images: 'other' })),
      { workers: 1 },
    );
    const [a, b] = [facts(own.id), facts(other.id)];
    assert.deepEqual(
      b.map((f) => [f.seed, f.imagesOf]),
      [
        [4, 5],
        [5, 4],
      ],
    );
    for (const i of [0, 1]) {
      assert.deepEqual(a[i]!.start, b[i]!.start, 'the same scene');
      assert.notDeepEqual(a[i]!.residuals, b[i]!.residuals, 'another motion');
    }
    assert.match(readFileSync(files.report(other.id), 'utf8'), /A control, not a measure of skill/);
  });

  it('keeps the episodes of failures when it is asked to', async () => {
    const prepared = await prepareEvaluation(request({ seeds: '4', record: 'failures' }));
    await runEvaluation(files, prepared, { workers: 1 });
    const [fact] = files.facts(prepared.evaluation.id);
    assert.equal(fact!.episode, `${prepared.evaluation.id}-a-4`);
    const details = await new Catalogue(workspace).details(fact!.episode!);
    assert.equal(details.summary.label, 'failure');
    assert.equal(details.summary.operator, 'brightness');
    assert.equal(details.summary.ticks, fact!.ticks);
  });

  it('does not go on with a policy that is not the one it began with', async () => {
    const prepared = await prepareEvaluation(request({ seeds: '4' }));
    files.write(prepared.evaluation);
    const path = join(bundle, 'policy.json');
    const text = readFileSync(path, 'utf8');
    try {
      writeFileSync(path, text.replace('for tests', 'for other tests'));
      await assert.rejects(
        resumeEvaluation(files, prepared.evaluation.id, workspace, () => robot),
        {
          code: 'EVALUATION_CHANGED',
          message: /the policy brightness/,
        },
      );
      await assert.rejects(runEvaluation(files, prepared, { workers: 1 }), { code: 'EVALUATION_CHANGED' });
    } finally {
      writeFileSync(path, text);
    }
  });

  it('refuses seeds that do not fit the number of episodes, unknown policies, and an id that is taken', async () => {
    await assert.rejects(prepareEvaluation(request({ episodes: 5 })), {
      code: 'SEEDS_INVALID',
      message: /they are 2, but --episodes asks for 5/,
    });
    await assert.rejects(prepareEvaluation(request({ policies: ['none-such'] })), { code: 'POLICY_UNKNOWN' });
    await assert.rejects(prepareEvaluation(request({ id: own })), { code: 'EVALUATION_EXISTS' });
  });
});

describe('armloop eval', () => {
  it('exits with 1 when a goal is missed, with 2 on wrong usage', async () => {
    const common = ['--workspace', workspace, '--json'];
    const short = ['--seeds', '4', '--time-limit', '0.3', '--workers', '1'];
    // Ids of one second are in no order of time.
    const before = new Set(files.list().map((e) => e.id));
    assert.equal(await main(['eval', 'brightness', ...short, '--goal', '50', ...common]), 1);
    const made = files.list().filter((e) => !before.has(e.id));
    assert.deepEqual(
      made.map((e) => e.goal),
      [0.5],
    );
    assert.equal(await main(['eval', ...common]), 2);
    assert.equal(await main(['eval', 'brightness', '--seeds', '9..1', ...common]), 2);
    assert.equal(await main(['eval', '--resume', 'none', ...common]), 2);
  });
});
