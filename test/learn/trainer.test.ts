// @limit 240
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Value from 'typebox/value';
import type { MetricsLine } from '../../src/learn/metrics.ts';
import { loadRecipe, type Overrides } from '../../src/learn/recipe.ts';
import { RunFolder } from '../../src/learn/run-folder.ts';
import {
  beginRun,
  reproduceRun,
  resumeRun,
  type TrainerEvents,
  type TrainOptions,
  type TrainOutcome,
} from '../../src/learn/trainer.ts';
import { loadBundle } from '../../src/policy/bundle.ts';
import { PolicyManifest } from '../../src/policy/manifest.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { EpisodeFiles } from '../../src/record/files.ts';
import { dataRobot, writeDataEpisode } from '../support/data-episode.ts';
import { Command } from '../support/rig-process.ts';
import { recipeText, Trainable } from '../support/trainable.ts';

let trainable: Trainable;
before(async () => {
  trainable = await Trainable.make(recipeText('steps: 40, validateEvery: 10, checkpointEvery: 10'));
});
after(() => trainable.remove());

interface Heard {
  readonly said: string[];
  readonly lines: MetricsLine[];
  readonly options: TrainOptions;
}

/** Options that keep what they hear. `stopAt`: aborted at the line of that step. */
function listen(
  workspace: string,
  more: { readonly install?: TrainOptions['install']; readonly stopAt?: number } = {},
): Heard {
  const controller = new AbortController();
  const said: string[] = [];
  const lines: MetricsLine[] = [];
  const events: TrainerEvents = {
    reading: () => {},
    begun: () => {},
    line: (line) => {
      lines.push(line);
      if (line.step === more.stopAt) controller.abort(new Error('enough'));
    },
    say: (text) => said.push(text),
    signal: controller.signal,
  };
  return { said, lines, options: { workspace, install: more.install ?? 'new', events } };
}

function begin(heard: Heard, id: string, overrides: Overrides = {}): Promise<TrainOutcome> {
  return beginRun(loadRecipe(trainable.recipe, overrides), id, heard.options);
}

const same = { threads: null, others: 'refuse' } as const;
const vectors = (run: RunFolder) => run.checkpoints.newest().checkpoint!.engine.vectors;
const onnx = (folder: string): Buffer => readFileSync(join(folder, 'policy.onnx'));

