/**
 * Samples in shared memory: tables of rows (sample times) of all episodes one after the other, and their frames, in
 * memory or as cache files. Plain data, so that every thread reads the same memory.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { ArmloopError } from '../../errors.ts';
import type { Normaliser } from '../../policy/manifest.ts';
import type { Layout } from '../../robot/layout.ts';
import type { RobotSpec } from '../../robot/spec.ts';

/** How rows become a sample. */
export interface SampleShape {
  /** S, H. */
  readonly steps: number;
  readonly horizon: number;
  /** Step 0 of the chunk lies so many steps after the observation. */
  readonly first: number;
  /** Rows per step. */
  readonly stride: number;
}

export interface StateTable {
  readonly name: string;
  readonly size: number;
  /** rows × size, normalised. */
  readonly values: Float32Array;
}

/** uint8 frames of one episode, frames × height × width × 3. */
export type FramePack =
  | { readonly kind: 'memory'; readonly frames: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly offset: number };

export interface ImageTable {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Per row: number of its frame in the pack of its episode. */
  readonly frame: Int32Array;
  /** Per episode. */
  readonly packs: readonly FramePack[];
}

export interface ActionTable {
  /** A. */
  readonly size: number;
  readonly normaliser: Normaliser;
  /** `vectors`: rows × A, encoded and normalised. `commands`: rows of blocks of `layout`, encoded per observation. */
  readonly source:
    | { readonly kind: 'vectors'; readonly values: Float32Array }
    | {
        readonly kind: 'commands';
        readonly layout: ReturnType<Layout['toJSON']>;
        readonly robot: RobotSpec;
        readonly space: 'joint' | 'tool';
        readonly reference: 'observed' | 'level';
        readonly blocks: Float64Array;
      };
}

export type ConditionTable =
  /** Per episode: its task's number. */
  | { readonly kind: 'tasks'; readonly name: string; readonly task: Int32Array }
  /** Per span: what was reached at its end, normalised. */
  | { readonly kind: 'goal'; readonly name: string; readonly size: number; readonly values: Float32Array };

export interface SampleStore {
  readonly shape: SampleShape;
  readonly states: readonly StateTable[];
  readonly images: readonly ImageTable[];
  readonly action: ActionTable;
  readonly condition: ConditionTable | null;
  /** Per row: its episode. */
  readonly episode: Int32Array;
  /** Per span: first and last row. */
  readonly spans: Int32Array;
  readonly sets: { readonly train: SampleIndex; readonly validation: SampleIndex };
}

/** Samples of a set: the row that each is observed at, and its span. */
export interface SampleIndex {
  readonly rows: Int32Array;
  readonly spans: Int32Array;
}

export function sharedInt32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
}

export function sharedFloat32(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4));
}

export function sharedFloat64(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}

/** Most cache files that one thread holds open. */
const OPEN_FILES = 128;

/** Copies frames out of packs; cache files stay open, those used least recently are closed first. */
export class FrameReader implements Disposable {
  readonly #open = new Map<string, number>();

  /** Frame number `index` of `bytes` bytes to out[at..at + bytes). Throws DATA_CACHE_LOST. */
  read(pack: FramePack, index: number, bytes: number, out: Uint8Array, at: number): void {
    if (pack.kind === 'memory') {
      out.set(pack.frames.subarray(index * bytes, (index + 1) * bytes), at);
      return;
    }
    let got = 0;
    try {
      got = readSync(this.#file(pack.path), out, at, bytes, pack.offset + index * bytes);
    } catch (cause) {
      throw new ArmloopError(
        'DATA_CACHE_LOST',
        { file: pack.path, reason: (cause as Error).message },
        { cause },
      );
    }
    if (got !== bytes) throw new ArmloopError('DATA_CACHE_LOST', { file: pack.path, reason: 'it was cut' });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #file(path: string): number {
    const held = this.#open.get(path);
    const fd = held ?? openSync(path, 'r');
    // A map keeps the order of insertion: the newest goes to the end.
    if (held !== undefined) this.#open.delete(path);
    this.#open.set(path, fd);
    if (this.#open.size > OPEN_FILES) {
      const [oldest, old] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      closeSync(old);
    }
    return fd;
  }
}
