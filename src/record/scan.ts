/**
 * Reads an MCAP file front to back without trusting it: every record is checked for bounds, chunks and attachments
 * for their CRC. Damage costs the damaged records alone: after it the scan looks for the next chunk that is sound.
 * Used to repair files and to read whole episodes fast.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { McapConstants, McapStreamReader, type McapTypes } from '@mcap/core';
import type { DecompressHandlers } from './zstd.ts';

const { Opcode, MCAP_MAGIC } = McapConstants;
const MAGIC = Buffer.from(MCAP_MAGIC);
/** Opcode and length before each record's content. */
const PREFIX = 9;
/** Chunk content before the compression name: two times, size, CRC. */
const CHUNK_FIXED = 28;
/** No chunk of ours is larger; a larger number is damage. */
const MAX_CHUNK = 256 * 1024 * 1024;
/** channel, sequence, log time, publish time. */
const MESSAGE_FIXED = 22;

export interface ScannedChunk {
  readonly type: 'chunk';
  readonly offset: number;
  /** The record as it stands in the file. */
  readonly record: Uint8Array;
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly compression: string;
  readonly compressedSize: number;
  /** The records inside, decompressed and CRC-checked. */
  readonly content: Uint8Array;
}

export type Scanned =
  | ScannedChunk
  | { readonly type: 'header'; readonly header: McapTypes.Header }
  | { readonly type: 'metadata'; readonly metadata: McapTypes.Metadata }
  | { readonly type: 'attachment'; readonly attachment: McapTypes.Attachment }
  /** The data section ended as it should; nothing after it is reported. */
  | { readonly type: 'end'; readonly crc: number; readonly measured: number; readonly offset: number }
  /** Bytes that are no sound record. `content`: whole records found in a chunk that was cut (uncompressed ones). */
  | {
      readonly type: 'damage';
      readonly offset: number;
      readonly length: number;
      readonly reason: string;
      readonly content: Uint8Array;
    }; // prettier-ignore

/** A window on a file that is read in order, mostly. */
class Pages {
  readonly size: number;
  readonly #fd: number;
  #start = 0;
  #page: Buffer = Buffer.alloc(0);

