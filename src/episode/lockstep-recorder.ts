/**
 * Writes an episode of a lockstep run. Same run, same bytes: nothing in it comes from a clock. Id, dates and wall clock
 * follow from the seed, or are given. Cameras are producers of the runner; their frames are handed in.
 */
import type { LockstepRunner, TickSink } from '../loop/lockstep.ts';
import { type EpisodeSetup, EpisodeWriter, type SentOffsets, sentOffsets } from '../record/episode-writer.ts';
import type { Quality } from '../record/quality.ts';
import type { Sink } from '../record/sink.ts';
import type { LockstepDevice } from '../robot/device.ts';
import { posesLayout } from '../robot/frame.ts';
import { tickRecordLayout } from '../robot/tick.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';

/** Id and wall offset of the episode of a seed: an instant that depends on nothing else. */
export function lockstepIdentity(seed: number): { readonly id: string; readonly wallOffsetNs: bigint } {
  return { id: `lockstep-${seed}`, wallOffsetNs: BigInt(1_600_000_000 + seed) * 1_000_000_000n };
}

export interface LockstepRecording {
  readonly setup: Omit<EpisodeSetup, 'memory'>;
  readonly runner: LockstepRunner;
  readonly devices: readonly LockstepDevice[];
  readonly seed: number;
  readonly task: string;
  readonly operator: string;
  /** Default: lockstepIdentity of the seed. */
  readonly identity?: { readonly id: string; readonly wallOffsetNs: bigint };
  /** More to keep in the file's metadata. */
  readonly notes?: Readonly<Record<string, string>>;
}

export class LockstepRecorder {
  readonly #writer: EpisodeWriter;
  readonly #recording: LockstepRecording;
  readonly #sent: readonly SentOffsets[];
  readonly #lastSent: number[];
  readonly #poses: Float64Array | null;
  readonly #at: {
    readonly tick: number;
    readonly time: number;
    readonly poseTime: number;
    readonly poses: number;
  };
  readonly #chunkTicks: number;
  #ticks = 0;

  private constructor(writer: EpisodeWriter, recording: LockstepRecording) {
    const { spec, scene } = recording.setup;
    this.#writer = writer;
    this.#recording = recording;
    this.#sent = spec.devices.map((d) => sentOffsets(d.axes.length));
    this.#lastSent = spec.devices.map((_, d) => recording.runner.sent[d]![this.#sent[d]!.tick]!);
    const poses = posesLayout(scene?.bodies.length ?? 0);
    this.#poses = scene === null ? null : new Float64Array(poses.size);
    const layout = tickRecordLayout(spec);
    this.#at = {
      tick: layout.at('in.tick'),
      time: layout.at('in.time'),
      poseTime: poses.at('time'),
      poses: poses.at('poses'),
    };
    this.#chunkTicks = Math.max(1, Math.round((spec.recording.chunkMs / 1000) * spec.loop.rateHz));
  }

  /** Begins before the runner's next tick. */
  static async open(sink: Sink, recording: LockstepRecording): Promise<LockstepRecorder> {
    const { runner, devices, setup, seed, task, operator } = recording;
    const physics = devices.map((device, d) => ({
      device: setup.spec.devices[d]!.name,
      time: runner.time,
      state: device.snapshot(),
    }));
    const identity = recording.identity ?? lockstepIdentity(seed);
    const notes = { runner: 'lockstep', ...recording.notes };
    const start = { ...identity, task, operator, seed, physics, notes };
    const first = { time: runner.time, memory: runner.cycle.memory.slice() };
    const full = { ...setup, memory: runner.cycle.memoryLayout };
    return new LockstepRecorder(await EpisodeWriter.open(sink, full, start, first), recording);
  }

  /** Give this to the runner. */
  readonly sink: TickSink = (record, request) => {
    const { runner, devices } = this.#recording;
    if (request !== null) this.#writer.request(request);
    this.#writer.tick(record);
    for (let d = 0; d < this.#sent.length; d++) {
      const sent = runner.sent[d]!;
      const tick = sent[this.#sent[d]!.tick]!;
      if (tick === this.#lastSent[d] || tick !== record[this.#at.tick]) continue;
      this.#lastSent[d] = tick;
      this.#writer.sent(d, sent, this.#sent[d]!);
    }
    if (this.#poses !== null) {
      // The scene after this tick's step: what the next tick measures.
      this.#poses[this.#at.poseTime] = runner.time;
      const scene = devices.find((device) => device.scene !== null)!;
      scene.poses(this.#poses.subarray(this.#at.poses));
      this.#writer.poses(this.#poses);
    }
    if (++this.#ticks % this.#chunkTicks === 0) this.#writer.closeChunk();
  };

  /** A camera's frame (frameLayout and its JPEG), when it has come in. */
  frame(camera: number, block: Float64Array, jpeg: Uint8Array): void {
    this.#writer.frame(camera, block, jpeg);
  }

  finish(
    label: EpisodeLabel,
    cause: string,
  ): { readonly summary: EpisodeSummary; readonly quality: Quality } {
    return this.#writer.finish({ label, cause, overflow: {} });
  }
}
