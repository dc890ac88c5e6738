import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunFolder } from '../../src/learn/run-folder.ts';
import type { MetricsLine, RunDetails, RunItem, Tail } from '../../src/server/learning-protocol.ts';
import { serverOn } from '../support/quiet-server.ts';
import { recipeText, runFacts } from '../support/run.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';

const ID = '20260131-142501-0001';

function line(step: number): MetricsLine & { loss: number } {
  return {
    step,
    time: step / 10,
    loss: 1 / step,
    metrics: {},
    gradNorm: 1,
    lr: 1e-3,
    samplesPerS: 64,
    waitedMs: 0,
  };
}

test('runs are listed, told with their recipe, and their curves come as they grow', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    return (await response.json()) as T;
  };
  assert.deepEqual(await get('/api/runs'), []);
  const run = RunFolder.create(rig.folder, runFacts(ID), recipeText);
  const held = run.hold();
  run.report({ step: 20, loss: 0.05, best: { step: 20, error: 0.1 } });
  run.metrics.append(line(10));
  run.metrics.append(line(20));

  const [item] = await get<RunItem[]>('/api/runs');
  assert.equal(item?.state, 'running');
  assert.equal(item?.steps, 2000);
  const details = await get<RunDetails>(`/api/runs/${ID}`);
  assert.equal(details.recipe, recipeText);
  assert.deepEqual(details.episodes, { train: 2, validation: 1 });
  assert.deepEqual(details.status.best, { step: 20, error: 0.1 });
  assert.equal(details.skipped[0]?.episode, 'e4');

  const first = await get<Tail<MetricsLine>>(`/api/runs/${ID}/metrics`);
  assert.deepEqual(first.lines, [line(10), line(20)]);
  run.metrics.append(line(30));
  const next = await get<Tail<MetricsLine>>(`/api/runs/${ID}/metrics?from=${first.cursor}`);
  assert.deepEqual([next.lines, next.fresh], [[line(30)], false]);
  // A resumed run drops what it does again.
  run.metrics.rewind(10);
  const again = await get<Tail<MetricsLine>>(`/api/runs/${ID}/metrics?from=${next.cursor}`);
  assert.deepEqual([again.lines, again.fresh], [[line(10)], true]);
  held[Symbol.dispose]();
  assert.equal((await get<RunItem[]>('/api/runs'))[0]?.state, 'killed');
});

test('ids and cursors that are none are refused in words', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const table: [path: string, status: number, mentions: RegExp][] = [
    ['/api/runs/20260131-142501-ffff', 404, /no run/],
    ['/api/runs/20260131-142501-ffff/metrics', 404, /no run/],
    ['/api/runs/..%2f..%2fetc', 400, /id/],
    [`/api/runs/${encodeURIComponent(join('..', 'runs'))}/metrics`, 400, /id/],
    [`/api/runs/${ID}/metrics?from=12`, 400, /from/],
    [`/api/runs/${ID}/metrics?to=1-2`, 400, /to/],
  ];
  for (const [path, status, mentions] of table) {
    const response = await fetch(server.url + path);
    const text = await response.text();
    assert.equal(response.status, status, `${path}: ${text}`);
    assert.match((JSON.parse(text) as { error: { message: string } }).error.message, mentions, path);
  }
});
