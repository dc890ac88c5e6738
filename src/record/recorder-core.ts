/**
 * The recorder without its thread: drains the rig's rings and feeds the episode that is being written. Everything is
 * lossless: what a full ring refused is counted and stored. While idle the rings are drained and dropped.
 *
 *   idle → waiting (for the memory snapshot) → recording → stopping (stragglers come in) → review → idle
 */
import { rmSync } from 'node:fs';
import { ArmloopError } from '../errors.ts';
import { type ChannelBuffer, RingView } from '../loop/channel.ts';
import { frameLayout, posesLayout, snapshotLayout } from '../robot/frame.ts';
import type { SceneDescription } from '../robot/scene.ts';
import { sentLayout, tickRecordLayout } from '../robot/tick.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import {
  type EpisodeSetup,
  type EpisodeStart,
  EpisodeWriter,
  type SentOffsets,
  sentOffsets,
} from './episode-writer.ts'; // prettier-ignore
import { EpisodeFiles } from './files.ts';
import type { LogLevel } from './schemas.ts';
import { writeSidecar } from './sidecar.ts';
import { FileSink } from './sink.ts';

/** The rings that the recorder reads. Order of `sent` and `frames`: the robot file's devices and cameras. */
export interface RecorderChannels {
  /** tickRecordLayout. At least 4 s long: that long may a disk stall without loss. */
  readonly tick: ChannelBuffer;
  /** sentLayout of each device. */
  readonly sent: readonly ChannelBuffer[];
  /** requestLayout: a copy of each request that the session makes. */
  readonly request: ChannelBuffer;
  /** snapshotLayout of the cycle's memory. */
  readonly snapshot: ChannelBuffer;
  /** frameLayout with JPEG payload. */
  readonly frames: readonly ChannelBuffer[];
  /** posesLayout of the simulated scene; null when there is none. */
  readonly poses: ChannelBuffer | null;
}

export type RecorderState = 'idle' | 'waiting' | 'recording' | 'stopping' | 'review';

/** How often the rings are drained, and so how stale a chunk may be beyond chunkMs. */
export const DRAIN_MS = 20;
/** How long after a stop frames and sent records of the last ticks may still come in. */
const STRAGGLERS = 0.15;
/** The loop takes a snapshot within one period; a loop that does not answer in this time is dead. */
const SNAPSHOT_TIMEOUT = 2;

export interface RecorderProgress {
  readonly state: RecorderState;
  readonly id: string | null;
  readonly duration: number;
  readonly ticks: number;
  readonly bytes: number;
  /** Records refused by full rings since the episode began. */
  readonly dropped: number;
  /** Written over the last second. */
  readonly bytesPerSecond: number;
  /** Ticks waiting in the ring. */
  readonly backlog: number;
}

interface Pending<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

export class RecorderCore {
  #setup: EpisodeSetup;
  readonly #files: EpisodeFiles;
  readonly #now: () => number;
  readonly #tick: RingView;
  readonly #sent: readonly RingView[];
  readonly #sentAt: readonly SentOffsets[];
  readonly #request: RingView;
  readonly #snapshot: RingView;
  readonly #frames: readonly RingView[];
  readonly #poses: RingView | null;
  readonly #at: Record<
    'tick' | 'time' | 'frameTime' | 'poseTime' | 'snapTick' | 'snapTime' | 'memory',
    number
  >;
  /** Half the slots of each ring but the request and snapshot ones. */
  readonly #half = new Map<RingView, number>();
  #state: RecorderState = 'idle';
  #sink: FileSink | null = null;
  #writer: EpisodeWriter | null = null;
  #start: EpisodeStart | null = null;
  #started: Pending<{ firstTick: number }> | null = null;
  #stopped: Pending<RecorderProgress> | null = null;
  #deadline = 0;
  #firstTick = 0;
  #firstTime = 0;
  #lastTick = -1;
  #stopAt = Number.POSITIVE_INFINITY;
  #chunkSince = 0;
  #overflowBase: Record<string, number> = {};
  #rate = { time: 0, bytes: 0, perSecond: 0 };
  #failure: Error | null = null;
  onFailure: ((error: Error) => void) | null = null;

