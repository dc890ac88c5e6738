/** `<id>.json` beside an episode: its summary, for lists that must not open every file, and its relabellings. */
import { readFileSync } from 'node:fs';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import { writeAtomically } from './files.ts';
import type { Quality } from './quality.ts';

/** A label given after the file was closed. The MCAP keeps the first one; the newest of these counts. */
export interface Relabel {
  readonly label: EpisodeLabel;
  readonly cause: string;
  /** Seconds since 1970. */
  readonly at: number;
}

export interface Sidecar {
  readonly summary: EpisodeSummary;
  readonly quality: Quality;
  readonly relabels: readonly Relabel[];
}

/** Null when there is none or it cannot be read: it is made again from the MCAP then. */
export function readSidecar(path: string): Sidecar | null {
  try {
    const sidecar = JSON.parse(readFileSync(path, 'utf8')) as Partial<Sidecar>;
    if (typeof sidecar.summary?.id !== 'string' || sidecar.quality === undefined) return null;
    const { summary, quality } = sidecar;
    return { summary, quality, relabels: Array.isArray(sidecar.relabels) ? sidecar.relabels : [] };
  } catch {
    return null;
  }
}

export function writeSidecar(path: string, sidecar: Sidecar): void {
  writeAtomically(path, `${JSON.stringify(sidecar, null, 1)}\n`);
}
