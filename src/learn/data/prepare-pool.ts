/** Brings episodes into the cache on several threads; results in the order of the tasks, whoever was first. */
import { ArmloopError } from '../../errors.ts';
import { JobPool } from '../../session/job-pool.ts';
import { type PreparedEpisode, type PrepareTask, prepareEpisode } from './prepare.ts';

export interface PrepareEvents {
  /** An episode is in the cache. A throw here stops the rest and is passed on. */
  readonly prepared: (episode: PreparedEpisode, done: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** 0 threads: on this one. Rejects with the first error of any task, or DATASET_STOPPED; the threads are gone then. */
export async function prepareAll(
  tasks: readonly PrepareTask[],
  threads: number,
  { prepared, signal }: PrepareEvents,
): Promise<PreparedEpisode[]> {
  const found = new Map<PrepareTask, PreparedEpisode>();
  const take = (episode: PreparedEpisode, task: PrepareTask): void => {
    found.set(task, episode);
    prepared(episode, found.size);
  };
  if (threads === 0) {
    for (const task of tasks) if (signal?.aborted !== true) take(await prepareEpisode(task), task);
  } else {
    const url = new URL('./prepare-worker.js', import.meta.url);
    await using pool = await JobPool.open<PrepareTask, PreparedEpisode>(
      url,
      null,
      Math.min(threads, tasks.length),
    );
    await pool.run(tasks, take, signal);
  }
  if (found.size < tasks.length)
    throw new ArmloopError('DATASET_STOPPED', { done: found.size, of: tasks.length });
  return tasks.map((task) => found.get(task)!);
}
