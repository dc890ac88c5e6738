/** The recorder as the session knows it: ids are drawn, physics and memory snapshots are taken where they belong. */
import { newEpisodeId } from '../record/episode-id.ts';
import type { Recorder, StartOptions } from '../record/recorder.ts';
import type { EpisodeRecorder } from '../session/host.ts';

export interface EpisodeRecorderOptions {
  readonly recorder: Recorder;
  /** Physics state of every simulated device, now. */
  readonly physics: () => Promise<StartOptions['physics']>;
  /** Asks the loop for the snapshot with which the file begins. */
  readonly requestSnapshot: () => void;
  readonly onClosed: () => void;
}

export function episodeRecorder(options: EpisodeRecorderOptions): EpisodeRecorder {
  const { recorder, physics, requestSnapshot, onClosed } = options;
  return {
    start: async ({ task, operator, seed }) => {
      const id = newEpisodeId(Date.now() / 1000, Math.random());
      const start = { id, task, operator, seed, physics: await physics(), notes: {} };
      await recorder.start(start, requestSnapshot);
      return id;
    },
    stop: async () => {
      await recorder.stop();
    },
    close: async (label, cause) => {
      await recorder.label(label, cause);
      onClosed();
    },
    discard: async () => {
      await recorder.discard();
    },
    log: (time, level, text) => recorder.event(level, 'session', text, time),
  };
}
