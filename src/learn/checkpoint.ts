/**
 * Checkpoints of a run: `checkpoints/step-00001000.safetensors`, each whole (parameters, optimiser, average, and
 * where the training stood) and with its own checksum. The newest ones and the best are kept. One that a crash or a
 * bad disk damaged is seen by its checksum, and the one before is used.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ArmloopError } from '../errors.ts';
import { sizeOf } from '../nn/tensor.ts';
import type { TrainState as EngineState } from '../nn/train-state.ts';
import { syncFolder } from '../record/sink.ts';
import type { StopState } from './early-stopping.ts';
import { decodeTensors, encodeTensors, readMetadata, type StoredTensor } from './safetensors.ts';

const FORMAT = 'armloop-checkpoint/1';

/**
 * Where the training stood. The order of the samples, noise and augmentation are functions of (seed, step), so `step`
 * is also the position of the loader.
 */
export interface TrainState {
  /** Optimiser steps done. */
  readonly step: number;
  readonly seed: number;
  readonly threads: number;
  readonly provider: string;
  /** s of training, over all processes that worked on it. */
  readonly elapsed: number;
  readonly stopping: StopState;
}

export interface Checkpoint {
  readonly state: TrainState;
  readonly engine: EngineState;
}

/** The weights to act with: their moving average, or themselves where none is kept. */
export function actingWeights({ engine }: Checkpoint): Map<string, Float32Array> {
  const vector = engine.vectors['average'] ?? engine.vectors['parameters']!;
  const weights = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of engine.layout) {
    const end = offset + sizeOf(shape);
    weights.set(name, vector.slice(offset, end));
    offset = end;
  }
  return weights;
}

export interface Found {
  readonly checkpoint: Checkpoint | null;
  /** Newer ones that were not sound, each in words. */
  readonly damaged: readonly string[];
}

export class CheckpointFolder {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  path(step: number): string {
    return join(this.folder, `step-${String(step).padStart(8, '0')}.safetensors`);
  }

  /** Steps that there are files for, oldest first. */
  steps(): number[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch {
      return [];
    }
    const steps = names.map((name) => /^step-(\d{8,})\.safetensors$/.exec(name)?.[1]);
    return steps.flatMap((s) => (s === undefined ? [] : [Number(s)])).sort((a, b) => a - b);
  }

  /** Atomic and durable: after a crash at any instant the file is whole or is not there. Then drops what is not kept. */
  save(checkpoint: Checkpoint, keep: number): void {
    mkdirSync(this.folder, { recursive: true });
    const path = this.path(checkpoint.state.step);
    const metadata = { format: FORMAT, state: JSON.stringify(checkpoint.state) };
    writeDurably(path, encodeTensors({ tensors: toTensors(checkpoint.engine), metadata }));
    this.#prune(checkpoint.state, keep);
  }

  /** Throws CHECKPOINT_DAMAGED. */
  load(step: number): Checkpoint {
    const file = this.path(step);
    try {
      const { tensors, metadata } = decodeTensors(readFileSync(file));
      if (metadata['format'] !== FORMAT)
        throw new Error(`its format is ${metadata['format'] ?? 'not named'}, not ${FORMAT}`);
      const state = JSON.parse(metadata['state'] ?? '') as TrainState;
      return { state, engine: fromTensors(state.step, tensors) };
    } catch (cause) {
      throw new ArmloopError('CHECKPOINT_DAMAGED', { file, reason: (cause as Error).message }, { cause });
    }
  }

  /** The newest sound one, none when there is none. */
  newest(): Found {
    const damaged: string[] = [];
    for (const step of this.steps().reverse()) {
      try {
        return { checkpoint: this.load(step), damaged };
      } catch (error) {
        if (!(error instanceof ArmloopError)) throw error;
        damaged.push(error.message);
      }
    }
    return { checkpoint: null, damaged };
  }

  /** What a killed process left half written. */
  sweep(): void {
    let names: string[] = [];
    try {
      names = readdirSync(this.folder);
    } catch {
      // No folder yet.
    }
    for (const name of names) if (name.includes('.new-')) rmSync(join(this.folder, name), { force: true });
  }

  /**
   * Keeps the newest, and the best that each of them knows: whichever the run falls back to finds its best.
   * Those of a later step belong to a course that was given up by resuming from before it.
   */
  #prune(state: TrainState, keep: number): void {
    const steps = this.steps();
    const kept = new Set(steps.filter((s) => s <= state.step).slice(-keep));
    for (const step of [...kept]) {
      const best = step === state.step ? state.stopping.best : this.#glance(step)?.stopping.best;
      if (best) kept.add(best.step);
    }
    for (const step of steps) if (!kept.has(step)) rmSync(this.path(step), { force: true });
  }

  /** The state alone, unchecked; null when it cannot be read. */
  #glance(step: number): TrainState | null {
    try {
      return JSON.parse(readMetadata(this.path(step))['state'] ?? '') as TrainState;
    } catch {
      return null;
    }
  }
}

/** `parameters/NAME`, `average/NAME`, …: each vector cut into the parameters that it holds, for other readers. */
function toTensors({ layout, vectors }: EngineState): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [vector, values] of Object.entries(vectors)) {
    let offset = 0;
    for (const { name, shape } of layout) {
      const end = offset + sizeOf(shape);
      tensors.set(`${vector}/${name}`, { values: values.subarray(offset, end), shape });
      offset = end;
    }
  }
  return tensors;
}

function fromTensors(step: number, tensors: ReadonlyMap<string, StoredTensor>): EngineState {
  const parts = new Map<string, { name: string; shape: readonly number[]; values: Float32Array }[]>();
  for (const [full, { values, shape }] of tensors) {
    const slash = full.indexOf('/');
    const [vector, name] = [full.slice(0, slash), full.slice(slash + 1)];
    if (slash < 0 || !(values instanceof Float32Array)) throw new Error(`${full} is no part of a vector`);
    parts.set(vector, [...(parts.get(vector) ?? []), { name, shape, values }]);
  }
  const layout = parts.get('parameters');
  if (layout === undefined) throw new Error('it holds no parameters');
  const joined = [...parts].map(([vector, list]) => {
    const values = new Float32Array(list.reduce((n, p) => n + p.values.length, 0));
    let offset = 0;
    for (const part of list) {
      values.set(part.values, offset);
      offset += part.values.length;
    }
    return [vector, values] as const;
  });
  return {
    step,
    layout: layout.map(({ name, shape }) => ({ name, shape })),
    vectors: Object.fromEntries(joined),
  };
}

/** Temporary file, flush, rename, flush of the folder. */
function writeDurably(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.new-${process.pid}`;
  const fd = openSync(temporary, 'w');
  try {
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncFolder(join(path, '..'));
}
