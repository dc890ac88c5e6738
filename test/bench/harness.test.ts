import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BenchCase,
  benchTable,
  combine,
  compare,
  type Measured,
  type Peer,
  quantile,
} from '../../bench/harness.ts';

const context = { repeats: 5, log: () => {} };

function run(cases: readonly BenchCase[], ours: readonly Measured[], peer: Peer) {
  return compare(context, { bench: 'x', cases, ours: async (i) => ours[i]!, peer, warmup: 0 });
}

const five = (values: readonly number[], name = 'a'): Measured[] => values.map((v) => ({ [name]: v }));

describe('the bench harness', () => {
  it('takes turns, never both at once, swapping who goes first', async () => {
    const calls: string[] = [];
    let busy = 0;
    const measure = (who: string) => async (): Promise<Measured> => {
      assert.equal(busy++, 0, 'two at once');
      await new Promise((done) => setImmediate(done));
      busy--;
      calls.push(who);
      return { a: 1 };
    };
    const cases: BenchCase[] = [{ name: 'a', unit: 's', better: 'lower' }];
    const peer = { name: 'p', run: measure('peer') };
    await compare(context, { bench: 'x', cases, ours: measure('ours'), peer });
    assert.equal(calls.join(' '), 'ours peer ours peer peer ours ours peer peer ours ours peer');
  });

  it('has one row per statistic with exactly the fixed keys', async () => {
    const cases: BenchCase[] = [{ name: 'a', unit: 'µs', better: 'lower', limit: { ratio: 1.5 } }];
    const peer: Peer = { name: 'C', run: async (i) => ({ a: [10, 10, 20, 30, 10][i]! }) };
    const result = await run(cases, five([12, 11, 14, 13, 90]), peer);
    assert.deepEqual(Object.keys(result), ['bench', 'machine', 'rows', 'pass']);
    const keys = ['case', 'unit', 'median', 'p99', 'worst', 'peer', 'peerMedian', 'ratio'];
    assert.deepEqual(Object.keys(result.rows[0]!), keys);
    const { machine: _, ...rest } = result;
    const row = {
      case: 'a',
      unit: 'µs',
      median: 13,
      p99: 90,
      worst: 90,
      peer: 'C',
      peerMedian: 10,
      ratio: 1.3,
    };
    assert.deepEqual(rest, { bench: 'x', rows: [row], pass: true });
  });

  it('for rates the ratio is peer / ours and the worst is the smallest', async () => {
    const cases: BenchCase[] = [{ name: 'a', unit: 'MB/s', better: 'higher', limit: { ratio: 0.6 } }];
    const peer: Peer = { name: 'C', run: async () => ({ a: 50 }) };
    const result = await run(cases, five([100, 110, 90, 100, 20]), peer);
    assert.equal(result.rows[0]!.ratio, 0.5);
    assert.equal(result.rows[0]!.worst, 20);
    assert.equal(result.pass, true);
  });

  it('fails when a limit is not kept, a value is missing, or there are no rows', async () => {
    const peer: Peer = { name: 'C', run: async () => ({ a: 1 }) };
    const lower = (limit: BenchCase['limit']): BenchCase[] => [
      { name: 'a', unit: 's', better: 'lower', limit: limit! },
    ];
    const ours = five([2, 2, 2, 2, 2]);
    assert.equal((await run(lower({ ratio: 1.5 }), ours, peer)).pass, false);
    assert.equal((await run(lower({ max: 1 }), ours, peer)).pass, false);
    assert.equal((await run(lower({ min: 3 }), ours, peer)).pass, false);
    assert.equal((await run(lower({ ratio: 2, max: 2, min: 2 }), ours, peer)).pass, true);
    assert.equal((await run(lower({ ratio: 9 }), ours, null)).pass, false, 'no ratio, no pass');
    assert.equal((await run(lower({ max: 9 }), five([1, 1, 1, 1, 1], 'b'), peer)).pass, false);
    assert.equal((await run([], ours, peer)).pass, false);
    const good = await run(lower({ max: 9 }), ours, peer);
    const bad = await run(lower({ max: 1 }), ours, peer);
    assert.equal(combine('y', [good, bad]).pass, false);
    assert.equal(combine('y', [good, good]).pass, true);
    assert.equal(combine('y', [good, bad]).rows.length, 2);
  });

  it('says when the peer is absent, and which floor stands in', async () => {
    const cases: BenchCase[] = [{ name: 'a', unit: 's', better: 'lower', limit: { ratio: 2 } }];
    const peer: Peer = {
      absent: 'no compiler',
      floor: { name: 'measured on another day', values: { a: 4 } },
    };
    const result = await run(cases, five([2, 2, 2, 2, 2]), peer);
    assert.equal(result.rows[0]!.peer, 'absent (no compiler); floor: measured on another day');
    assert.equal(result.rows[0]!.ratio, 0.5);
    assert.match(benchTable(result), /ratio ≤ 2 +ok.*\n\npass$/);
  });

  it('nearest-rank quantiles', () => {
    const values = Array.from({ length: 100 }, (_, i) => i + 1);
    assert.equal(quantile(values, 0.5), 50);
    assert.equal(quantile(values, 0.99), 99);
    assert.equal(quantile([7], 0.99), 7);
  });
});
