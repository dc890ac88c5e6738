/**
 * Cache files: some arrays and facts about them.
 *
 *   magic | sections, each on a multiple of 64 bytes | footer (JSON) | its length and CRC-32 (uint32 LE each) | magic
 *
 * Written under another name and renamed, so a file is whole or not there; what a power failure may still tear shows in
 * the size, or in the CRC of footer and sections.
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { ArmloopError } from '../../errors.ts';

const MAGIC = Buffer.from('ALCACHE1');
const ALIGN = 64;
const TAIL = 8 + MAGIC.length;
/** Bytes that are read at a time. */
const PIECE = 1 << 20;
/** Part of every key: raise it when the meaning of a cache file changes. */
export const CACHE_FORMAT = 1;

export interface Section {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

interface Footer<F> {
  readonly facts: F;
  readonly sections: readonly Section[];
}

export type PackArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Writes section after section, each in any number of parts. */
export class PackWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #sections: Section[] = [];
  #at = MAGIC.length;

  #open = true;

  constructor(path: string) {
    this.#path = path;
    // Threads of this process, and other processes, may make the same file at the same time.
    this.#temporary = `${path}.new-${process.pid}-${threadId}`;
    this.#fd = openSync(this.#temporary, 'w');
    this.#write(MAGIC, 0);
  }

  section(name: string, ...parts: readonly PackArray[]): void {
    this.begin(name);
    for (const part of parts) this.append(part);
  }

  begin(name: string): void {
    this.#at = Math.ceil(this.#at / ALIGN) * ALIGN;
    this.#sections.push({ name, offset: this.#at, bytes: 0, crc: 0 });
  }

  /** More of the section that was begun last. */
  append(part: PackArray): void {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    const { name, offset, bytes: before, crc } = this.#sections.pop()!;
    this.#write(bytes, this.#at);
    this.#at += bytes.byteLength;
    this.#sections.push({ name, offset, bytes: before + bytes.byteLength, crc: crc32(bytes, crc) });
  }

  finish(facts: object): void {
    const footer = Buffer.from(JSON.stringify({ facts, sections: this.#sections } satisfies Footer<object>));
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(footer.length, 0);
    tail.writeUInt32LE(crc32(footer), 4);
    this.#write(Buffer.concat([footer, tail, MAGIC]), this.#at);
    closeSync(this.#fd);
    this.#open = false;
    renameSync(this.#temporary, this.#path);
  }

  /** A file that was not finished leaves nothing behind. */
  close(): void {
    if (!this.#open) return;
    closeSync(this.#fd);
    this.#open = false;
    rmSync(this.#temporary, { force: true });
  }

  #write(bytes: Uint8Array, at: number): void {
    let done = 0;
    while (done < bytes.byteLength)
      done += writeSync(this.#fd, bytes, done, bytes.byteLength - done, at + done);
  }
}

export interface Pack<F> {
  readonly path: string;
  readonly facts: F;
  readonly bytes: number;
  readonly sections: ReadonlyMap<string, Section>;
}

/**
 * The file with all its CRCs checked, marked as used now; null when it is not there or not sound. Reads all of it, which
 * also brings it into the memory of the system.
 */
export function openPack<F>(path: string): Pack<F> | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const found = readFooter<F>(fd);
    if (found === null) return null;
    const { footer, size } = found;
    for (const section of footer.sections) if (!sound(fd, section, size)) return null;
    const now = Date.now() / 1000;
    utimesSync(path, now, now);
    return {
      path,
      facts: footer.facts,
      bytes: size,
      sections: new Map(footer.sections.map((s) => [s.name, s])),
    };
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** A pack that was just written. Throws DATA_CACHE_LOST. */
export function reopenPack<F>(path: string): Pack<F> {
  const pack = openPack<F>(path);
  if (pack !== null) return pack;
  throw new ArmloopError('DATA_CACHE_LOST', {
    file: path,
    reason: 'it is not sound right after it was written',
  });
}

function readFooter<F>(fd: number): { readonly footer: Footer<F>; readonly size: number } | null {
  const { size } = fstatSync(fd);
  if (size < MAGIC.length + TAIL) return null;
  const tail = read(fd, size - TAIL, TAIL);
  const length = tail.readUInt32LE(0);
  if (!tail.subarray(8).equals(MAGIC) || size < MAGIC.length + length + TAIL) return null;
  if (!read(fd, 0, MAGIC.length).equals(MAGIC)) return null;
  const text = read(fd, size - TAIL - length, length);
  if (crc32(text) !== tail.readUInt32LE(4)) return null;
  return { footer: JSON.parse(text.toString()) as Footer<F>, size };
}

function sound(fd: number, section: Section, size: number): boolean {
  if (section.offset + section.bytes > size) return false;
  let crc = 0;
  const piece = Buffer.allocUnsafe(Math.min(PIECE, section.bytes));
  for (let done = 0; done < section.bytes; ) {
    const got = readSync(fd, piece, 0, Math.min(PIECE, section.bytes - done), section.offset + done);
    if (got === 0) return false;
    crc = crc32(piece.subarray(0, got), crc);
    done += got;
  }
  return crc === section.crc;
}

function read(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, bytes, done, length - done, at + done);
    if (got === 0) break;
    done += got;
  }
  return bytes;
}

/** Reads a section into an array of its size, shared or not. */
export function readSection(pack: Pack<unknown>, name: string, out: PackArray): void {
  const section = pack.sections.get(name)!;
  const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
  const fd = openSync(pack.path, 'r');
  try {
    for (let done = 0; done < section.bytes; ) {
      const got = readSync(fd, bytes, done, Math.min(PIECE, section.bytes - done), section.offset + done);
      if (got === 0) throw new Error(`${pack.path} was cut`);
      done += got;
    }
  } finally {
    closeSync(fd);
  }
}
