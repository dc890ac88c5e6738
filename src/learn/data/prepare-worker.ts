/** A thread that brings episodes into the cache, one at a time. */
import sharp from 'sharp';
import { serveJobs } from '../../session/job-pool.ts';
import { type PreparedEpisode, type PrepareTask, prepareEpisode } from './prepare.ts';

void serveJobs<null, PrepareTask, PreparedEpisode>(async () => {
  // Small pictures, one after the other: threads and caches of libvips cost more than they bring.
  sharp.concurrency(1);
  sharp.cache(false);
  return { run: prepareEpisode, [Symbol.asyncDispose]: async () => {} };
});
