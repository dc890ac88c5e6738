/**
 * The two ways in which threads of the rig share values. One writer and one reader each; n readers = n instances.
 *
 * Latest: a triple buffer. Three slots; the writer owns `back`, the reader `front`, and `middle` is swapped by one
 * atomic exchange with a FRESH bit. Neither side ever waits, and no one sees half a value.
 * The writer's and the reader's slot numbers are kept in the header too, so an end that is opened again goes on where
 * the one before it left off.
 * Ring: single producer, single consumer, lossless; head and tail are free-running Int32 counters, compared by
 * difference so that wrap-around is harmless. A full ring refuses the record and counts it.
 *
 * Atomics give the ordering: slot data is written before the atomic store that publishes it and read after the
 * atomic load that finds it (ECMAScript memory model, SharedArrayBuffer agents).
 */
import type { LatestReader, LatestWriter, RingReader, RingSlot, RingWriter } from '../robot/port.ts';

// Words that different threads write live in cache lines of their own (64 bytes = 16 words).
const LINE = 16;
const HEADER_BYTES = 192;
const FRESH = 4;
const INDEX = 3;

/** What crosses to another thread: post it in workerData, then open one end there. */
export interface ChannelBuffer {
  readonly shared: SharedArrayBuffer;
  /** float64 values per slot. */
  readonly size: number;
  /** Extra bytes per slot behind the block. */
  readonly payload: number;
  readonly slots: number;
}

function make(size: number, payload: number, slots: number): ChannelBuffer {
  const stride = size * 8 + align(payload);
  return { shared: new SharedArrayBuffer(HEADER_BYTES + stride * slots), size, payload, slots };
}

const align = (n: number): number => (n + 7) & ~7;

function views(buffer: ChannelBuffer): RingSlot[] {
  const stride = buffer.size * 8 + align(buffer.payload);
  return Array.from({ length: buffer.slots }, (_, i) => {
    const at = HEADER_BYTES + stride * i;
    return {
      block: new Float64Array(buffer.shared, at, buffer.size),
      bytes: new Uint8Array(buffer.shared, at + buffer.size * 8, buffer.payload),
    };
  });
}

/** Does not keep the process alive while it waits (V8 gives the event loop no handle for it). */
async function waitAsync(ctl: Int32Array, index: number, seen: number, timeoutMs: number): Promise<boolean> {
  const result = Atomics.waitAsync(ctl, index, seen, timeoutMs);
  return (result.async ? await result.value : result.value) !== 'timed-out';
}

const MIDDLE = 0;
const VERSION = 1;
const BACK = LINE;
const FRONT = 2 * LINE;

/** Makes the memory of a Latest for blocks of `size` float64 and `payload` extra bytes. */
export function latest(size: number, payload = 0): ChannelBuffer {
  const buffer = make(size, payload, 3);
  const ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
  ctl[MIDDLE] = 1;
  ctl[FRONT] = 2;
  return buffer;
}

export class LatestEnd implements LatestWriter {
  readonly buffer: ChannelBuffer;
  readonly #ctl: Int32Array;
  readonly #slots: readonly RingSlot[];
  #back: number;
  block: Float64Array;
  bytes: Uint8Array;

  constructor(buffer: ChannelBuffer) {
    this.buffer = buffer;
    this.#ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
    this.#slots = views(buffer);
    this.#back = this.#ctl[BACK]!;
    this.block = this.#slots[this.#back]!.block;
    this.bytes = this.#slots[this.#back]!.bytes;
  }

