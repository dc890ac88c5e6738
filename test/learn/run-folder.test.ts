import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { MetricsFile, type TrainLine } from '../../src/learn/metrics.ts';
import { recipeFromText, recipeSource } from '../../src/learn/recipe.ts';
import { listRuns, RUN_FORMAT, type RunFacts, RunFolder } from '../../src/learn/run-folder.ts';
import { packageRoot } from '../../src/root.ts';

const workspace = mkdtempSync(join(tmpdir(), 'armloop-runs-'));
after(() => rmSync(workspace, { recursive: true, force: true }));

const text = 'name: a\nobservation: { states: [{ name: s, features: [{ field: in.q }] }] }\n';

function facts(id: string, created = '2026-01-31T14:25:01.000Z'): RunFacts {
  return {
    format: RUN_FORMAT,
    id,
    created,
    recipe: recipeFromText(text, 'a.yaml'),
    recipeSha256: recipeSource(text, 'a.yaml').sha256,
    robot: {
      ids: ['r'],
      axes: [{ name: 'joint1', unit: 'rad' }],
      files: ['00'],
      models: ['01'],
      calibrations: ['none'],
    },
    tasks: ['lift'],
    episodes: [{ id: 'e', sha256: '11', split: 'train' }],
    skipped: [],
    samples: { train: 10, validation: 0 },
    dataSha256: '22',
    versions: { node: process.versions.node },
  };
}

test('a run is what it was made with, and lists newest first', () => {
  const first = RunFolder.create(workspace, facts('20260131-142501-0001'), text);
  RunFolder.create(workspace, facts('20260131-142501-0002', '2026-02-01T00:00:00.000Z'), text);
  assert.deepEqual(RunFolder.open(workspace, first.id).facts, facts(first.id));
  assert.equal(RunFolder.open(workspace, first.id).recipeText, text);
  mkdirSync(join(workspace, 'runs', '.new-left'));
  mkdirSync(join(workspace, 'runs', 'no-run'));
  assert.deepEqual(
    listRuns(workspace).map((r) => r.id),
    ['20260131-142501-0002', first.id],
  );
  assert.ok(readdirSync(join(workspace, 'runs')).includes('.new-left'));
  assert.throws(() => RunFolder.create(workspace, facts(first.id), text), 'nothing is overwritten');
});

test('ids that are no ids, paths above all, are unknown runs', () => {
  for (const id of ['', '..', '../runs', '20260131-142501-ffff', 'no-run', 'A/b'])
    assert.throws(() => RunFolder.open(workspace, id), { code: 'RUN_UNKNOWN' }, id);
});

test('one process at a time; what a killed one held is free again and shows as killed', async () => {
  const run = RunFolder.create(workspace, facts('20260131-142501-0003'), text);
  const module = pathToFileURL(join(packageRoot(), 'dist', 'src', 'learn', 'run-folder.js')).href;
  const script = `
    const { RunFolder } = await import(${JSON.stringify(module)});
    RunFolder.open(${JSON.stringify(workspace)}, ${JSON.stringify(run.id)}).hold();
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(other.stdout, 'data');
  assert.equal(run.summary.state, 'running');
  assert.throws(() => run.hold(), { code: 'RUN_BUSY', details: { run: run.id, pid: other.pid } });
  other.kill('SIGKILL');
  await once(other, 'exit');
  assert.equal(run.summary.state, 'killed');
  {
    using _ = run.hold();
    assert.equal(run.summary.state, 'running');
    run.report({ state: 'finished', reason: 'all steps are done', step: 9 });
  }
  assert.equal(run.summary.state, 'finished');
  assert.equal(run.status.step, 9);
  assert.equal(run.status.elapsed, 0, 'what was not reported stays');
});

test('metrics: a torn last line is ignored, and going back drops what will be done again', () => {
  const file = new MetricsFile(join(workspace, 'metrics.jsonl'));
  assert.deepEqual(file.read(), []);
  const line = (step: number): TrainLine => ({
    step,
    time: step,
    loss: 1 / step,
    metrics: { entropy: step },
    gradNorm: 2,
    lr: 0.1,
    samplesPerS: 5,
    waitedMs: 0,
  });
  const validation = { loss: 3, metrics: {}, error: { rad: 0.1 }, samples: 4 };
  const held = { step: 20, time: 20, validation };
  for (const l of [line(10), line(20), held, line(30)]) file.append(l);
  appendFileSync(file.path, '{"step":40,"ti');
  assert.deepEqual(file.read(), [line(10), line(20), held, line(30)]);
  file.rewind(20);
  assert.deepEqual(file.read(), [line(10), line(20), held]);
  file.append(line(30));
  assert.equal(file.read().length, 4);
  writeFileSync(file.path, '{"step"');
  assert.deepEqual(file.read(), []);
});
