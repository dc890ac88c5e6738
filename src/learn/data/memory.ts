/**
 * Samples from arrays: for experiments on states, and for tests. Same interface, same rules and same bytes as a
 * Dataset over episodes with these rows.
 */
import { createHash } from 'node:crypto';
import type { RowSpan } from '../../episode/samples.ts';
import { ArmloopError } from '../../errors.ts';
import type { ActionOutput, Feature, Normaliser, PolicyInput } from '../../policy/manifest.ts';
import type { SampleSet, TrainingData } from './batch.ts';
import { finishTables } from './finish.ts';
import type { NormaliserMethod } from './spec.ts';
import { splitEpisodes } from './split.ts';
import { type SampleIndex, sharedFloat32, sharedInt32 } from './store.ts';

export interface MemoryEpisode {
  readonly name: string;
  /** By input name: rows × size. */
  readonly states: Readonly<Record<string, ArrayLike<number>>>;
  /** By input name: rows × height × width × 3. */
  readonly images?: Readonly<Record<string, Uint8Array>>;
  /** rows × A: what was commanded at each row. */
  readonly actions: ArrayLike<number>;
  /** Place in `condition.tasks`. */
  readonly task?: number;
}

export interface MemoryOptions {
  readonly episodes: readonly MemoryEpisode[];
  readonly rateHz: number;
  readonly steps: number;
  readonly horizon: number;
  /** Step 0 of a chunk lies so many rows after the observation. */
  readonly first: number;
  readonly states: readonly {
    readonly name: string;
    readonly size: number;
    readonly normaliser?: NormaliserMethod;
  }[];
  readonly images?: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly action: { readonly size: number; readonly normaliser?: NormaliserMethod };
  readonly condition?: { readonly name: string; readonly tasks: readonly string[] };
  readonly split: { readonly validation: number; readonly seed: number };
}

/** Rejects arrays of the wrong length with LENGTH_MISMATCH, no episodes with DATASET_EMPTY. */
export function memoryData(options: MemoryOptions): TrainingData {
  const { episodes, steps, horizon, first } = options;
  if (episodes.length === 0)
    throw new ArmloopError('DATASET_EMPTY', { what: 'episodes', reason: 'none were given' });
  const spans: RowSpan[] = [];
  let rows = 0;
  for (const episode of episodes) {
    const length = episode.actions.length / options.action.size;
    spans.push({ first: rows, last: rows + length - 1 });
    rows += length;
  }
  const table = (
    what: string,
    size: number,
    of: (episode: MemoryEpisode) => ArrayLike<number> | undefined,
  ): Float32Array => {
    const values = sharedFloat32(rows * size);
    episodes.forEach((episode, e) => {
      const got = of(episode) ?? [];
      const want = (spans[e]!.last - spans[e]!.first + 1) * size;
      if (got.length !== want)
        throw new ArmloopError('LENGTH_MISMATCH', {
          what: `${what} of ${episode.name}`,
          got: got.length,
          want,
        });
      values.set(got, spans[e]!.first * size);
    });
    return values;
  };
  const names = episodes.map((e) => e.name);
  const split = splitEpisodes(names, options.split);
  const task = sharedInt32(episodes.length);
  task.set(episodes.map((e) => e.task ?? 0));
  const { condition } = options;
  const finished = finishTables(
    {
      shape: { steps, horizon, first, stride: 1 },
      dropIdle: 'keep',
      episodes: names,
      spans,
      episode: perRow(spans, rows, (_, e) => e),
      idle: new Uint8Array(rows),
      stale: new Uint8Array(rows),
      states: options.states.map(({ name, size, normaliser }) => ({
        name,
        size,
        method: normaliser ?? 'mean-std',
        values: table(`the state ${name}`, size, (e) => e.states[name]),
      })),
      images: (options.images ?? []).map((image) => ({
        ...image,
        frame: perRow(spans, rows, (row, e) => row - spans[e]!.first),
        packs: episodes.map((episode, e) => ({ kind: 'memory', frames: shared(episode, image, spans[e]!) })),
      })),
      action: {
        size: options.action.size,
        method: options.action.normaliser ?? 'min-max',
        source: { kind: 'vectors', values: table('the action', options.action.size, (e) => e.actions) },
      },
      condition: condition === undefined ? null : { kind: 'tasks', name: condition.name, task },
    },
    split,
  );
  const { sets } = finished.store;
  const set = (of: ReadonlySet<string>, index: SampleIndex): SampleSet => {
    return { episodes: names.filter((n) => of.has(n)), samples: index.rows.length };
  };
  return {
    train: set(split.train, sets.train),
    validation: set(split.validation, sets.validation),
    inputs: inputs(options, finished.states),
    action: output(options.action.size, finished.action),
    steps,
    horizon,
    dataSha256: digest(options),
    store: finished.store,
  };
}

function shared(
  episode: MemoryEpisode,
  image: { readonly name: string; readonly width: number; readonly height: number },
  span: RowSpan,
): Uint8Array {
  const want = (span.last - span.first + 1) * image.width * image.height * 3;
  const got = episode.images?.[image.name];
  if (got?.length !== want) {
    const what = `the image ${image.name} of ${episode.name}`;
    throw new ArmloopError('LENGTH_MISMATCH', { what, got: got?.length ?? 0, want });
  }
  const frames = new Uint8Array(new SharedArrayBuffer(want));
  frames.set(got);
  return frames;
}

function perRow(
  spans: readonly RowSpan[],
  rows: number,
  value: (row: number, e: number) => number,
): Int32Array {
  const out = sharedInt32(rows);
  spans.forEach((span, e) => {
    for (let row = span.first; row <= span.last; row++) out[row] = value(row, e);
  });
  return out;
}

function inputs(options: MemoryOptions, fitted: readonly Normaliser[]): PolicyInput[] {
  const feature = (field: string, width: number): Feature => ({ field, encode: 'raw', unit: '1', width });
  const { condition, images = [] } = options;
  return [
    ...options.states.map(({ name, size }, i): PolicyInput => {
      return { kind: 'state', name, features: [feature(name, size)], normaliser: fitted[i]! };
    }),
    ...images.map((i): PolicyInput => ({ kind: 'image', ...i, camera: i.name, encoding: 'uint8-hwc' })),
    ...(condition === undefined
      ? []
      : [{ kind: 'condition', name: condition.name, tasks: [...condition.tasks] } satisfies PolicyInput]),
  ];
}

function output(size: number, normaliser: Normaliser): ActionOutput {
  const units = new Array<string>(size).fill('1');
  return { name: 'action', space: 'joint', reference: 'absolute', size, units, normaliser };
}

function digest({ episodes, ...rest }: MemoryOptions): string {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  for (const { name, states, images, actions, task } of episodes) {
    hash.update(JSON.stringify([name, task]));
    for (const list of [...Object.values(states), actions]) hash.update(Float64Array.from(list));
    for (const frames of Object.values(images ?? {})) hash.update(frames);
  }
  return hash.digest('hex');
}