  publish(): void {
    this.#back = Atomics.exchange(this.#ctl, MIDDLE, this.#back | FRESH) & INDEX;
    this.#ctl[BACK] = this.#back;
    const slot = this.#slots[this.#back]!;
    this.block = slot.block;
    this.bytes = slot.bytes;
    Atomics.add(this.#ctl, VERSION, 1);
    Atomics.notify(this.#ctl, VERSION);
  }
}

export class LatestView implements LatestReader {
  readonly buffer: ChannelBuffer;
  readonly #ctl: Int32Array;
  readonly #slots: readonly RingSlot[];
  #front: number;
  block: Float64Array;
  bytes: Uint8Array;

  constructor(buffer: ChannelBuffer) {
    this.buffer = buffer;
    this.#ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
    this.#slots = views(buffer);
    this.#front = this.#ctl[FRONT]!;
    this.block = this.#slots[this.#front]!.block;
    this.bytes = this.#slots[this.#front]!.bytes;
  }

  take(): boolean {
    if ((Atomics.load(this.#ctl, MIDDLE) & FRESH) === 0) return false;
    this.#front = Atomics.exchange(this.#ctl, MIDDLE, this.#front) & INDEX;
    this.#ctl[FRONT] = this.#front;
    const slot = this.#slots[this.#front]!;
    this.block = slot.block;
    this.bytes = slot.bytes;
    return true;
  }

  version(): number {
    return Atomics.load(this.#ctl, VERSION);
  }

  wait(seen: number, timeoutMs: number): boolean {
    return Atomics.wait(this.#ctl, VERSION, seen, timeoutMs) !== 'timed-out';
  }

  waitAsync(seen: number, timeoutMs: number): Promise<boolean> {
    return waitAsync(this.#ctl, VERSION, seen, timeoutMs);
  }
}

const HEAD = 0;
const OVERFLOW = 1;
const TAIL = LINE;

/**
 * Makes the memory of a Ring of at least `slots` records (rounded up to a power of two). `start` sets both counters,
 * so that a test can begin just before they wrap.
 */
export function ring(size: number, slots: number, payload = 0, start = 0): ChannelBuffer {
  const wanted = Math.max(2, Math.ceil(slots));
  const buffer = make(size, payload, 2 ** (32 - Math.clz32(wanted - 1)));
  const ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
  ctl[HEAD] = start;
  ctl[TAIL] = start;
  return buffer;
}

export class RingEnd implements RingWriter {
  readonly buffer: ChannelBuffer;
  readonly #ctl: Int32Array;
  readonly #slots: readonly RingSlot[];
  readonly #mask: number;

  constructor(buffer: ChannelBuffer) {
    this.buffer = buffer;
    this.#ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
    this.#slots = views(buffer);
    this.#mask = buffer.slots - 1;
  }

  slot(): RingSlot | null {
    const head = Atomics.load(this.#ctl, HEAD);
    if (((head - Atomics.load(this.#ctl, TAIL)) | 0) > this.#mask) return null;
    return this.#slots[head & this.#mask]!;
  }

  commit(): void {
    Atomics.add(this.#ctl, HEAD, 1);
    Atomics.notify(this.#ctl, HEAD);
  }

  refuse(): void {
    Atomics.add(this.#ctl, OVERFLOW, 1);
  }

  write(block: Float64Array): boolean {
    const slot = this.slot();
    if (slot === null) {
      this.refuse();
      return false;
    }
    slot.block.set(block);
    this.commit();
    return true;
  }

  get overflow(): number {
    return Atomics.load(this.#ctl, OVERFLOW) >>> 0;
  }
}

export class RingView implements RingReader {
  readonly buffer: ChannelBuffer;
  readonly #ctl: Int32Array;
  readonly #slots: readonly RingSlot[];
  readonly #mask: number;

  constructor(buffer: ChannelBuffer) {
    this.buffer = buffer;
    this.#ctl = new Int32Array(buffer.shared, 0, HEADER_BYTES / 4);
    this.#slots = views(buffer);
    this.#mask = buffer.slots - 1;
  }

  peek(): RingSlot | null {
    return this.peekAt(0);
  }

  peekAt(ahead: number): RingSlot | null {
    const tail = Atomics.load(this.#ctl, TAIL);
    if (((Atomics.load(this.#ctl, HEAD) - tail) | 0) <= ahead) return null;
    return this.#slots[(tail + ahead) & this.#mask]!;
  }

  release(): void {
    Atomics.add(this.#ctl, TAIL, 1);
  }

  get length(): number {
    return (Atomics.load(this.#ctl, HEAD) - Atomics.load(this.#ctl, TAIL)) | 0;
  }

  get overflow(): number {
    return Atomics.load(this.#ctl, OVERFLOW) >>> 0;
  }

  wait(timeoutMs: number): boolean {
    const head = Atomics.load(this.#ctl, HEAD);
    if (head !== Atomics.load(this.#ctl, TAIL)) return true;
    return Atomics.wait(this.#ctl, HEAD, head, timeoutMs) !== 'timed-out';
  }

  async waitAsync(timeoutMs: number): Promise<boolean> {
    const head = Atomics.load(this.#ctl, HEAD);
    if (head !== Atomics.load(this.#ctl, TAIL)) return true;
    return waitAsync(this.#ctl, HEAD, head, timeoutMs);
  }
}
