import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type {
  AttemptLine,
  CollectionDetails,
  CollectionItem,
  CollectionLine,
  Tail,
} from '../../src/server/learning-protocol.ts';
import type { CollectionFact } from '../../src/session/collection.ts';
import { CollectionFiles } from '../../src/session/collection-files.ts';
import { attemptFact, collectionPlan } from '../support/collection.ts';
import { serverOn } from '../support/quiet-server.ts';
import { ScriptedRig } from '../support/scripted-rig.ts';

const ID = '20260131-142501-0001';

test('a collection is told as its ledger grows: progress, rate, budgets, what runs', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    return (await response.json()) as T;
  };
  assert.deepEqual(await get('/api/collections'), []);
  const files = new CollectionFiles(rig.folder);
  const plan = collectionPlan(ID);
  files.create(plan);
  // What is no collection is passed over.
  mkdirSync(join(files.folder, 'no-collection'));
  const at = plan.created;
  using ledger = files.openLedger(ID);
  const held = files.hold(ID);
  const tell = (fact: CollectionFact): void => ledger.append(fact);
  tell({ fact: 'session', at, workers: 2 });
  tell(attemptFact(plan, 0, 1));
  tell(attemptFact(plan, 1, 2, { success: false, reason: 'guard stop', fault: ['workspace'], kept: false }));
  tell({ fact: 'started', at, slot: 2, attempt: 0, seed: 102, episode: `${ID}-00002` });

  const [item] = await get<CollectionItem[]>('/api/collections');
  assert.deepEqual(
    [item?.state, item?.attempts, item?.successes, item?.rate, item?.ended, item?.wanted],
    ['running', 2, 1, 0.5, 1, 8],
  );
  const first = await get<CollectionDetails>(`/api/collections/${ID}`);
  assert.deepEqual(first.running, [{ episode: `${ID}-00002`, seed: 102, attempt: 0 }]);
  assert.deepEqual(first.budgets.guardStops, { used: 1, limit: 10 });
  assert.deepEqual(first.budgets.failuresInRow, { used: 1, limit: 5 });
  assert.deepEqual(first.budgets.diskBytes, { used: 250_000, limit: null });
  assert.equal(first.driver, 'the teacher');

  const told = await get<Tail<CollectionLine>>(`/api/collections/${ID}/ledger`);
  assert.deepEqual(
    told.lines.map((l) => l.fact),
    ['session', 'finished', 'finished', 'started'],
  );
  tell(attemptFact(plan, 2, 3));
  const next = await get<Tail<CollectionLine>>(`/api/collections/${ID}/ledger?from=${told.cursor}`);
  assert.deepEqual(
    next.lines.map((l) => (l as AttemptLine).episode),
    [`${ID}-00002`],
  );
  // Many ask at once; every line counts once.
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => get<CollectionDetails>(`/api/collections/${ID}`)),
  );
  for (const answer of answers) assert.deepEqual([answer.attempts, answer.running.length], [3, 0]);

  held[Symbol.dispose]();
  assert.equal((await get<CollectionItem[]>('/api/collections'))[0]?.state, 'killed');
  tell({ fact: 'stopped', at, why: 'hours', text: '2 hours of motion are reached' });
  const stopped = await get<CollectionDetails>(`/api/collections/${ID}`);
  assert.deepEqual([stopped.state, stopped.why], ['stopped', '2 hours of motion are reached']);
});

test('the report is a page of its own that may do nothing, whatever is written in the plan', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  const files = new CollectionFiles(rig.folder);
  const plan = collectionPlan(ID, { taskText: '<script>alert(1)</script>' });
  files.create(plan);
  {
    using ledger = files.openLedger(ID);
    ledger.append(attemptFact(plan, 0, 1));
  }
  const response = await fetch(`${server.url}/api/collections/${ID}/report`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  const policy = (response.headers.get('content-security-policy') ?? '').split(/; */);
  assert.ok(policy.includes('sandbox') && policy.includes("default-src 'none'"), policy.join());
  assert.equal(response.headers.get('x-frame-options'), 'DENY');
  const page = await response.text();
  assert.match(page, /1 of 1 attempt succeeded/);
  assert.doesNotMatch(page, /<script/);
});

test('ids that are none, and collections that are not there, are refused in words', async () => {
  await using rig = new ScriptedRig();
  await using server = await serverOn(rig);
  mkdirSync(join(rig.folder, 'collections', ID), { recursive: true });
  writeFileSync(join(rig.folder, 'collections', ID, 'collection.json'), '{"format": "another"}');
  for (const [path, status, mentions] of [
    [ID, 404, /no collection/],
    [`${ID}/ledger`, 404, /no collection/],
    [`${ID}/report`, 404, /no collection/],
    ['..%2f..%2fetc%2fpasswd/report', 400, /id/],
    [`${ID}/ledger?from=x`, 400, /from/],
  ] as const) {
    const response = await fetch(`${server.url}/api/collections/${path}`);
    assert.equal(response.status, status, path);
    const { error } = (await response.json()) as { error: { message: string } };
    assert.match(error.message, mentions, path);
  }
});
