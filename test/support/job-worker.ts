/** A worker of the job pool for its test: squares, waits on shared memory, fails, dies. */
import { ArmloopError } from '../../src/errors.ts';
import { serveJobs } from '../../src/session/job-pool.ts';

export interface TestData {
  readonly refuse: boolean;
  /** Gates by job: a job waits until its entry is not 0. */
  readonly gates: Int32Array;
  /** [0]: workers that were closed. */
  readonly closed: Int32Array;
}

export interface TestJob {
  readonly n: number;
  readonly what: 'square' | 'wait' | 'fail' | 'die';
}

await serveJobs<TestData, TestJob, number>(async ({ refuse, gates, closed }) => {
  if (refuse) throw new ArmloopError('SEEDS_INVALID', { seeds: 'x', rule: 'none' });
  return {
    async run({ n, what }) {
      if (what === 'wait') Atomics.wait(gates, n, 0);
      if (what === 'fail') throw new ArmloopError('EVALUATION_UNKNOWN', { id: String(n), folder: 'here' });
      if (what === 'die') process.exit(3);
      return n * n;
    },
    async [Symbol.asyncDispose]() {
      Atomics.add(closed, 0, 1);
    },
  };
});
