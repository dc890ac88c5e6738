/** A thread that brings episodes into the cache, one at a time. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { ArmloopError } from '../../errors.ts';
import { type PreparedEpisode, type PrepareTask, prepareEpisode } from './prepare.ts';

export type FromPrepareWorker =
  | { readonly type: 'prepared'; readonly episode: PreparedEpisode }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly details: Readonly<Record<string, string | number>>;
      readonly message: string;
    };

function run(port: MessagePort): void {
  // Small pictures, one after the other: threads and caches of libvips cost more than they bring.
  sharp.concurrency(1);
  sharp.cache(false);
  port.on('message', (task: PrepareTask | 'shutdown') => {
    if (task === 'shutdown') {
      port.close();
      return;
    }
    prepareEpisode(task).then(
      (episode) => port.postMessage({ type: 'prepared', episode } satisfies FromPrepareWorker),
      (error: unknown) => {
        const { code, details } = error instanceof ArmloopError ? error : { code: '', details: {} };
        const { message } = error as Error;
        port.postMessage({ type: 'failed', code, details, message } satisfies FromPrepareWorker);
      },
    );
  });
}

run(parentPort!);
