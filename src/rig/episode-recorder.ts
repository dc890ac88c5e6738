/** The recorder as the session knows it: ids are drawn, physics and memory snapshots are taken where they belong. */
import { newEpisodeId } from '../record/episode-id.ts';
import type { Recorder, StartOptions } from '../record/recorder.ts';
import type { EpisodeRecorder } from '../session/host.ts';

export interface EpisodeRecorderOptions {
  readonly recorder: Recorder;
  /** Physics state of every simulated device, now. */
  readonly physics: () => Promise<StartOptions['physics']>;
  /** What the episode is told besides. */
  readonly notes: () => StartOptions['notes'];
  /** Asks the loop for the snapshot with which the file begins. */
  readonly requestSnapshot: () => void;
  readonly onClosed: () => void;
}

export function episodeRecorder(options: EpisodeRecorderOptions): EpisodeRecorder {
  const { recorder, physics, notes, requestSnapshot, onClosed } = options;
  return {
    start: async ({ task, operator, seed }) => {
      const id = newEpisodeId(Date.now() / 1000, Math.random());
      const start = { id, task, operator, seed, physics: await physics(), notes: notes() };
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

/** The calibration that its devices had: a hash in the place of `none`, and which files that is. */
export function calibrationNotes(
  inForce: { readonly sha256: string; readonly files: readonly string[] } | null,
): StartOptions['notes'] {
  if (inForce === null) return {};
  return { calibration_sha256: inForce.sha256, calibration_files: inForce.files.join('; ') };
}
