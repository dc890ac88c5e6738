/**
 * Jobs spread over worker threads, one at a time per thread. For work whose results do not depend on who did it: the
 * order in which results come is the only thing that differs between one worker and many.
 *
 *   await using pool = await JobPool.open<Job, Result>(new URL('./cell-worker.js', import.meta.url), data, 2);
 *   await pool.run(jobs, (result) => ledger.append(result));
 *
 * The module of the worker calls `serveJobs`.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../errors.ts';

type ToWorker<Job> = { readonly type: 'job'; readonly job: Job } | { readonly type: 'close' };
type FromWorker<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'result'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };

/** An error as it crosses threads: structured cloning would keep neither its class nor its fields. */
interface SentError {
  readonly message: string;
  readonly stack: string;
  readonly code: string;
  readonly details: unknown;
}

/** What a worker makes of its data: does jobs until it is disposed of. */
export interface JobHandler<Job, Result> extends AsyncDisposable {
  run(job: Job): Promise<Result>;
}

/** In the worker's module. `open` gets the data of the pool; what it rejects with is what `JobPool.open` rejects with. */
export async function serveJobs<Data, Job, Result>(
  open: (data: Data) => Promise<JobHandler<Job, Result>>,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new ArmloopError('INTERNAL', { what: 'serveJobs outside a worker thread' });
  const tell = (message: FromWorker<Result>): void => port.postMessage(message);
  let handler: JobHandler<Job, Result>;
  try {
    handler = await open(workerData as Data);
  } catch (error) {
    return tell({ type: 'failed', error: sent(error) });
  }
  const close = async (): Promise<void> => {
    try {
      await handler[Symbol.asyncDispose]();
    } finally {
      port.close();
    }
  };
  port.on('message', (message: ToWorker<Job>) => {
    if (message.type === 'close') void close();
    else {
      handler.run(message.job).then(
        (result) => tell({ type: 'result', result }),
        (error) => tell({ type: 'failed', error: sent(error) }),
      );
    }
  });
  tell({ type: 'ready' });
}

interface Seat<Job, Result> {
  readonly name: string;
  readonly worker: Worker;
  busy: {
    readonly job: Job;
    readonly resolve: (result: Result) => void;
    readonly reject: (e: Error) => void;
  } | null;
  gone: Error | null;
}

/** How long a worker may take to end before it is ended by force, ms. */
const PATIENCE_MS = 5000;

export class JobPool<Job, Result> implements AsyncDisposable {
  readonly #seats: readonly Seat<Job, Result>[];

  private constructor(seats: readonly Seat<Job, Result>[]) {
    this.#seats = seats;
  }

  /** Resolves when all workers are ready. Rejects with what one of them could not open, or THREAD_NOT_STARTED. */
  static async open<Job, Result>(url: URL, data: unknown, workers: number): Promise<JobPool<Job, Result>> {
    const seats = Array.from({ length: workers }, (_, i): Seat<Job, Result> => {
      const name = `cell ${i}`;
      return { name, worker: new Worker(url, { workerData: data, name }), busy: null, gone: null };
    });
    const pool = new JobPool(seats);
    try {
      await Promise.all(seats.map((seat) => started(seat)));
    } catch (error) {
      await Promise.all(seats.map((seat) => seat.worker.terminate()));
      throw error;
    }
    return pool;
  }

  get size(): number {
    return this.#seats.length;
  }

  /**
   * Takes jobs as workers become free, and calls `done` with each result, one at a time, in the order in which they
   * come. Resolves when the jobs are used up and done. Rejects with the first error of a job or of `done`; jobs under
   * way are then finished and dropped. An aborted signal takes no more jobs; those under way are still told.
   */
  async run(
    jobs: Iterable<Job> | AsyncIterable<Job>,
    done: (result: Result, job: Job) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const source = iterate(jobs);
    let failed: { readonly error: unknown } | null = null;
    let told: Promise<void> = Promise.resolve();
    const work = async (seat: Seat<Job, Result>): Promise<void> => {
      while (failed === null && signal?.aborted !== true) {
        const next = await source.next();
        if (next.done === true) return;
        const result = await this.#give(seat, next.value);
        if (failed !== null) return;
        told = told.then(() => done(result, next.value));
        await told;
      }
    };
    const guarded = this.#seats.map((seat) =>
      work(seat).catch((error) => {
        failed ??= { error };
      }),
    );
    await Promise.all(guarded);
    await source.return?.();
    if (failed !== null) throw (failed as { readonly error: unknown }).error;
  }

  #give(seat: Seat<Job, Result>, job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (seat.gone !== null) return reject(seat.gone);
      seat.busy = { job, resolve, reject };
      seat.worker.postMessage({ type: 'job', job } satisfies ToWorker<Job>);
    });
  }

  /** Workers finish what they do and end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#seats.map((seat) => close(seat)));
  }
}

async function close({ worker, gone }: Pick<Seat<unknown, unknown>, 'worker' | 'gone'>): Promise<void> {
  if (gone !== null) return;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.postMessage({ type: 'close' } satisfies ToWorker<never>);
  const timer = setTimeout(() => void worker.terminate(), PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

function started<Job, Result>(seat: Seat<Job, Result>): Promise<void> {
  const { worker, name: thread } = seat;
  return new Promise((resolve, reject) => {
    const lost = (reason: string): void => {
      seat.gone ??= new ArmloopError('WORKER_LOST', { thread, reason });
      seat.busy?.reject(seat.gone);
      // Says nothing any more once the worker has been ready.
      reject(new ArmloopError('THREAD_NOT_STARTED', { thread, reason }));
    };
    worker.on('error', (error) => lost(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => lost(`it ended by itself with code ${code}`));
    worker.on('message', (message: FromWorker<Result>) => {
      const { busy } = seat;
      switch (message.type) {
        case 'ready':
          return resolve();
        case 'result':
          seat.busy = null;
          return busy?.resolve(message.result);
        case 'failed':
          seat.busy = null;
          if (busy === null) return reject(revived(message.error));
          return busy.reject(revived(message.error));
        default:
          return message satisfies never;
      }
    });
  });
}

function iterate<Job>(jobs: Iterable<Job> | AsyncIterable<Job>): AsyncIterator<Job> {
  if (Symbol.asyncIterator in jobs) return serial(jobs[Symbol.asyncIterator]());
  const inner = jobs[Symbol.iterator]();
  return { next: async () => inner.next() };
}

/** Several workers ask at once; a generator answers one after the other by itself, another iterator need not. */
function serial<Job>(inner: AsyncIterator<Job>): AsyncIterator<Job> {
  let last: Promise<unknown> = Promise.resolve();
  return {
    next: () => {
      const next = last.then(() => inner.next());
      last = next.catch(() => undefined);
      return next;
    },
    return: async () => (await inner.return?.()) ?? { done: true, value: undefined },
  };
}

function sent(error: unknown): SentError {
  const known = error instanceof ArmloopError ? error : null;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { message, stack: stack ?? '', code: known?.code ?? '', details: known?.details ?? null };
}

function revived({ message, stack, code, details }: SentError): Error {
  const error = code in ERRORS ? new ArmloopError(code as ErrorCode, details as never) : new Error(message);
  error.stack = stack;
  return error;
}
