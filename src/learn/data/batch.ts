/** What a trainer is fed with, whatever it is made from. */
import type { TensorData } from '../../nn/tensor.ts';
import type { ActionOutput, PolicyInput } from '../../policy/manifest.ts';
import type { SampleStore } from './store.ts';

/**
 * One batch. Feeds by name: the states and images of the spec, its condition, `action` [B, H, A] and `actionMask`
 * [B, H]. Valid until the next call of `next`: then the memory goes back to the workers, and the arrays have length 0.
 */
export interface Batch {
  /** Counts from 0; a loader that starts at step k gives the same bytes for it as one that came there. */
  readonly step: number;
  /** Samples that count. Below B only at the end of a validation pass: the rest repeats the last with mask 0. */
  readonly count: number;
  readonly feeds: Readonly<Record<string, TensorData>>;
}

export interface BatchSource extends AsyncDisposable {
  /** B. */
  readonly batch: number;
  /** Batches of one pass over the samples; for training, where passes run into each other, it need not be whole. */
  readonly perPass: number;
  /** Rejects with DATA_WORKER when a worker died, DATA_CLOSED after disposal. */
  next(): Promise<Batch>;
  /** How often and how long `next` had to wait for workers. */
  readonly waits: WaitStatistics;
}

export interface WaitStatistics {
  /** Batches handed out. */
  readonly batches: number;
  /** How many of them were not ready when they were asked for. */
  readonly waited: number;
  /** Seconds spent waiting in all. */
  readonly waitedS: number;
  /** Batches that lie ready now. */
  readonly ready: number;
}

export interface SampleSet {
  /** Names of the episodes, in a fixed order. */
  readonly episodes: readonly string[];
  readonly samples: number;
}

/** Samples with all that policy.json says of them. */
export interface TrainingData {
  readonly train: SampleSet;
  readonly validation: SampleSet;
  /** Inputs in the order of the spec, with normalisers fitted on the training split. */
  readonly inputs: readonly PolicyInput[];
  readonly action: ActionOutput;
  /** S, H. */
  readonly steps: number;
  readonly horizon: number;
  /** SHA-256 over the episodes' bytes, the spec and the split. */
  readonly dataSha256: string;
  /** What loaders read. */
  readonly store: SampleStore;
}

/** Random changes of training samples, each left out at 0 or when absent. Drawn from (seed, step, place in the batch). */
export interface Augmentation {
  /** Largest shift in pixels, borders repeated; the same for the whole history of a sample, per image input. */
  readonly shift?: number | undefined;
  /** Random window of at least 1 − crop of each side, scaled back up (bilinear). */
  readonly crop?: number | undefined;
  /** Factor on all values drawn within 1 ± this. */
  readonly brightness?: number | undefined;
  /** Factor on the distance to mid-grey within 1 ± this. */
  readonly contrast?: number | undefined;
  /** Factor on the distance to the pixel's own grey within 1 ± this. */
  readonly saturation?: number | undefined;
  /** Turn about the grey axis within ± this, degrees. */
  readonly hueDeg?: number | undefined;
  /** Factor per channel within 1 ± this: colour of the light. */
  readonly gain?: number | undefined;
  /** Largest standard deviation of a blur, pixels. */
  readonly blur?: number | undefined;
  /** Largest standard deviation of pixel noise, of 255. */
  readonly noise?: number | undefined;
  /** Standard deviation of noise on normalised states, one draw per sample and component. */
  readonly stateNoise?: number | undefined;
}

/** `BatchLoader.open(data, options)`. */
export interface LoaderOptions {
  readonly set: 'train' | 'validation';
  /** B. */
  readonly batch: number;
  /** Of order and augmentation. The validation set has a fixed order and no augmentation. */
  readonly seed: number;
  /** First step; default 0. A resumed run gives the number of steps it has done. */
  readonly start?: number | undefined;
  /** Threads that make batches; 0 makes them on the caller's thread. Changes no byte. Default 1. */
  readonly workers?: number | undefined;
  /** Batches that lie ready or are in the making; default workers + 2. */
  readonly prefetch?: number | undefined;
  readonly augmentation?: Augmentation | undefined;
  /** Validation: at most so many batches a pass, spread evenly over the samples. */
  readonly limit?: number | undefined;
}
