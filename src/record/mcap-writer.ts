/**
 * Writes MCAP (https://mcap.dev/spec) with @mcap/core's record and chunk builders. @mcap/core's own writer closes a
 * chunk by size alone; here the caller closes it when it likes, so that a crash costs a bounded time of data. Each
 * chunk repeats the schemas and channels of its messages: any one chunk can be read when all others are gone.
 */
import { crc32 } from 'node:zlib';
import { McapChunkBuilder, McapConstants, McapRecordBuilder, type McapTypes } from '@mcap/core';
import type { Sink } from './sink.ts';
import { loadZstd, ZSTD_LEVEL } from './zstd.ts';

export type Compression = 'zstd' | 'none';

export interface McapWriterOptions {
  readonly profile: string;
  readonly library: string;
  readonly compression: Compression;
  /** A chunk is closed when it holds this much, whatever its age. Default 4 MiB. */
  readonly chunkBytes?: number;
}

type Compress = (bytes: Uint8Array) => Uint8Array;
type ChunkFacts = Omit<
  McapTypes.ChunkIndex,
  'chunkStartOffset' | 'chunkLength' | 'messageIndexOffsets' | 'messageIndexLength'
>; // prettier-ignore

const { Opcode } = McapConstants;

export class McapWriter {
  readonly #sink: Sink;
  readonly #compress: Compress | null;
  readonly #chunkBytes: number;
  readonly #records = new McapRecordBuilder();
  readonly #chunk = new McapChunkBuilder({ useMessageIndex: true });
  readonly #schemas = new Map<number, McapTypes.Schema>();
  readonly #channels = new Map<number, McapTypes.Channel>();
  readonly #sequence = new Map<number, number>();
  readonly #inChunk = new Set<number>();
  readonly #chunkIndexes: McapTypes.ChunkIndex[] = [];
  readonly #attachmentIndexes: McapTypes.AttachmentIndex[] = [];
  readonly #metadataIndexes: McapTypes.MetadataIndex[] = [];
  readonly #counts = new Map<number, bigint>();
  #messages = 0n;
  #start = 0n;
  #end = 0n;
  #crc = 0;

  private constructor(sink: Sink, options: McapWriterOptions, compress: Compress | null) {
    this.#sink = sink;
    this.#compress = compress;
    this.#chunkBytes = options.chunkBytes ?? 4 * 1024 * 1024;
    this.#records.writeMagic();
    this.#records.writeHeader({ profile: options.profile, library: options.library });
    this.#flush();
  }

  static async open(sink: Sink, options: McapWriterOptions): Promise<McapWriter> {
    if (options.compression === 'none') return new McapWriter(sink, options, null);
    const zstd = await loadZstd();
    return new McapWriter(sink, options, (bytes) => zstd.compress(bytes, ZSTD_LEVEL));
  }

  /** Messages in the chunk that is still open. */
  get pending(): number {
    return this.#chunk.numMessages;
  }

