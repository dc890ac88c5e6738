import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempts } from '../../../src/console/lib/attempts.ts';
import { wilson } from '../../../src/math/statistics.ts';
import { attemptFact, collectionPlan } from '../../support/collection.ts';

const plan = collectionPlan('20260131-142501-0001');

test('the rate and its interval follow attempt by attempt; reasons are counted', () => {
  const attempts = new Attempts();
  attempts.push([
    { fact: 'session', at: plan.created },
    attemptFact(plan, 0, 0),
    { fact: 'started', at: plan.created },
    attemptFact(plan, 1, 2, { success: false }),
    attemptFact(plan, 2, 4),
  ]);
  assert.deepEqual(attempts.counts, [1, 2, 3]);
  assert.deepEqual(attempts.rate, [1, 0.5, 2 / 3]);
  assert.equal(attempts.low[1], wilson(1, 2).low);
  assert.equal(attempts.high[2], wilson(2, 3).high);
  assert.deepEqual(attempts.reasons, [
    { reason: 'success', count: 2, success: true },
    { reason: 'time limit', count: 1, success: false },
  ]);
  assert.equal(attempts.perMinute, 30);
  // Whoever goes on a day later is not slow.
  attempts.push([
    { fact: 'session', at: plan.created },
    attemptFact(plan, 3, 90_000),
    attemptFact(plan, 4, 90_001),
  ]);
  assert.equal(attempts.perMinute, 60);
  attempts.clear();
  assert.deepEqual([attempts.list.length, attempts.rate.length, attempts.reasons.length], [0, 0, 0]);
});

test('drawn numbers are counted in bins by success; what never differs is left out', () => {
  const attempts = new Attempts();
  attempts.push([
    attemptFact(plan, 0, 0, { variation: { x: -1, same: 2 } }),
    attemptFact(plan, 1, 1, { variation: { x: 1, same: 2 }, success: false }),
    attemptFact(plan, 2, 2, { variation: { x: 1, same: 2, late: 1 } }),
  ]);
  const [x, ...rest] = attempts.spreads;
  assert.deepEqual(rest, []);
  assert.deepEqual([x?.name, x?.low, x?.high], ['x', -1, 1]);
  assert.deepEqual([x?.successes[0], x?.successes.at(-1), x?.failures.at(-1)], [1, 1, 1]);
  const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);
  assert.deepEqual([sum(x!.successes), sum(x!.failures)], [2, 1]);
});