describe('a run', () => {
  let workspace: string;
  let first: TrainOutcome;
  before(async () => {
    workspace = trainable.workspace();
    first = await begin(listen(workspace), 'first');
  });

  it('ends with a bundle in the run folder and among the policies', () => {
    assert.deepEqual([first.ended, first.reason], ['finished', 'all 40 steps are done']);
    assert.equal(first.policy, join(workspace, 'policies', 'tiny'));
    assert.ok(onnx(first.policy!).equals(onnx(first.run.bundle)));
    const manifest: unknown = JSON.parse(readFileSync(join(first.policy!, 'policy.json'), 'utf8'));
    assert.ok(Value.Check(PolicyManifest, manifest), JSON.stringify(Value.Errors(PolicyManifest, manifest)));
    assert.equal(manifest.training?.run, 'first');
    assert.equal(manifest.training?.dataSha256, first.run.facts.dataSha256);
    assert.deepEqual(manifest.robot.ids, [dataRobot().id]);
    assert.deepEqual(
      manifest.inputs.map((i) => [i.kind, i.name]),
      [
        ['state', 'arm'],
        ['image', 'front'],
      ],
    );
  });

  it('ends with a policy that loads for the robot of the episodes', async () => {
    await using runner = await PolicyRunner.open(loadBundle(first.policy!), {
      spec: dataRobot(),
      threads: 1,
    });
    assert.equal(runner.manifest.name, 'tiny');
  });

  it('of a policy that could not be deployed is refused before it begins', async () => {
    const file = join(trainable.folder, 'dry.yaml');
    const dry = `${readFileSync(trainable.recipe, 'utf8')}\ndeployment: { every: 6, latencyMs: 500 }\n`;
    writeFileSync(file, dry);
    const begun = beginRun(loadRecipe(file), 'dry', listen(workspace, { install: 'no' }).options);
    await assert.rejects(begun, { code: 'TRAIN_UNDEPLOYABLE', message: /the arm would run dry/ });
    assert.throws(() => RunFolder.open(workspace, 'dry'), { code: 'RUN_UNKNOWN' });
  });

  it('keeps in its folder what reproduces it', () => {
    const { folder, facts } = RunFolder.open(workspace, 'first');
    assert.deepEqual(readdirSync(folder).sort(), [
      'bundle',
      'checkpoints',
      'metrics.jsonl',
      'recipe.yaml',
      'run.json',
      'status.json',
    ]);
    assert.equal(readFileSync(join(folder, 'recipe.yaml'), 'utf8'), readFileSync(trainable.recipe, 'utf8'));
    assert.deepEqual(facts.episodes.map((e) => e.id).sort(), ['ep-a', 'ep-b', 'ep-c']);
    assert.equal(facts.episodes.filter((e) => e.split === 'validation').length, 1);
    for (const hash of [
      ...facts.episodes.map((e) => e.sha256),
      ...facts.robot.files,
      facts.dataSha256,
      facts.recipeSha256,
    ])
      assert.match(hash, /^[0-9a-f]{64}$/);
    assert.deepEqual(Object.keys(facts.versions), ['armloop', 'node', 'onnxruntime', 'platform', 'cpu']);
    assert.equal(facts.recipe.training.steps, 40);
  });

  it('has curves: loss, learning rate, speed, waiting; and looks in units of the axes', () => {
    const lines = first.run.metrics.read();
    assert.deepEqual(
      lines.filter((l) => 'loss' in l).map((l) => l.step),
      [5, 10, 15, 20, 25, 30, 35, 40],
    );
    const looks = lines.flatMap((l) => ('validation' in l ? [l.validation] : []));
    assert.equal(looks.length, 4);
    assert.deepEqual(Object.keys(looks[0]!.error).sort(), ['m', 'rad']);
    for (const line of lines)
      if ('loss' in line) assert.ok(line.samplesPerS > 0 && line.waitedMs >= 0 && line.lr > 0);
  });

  it('done again from its folder, gives the same policy bit for bit, and leaves the policies alone', async () => {
    const heard = listen(workspace);
    const again = await reproduceRun('first', 'again', 'refuse', heard.options);
    assert.ok(heard.said.includes('the policy is bit for bit that of first'), heard.said.join('\n'));
    assert.equal(again.policy, null);
    assert.deepEqual(vectors(again.run), vectors(first.run));
  });

  it('of another seed has another policy', async () => {
    const other = await begin(listen(workspace, { install: 'no' }), 'other-seed', { seed: 9 });
    assert.ok(!onnx(other.run.bundle).equals(onnx(first.run.bundle)));
  });

  it('that would overwrite a policy or a run is refused before it reads anything', async () => {
    await assert.rejects(begin(listen(workspace), 'second'), { code: 'POLICY_EXISTS' });
    await assert.rejects(begin(listen(workspace), 'first', { name: 'b' }), { code: 'RUN_EXISTS' });
    assert.throws(() => RunFolder.open(workspace, 'second'), { code: 'RUN_UNKNOWN' });
  });

  it('that is finished delivers its policy again when it is resumed, and does no step', async () => {
    rmSync(join(workspace, 'policies', 'tiny'), { recursive: true });
    const heard = listen(workspace);
    const { policy } = await resumeRun('first', same, heard.options);
    assert.ok(onnx(policy!).equals(onnx(first.run.bundle)));
    assert.deepEqual(heard.lines, []);
  });

  it('stopped and resumed, ends with the same bits', async () => {
    const heard = listen(workspace, { install: 'replace', stopAt: 25 });
    const stopped = await begin(heard, 'stopped');
    assert.deepEqual([stopped.ended, stopped.state.step, stopped.policy], ['stopped', 25, null]);
    assert.match(stopped.reason, /enough/);
    assert.equal(stopped.run.summary.state, 'stopped');
    const resumed = await resumeRun('stopped', same, listen(workspace, { install: 'no' }).options);
    assert.equal(resumed.ended, 'finished');
    assert.deepEqual(vectors(resumed.run), vectors(first.run));
  });

  it('whose newest checkpoint is damaged goes back to the one before, says so, and ends with the same bits', async () => {
    await begin(listen(workspace, { install: 'no', stopAt: 25 }), 'damaged');
    const { checkpoints } = RunFolder.open(workspace, 'damaged');
    const file = checkpoints.path(25);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const heard = listen(workspace, { install: 'no' });
    const resumed = await resumeRun('damaged', same, heard.options);
    assert.match(heard.said.join('\n'), /step-00000025.safetensors is not a sound checkpoint.*going back/);
    assert.equal(heard.lines[0]!.step, 25, 'from step 20');
    assert.deepEqual(vectors(resumed.run), vectors(first.run));
  });

  it('goes on with other threads only when they are asked for', async () => {
    await begin(listen(workspace, { install: 'no', stopAt: 10 }), 'threads');
    const heard = listen(workspace, { install: 'no', stopAt: 20 });
    const { state } = await resumeRun('threads', { ...same, threads: 2 }, heard.options);
    assert.equal(state.threads, 2);
    assert.match(heard.said.join('\n'), /2 threads instead of 1/);
    const later = await resumeRun('threads', same, listen(workspace, { install: 'no' }).options);
    assert.equal(later.state.threads, 2, 'those of the checkpoint');
  });

  it('on another machine or with other data goes on only when that is allowed', async () => {
    const { run } = await begin(listen(workspace, { install: 'no', stopAt: 10 }), 'moved');
    const file = join(run.folder, 'run.json');
    const facts = readFileSync(file, 'utf8');
    writeFileSync(file, facts.replace(/"onnxruntime": "[^"]*"/, '"onnxruntime": "0.0.1"'));
    const attempt = (others: 'refuse' | 'allow') => {
      const heard = listen(workspace, { install: 'no', stopAt: 20 });
      return { heard, outcome: resumeRun('moved', { threads: null, others }, heard.options) };
    };
    await assert.rejects(attempt('refuse').outcome, {
      code: 'RUN_DIFFERS',
      message: /onnxruntime was 0\.0\.1/,
    });
    writeFileSync(file, facts);
    const files = new EpisodeFiles(workspace);
    rmSync(files.mcap('ep-a'));
    await writeDataEpisode(files, 'ep-a', { seed: 99, seconds: 3 });
    await assert.rejects(attempt('refuse').outcome, { code: 'RUN_DIFFERS', message: /the data/ });
    const allowed = attempt('allow');
    assert.equal((await allowed.outcome).state.step, 20);
    assert.match(allowed.heard.said.join('\n'), /the data .* the weights can differ/);
  });
});

describe('armloop train', () => {
  const run = (workspace: string, ...args: string[]): Command =>
    new Command([...args, '--workspace', workspace]);

  it('ends well on Ctrl-C: a checkpoint, and how to go on', async () => {
    const workspace = trainable.workspace();
    await using command = run(workspace, 'train', trainable.recipe, '--run', 'r', '--steps', '1000000');
    await command.prints(/held-out/);
    command.child.kill('SIGINT');
    assert.deepEqual(await command.ended, { code: 130, signal: null }, command.output);
    assert.match(command.output, /finishing the step/);
    assert.match(command.output, /go on {3}armloop train --resume r/);
    const { state, status } = RunFolder.open(workspace, 'r').summary;
    assert.equal(state, 'stopped');
    assert.equal(RunFolder.open(workspace, 'r').checkpoints.steps().at(-1), status.step);
    await using list = run(workspace, 'runs', 'list');
    await list.ended;
    assert.match(list.output, /r +tiny +stopped +\d+\/1000000/);
    await using show = run(workspace, 'runs', 'show', 'r');
    await show.ended;
    assert.match(show.output, /interrupted by Ctrl-C/);
    assert.match(show.output, /2 to learn from .* 1 held out/);
  });

  it('refuses episodes of different robots, in words', async () => {
    const workspace = trainable.workspace();
    await writeDataEpisode(new EpisodeFiles(workspace), 'ep-d', {
      seed: 3,
      seconds: 3,
      spec: dataRobot({ id: 'other-arm' }),
    });
    await using command = run(workspace, 'train', trainable.recipe);
    const { code } = await command.ended;
    assert.notEqual(code, 0);
    assert.match(command.output, /DATASET_MIXED/);
    assert.match(command.output, /other-arm/);
    assert.match(command.output, /ep-d/);
  });

  it('refuses options that do not go together, and recipes that are wrong', async () => {
    const workspace = trainable.workspace();
    for (const [args, text] of [
      [[], /give a recipe, or --resume RUN, or --reproduce RUN/],
      [['a.yaml', '--resume', 'r'], /one of them/],
      [['--resume', 'r', '--steps', '5'], /--steps is for a new run/],
      [['--reproduce', 'r', '--threads', '2'], /other sums/],
      [['--resume', 'r'], /RUN_UNKNOWN/],
      [['no.yaml'], /RECIPE_UNREADABLE/],
      [[trainable.recipe, '--steps', '0'], /whole number of at least 1/],
    ] as const) {
      await using command = run(workspace, 'train', ...args);
      const { code } = await command.ended;
      assert.equal(code, 2, `${args}: ${command.output}`);
      assert.match(command.output, text);
    }
  });
});
