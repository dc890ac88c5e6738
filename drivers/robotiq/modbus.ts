/**
 * Modbus RTU as the gripper speaks it: requests of functions 3, 4 and 16, and the replies to them. RTU frames have no
 * header: a reply is told from noise by being the very one that was asked for (slave, function, count or address) with the
 * right checksum, wherever in the stream it begins. The gripper sends no exception replies.
 */
import type { FrameDecoder } from '../bus/half-duplex.ts';
import { seal, sealed } from './crc.ts';

/** Silence between two frames, s (Modbus over Serial Line V1.02, 2.5.1.1: 1.75 ms above 19,200 baud). */
export const GAP_S = 0.00175;

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
 * The newest bytes of the line, in which the reply is looked for after each: so noise, a cut frame or an echo before it does
 * not hide it. Allocates nothing after it was made.
 */
export class ReplyDecoder implements FrameDecoder {
  complete = false;
  /** The reply that was completed last is bytes[start..end). */
  readonly bytes = new Uint8Array(8 * KEPT);
  start = 0;
  end = 0;
  #expected: Expected | null = null;

  reset(): void {
    this.end = 0;
    this.complete = false;
    this.#expected = null;
  }

  expect(reply: Expected): void {
    this.#expected = reply;
  }

  feed(bytes: Uint8Array, from: number, to: number): number {
    this.complete = false;
    for (let i = from; i < to; i++) {
      if (this.#push(bytes[i]!)) {
        this.complete = true;
        return i + 1;
      }
    }
    return to;
  }

  /** True when the expected reply ends with that byte. */
  #push(byte: number): boolean {
    if (this.end === this.bytes.length) {
      this.bytes.copyWithin(0, this.end - KEPT, this.end);
      this.end = KEPT;
    }
    this.bytes[this.end++] = byte;
    if (this.#expected === null) return false;
    const { prefix, length } = this.#expected;
    this.start = this.end - length;
    if (this.start < 0) return false;
    for (let i = 0; i < prefix.length; i++) if (this.bytes[this.start + i] !== prefix[i]) return false;
    return sealed(this.bytes, this.start, this.end);
  }

  /** Where the data of a reply to a read begin. */
  get data(): number {
    return this.start + 3;
  }
}