  constructor(setup: EpisodeSetup, channels: RecorderChannels, workspace: string, now: () => number) {
    const { spec } = setup;
    this.#setup = setup;
    this.#files = new EpisodeFiles(workspace);
    this.#files.makeFolders();
    this.#now = now;
    this.#tick = new RingView(channels.tick);
    this.#sent = channels.sent.map((buffer) => new RingView(buffer));
    this.#sentAt = spec.devices.map((device) => sentOffsets(device.axes.length));
    this.#request = new RingView(channels.request);
    this.#snapshot = new RingView(channels.snapshot);
    this.#frames = channels.frames.map((buffer) => new RingView(buffer));
    this.#poses = channels.poses === null ? null : new RingView(channels.poses);
    const tick = tickRecordLayout(spec);
    const snapshot = snapshotLayout(setup.memory.size);
    const bodies = setup.scene?.bodies.length ?? 0;
    this.#at = {
      tick: tick.at('in.tick'),
      time: tick.at('in.time'),
      frameTime: frameLayout.at('time'),
      poseTime: posesLayout(bodies).at('time'),
      snapTick: snapshot.at('tick'),
      snapTime: snapshot.at('time'),
      memory: snapshot.at('memory'),
    };
    checkSizes(setup, channels);
    const half = (ring: RingView, buffer: ChannelBuffer): void => {
      this.#half.set(ring, buffer.slots / 2);
    };
    half(this.#tick, channels.tick);
    for (const [i, ring] of this.#sent.entries()) half(ring, channels.sent[i]!);
    for (const [i, ring] of this.#frames.entries()) half(ring, channels.frames[i]!);
    if (this.#poses !== null) half(this.#poses, channels.poses!);
  }

  get state(): RecorderState {
    return this.#state;
  }

  /**
   * Makes ready: from now on a memory snapshot in its ring starts the file. `started` settles when the first tick is
   * written, or rejects with RECORD_NO_SNAPSHOT. Throws RECORD_STATE, EPISODE_EXISTS, EPISODE_BAD_ID.
   */
  start(start: EpisodeStart): { readonly started: Promise<{ firstTick: number }> } {
    this.#expect('start', 'idle');
    const sink = this.#openFile(start.id);
    drop(this.#snapshot);
    this.#sink = sink;
    this.#start = start;
    this.#failure = null;
    this.#deadline = this.#now() + SNAPSHOT_TIMEOUT;
    this.#state = 'waiting';
    return { started: new Promise((resolve, reject) => (this.#started = { resolve, reject })) };
  }

  /** Ends the episode; resolves when the stragglers are in and every byte is on the disk. The file stays open. */
  stop(): Promise<RecorderProgress> {
    this.#expect('stop', 'recording');
    this.#stopAt = this.#now();
    this.#deadline = this.#stopAt + STRAGGLERS;
    this.#state = 'stopping';
    return new Promise((resolve, reject) => (this.#stopped = { resolve, reject }));
  }

  /** Closes the file for good. Throws RECORD_STATE. */
  label(label: EpisodeLabel, cause: string): EpisodeSummary {
    this.#expect('label', 'review');
    return this.#close(label, cause);
  }

  /** Closes the file and moves it to the trash, where it can be brought back from. */
  discard(): EpisodeSummary {
    this.#expect('discard', 'review');
    const summary = this.#close('unlabelled', 'discarded');
    this.#files.move(summary.id, 'episodes', 'trash');
    return { ...summary, trashed: true };
  }

  /** What the scene looks like from now on, for the episodes that begin after this. */
  restyle(scene: SceneDescription): void {
    this.#setup = { ...this.#setup, scene };
  }

  /** `time`: monotonic seconds; now when left out. */
  event(level: LogLevel, name: string, text: string, time = this.#now()): void {
    if (this.#state === 'recording' || this.#state === 'stopping')
      this.#writer?.event(time, level, name, text);
  }

  progress(): RecorderProgress {
    return {
      state: this.#state,
      id: this.#start?.id ?? null,
      duration: this.#writer?.duration ?? 0,
      ticks: this.#writer?.ticks ?? 0,
      bytes: this.#writer?.bytes ?? 0,
      dropped: Object.values(this.#overflow()).reduce((a, b) => a + b, 0),
      bytesPerSecond: this.#rate.perSecond,
      backlog: this.#tick.length,
    };
  }

  /** True when so much waits that the next drain should follow at once. */
  get behind(): boolean {
    return this.#tick.length > this.#half.get(this.#tick)! / 8;
  }

  /** Takes what waits in the rings. Call every DRAIN_MS. Never throws: a failed write ends the episode. */
  async drain(): Promise<void> {
    try {
      if (this.#state === 'waiting') await this.#awaitSnapshot();
      if (this.#state === 'recording' || this.#state === 'stopping') this.#take();
      else if (this.#state !== 'waiting') this.#dropAll();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Closes what is open, unlabelled. For an orderly end of the rig. */
  async shutdown(): Promise<void> {
    if (this.#state === 'waiting')
      this.#abandon(new ArmloopError('RECORD_STATE', { what: 'start', state: 'closing' }));
    if (this.#state === 'recording') {
      const stopped = this.stop();
      while (this.state === 'stopping') {
        await this.drain();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await stopped.catch(() => {});
    }
    if (this.state === 'review') this.#close('unlabelled', 'the rig was shut down');
  }

  async #awaitSnapshot(): Promise<void> {
    const slot = this.#snapshot.peek();
    if (slot === null) {
      // What came before the snapshot is not part of the episode, but the snapshot may come at any moment: keep half
      // of each ring. Requests are all kept, as the first tick may take one.
      for (const ring of [
        this.#tick,
        ...this.#sent,
        ...this.#frames,
        ...(this.#poses ? [this.#poses] : []),
      ]) {
        keepNewest(ring, this.#half.get(ring)!);
      }
      if (this.#now() > this.#deadline) {
        this.#abandon(new ArmloopError('RECORD_NO_SNAPSHOT', { seconds: SNAPSHOT_TIMEOUT }));
      }
      return;
    }
    const block = slot.block.slice();
    this.#snapshot.release();
    this.#firstTick = block[this.#at.snapTick]!;
    this.#firstTime = block[this.#at.snapTime]!;
    this.#lastTick = -1;
    this.#stopAt = Number.POSITIVE_INFINITY;
    const memory = block.subarray(this.#at.memory);
    const first = { time: this.#firstTime, memory };
    const writer = await EpisodeWriter.open(this.#sink!, this.#setup, this.#start!, first);
    // Abandoned meanwhile: the rig ends.
    if (this.#start === null) return;
    this.#writer = writer;
    this.#overflowBase = this.#counters();
    this.#chunkSince = this.#now();
    this.#rate = { time: this.#now(), bytes: 0, perSecond: 0 };
    this.#state = 'recording';
    this.#started?.resolve({ firstTick: this.#firstTick });
    this.#started = null;
  }

  #take(): void {
    const writer = this.#writer!;
    const from = this.#firstTime;
    const to = this.#stopAt;
    // What waits now and no more: a fast writer must not keep the other rings from being drained.
    for (let n = this.#tick.length; n > 0; n--) {
      const { block } = this.#tick.peek()!;
      if (block[this.#at.tick]! >= this.#firstTick && block[this.#at.time]! <= to) {
        writer.tick(block);
        this.#lastTick = block[this.#at.tick]!;
      }
      this.#tick.release();
    }
    for (let i = 0; i < this.#sent.length; i++) this.#takeSent(i);
    for (let n = this.#request.length; n > 0; n--) {
      writer.request(this.#request.peek()!.block);
      this.#request.release();
    }
    for (let i = 0; i < this.#frames.length; i++) {
      const frames = this.#frames[i]!;
      for (let n = frames.length; n > 0; n--) {
        const slot = frames.peek()!;
        const time = slot.block[this.#at.frameTime]!;
        if (time >= from && time <= to) writer.frame(i, slot.block, slot.bytes);
        frames.release();
      }
    }
    if (this.#poses !== null) {
      for (let n = this.#poses.length; n > 0; n--) {
        const slot = this.#poses.peek()!;
        const time = slot.block[this.#at.poseTime]!;
        if (time >= from && time <= to) writer.poses(slot.block);
        this.#poses.release();
      }
    }
    drop(this.#snapshot);
    this.#flushDue();
    if (this.#state === 'stopping' && this.#now() >= this.#deadline) this.#review();
  }

  #takeSent(device: number): void {
    const ring = this.#sent[device]!;
    const at = this.#sentAt[device]!;
    for (let n = ring.length; n > 0; n--) {
      const slot = ring.peek()!;
      const tick = slot.block[at.tick]!;
      // A record of a tick that is still in the tick ring waits there for it, unless the episode ends before it.
      if (tick > this.#lastTick && this.#state === 'recording') return;
      if (tick >= this.#firstTick && tick <= this.#lastTick) this.#writer!.sent(device, slot.block, at);
      ring.release();
    }
  }

  #flushDue(): void {
    const now = this.#now();
    const writer = this.#writer!;
    const age = (now - this.#chunkSince) * 1000;
    if (age >= this.#setup.spec.recording.chunkMs - DRAIN_MS) {
      writer.closeChunk();
      this.#chunkSince = now;
      this.#sink!.sync((error) => this.#fail(error));
    }
    if (now - this.#rate.time >= 1) {
      const bytes = writer.bytes;
      this.#rate = { time: now, bytes, perSecond: (bytes - this.#rate.bytes) / (now - this.#rate.time) };
    }
  }

  #review(): void {
    this.#writer!.closeChunk();
    this.#sink!.syncNow();
    this.#state = 'review';
    this.#stopped?.resolve(this.progress());
    this.#stopped = null;
  }

  #close(label: EpisodeLabel, cause: string): EpisodeSummary {
    const writer = this.#writer!;
    const { summary, quality } = writer.finish({ label, cause, overflow: this.#overflow() });
    this.#sink!.close();
    writeSidecar(this.#files.sidecar(summary.id), { summary, quality, relabels: [] });
    this.#files.releaseLock(summary.id);
    this.#forget();
    return summary;
  }

  #openFile(id: string): FileSink {
    const path = this.#files.mcap(id);
    for (const shelf of ['episodes', 'trash'] as const) {
      if (this.#files.ids(shelf).includes(id)) throw new ArmloopError('EPISODE_EXISTS', { id, where: shelf });
    }
    this.#files.takeLock(id);
    return new FileSink(path);
  }

  /** Before the first byte: nothing was recorded, so nothing is kept. */
  #abandon(error: Error): void {
    const id = this.#start!.id;
    this.#sink!.close();
    rmSync(this.#files.mcap(id), { force: true });
    this.#files.releaseLock(id);
    this.#forget();
    this.#started?.reject(error);
    this.#started = null;
  }

  /** A write failed (disk full, folder gone): the episode ends here; what is on the disk is repaired at next start. */
  #fail(cause: unknown): void {
    const error = new ArmloopError('RECORD_FAILED', { reason: (cause as Error).message }, { cause });
    if (this.#failure !== null || this.#start === null) return;
    this.#failure = error;
    try {
      this.#sink?.close();
    } catch {
      // The disk that refused the write may refuse this too; the first error is the one that counts.
    }
    this.#files.releaseLock(this.#start.id);
    this.#forget();
    this.#started?.reject(error);
    this.#stopped?.reject(error);
    this.#started = null;
    this.#stopped = null;
    this.onFailure?.(error);
  }

  #forget(): void {
    this.#writer = null;
    this.#sink = null;
    this.#start = null;
    this.#state = 'idle';
  }

  #dropAll(): void {
    drop(this.#tick);
    drop(this.#request);
    drop(this.#snapshot);
    for (const ring of this.#sent) drop(ring);
    for (const ring of this.#frames) drop(ring);
    if (this.#poses !== null) drop(this.#poses);
  }

  #counters(): Record<string, number> {
    const { spec } = this.#setup;
    const counts: Record<string, number> = {
      '/tick': this.#tick.overflow,
      '/request': this.#request.overflow,
    };
    for (const [i, ring] of this.#sent.entries()) counts[`/sent/${spec.devices[i]!.name}`] = ring.overflow;
    for (const [i, ring] of this.#frames.entries())
      counts[`/camera/${spec.cameras[i]!.name}`] = ring.overflow;
    if (this.#poses !== null) counts['/scene'] = this.#poses.overflow;
    return counts;
  }

  #overflow(): Record<string, number> {
    if (this.#writer === null) return {};
    const now = this.#counters();
    return Object.fromEntries(Object.entries(now).map(([k, v]) => [k, v - (this.#overflowBase[k] ?? 0)]));
  }

  #expect(what: string, state: RecorderState): void {
    if (this.#state !== state) throw new ArmloopError('RECORD_STATE', { what, state: this.#state });
  }
}

function drop(ring: RingView): void {
  for (let n = ring.length; n > 0; n--) ring.release();
}

/** Releases the oldest records until at most this many wait. */
function keepNewest(ring: RingView, most: number): void {
  for (let n = ring.length - most; n > 0; n--) ring.release();
}

function checkSizes(setup: EpisodeSetup, channels: RecorderChannels): void {
  const { spec } = setup;
  const check = (what: string, got: number, want: number): void => {
    if (got !== want) throw new ArmloopError('LENGTH_MISMATCH', { what, got, want });
  };
  check('tick ring block', channels.tick.size, tickRecordLayout(spec).size);
  check('snapshot ring block', channels.snapshot.size, snapshotLayout(setup.memory.size).size);
  check('sent rings', channels.sent.length, spec.devices.length);
  check('frame rings', channels.frames.length, spec.cameras.length);
  for (const [i, device] of spec.devices.entries()) {
    check(`sent ring block of ${device.name}`, channels.sent[i]!.size, sentLayout(device.axes.length).size);
  }
  if (channels.poses !== null) {
    check('poses ring block', channels.poses.size, posesLayout(setup.scene?.bodies.length ?? 0).size);
  }
}