  constructor(fd: number) {
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  /** Fewer bytes than asked for at the end of the file. Valid until the next call. */
  at(offset: number, length: number): Buffer {
    if (offset < this.#start || offset + length > this.#start + this.#page.length) {
      const want = Math.min(Math.max(length, 1 << 20), Math.max(0, this.size - offset));
      const page = Buffer.allocUnsafe(want);
      let got = 0;
      while (got < want) {
        const n = readSync(this.#fd, page, got, want - got, offset + got);
        if (n === 0) break;
        got += n;
      }
      this.#page = page.subarray(0, got);
      this.#start = offset;
    }
    const from = offset - this.#start;
    return this.#page.subarray(from, from + length);
  }
}

/** Yields the sound records of the data section in order, and the damage between them. */
export function* scan(path: string, handlers: DecompressHandlers): Generator<Scanned, void, void> {
  const fd = openSync(path, 'r');
  try {
    yield* scanFile(new Pages(fd), handlers);
  } finally {
    closeSync(fd);
  }
}

function* scanFile(pages: Pages, handlers: DecompressHandlers): Generator<Scanned, void, void> {
  const { size } = pages;
  let at = 0;
  let crc = 0;
  let damagedFrom = -1;
  let reason = '';
  let cut: Uint8Array = new Uint8Array(0);
  const damage = (offset: number, why: string): void => {
    if (damagedFrom >= 0) return;
    damagedFrom = offset;
    reason = why;
  };
  if (pages.at(0, MAGIC.length).equals(MAGIC)) {
    at = MAGIC.length;
    crc = crc32(MAGIC);
  } else damage(0, 'the file does not begin with the MCAP magic');
  while (at < size) {
    const found = record(pages, at, handlers);
    if (typeof found === 'string') {
      damage(at, found);
      if (cut.length === 0) cut = wholeRecordsOfCutChunk(pages, at);
      at = nextCandidate(pages, at + 1);
      continue;
    }
    if (damagedFrom >= 0) {
      yield { type: 'damage', offset: damagedFrom, length: at - damagedFrom, reason, content: cut };
      damagedFrom = -1;
      cut = new Uint8Array(0);
      // From here on the file's own CRC means nothing.
      crc = Number.NaN;
    }
    if (found.scanned?.type === 'end') {
      yield { ...found.scanned, measured: crc };
      return;
    }
    if (found.scanned !== null) yield found.scanned;
    if (!Number.isNaN(crc)) crc = crc32(pages.at(at, found.length), crc);
    at += found.length;
  }
  if (damagedFrom >= 0) {
    yield { type: 'damage', offset: damagedFrom, length: size - damagedFrom, reason, content: cut };
  }
}

/**
 * Where after damage the next record may begin, or the end of the file. Only records that can be told from noise are
 * trusted: those with a CRC, the end of the data with its fixed length, and metadata that begins with a name of ours.
 */
function nextCandidate(pages: Pages, from: number): number {
  const STEP = 1 << 18;
  for (let at = from; at < pages.size; at += STEP) {
    // Somewhat more, so that a metadata record's name can be looked at without moving the window.
    const bytes = pages.at(at, STEP + PREFIX + 11);
    const end = Math.min(STEP, bytes.length - PREFIX);
    for (let i = 0; i < end; i++) {
      const op = bytes[i]!;
      if (op !== Opcode.CHUNK && op !== Opcode.ATTACHMENT && op !== Opcode.DATA_END && op !== Opcode.METADATA)
        continue;
      // No record of ours is 4 GiB long.
      if (bytes[i + 5] !== 0 || bytes[i + 6] !== 0 || bytes[i + 7] !== 0 || bytes[i + 8] !== 0) continue;
      if (bytes.readUInt32LE(i + 1) > pages.size - at - i - PREFIX) continue;
      if (op !== Opcode.METADATA) return at + i;
      const name = bytes.toString('latin1', i + PREFIX + 4, i + PREFIX + 11);
      if (name === 'episode' || name === 'layout:') return at + i;
    }
  }
  return pages.size;
}

type Found = { readonly scanned: Scanned | null; readonly length: number };

/** The record at an offset, or why there is none. */
function record(pages: Pages, at: number, handlers: DecompressHandlers): Found | string {
  const prefix = pages.at(at, PREFIX);
  if (prefix.length < PREFIX) return 'the file ends within a record';
  const op = prefix[0]!;
  const declared = prefix.readBigUInt64LE(1);
  if (op === 0 || op > Opcode.DATA_END) return `${op} is no record type`;
  if (declared > BigInt(pages.size - at - PREFIX)) return 'the file ends within a record';
  const length = PREFIX + Number(declared);
  if (op === Opcode.CHUNK) {
    const chunk = parseChunk(pages, at, length, handlers);
    return typeof chunk === 'string' ? chunk : { scanned: chunk, length };
  }
  if (op === Opcode.DATA_END) {
    if (declared !== 4n) return 'the end of the data is damaged';
    const crc = pages.at(at + PREFIX, 4).readUInt32LE(0);
    return { scanned: { type: 'end', crc, measured: 0, offset: at }, length };
  }
  // Message indexes are made anew, so their content does not matter.
  if (op === Opcode.MESSAGE_INDEX) return { scanned: null, length };
  if (op !== Opcode.HEADER && op !== Opcode.METADATA && op !== Opcode.ATTACHMENT)
    return `record type ${op} is out of place`; // prettier-ignore
  return parseOne(pages.at(at, length), length);
}

/** Header, metadata or attachment, by @mcap/core's own parser. */
function parseOne(bytes: Buffer, length: number): Found | string {
  try {
    const reader = new McapStreamReader({ noMagicPrefix: true, validateCrcs: true });
    reader.append(bytes);
    const parsed = reader.nextRecord();
    if (parsed?.type === 'Header') return { scanned: { type: 'header', header: parsed }, length };
    if (parsed?.type === 'Metadata') return { scanned: { type: 'metadata', metadata: parsed }, length };
    if (parsed?.type === 'Attachment') return { scanned: { type: 'attachment', attachment: parsed }, length };
    return 'not a record';
  } catch (error) {
    return (error as Error).message;
  }
}

function parseChunk(
  pages: Pages,
  at: number,
  length: number,
  handlers: DecompressHandlers,
): ScannedChunk | string {
  // Cheap looks first: after damage many places look like the start of a chunk.
  const head = pages.at(at, PREFIX + CHUNK_FIXED + 12);
  if (head.length < PREFIX + CHUNK_FIXED + 12) return 'a chunk is cut';
  if (head.readBigUInt64LE(PREFIX + 16) > MAX_CHUNK || length > MAX_CHUNK)
    return 'a chunk has an impossible size';
  const nameLength = head.readUInt32LE(PREFIX + CHUNK_FIXED);
  if (nameLength !== 0 && nameLength !== 4) return 'a chunk has an unknown compression';
  // A copy: the window moves on.
  return readChunk(Uint8Array.from(pages.at(at, length)), at, handlers);
}

/** Opens a whole chunk record: bounds, decompression, CRC. Why not, when it is not sound. */
export function readChunk(
  record: Uint8Array,
  offset: number,
  handlers: DecompressHandlers,
): ScannedChunk | string {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  if (bytes.length < PREFIX + CHUNK_FIXED + 12) return 'a chunk is cut';
  const size = Number(bytes.readBigUInt64LE(PREFIX + 16));
  const crc = bytes.readUInt32LE(PREFIX + 24);
  const nameLength = bytes.readUInt32LE(PREFIX + CHUNK_FIXED);
  const body = PREFIX + CHUNK_FIXED + 4 + nameLength + 8;
  if (body > bytes.length || bytes.readBigUInt64LE(body - 8) !== BigInt(bytes.length - body)) {
    return 'a chunk has an impossible size';
  }
  const compression = bytes.toString('latin1', PREFIX + CHUNK_FIXED + 4, body - 8);
  const packed = record.subarray(body);
  let content: Uint8Array = packed;
  if (compression !== '') {
    const decompress = handlers[compression];
    if (decompress === undefined) return `a chunk is compressed with ${compression}`;
    try {
      content = decompress(packed, BigInt(size));
    } catch {
      return 'a chunk cannot be decompressed';
    }
  }
  if (content.byteLength !== size || crc32(content) !== crc) return 'a chunk has a wrong CRC';
  return {
    type: 'chunk',
    offset,
    record,
    startTime: bytes.readBigUInt64LE(PREFIX),
    endTime: bytes.readBigUInt64LE(PREFIX + 8),
    compression,
    compressedSize: packed.byteLength,
    content,
  };
}

/** What an uncompressed chunk that the end of the file cuts still holds: whole records, without a CRC to prove them. */
function wholeRecordsOfCutChunk(pages: Pages, at: number): Uint8Array {
  const none = new Uint8Array(0);
  const head = pages.at(at, PREFIX + CHUNK_FIXED + 12);
  if (head.length < PREFIX + CHUNK_FIXED + 12 || head[0] !== Opcode.CHUNK) return none;
  const declared = head.readBigUInt64LE(1);
  const available = pages.size - at - PREFIX;
  if (declared <= BigInt(available) || declared > BigInt(MAX_CHUNK)) return none;
  if (head.readUInt32LE(PREFIX + CHUNK_FIXED) !== 0) return none;
  const start = at + PREFIX + CHUNK_FIXED + 12;
  const content = Uint8Array.from(pages.at(start, pages.size - start));
  return content.subarray(0, wholeRecords(content));
}

/** Bytes of complete records at the start of chunk content. */
function wholeRecords(content: Uint8Array): number {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let at = 0;
  while (at + PREFIX <= content.byteLength) {
    const op = content[at]!;
    const length = view.getBigUint64(at + 1, true);
    if (op !== Opcode.SCHEMA && op !== Opcode.CHANNEL && op !== Opcode.MESSAGE) break;
    if (length > BigInt(content.byteLength - at - PREFIX)) break;
    at += PREFIX + Number(length);
  }
  return at;
}

/** A message in chunk content; `data` is a view. */
export interface RawMessage {
  channelId: number;
  sequence: number;
  logTime: bigint;
  publishTime: bigint;
  data: Uint8Array;
}

export interface ChunkVisitor {
  schema?(schema: McapTypes.Schema): void;
  channel?(channel: McapTypes.Channel): void;
  /** The object is reused; `offset` is that of the record in the content. */
  message?(message: RawMessage, offset: number): void;
}

/** Walks the records of a chunk's content. Only whole records are visited. */
export function walkChunk(content: Uint8Array, visitor: ChunkVisitor): void {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const message: RawMessage = { channelId: 0, sequence: 0, logTime: 0n, publishTime: 0n, data: content };
  let at = 0;
  while (at + PREFIX <= content.byteLength) {
    const op = content[at]!;
    const length = PREFIX + Number(view.getBigUint64(at + 1, true));
    if (at + length > content.byteLength) return;
    if (op === Opcode.MESSAGE && visitor.message !== undefined && length >= PREFIX + MESSAGE_FIXED) {
      message.channelId = view.getUint16(at + 9, true);
      message.sequence = view.getUint32(at + 11, true);
      message.logTime = view.getBigUint64(at + 15, true);
      message.publishTime = view.getBigUint64(at + 23, true);
      message.data = content.subarray(at + PREFIX + MESSAGE_FIXED, at + length);
      visitor.message(message, at);
    } else if (op === Opcode.SCHEMA || op === Opcode.CHANNEL) {
      const reader = new McapStreamReader({ noMagicPrefix: true });
      reader.append(content.subarray(at, at + length));
      const parsed = reader.nextRecord();
      if (parsed?.type === 'Schema') visitor.schema?.(parsed);
      if (parsed?.type === 'Channel') visitor.channel?.(parsed);
    }
    at += length;
  }
}
