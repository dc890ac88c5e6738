/** What `Dataset.open` is asked for. */
import type { Catalogue, EpisodeFilter } from '../../episode/catalogue.ts';
import type { SampleSpec } from './spec.ts';

/** Which episodes: all that pass the filter, oldest first, at most `limit`. */
export interface EpisodeQuery extends EpisodeFilter {
  readonly limit?: number | undefined;
}

export interface DatasetOptions {
  readonly catalogue: Catalogue;
  /** Ids, from either shelf, or a query. */
  readonly episodes: readonly string[] | EpisodeQuery;
  readonly spec: SampleSpec;
  readonly split: {
    /** Share of the episodes that is held out, at least one when above 0. */
    readonly validation: number;
    readonly seed: number;
  };
  /** Folder of decoded frames and features; made when it is not there. Can be deleted at any time between runs. */
  readonly cacheDir: string;
  /** Most bytes in it: least recently used episodes go first. Default 20 GiB. */
  readonly cacheBytes?: number | undefined;
  /** Frames are held in memory when all of them fit in this, else read from the cache batch by batch. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
  /** Threads that read and decode episodes, 0: the own one; default: one per core, at most 8. */
  readonly workers?: number | undefined;
  readonly onProgress?: ((done: number, of: number, episode: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An episode that gave no samples, and why. */
export interface SkippedEpisode {
  readonly episode: string;
  readonly reason: string;
}

export interface DatasetFacts {
  /** As policy.json has it. */
  readonly robot: {
    readonly ids: readonly string[];
    readonly axes: readonly { readonly name: string; readonly unit: string }[];
  };
  /** Task texts, sorted. */
  readonly tasks: readonly string[];
  readonly skipped: readonly SkippedEpisode[];
  /** Samples that were left out, by reason. */
  readonly dropped: { readonly idle: number; readonly stale: number };
  /** Bytes of frames, and where they are during training. */
  readonly frames: { readonly bytes: number; readonly where: 'memory' | 'disk' };
}
