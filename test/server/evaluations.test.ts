import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationItem } from '../../src/server/learning-protocol.ts';
import { EvaluationFiles } from '../../src/session/evaluation-files.ts';
import { contestant, evaluationOf, factOf } from '../support/evaluation.ts';
import { serverOn } from '../support/quiet-server.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';

test('an evaluation is told while it runs, and its report is sandboxed', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const files = new EvaluationFiles(rig.folder);
  const evaluation = evaluationOf([0, 1, 2, 3], [contestant('A', 'first'), contestant('B', 'second')]);
  const { id } = evaluation;
  files.write(evaluation);
  const held = files.hold(id);
  using ledger = files.openLedger(id);
  ledger.append(factOf('A', 0, true));
  ledger.append(factOf('B', 0, false));
  ledger.append(factOf('A', 1, true));
  const list = async (): Promise<EvaluationItem> => {
    const response = await fetch(`${server.url}/api/evaluations`);
    assert.equal(response.status, 200);
    return ((await response.json()) as EvaluationItem[])[0]!;
  };
  const running = await list();
  assert.deepEqual([running.state, running.ended, running.wanted, running.seeds], ['running', 3, 8, '0..3']);
  assert.deepEqual(
    running.results.map((r) => [r.name, r.successes, r.episodes]),
    [
      ['first', 2, 2],
      ['second', 0, 1],
    ],
  );
  assert.match(running.verdict ?? '', /^No verdict, n is too small/);
  held[Symbol.dispose]();
  assert.equal((await list()).state, 'stopped');

  const report = await fetch(`${server.url}/api/evaluations/${id}/report`);
  assert.equal(report.status, 200);
  assert.match(report.headers.get('content-security-policy') ?? '', /^sandbox;/);
  assert.match(await report.text(), /3 of 8 episodes/);
  for (const [path, status] of [
    ['20260131-142501-ffff', 404],
    ['..%2fx/report', 400],
  ] as const)
    assert.equal((await fetch(`${server.url}/api/evaluations/${path}`)).status, status, path);
});
