/**
 * Modbus RTU as the gripper speaks it: requests of functions 3, 4 and 16, and the replies to them. RTU frames have no
 * header: a reply is told from noise by being the very one that was asked for (slave, function, count or address) with the
 * right checksum, wherever in the stream it begins. The gripper sends no exception replies.
 */
import { seal, sealed } from './crc.ts';

export const FunctionCode = { readHolding: 3, readInput: 4, writeMultiple: 16 } as const;
export type ReadFunction = typeof FunctionCode.readHolding | typeof FunctionCode.readInput;

/** Bytes of a request to read, and of the reply to a write. */
export const SHORT_FRAME = 8;
/** Bytes around the data of a reply to a read: slave, function, count; checksum. */
export const READ_OVERHEAD = 5;
/** Bytes around the data of a request to write: slave, function, address, quantity, count; checksum. */
export const WRITE_OVERHEAD = 9;

/** Request to read `count` registers from `address` on. */
export function readRequest(slave: number, way: ReadFunction, address: number, count: number): Uint8Array {
  return frame([slave, way, address >> 8, address & 0xff, count >> 8, count & 0xff]);
}

/** Request to write `data` (two bytes a register, high byte first) from `address` on. */
export function writeRequest(slave: number, address: number, data: ArrayLike<number>): Uint8Array {
  const count = data.length / 2;
  const head = [slave, FunctionCode.writeMultiple, address >> 8, address & 0xff, count >> 8, count & 0xff];
  return frame([...head, data.length, ...Array.from(data)]);
}

/** Where the data of a write request begins: they may be changed in place, and sealed again. */
export const WRITE_DATA = 7;

/** A frame of these bytes, with its checksum. */
export function frame(body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(body.length + 2);
  bytes.set(body);
  seal(bytes, body.length);
  return bytes;
}

/** The one reply that a request can have. */
export interface Expected {
  /** How it begins. */
  readonly prefix: Uint8Array;
  /** All of its bytes, with the checksum. */
  readonly length: number;
}

/** Reply to a request to read: slave, function, number of bytes, then those. */
export function readReply(request: Uint8Array): Expected {
  const bytes = 2 * ((request[4]! << 8) | request[5]!);
  return { prefix: Uint8Array.of(request[0]!, request[1]!, bytes), length: READ_OVERHEAD + bytes };
}

/** Reply to a request to write: its first six bytes again. */
export function writeReply(request: Uint8Array): Expected {
  return { prefix: request.slice(0, 6), length: SHORT_FRAME };
}

const KEPT = 64;

/**
 * The newest bytes of the line, in which a reply is looked for after each byte: so noise, a cut frame or an echo before it
 * does not hide it. Allocates nothing after it was made.
 */
export class ReplyWindow {
  readonly bytes = new Uint8Array(8 * KEPT);
  #end = 0;

  /** Forgets everything: what follows belongs to a new request. */
  clear(): void {
    this.#end = 0;
  }

  /** Takes one byte. True when the expected reply ends with it; it then begins at `start(expected)`. */
  push(byte: number, expected: Expected): boolean {
    if (this.#end === this.bytes.length) {
      this.bytes.copyWithin(0, this.#end - KEPT, this.#end);
      this.#end = KEPT;
    }
    this.bytes[this.#end++] = byte;
    const { prefix, length } = expected;
    const start = this.#end - length;
    if (start < 0) return false;
    for (let i = 0; i < prefix.length; i++) if (this.bytes[start + i] !== prefix[i]) return false;
    return sealed(this.bytes, start, this.#end);
  }

  /** Where the reply that has just ended begins in `bytes`. */
  start(expected: Expected): number {
    return this.#end - expected.length;
  }
}