  get messageCount(): number {
    return Number(this.#messages);
  }

  /** Registers a schema; the same id may be given again with the same content. */
  schema(schema: Omit<McapTypes.Schema, 'id'>, id = this.#schemas.size + 1): number {
    this.#schemas.set(id, { ...schema, id });
    return id;
  }

  channel(channel: Omit<McapTypes.Channel, 'id'>, id = this.#channels.size + 1): number {
    this.#channels.set(id, { ...channel, id });
    return id;
  }

  /** Appends a message; `data` is copied. Numbers the messages of each channel from 0 unless told (modulo 2^32). */
  message(
    channelId: number,
    logTime: bigint,
    publishTime: bigint,
    data: Uint8Array,
    sequence?: number,
  ): void {
    if (!this.#inChunk.has(channelId)) this.#introduce(channelId);
    const next = sequence ?? this.#sequence.get(channelId) ?? 0;
    this.#sequence.set(channelId, next + 1);
    this.#chunk.addMessage({ channelId, sequence: next >>> 0, logTime, publishTime, data });
    if (this.#chunk.byteLength >= this.#chunkBytes) this.closeChunk();
  }

  /** Writes the open chunk and its message indexes; nothing happens when it is empty. */
  closeChunk(): void {
    if (this.#chunk.numMessages === 0) return;
    const plain = this.#chunk.buffer;
    const records = this.#compress === null ? plain : this.#compress(plain);
    const facts: ChunkFacts = {
      messageStartTime: this.#chunk.messageStartTime,
      messageEndTime: this.#chunk.messageEndTime,
      compression: this.#compress === null ? '' : 'zstd',
      compressedSize: BigInt(records.byteLength),
      uncompressedSize: BigInt(plain.byteLength),
    };
    const start = this.#sink.position;
    this.#records.writeChunk({ ...facts, uncompressedCrc: crc32(plain), records });
    this.#flush();
    this.#indexChunk(start, facts, [...this.#chunk.indices]);
    this.#chunk.reset();
    this.#inChunk.clear();
  }

  /** Appends a whole chunk record as it stands (repair copies what is sound), with indexes made anew. */
  rawChunk(record: Uint8Array, facts: ChunkFacts, indexes: readonly McapTypes.MessageIndex[]): void {
    this.closeChunk();
    const start = this.#sink.position;
    this.#write(record);
    this.#indexChunk(start, facts, indexes);
  }

  attachment(attachment: McapTypes.Attachment): void {
    this.closeChunk();
    const { data, ...rest } = attachment;
    const offset = BigInt(this.#sink.position);
    const length = this.#records.writeAttachment(attachment);
    this.#flush();
    this.#attachmentIndexes.push({ ...rest, offset, length, dataSize: BigInt(data.byteLength) });
  }

  metadata(name: string, entries: Readonly<Record<string, string>>): void {
    this.closeChunk();
    const offset = BigInt(this.#sink.position);
    const length = this.#records.writeMetadata({ name, metadata: new Map(Object.entries(entries)) });
    this.#flush();
    this.#metadataIndexes.push({ name, offset, length });
  }

  /** Closes the chunk and writes DataEnd, summary section, footer and magic. The writer is done after it. */
  end(): void {
    this.closeChunk();
    this.#records.writeDataEnd({ dataSectionCrc: this.#crc });
    this.#flush();
    const summaryStart = BigInt(this.#sink.position);
    this.#crc = 0;
    const groups: McapTypes.SummaryOffset[] = [];
    const group = (groupOpcode: number, write: () => void): void => {
      const groupStart = BigInt(this.#sink.position);
      write();
      const groupLength = BigInt(this.#records.length);
      this.#flush();
      if (groupLength > 0n) groups.push({ groupOpcode, groupStart, groupLength });
    };
    const r = this.#records;
    group(Opcode.SCHEMA, () => {
      for (const schema of this.#schemas.values()) r.writeSchema(schema);
    });
    group(Opcode.CHANNEL, () => {
      for (const channel of this.#channels.values()) r.writeChannel(channel);
    });
    group(Opcode.STATISTICS, () => r.writeStatistics(this.#statistics()));
    group(Opcode.METADATA_INDEX, () => {
      for (const index of this.#metadataIndexes) r.writeMetadataIndex(index);
    });
    group(Opcode.ATTACHMENT_INDEX, () => {
      for (const index of this.#attachmentIndexes) r.writeAttachmentIndex(index);
    });
    group(Opcode.CHUNK_INDEX, () => {
      for (const index of this.#chunkIndexes) r.writeChunkIndex(index);
    });
    const summaryOffsetStart = BigInt(this.#sink.position);
    for (const offset of groups) r.writeSummaryOffset(offset);
    this.#flush();
    // The summary CRC covers the footer up to the CRC itself: build it once without, then again with.
    r.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc: 0 });
    const summaryCrc = crc32(r.buffer.subarray(0, r.length - 4), this.#crc);
    r.reset();
    r.writeFooter({ summaryStart, summaryOffsetStart, summaryCrc });
    r.writeMagic();
    this.#flush();
  }

  #statistics(): McapTypes.Statistics {
    return {
      messageCount: this.#messages,
      schemaCount: this.#schemas.size,
      channelCount: this.#channels.size,
      attachmentCount: this.#attachmentIndexes.length,
      metadataCount: this.#metadataIndexes.length,
      chunkCount: this.#chunkIndexes.length,
      messageStartTime: this.#start,
      messageEndTime: this.#end,
      channelMessageCounts: this.#counts,
    };
  }

  #introduce(channelId: number): void {
    const channel = this.#channels.get(channelId);
    if (channel === undefined) throw new RangeError(`no channel ${channelId}`);
    const schema = this.#schemas.get(channel.schemaId);
    if (schema !== undefined) this.#chunk.addSchema(schema);
    this.#chunk.addChannel(channel);
    this.#inChunk.add(channelId);
  }

  #indexChunk(start: number, facts: ChunkFacts, indexes: readonly McapTypes.MessageIndex[]): void {
    const chunkLength = BigInt(this.#sink.position - start);
    const indexStart = BigInt(this.#sink.position);
    const messageIndexOffsets = new Map<number, bigint>();
    for (const index of indexes) {
      if (index.records.length === 0) continue;
      messageIndexOffsets.set(index.channelId, indexStart + BigInt(this.#records.length));
      this.#records.writeMessageIndex(index);
      this.#counts.set(
        index.channelId,
        (this.#counts.get(index.channelId) ?? 0n) + BigInt(index.records.length),
      );
      if (this.#messages === 0n || facts.messageStartTime < this.#start) this.#start = facts.messageStartTime;
      if (this.#messages === 0n || facts.messageEndTime > this.#end) this.#end = facts.messageEndTime;
      this.#messages += BigInt(index.records.length);
    }
    const messageIndexLength = BigInt(this.#records.length);
    this.#flush();
    this.#chunkIndexes.push({
      ...facts,
      chunkStartOffset: BigInt(start),
      chunkLength,
      messageIndexOffsets,
      messageIndexLength,
    });
  }

  #flush(): void {
    if (this.#records.length === 0) return;
    this.#write(this.#records.buffer);
    this.#records.reset();
  }

  #write(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
    this.#sink.write(bytes);
  }
}
