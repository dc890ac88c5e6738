/** Reads back what an episode says of itself: metadata and attachments, for repair, catalogue, replay and verify. */
import type { RobotSpec } from '../robot/spec.ts';
import { tickRecordLayout } from '../robot/tick.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import { decodeBlock } from './cdr.ts';
import { cameraTopic, type EpisodeStart, summarise } from './episode-writer.ts';
import { type Quality, QualityMeter } from './quality.ts';
import { type ChunkVisitor, walkChunk } from './scan.ts';
import { monotonicSeconds } from './times.ts';

export type StartFacts = Pick<EpisodeStart, 'id' | 'task' | 'operator' | 'seed' | 'wallOffsetNs'>;

/** From the metadata record `episode`; what is missing becomes empty. Null without the wall offset. */
export function startFacts(id: string, entries: ReadonlyMap<string, string> | null): StartFacts | null {
  const offset = entries?.get('wall_offset_ns');
  if (offset === undefined || !/^-?\d+$/.test(offset)) return null;
  return {
    id,
    task: entries?.get('task') ?? '',
    operator: entries?.get('operator') ?? '',
    seed: Number(entries?.get('seed') ?? 0),
    wallOffsetNs: BigInt(offset),
  };
}

/** From the attachment `spec.json`; null when it is missing or no JSON. */
export function parseSpec(bytes: Uint8Array | null): RobotSpec | null {
  if (bytes === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as RobotSpec;
  } catch {
    return null;
  }
}

const LABELS: readonly string[] = ['success', 'failure', 'unlabelled'] satisfies EpisodeLabel[];

export function labelFacts(entries: ReadonlyMap<string, string> | null): {
  label: EpisodeLabel;
  cause: string;
} {
  const label = entries?.get('label') ?? '';
  return {
    label: LABELS.includes(label) ? (label as EpisodeLabel) : 'unlabelled',
    cause: entries?.get('cause') ?? '',
  };
}

/** Measures an episode from its chunks: for repaired files and lost sidecars. */
export class EpisodeMeasure {
  readonly #spec: RobotSpec;
  readonly #meter: QualityMeter;
  readonly #tick: Float64Array;
  readonly #time: number;
  readonly #topics = new Map<number, string>();
  readonly #cameras: ReadonlyMap<string, number>;
  readonly #visitor: ChunkVisitor;
  #offset: bigint | null;

  /** `wallOffsetNs` null: taken from the first tick, which holds both times. */
  constructor(spec: RobotSpec, wallOffsetNs: bigint | null) {
    this.#spec = spec;
    this.#meter = new QualityMeter(spec);
    const layout = tickRecordLayout(spec);
    this.#tick = new Float64Array(layout.size);
    this.#time = layout.at('in.time');
    this.#cameras = new Map(spec.cameras.map((camera, i) => [cameraTopic(camera.name), i]));
    this.#offset = wallOffsetNs;
    this.#visitor = {
      channel: (channel) => this.#topics.set(channel.id, channel.topic),
      message: (message) => {
        const topic = this.#topics.get(message.channelId);
        if (topic === '/tick') {
          decodeBlock(message.data, this.#tick);
          const time = this.#tick[this.#time]!;
          this.#offset ??= message.publishTime - BigInt(Math.round(time * 1e9));
          this.#meter.tick(this.#tick);
        } else if (topic !== undefined && this.#offset !== null) {
          const camera = this.#cameras.get(topic);
          if (camera === undefined) return;
          this.#meter.frame(camera, monotonicSeconds(message.publishTime, this.#offset), message.sequence);
        }
      },
    };
  }

  chunk(content: Uint8Array): void {
    walkChunk(content, this.#visitor);
  }

  result(
    start: Omit<StartFacts, 'wallOffsetNs'>,
    facts: { readonly label: EpisodeLabel; readonly cause: string; readonly repaired: boolean },
    overflow: Readonly<Record<string, number>>,
  ): { summary: EpisodeSummary; quality: Quality } {
    const quality = this.#meter.result(overflow);
    const wallOffsetNs = this.#offset ?? 0n;
    return {
      summary: summarise(this.#spec, { ...start, wallOffsetNs }, this.#meter, quality, facts),
      quality,
    };
  }
}

/** The summary of a file whose robot cannot be read any more. */
export function bareSummary(
  start: Omit<StartFacts, 'wallOffsetNs'>,
  facts: { readonly label: EpisodeLabel; readonly cause: string; readonly repaired: boolean },
): { summary: EpisodeSummary; quality: Quality } {
  const flags = ['the robot description in the file is damaged: nothing could be measured'];
  const quality: Quality = {
    rateHz: 0,
    missed: 0,
    lostTicks: 0,
    gaps: [],
    gapCount: 0,
    idle: [],
    cameras: [],
    overflow: {},
    flags,
  };
  const { id, task, operator, seed } = start;
  const { label, cause, repaired } = facts;
  const counts = { startedAt: 0, duration: 0, ticks: 0, rateHz: 0, missed: 0, bytes: 0 };
  const rest = { sources: [], flags, repaired, trashed: false, cameras: [] };
  return { summary: { id, rig: '', task, operator, label, cause, seed, ...counts, ...rest }, quality };
}
