/**
 * Mends episodes that were not closed (a crash, a power cut) or that were damaged: every sound record is copied to a
 * new file with fresh indexes, summary and footer, which then takes the old one's place. Bytes that fit nowhere are
 * kept aside in `<id>.rest`. Nothing is deleted.
 */
import { appendFileSync, closeSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import type { McapTypes } from '@mcap/core';
import type { RobotSpec } from '../robot/spec.ts';
import { EpisodePart, PROFILE, resultMetadata } from './episode-writer.ts';
import { bareSummary, EpisodeMeasure, labelFacts, parseSpec, startFacts } from './facts.ts';
import type { EpisodeFiles } from './files.ts';
import { McapWriter } from './mcap-writer.ts';
import { McapFile } from './reader.ts';
import { type ScannedChunk, scan, walkChunk } from './scan.ts';
import { writeSidecar } from './sidecar.ts';
import { FileSink } from './sink.ts';
import { decompressHandlers } from './zstd.ts';

export interface RepairReport {
  readonly id: string;
  readonly action: 'sound' | 'repaired' | 'busy';
  /** Why it needed mending; '' when sound. */
  readonly reason: string;
  /** Bytes that hold no sound record, now in `<id>.rest`. */
  readonly lostBytes: number;
  readonly messages: number;
  /** Seconds of ticks in the file. */
  readonly duration: number;
}

/** quick: footer and summary. deep: every CRC in the file as well. */
export type Depth = 'quick' | 'deep';

/** Why a file needs repair; '' when it is sound. */
export async function diagnose(path: string, depth: Depth): Promise<string> {
  try {
    await using file = await McapFile.open(path);
    void file;
  } catch (error) {
    return `no sound footer: ${(error as Error).message}`;
  }
  if (depth === 'quick') return '';
  let ended = false;
  for (const item of scan(path, await decompressHandlers())) {
    if (item.type === 'damage') return `damage at byte ${item.offset}: ${item.reason}`;
    if (item.type !== 'end') continue;
    ended = true;
    if (item.crc !== 0 && item.crc !== item.measured) return 'the CRC of the data section differs';
  }
  return ended ? '' : 'the data section has no end';
}

/** Mends one episode on the episodes shelf. Throws EPISODE_BAD_ID and file system errors. */
export async function repairEpisode(
  files: EpisodeFiles,
  id: string,
  depth: Depth,
  library: string,
): Promise<RepairReport> {
  const path = files.mcap(id);
  const none = { id, lostBytes: 0, messages: 0, duration: 0 };
  if (files.isLocked(id)) return { ...none, action: 'busy', reason: 'it is being recorded' };
  const reason = await diagnose(path, depth);
  if (reason === '') return { ...none, action: 'sound', reason };
  const temporary = `${path}.repairing`;
  // Left over from a repair that was itself cut short; the original still stands.
  rmSync(temporary, { force: true });
  const sink = new FileSink(temporary);
  const copy = await new Copy(path, sink, library).run();
  const start = startFacts(id, copy.start) ?? { id, task: '', operator: '', seed: 0, wallOffsetNs: 0n };
  const facts = { ...labelFacts(copy.end), repaired: true };
  const { summary, quality } =
    copy.measure === null
      ? bareSummary(start, facts)
      : copy.measure.result(start, facts, overflowOf(copy.end));
  const lostBytes = copy.damage.reduce((sum, d) => sum + d.length, 0);
  const { writer } = copy;
  writer.metadata(EpisodePart.repair, {
    repaired: 'true',
    at: new Date().toISOString(),
    reason,
    file_bytes: String(statSync(path).size),
    lost_bytes: String(lostBytes),
    damage: JSON.stringify(copy.damage),
  });
  writer.metadata(EpisodePart.end, resultMetadata(summary, quality));
  writer.end();
  sink.close();
  keepRest(path, files.rest(id), copy.damage);
  renameSync(temporary, path);
  const bytes = sink.position;
  writeSidecar(files.sidecar(id), { summary: { ...summary, bytes }, quality, relabels: [] });
  files.releaseLock(id);
  return {
    id,
    action: 'repaired',
    reason,
    lostBytes,
    messages: writer.messageCount,
    duration: summary.duration,
  };
}

/** Mends all episodes that need it. */
export async function repairAll(
  files: EpisodeFiles,
  depth: Depth,
  library: string,
  progress?: (done: number, of: number, id: string) => void,
): Promise<RepairReport[]> {
  const ids = files.ids('episodes');
  const reports: RepairReport[] = [];
  for (const [i, id] of ids.entries()) {
    progress?.(i, ids.length, id);
    reports.push(await repairEpisode(files, id, depth, library));
  }
  progress?.(ids.length, ids.length, '');
  return reports;
}

interface Damage {
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
}

/** Copies the sound records of a file into a writer, and measures them on the way. */
class Copy {
  readonly damage: Damage[] = [];
  writer!: McapWriter;
  start: ReadonlyMap<string, string> | null = null;
  end: ReadonlyMap<string, string> | null = null;
  measure: EpisodeMeasure | null = null;
  #spec: RobotSpec | null = null;
  readonly #path: string;
  readonly #sink: FileSink;
  readonly #library: string;

  constructor(path: string, sink: FileSink, library: string) {
    this.#path = path;
    this.#sink = sink;
    this.#library = library;
  }

  async run(): Promise<this> {
    const options = { profile: PROFILE, library: this.#library, compression: 'zstd' } as const;
    this.writer = await McapWriter.open(this.#sink, options);
    for (const item of scan(this.#path, await decompressHandlers())) {
      if (item.type === 'metadata') this.#metadata(item.metadata);
      else if (item.type === 'attachment') this.#attachment(item.attachment);
      else if (item.type === 'chunk') this.#chunk(item);
      else if (item.type === 'damage') {
        const { offset, length, reason, content } = item;
        if (content.byteLength > 0) this.#salvage(content);
        this.damage.push({ offset, length, reason });
      }
    }
    return this;
  }

  #metadata({ name, metadata }: McapTypes.Metadata): void {
    // Written again at the end, with what is true then.
    if (name === EpisodePart.end) this.end = metadata;
    else this.writer.metadata(name, Object.fromEntries(metadata));
    if (name === EpisodePart.start) this.start = metadata;
  }

  #attachment(attachment: McapTypes.Attachment): void {
    this.writer.attachment(attachment);
    if (attachment.name === EpisodePart.spec) this.#spec = parseSpec(attachment.data);
  }

  #chunk(chunk: ScannedChunk): void {
    const indexes = new Map<number, McapTypes.MessageIndex>();
    walkChunk(chunk.content, {
      schema: ({ id, ...schema }) => void this.writer.schema(schema, id),
      channel: ({ id, ...channel }) => void this.writer.channel(channel, id),
      message: (message, offset) => {
        const index = indexes.get(message.channelId) ?? { channelId: message.channelId, records: [] };
        index.records.push([message.logTime, BigInt(offset)]);
        indexes.set(message.channelId, index);
      },
    });
    this.writer.rawChunk(
      chunk.record,
      {
        messageStartTime: chunk.startTime,
        messageEndTime: chunk.endTime,
        compression: chunk.compression,
        compressedSize: BigInt(chunk.compressedSize),
        uncompressedSize: BigInt(chunk.content.byteLength),
      },
      [...indexes.values()],
    );
    this.#measure(chunk.content);
  }

  /** Whole records of a chunk that was cut: they go into a chunk of their own. */
  #salvage(content: Uint8Array): void {
    const channels = new Set<number>();
    walkChunk(content, {
      schema: ({ id, ...schema }) => void this.writer.schema(schema, id),
      channel: ({ id, ...channel }) => {
        channels.add(id);
        this.writer.channel(channel, id);
      },
      message: (m) => {
        if (channels.has(m.channelId)) {
          this.writer.message(m.channelId, m.logTime, m.publishTime, m.data, m.sequence);
        }
      },
    });
    this.writer.closeChunk();
    this.#measure(content);
  }

  #measure(content: Uint8Array): void {
    if (this.measure === null && this.#spec !== null) {
      this.measure = new EpisodeMeasure(this.#spec, startFacts('', this.start)?.wallOffsetNs ?? null);
    }
    this.measure?.chunk(content);
  }
}

/** Appends the damaged byte ranges, in order, to the file that keeps them. */
function keepRest(path: string, rest: string, damage: readonly Damage[]): void {
  if (damage.length === 0) return;
  const fd = openSync(path, 'r');
  try {
    for (const { offset, length } of damage) {
      const bytes = Buffer.alloc(length);
      const got = readSync(fd, bytes, 0, length, offset);
      appendFileSync(rest, bytes.subarray(0, got));
    }
  } finally {
    closeSync(fd);
  }
}

function overflowOf(end: ReadonlyMap<string, string> | null): Record<string, number> {
  try {
    const quality = JSON.parse(end?.get('quality') ?? '{}') as { overflow?: Record<string, number> };
    return quality.overflow ?? {};
  } catch {
    return {};
  }
}
