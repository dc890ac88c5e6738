/** Makes one batch in given memory. The same code on a worker and on the caller's thread. */

import { chunkLength, chunkRow, historyRow, type RowSpan } from '../../episode/samples.ts';
import type { TensorData } from '../../nn/tensor.ts';
import { ActionSpace } from '../../policy/action-space.ts';
import { normalise } from '../../policy/features.ts';
import { Layout } from '../../robot/layout.ts';
import { Augmenter } from './augment.ts';
import type { Augmentation } from './batch.ts';
import { FixedOrder, type SampleOrder, ShuffledOrder } from './order.ts';
import { type ActionTable, FrameReader, type SampleIndex, type SampleStore } from './store.ts';

export interface AssemblerOptions {
  readonly set: 'train' | 'validation';
  readonly batch: number;
  readonly seed: number;
  /** Null: none. */
  readonly augmentation: Augmentation | null;
  /** Batches of a validation pass. */
  readonly limit: number;
}

/** One feed of a batch. */
interface Slot {
  readonly name: string;
  readonly dtype: 'float32' | 'uint8' | 'int64';
  readonly shape: readonly number[];
}

const BYTES = { float32: 4, uint8: 1, int64: 8 } as const;

/** Memory of one batch, one buffer per feed: it travels between the threads. */
export type BatchBuffers = readonly ArrayBuffer[];

export class Assembler implements Disposable {
  readonly slots: readonly Slot[];
  /** Batches of a pass; not whole for training. */
  readonly perPass: number;
  readonly #store: SampleStore;
  readonly #index: SampleIndex;
  readonly #batch: number;
  readonly #order: SampleOrder;
  readonly #augmenter: Augmenter | null;
  readonly #frames = new FrameReader();
  /** Pictures of one history as they are. */
  readonly #raw: Uint8Array;
  readonly #encode: (row: number, observed: number, out: Float32Array, at: number) => void;
  readonly #span = { first: 0, last: 0 };

  constructor(store: SampleStore, options: AssemblerOptions) {
    const { batch, seed, set, augmentation } = options;
    this.#store = store;
    this.#index = store.sets[set];
    this.#batch = batch;
    const samples = this.#index.rows.length;
    if (set === 'train') {
      this.#order = new ShuffledOrder(samples, batch, seed);
      this.perPass = samples / batch;
    } else {
      const fixed = new FixedOrder(samples, batch, options.limit);
      this.#order = fixed;
      this.perPass = fixed.perPass;
    }
    const largest = Math.max(0, ...store.images.map((i) => i.width * i.height * 3));
    this.#augmenter = augmentation === null ? null : new Augmenter(augmentation, seed);
    this.#raw = new Uint8Array(largest * store.shape.steps);
    this.#encode = encoder(store.action);
    this.slots = feeds(store, batch);
  }

  allocate(): BatchBuffers {
    return this.slots.map((s) => new ArrayBuffer(s.shape.reduce((n, d) => n * d, BYTES[s.dtype])));
  }

  /** How many samples of that batch count. */
  counts(step: number): number {
    return this.#order.counts(step);
  }

  views(buffers: BatchBuffers): Record<string, TensorData> {
    return Object.fromEntries(
      this.slots.map((s, i) => [s.name, { data: view(s, buffers[i]!), shape: s.shape }]),
    );
  }

