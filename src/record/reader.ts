/** Opens finished MCAP files with @mcap/core's indexed reader, which checks magic, summary CRC and chunk CRCs. */
import { type FileHandle, open } from 'node:fs/promises';
import { McapIndexedReader, type McapTypes } from '@mcap/core';
import { readChunk } from './scan.ts';
import { decompressHandlers } from './zstd.ts';

class HandleReadable {
  readonly #handle: FileHandle;
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<bigint> {
    return BigInt((await this.#handle.stat()).size);
  }

  async read(offset: bigint, size: bigint): Promise<Uint8Array> {
    const bytes = new Uint8Array(Number(size));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.byteLength, Number(offset));
    if (bytesRead !== bytes.byteLength) throw new Error(`the file ends before byte ${offset + size}`);
    return bytes;
  }
}

export class McapFile implements AsyncDisposable {
  readonly mcap: McapIndexedReader;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, mcap: McapIndexedReader) {
    this.#handle = handle;
    this.mcap = mcap;
  }

  /** Rejects when the file has no sound footer and summary. */
  static async open(path: string): Promise<McapFile> {
    const handle = await open(path, 'r');
    try {
      const readable = new HandleReadable(handle);
      const handlers = await decompressHandlers();
      const mcap = await McapIndexedReader.Initialize({ readable, decompressHandlers: handlers });
      return new McapFile(handle, mcap);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The last metadata record of that name; null when there is none. */
  async metadata(name: string): Promise<ReadonlyMap<string, string> | null> {
    let found: ReadonlyMap<string, string> | null = null;
    for await (const record of this.mcap.readMetadata({ name })) found = record.metadata;
    return found;
  }

  /** The last attachment of that name; null when there is none. Its CRC is checked. */
  async attachment(name: string): Promise<Uint8Array | null> {
    let found: Uint8Array | null = null;
    for await (const record of this.mcap.readAttachments({ name })) found = record.data;
    return found;
  }

  channel(topic: string): McapTypes.Channel | null {
    for (const channel of this.mcap.channelsById.values()) if (channel.topic === topic) return channel;
    return null;
  }

  count(topic: string): number {
    const channel = this.channel(topic);
    return channel === null ? 0 : Number(this.mcap.statistics?.channelMessageCounts.get(channel.id) ?? 0n);
  }

  /**
   * Contents of the chunks in file order, for reading much of an episode: many times faster than message by message.
   * Between chunks others get their turn. Rejects when a chunk is damaged.
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    const handlers = await decompressHandlers();
    for (const index of this.mcap.chunkIndexes) {
      const record = new Uint8Array(Number(index.chunkLength));
      const { bytesRead } = await this.#handle.read(
        record,
        0,
        record.byteLength,
        Number(index.chunkStartOffset),
      );
      const chunk = readChunk(record.subarray(0, bytesRead), Number(index.chunkStartOffset), handlers);
      if (typeof chunk === 'string') throw new Error(`${chunk} at byte ${index.chunkStartOffset}`);
      yield chunk.content;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** float64 values of an attachment or message part, copied to be aligned. */
export function float64s(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer, 0, Math.floor(bytes.byteLength / 8));
}
