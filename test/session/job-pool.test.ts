import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobPool } from '../../src/session/job-pool.ts';
import type { TestData, TestJob } from '../support/job-worker.ts';

const url = new URL('../support/job-worker.js', import.meta.url);
const shared = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * n));
const data = (more: Partial<TestData> = {}): TestData => ({
  refuse: false,
  gates: shared(32),
  closed: shared(1),
  ...more,
});
const open = (workers: number, given = data()) => JobPool.open<TestJob, number>(url, given, workers);
const squares = (n: number): TestJob[] => Array.from({ length: n }, (_, i) => ({ n: i, what: 'square' }));

describe('job pool', () => {
  it('does every job once, whatever the number of workers, and tells one result at a time', async () => {
    for (const workers of [1, 3]) {
      await using pool = await open(workers);
      const seen: number[] = [];
      let telling = 0;
      await pool.run(squares(20), async (result, job) => {
        assert.equal(++telling, 1);
        await Promise.resolve();
        telling--;
        assert.equal(result, job.n ** 2);
        seen.push(job.n);
      });
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        squares(20).map((j) => j.n),
      );
    }
  });

  it('takes jobs only as workers become free', async () => {
    const given = data();
    await using pool = await open(2, given);
    let taken = 0;
    function* jobs(): Generator<TestJob> {
      for (let n = 0; n < 10; n++) {
        taken++;
        // The first job holds up its worker until the last has been told.
        yield { n, what: n === 0 ? 'wait' : 'square' };
      }
    }
    const order: number[] = [];
    await pool.run(jobs(), (_, job) => {
      order.push(job.n);
      assert.ok(taken <= order.length + 2, `${taken} taken, ${order.length} done`);
      if (job.n !== 9) return;
      Atomics.store(given.gates, 0, 1);
      Atomics.notify(given.gates, 0);
    });
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  });

  it('an error keeps its code, ends the run, and the pool serves the next', async () => {
    await using pool = await open(2);
    const jobs: TestJob[] = [...squares(3), { n: 5, what: 'fail' }, ...squares(200)];
    let told = 0;
    await assert.rejects(
      pool.run(jobs, () => void told++),
      { code: 'EVALUATION_UNKNOWN', message: /no evaluation 5 in here/ },
    );
    assert.ok(told < 100, `${told} told after the error`);
    const told2: number[] = [];
    await pool.run(squares(4), (r) => void told2.push(r));
    assert.equal(told2.length, 4);
    await assert.rejects(
      pool.run(squares(4), () => {
        throw new Error('the disk is full');
      }),
      /disk is full/,
    );
  });

  it('a worker that dies is named, and does not leave the run hanging', async () => {
    await using pool = await open(1);
    await assert.rejects(
      pool.run([{ n: 1, what: 'die' }], () => {}),
      { code: 'WORKER_LOST', message: /cell 0.*code 3/ },
    );
    await assert.rejects(
      pool.run(squares(1), () => {}),
      { code: 'WORKER_LOST' },
    );
  });

  it('what a worker cannot open is told with its code', async () => {
    await assert.rejects(open(2, data({ refuse: true })), { code: 'SEEDS_INVALID' });
    await assert.rejects(JobPool.open(new URL('./nothing.js', import.meta.url), null, 1), {
      code: 'THREAD_NOT_STARTED',
    });
  });

  it('stops taking jobs when it is told to, and still tells those under way', async () => {
    await using pool = await open(2);
    const stop = new AbortController();
    let told = 0;
    await pool.run(
      squares(1000),
      () => {
        if (++told === 10) stop.abort();
      },
      stop.signal,
    );
    assert.ok(told >= 10 && told <= 12, `${told} told`);
  });

  it('closes what its workers have opened', async () => {
    const given = data();
    await (await open(3, given))[Symbol.asyncDispose]();
    assert.equal(given.closed[0], 3);
  });
});
