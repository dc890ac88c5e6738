/** From tables as they were recorded to samples: which rows, which set, which normalisers. */
import { type FitSource, fitNormaliser } from '../../episode/normalise.ts';
import { chooseRows, chunkLength, chunkRow, type RowSpan } from '../../episode/samples.ts';
import { ActionSpace } from '../../policy/action-space.ts';
import { normalise } from '../../policy/features.ts';
import type { Normaliser } from '../../policy/manifest.ts';
import { Layout } from '../../robot/layout.ts';
import type { NormaliserMethod } from './spec.ts';
import type { Split } from './split.ts';
import {
  type ActionTable,
  type ConditionTable,
  type ImageTable,
  type SampleIndex,
  type SampleShape,
  type SampleStore,
  sharedInt32,
} from './store.ts';

/** Tables in shared memory, not normalised yet. */
export interface RawTables {
  readonly shape: SampleShape;
  readonly dropIdle: 'keep' | 'drop';
  /** Names of the episodes, in order. */
  readonly episodes: readonly string[];
  readonly spans: readonly RowSpan[];
  /** Per row. */
  readonly episode: Int32Array;
  readonly idle: Uint8Array;
  readonly stale: Uint8Array;
  readonly states: readonly {
    readonly name: string;
    readonly size: number;
    readonly method: NormaliserMethod;
    readonly values: Float32Array;
  }[];
  readonly images: readonly ImageTable[];
  readonly action: {
    readonly size: number;
    readonly method: NormaliserMethod;
    readonly source: ActionTable['source'];
  };
  readonly condition: ConditionTable | null;
}

export interface Finished {
  readonly store: SampleStore;
  readonly states: readonly Normaliser[];
  readonly action: Normaliser;
  /** Of a goal; null for other conditions. */
  readonly goal: Normaliser | null;
  readonly dropped: { readonly idle: number; readonly stale: number };
}

/**
 * Chooses the samples, fits the normalisers on those of the training split (states: at the rows that samples are
 * observed at; actions: every real step of every chunk; goals: per span), and normalises the tables in place.
 */
export function finishTables(raw: RawTables, split: Split): Finished {
  const { shape, spans, episodes } = raw;
  const chosen = chooseRows(raw, { ...shape, idle: raw.dropIdle });
  const index = (wanted: ReadonlySet<string>): SampleIndex => {
    const kept = [...chosen.rows.keys()].filter((i) => wanted.has(episodes[raw.episode[chosen.rows[i]!]!]!));
    return { rows: pick(chosen.rows, kept), spans: pick(chosen.spans, kept) };
  };
  const sets = { train: index(split.train), validation: index(split.validation) };
  const { train } = sets;

  const states = raw.states.map(({ size, method, values }) => {
    const fitted = fitNormaliser(method, vectors(values, size, train.rows));
    normalise(fitted, values, 0, values.length);
    return fitted;
  });
  const action = fitAction(raw, train);
  let goal: Normaliser | null = null;
  if (raw.condition?.kind === 'goal') {
    const { values, size } = raw.condition;
    const used = Int32Array.from(new Set(train.spans));
    goal = fitNormaliser('mean-std', vectors(values, size, used));
    normalise(goal, values, 0, values.length);
  }
  const bounds = sharedInt32(2 * spans.length);
  bounds.set(spans.flatMap((s) => [s.first, s.last]));
  const { images, condition, episode } = raw;
  const store: SampleStore = {
    shape,
    states: raw.states.map(({ name, size, values }) => ({ name, size, values })),
    images,
    action: { size: raw.action.size, normaliser: action, source: raw.action.source },
    condition,
    episode,
    spans: bounds,
    sets,
  };
  return { store, states, action, goal, dropped: chosen.dropped };
}

function pick(of: Int32Array, kept: readonly number[]): Int32Array {
  const out = sharedInt32(kept.length);
  kept.forEach((i, k) => {
    out[k] = of[i]!;
  });
  return out;
}

function vectors(values: Float32Array, size: number, rows: Int32Array): FitSource {
  return {
    size,
    count: rows.length,
    read: (i, out) => {
      const from = rows[i]! * size;
      for (let c = 0; c < size; c++) out[c] = values[from + c]!;
    },
  };
}

/** Fits on every real step of the training chunks; normalises what is encoded already. */
function fitAction(raw: RawTables, train: SampleIndex): Normaliser {
  const { shape, spans } = raw;
  const { size, method, source } = raw.action;
  const at = new Int32Array(train.rows.length * shape.horizon);
  const from = new Int32Array(at.length);
  let count = 0;
  for (let i = 0; i < train.rows.length; i++) {
    const row = train.rows[i]!;
    const span = spans[train.spans[i]!]!;
    const real = chunkLength(span, row, shape.horizon, shape.first, shape.stride);
    for (let k = 0; k < real; k++) {
      at[count] = chunkRow(span, row, k, shape.first, shape.stride);
      from[count++] = row;
    }
  }
  if (source.kind === 'vectors') {
    const fitted = fitNormaliser(method, vectors(source.values, size, at.subarray(0, count)));
    normalise(fitted, source.values, 0, source.values.length);
    return fitted;
  }
  const layout = Layout.fromJSON(source.layout);
  const space = new ActionSpace(source.robot, layout, source);
  const block = (row: number): Float64Array =>
    source.blocks.subarray(row * layout.size, (row + 1) * layout.size);
  return fitNormaliser(method, {
    size,
    count,
    read: (i, out) => space.encode(block(at[i]!), block(from[i]!), out),
  });
}
