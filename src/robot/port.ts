/**
 * The ends of the two shared-memory primitives, as interfaces. Drivers and controllers see these; src/loop/channel.ts
 * implements them. All ends are single-threaded objects over memory shared by exactly one writer and one reader.
 */

/** Newest value wins; a value not read in time is overwritten. */
export interface LatestWriter {
  /** The block to fill before `publish`. A different block after each publish: read this property again. */
  readonly block: Float64Array;
  /** Bytes of the same slot behind the block, when the channel was made with a payload. */
  readonly bytes: Uint8Array;
  publish(): void;
}

export interface LatestReader {
  /** Newest published block; stays valid and unchanged until the next `take` that returns true. */
  readonly block: Float64Array;
  readonly bytes: Uint8Array;
  /** Swaps to the newest block. False when nothing new was published since the last take. */
  take(): boolean;
  /** How many were published so far (wraps at 2^31): for waiting on. */
  version(): number;
  /** Blocks this thread until `version() !== seen` or the time is up. Never on a main thread. */
  wait(seen: number, timeoutMs: number): boolean;
  /** The same for main threads and async code. */
  waitAsync(seen: number, timeoutMs: number): Promise<boolean>;
}

/** Lossless first-in first-out; a full ring refuses and counts. */
export interface RingWriter {
  /** Copies the block in. False (and counted) when the ring is full. */
  write(block: Float64Array): boolean;
  /** Zero-copy: the next slot to fill, or null when full (not counted). Follow by `commit` or not at all. */
  slot(): RingSlot | null;
  commit(): void;
  /** Counts one refused record, for writers that use `slot`. */
  refuse(): void;
  readonly overflow: number;
}

export interface RingSlot {
  readonly block: Float64Array;
  readonly bytes: Uint8Array;
}

export interface RingReader {
  /** Oldest record, or null. Valid until `release`. */
  peek(): RingSlot | null;
  /** The record `ahead` places behind the oldest, or null: for looking at what follows. */
  peekAt(ahead: number): RingSlot | null;
  release(): void;
  /** Records waiting. */
  readonly length: number;
  readonly overflow: number;
  /** Blocks until at least one record waits or the time is up. Never on a main thread. */
  wait(timeoutMs: number): boolean;
  waitAsync(timeoutMs: number): Promise<boolean>;
}
