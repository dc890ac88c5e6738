/** Brings episodes into the cache on several threads; results in the order of the tasks, whoever was first. */
import { Worker } from 'node:worker_threads';
import { ArmloopError, ERRORS, type ErrorCode } from '../../errors.ts';
import type { PreparedEpisode, PrepareTask } from './prepare.ts';
import type { FromPrepareWorker } from './prepare-worker.ts';

export interface PoolEvents {
  /** An episode is in the cache. A throw here stops the rest and is passed on. */
  readonly prepared: (episode: PreparedEpisode, done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Rejects with the first error of any task, or DATASET_STOPPED; the threads are gone then. */
export async function prepareAll(
  tasks: readonly PrepareTask[],
  threads: number,
  events: PoolEvents,
): Promise<PreparedEpisode[]> {
  const results = new Array<PreparedEpisode>(tasks.length);
  let next = 0;
  let done = 0;
  let failed: Error | null = null;
  const stopped = (): ArmloopError | null =>
    events.signal?.aborted ? new ArmloopError('DATASET_STOPPED', { done, of: tasks.length }) : null;
  const thread = async (): Promise<void> => {
    const worker = new Worker(new URL('./prepare-worker.js', import.meta.url), { name: 'episodes' });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    try {
      while (failed === null && next < tasks.length) {
        failed = stopped();
        if (failed !== null) break;
        const i = next++;
        const episode = await ask(worker, tasks[i]!);
        results[i] = episode;
        done++;
        events.prepared(episode, done);
      }
    } catch (error) {
      failed ??= error as Error;
    } finally {
      worker.postMessage('shutdown');
      await ended;
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, tasks.length) }, thread));
  // The threads may have set it; TypeScript does not see that.
  const error = failed as Error | null;
  if (error !== null) throw error;
  return results;
}

function ask(worker: Worker, task: PrepareTask): Promise<PreparedEpisode> {
  return new Promise((resolve, reject) => {
    const answered = (message: FromPrepareWorker): void => {
      forget();
      if (message.type === 'prepared') resolve(message.episode);
      else reject(revive(message));
    };
    const broke = (error: Error): void => {
      forget();
      reject(died(error.message, error));
    };
    const ended = (): void => broke(new Error('it stopped by itself'));
    const forget = (): void => {
      worker.off('message', answered).off('error', broke).off('exit', ended);
    };
    worker.on('message', answered).on('error', broke).on('exit', ended);
    worker.postMessage(task);
  });
}

function died(reason: string, cause?: unknown): ArmloopError {
  return new ArmloopError('DATA_WORKER', { reason }, { cause });
}

function revive(message: Extract<FromPrepareWorker, { type: 'failed' }>): Error {
  if (!(message.code in ERRORS)) return died(message.message);
  return new ArmloopError(message.code as ErrorCode, message.details as never);
}