  /** Fills the memory with batch number `step`. Throws DATA_CACHE_LOST. */
  fill(step: number, buffers: BatchBuffers): void {
    const counts = this.counts(step);
    const views = this.slots.map((s, i) => view(s, buffers[i]!));
    for (let slot = 0; slot < this.#batch; slot++) {
      const sample = this.#order.sample(step, slot);
      const row = this.#index.rows[sample]!;
      const span = this.#index.spans[sample]!;
      this.#span.first = this.#store.spans[2 * span]!;
      this.#span.last = this.#store.spans[2 * span + 1]!;
      let next = 0;
      this.#store.states.forEach((_, i) => {
        this.#states(step, slot, i, row, views[next++] as Float32Array);
      });
      this.#store.images.forEach((_, i) => {
        this.#images(step, slot, i, row, views[next++] as Uint8Array);
      });
      if (this.#store.condition !== null) this.#condition(slot, row, span, views[next++]!);
      this.#actions(slot, row, slot < counts, views[next]! as Float32Array, views[next + 1]! as Float32Array);
    }
  }

  [Symbol.dispose](): void {
    this.#frames[Symbol.dispose]();
  }

  #states(step: number, slot: number, input: number, row: number, out: Float32Array): void {
    const { size, values } = this.#store.states[input]!;
    const { steps, stride } = this.#store.shape;
    const at = slot * steps * size;
    for (let k = 0; k < steps; k++) {
      const from = historyRow(this.#span, row, k, steps, stride) * size;
      for (let c = 0; c < size; c++) out[at + k * size + c] = values[from + c]!;
    }
    this.#augmenter?.states({ step, slot, input }, out, at, steps, size);
  }

  #images(step: number, slot: number, input: number, row: number, out: Uint8Array): void {
    const { width, height, frame, packs } = this.#store.images[input]!;
    const { steps, stride } = this.#store.shape;
    const bytes = width * height * 3;
    const at = slot * steps * bytes;
    const pack = packs[this.#store.episode[row]!]!;
    const to = this.#augmenter === null ? out : this.#raw;
    const start = this.#augmenter === null ? at : 0;
    for (let k = 0; k < steps; k++) {
      const from = historyRow(this.#span, row, k, steps, stride);
      this.#frames.read(pack, frame[from]!, bytes, to, start + k * bytes);
    }
    this.#augmenter?.images({ step, slot, input }, this.#raw, width, height, steps, out, at);
  }

  #condition(slot: number, row: number, span: number, out: Slotted): void {
    const condition = this.#store.condition!;
    if (condition.kind === 'tasks') {
      (out as BigInt64Array)[slot] = BigInt(condition.task[this.#store.episode[row]!]!);
      return;
    }
    const { size, values } = condition;
    (out as Float32Array).set(values.subarray(span * size, (span + 1) * size), slot * size);
  }

  #actions(slot: number, row: number, counted: boolean, out: Float32Array, mask: Float32Array): void {
    const { horizon, first, stride } = this.#store.shape;
    const { size } = this.#store.action;
    const span: RowSpan = this.#span;
    const real = counted ? chunkLength(span, row, horizon, first, stride) : 0;
    for (let k = 0; k < horizon; k++) {
      this.#encode(chunkRow(span, row, k, first, stride), row, out, (slot * horizon + k) * size);
      mask[slot * horizon + k] = k < real ? 1 : 0;
    }
  }
}

type Slotted = Float32Array | Uint8Array | BigInt64Array;

function view(slot: Slot, buffer: ArrayBuffer): Slotted {
  if (slot.dtype === 'float32') return new Float32Array(buffer);
  return slot.dtype === 'uint8' ? new Uint8Array(buffer) : new BigInt64Array(buffer);
}

function feeds(store: SampleStore, batch: number): Slot[] {
  const { steps, horizon } = store.shape;
  const { condition } = store;
  return [
    ...store.states.map((s): Slot => ({ name: s.name, dtype: 'float32', shape: [batch, steps, s.size] })),
    ...store.images.map(
      (i): Slot => ({ name: i.name, dtype: 'uint8', shape: [batch, steps, i.height, i.width, 3] }),
    ),
    ...(condition === null
      ? []
      : condition.kind === 'tasks'
        ? [{ name: condition.name, dtype: 'int64', shape: [batch] } satisfies Slot]
        : [{ name: condition.name, dtype: 'float32', shape: [batch, condition.size] } satisfies Slot]),
    { name: 'action', dtype: 'float32', shape: [batch, horizon, store.action.size] },
    { name: 'actionMask', dtype: 'float32', shape: [batch, horizon] },
  ];
}

/** Writes the normalised action of a row as seen from an observation. */
function encoder(
  action: ActionTable,
): (row: number, observed: number, out: Float32Array, at: number) => void {
  const { source, size } = action;
  if (source.kind === 'vectors') {
    const { values } = source;
    return (row, _observed, out, at) => {
      for (let c = 0; c < size; c++) out[at + c] = values[row * size + c]!;
    };
  }
  const layout = Layout.fromJSON(source.layout);
  const { blocks } = source;
  const space = new ActionSpace(source.robot, layout, source);
  const block = (row: number): Float64Array => blocks.subarray(row * layout.size, (row + 1) * layout.size);
  return (row, observed, out, at) => {
    space.encode(block(row), block(observed), out, at);
    normalise(action.normaliser, out, at, size);
  };
}
