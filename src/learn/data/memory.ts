/**
 * Samples from arrays: for experiments on states, and for tests. Same interface, same rules and same bytes as a
 * Dataset over episodes with these rows.
 */
import { createHash } from 'node:crypto';
import { fitNormaliser } from '../../episode/normalise.ts';
import { chooseRows, type RowSpan } from '../../episode/samples.ts';
import { ArmloopError } from '../../errors.ts';
import { normalise } from '../../policy/features.ts';
import type { ActionOutput, Feature, Normaliser, PolicyInput } from '../../policy/manifest.ts';
import type { TrainingData } from './batch.ts';
import type { NormaliserMethod } from './spec.ts';
import { splitEpisodes } from './split.ts';
import { type SampleIndex, type SampleStore, sharedFloat32, sharedInt32 } from './store.ts';

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
  const shape = { steps, horizon, first, stride: 1 };
  const spans: RowSpan[] = [];
  let rows = 0;
  for (const episode of episodes) {
    const length = episode.actions.length / options.action.size;
    spans.push({ first: rows, last: rows + length - 1 });
    rows += length;
  }
  const split = splitEpisodes(
    episodes.map((e) => e.name),
    options.split,
  );
  const flags = { idle: new Uint8Array(rows), stale: new Uint8Array(rows) };
  const chosen = chooseRows({ spans, ...flags }, { ...shape, idle: 'keep' });
  const index = (wanted: ReadonlySet<string>): SampleIndex => {
    const kept = [...chosen.spans.keys()].filter((i) => wanted.has(episodes[chosen.spans[i]!]!.name));
    return { rows: sharedFrom(kept, chosen.rows), spans: sharedFrom(kept, chosen.spans) };
  };
  const sets = { train: index(split.train), validation: index(split.validation) };
  const training = spans.filter((_, e) => split.train.has(episodes[e]!.name));

  const table = (
    what: string,
    size: number,
    method: NormaliserMethod,
    of: (episode: MemoryEpisode) => ArrayLike<number> | undefined,
  ): { values: Float32Array; normaliser: Normaliser } => {
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
    const list = Int32Array.from(
      training.flatMap((s) => Array.from({ length: s.last - s.first + 1 }, (_, i) => s.first + i)),
    );
    const normaliser = fitNormaliser(method, {
      size,
      count: list.length,
      read: (i, out) => {
        for (let c = 0; c < size; c++) out[c] = values[list[i]! * size + c]!;
      },
    });
    normalise(normaliser, values, 0, values.length);
    return { values, normaliser };
  };

  const states = options.states.map((s) => ({
    ...s,
    ...table(`the state ${s.name}`, s.size, s.normaliser ?? 'mean-std', (e) => e.states[s.name]),
  }));
  const { size } = options.action;
  const action = table('the action', size, options.action.normaliser ?? 'min-max', (e) => e.actions);
  const images = (options.images ?? []).map((image) => ({
    ...image,
    frame: perEpisode(spans, rows, (row, e) => row - spans[e]!.first),
    packs: episodes.map((episode, e) => ({
      kind: 'memory' as const,
      frames: shared(episode, image, spans[e]!),
    })),
  }));
  const store: SampleStore = {
    shape,
    states: states.map(({ name, size: s, values }) => ({ name, size: s, values })),
    images,
    action: { size, normaliser: action.normaliser, source: { kind: 'vectors', values: action.values } },
    condition:
      options.condition === undefined
        ? null
        : { kind: 'tasks', name: options.condition.name, task: sharedList(episodes.map((e) => e.task ?? 0)) },
    episode: perEpisode(spans, rows, (_, e) => e),
    spans: sharedList(spans.flatMap((s) => [s.first, s.last])),
    sets,
  };
  const names = (of: ReadonlySet<string>): string[] => episodes.map((e) => e.name).filter((n) => of.has(n));
  return {
    train: { episodes: names(split.train), samples: sets.train.rows.length },
    validation: { episodes: names(split.validation), samples: sets.validation.rows.length },
    inputs: inputs(options, states),
    action: output(size, action.normaliser),
    steps,
    horizon,
    dataSha256: digest(options),
    store,
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

function perEpisode(
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

function sharedList(values: readonly number[]): Int32Array {
  const out = sharedInt32(values.length);
  out.set(values);
  return out;
}

function sharedFrom(kept: readonly number[], of: Int32Array): Int32Array {
  return sharedList(kept.map((i) => of[i]!));
}

function inputs(
  options: MemoryOptions,
  states: readonly { readonly name: string; readonly size: number; readonly normaliser: Normaliser }[],
): PolicyInput[] {
  const feature = (field: string, width: number): Feature => ({ field, encode: 'raw', unit: '1', width });
  const { condition, images = [] } = options;
  return [
    ...states.map(({ name, size, normaliser }): PolicyInput => {
      return { kind: 'state', name, features: [feature(name, size)], normaliser };
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
