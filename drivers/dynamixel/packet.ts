/**
 * Protocol 2.0 packets, written (e-Manual, "DYNAMIXEL Protocol 2.0"). One packet is
 *
 *   FF FF FD 00 | id | length, 2 bytes | instruction | parameters | CRC, 2 bytes
 *
 * little-endian; length counts from the instruction to the end. Where FF FF FD turns up between instruction and
 * parameters, one more FD follows it ("byte stuffing"), so that FF FF FD 00 only ever starts a packet; length and CRC
 * are those of the stuffed bytes.
 */
import { BROADCAST, TableInstruction, TableWriter } from '../bus/table-writer.ts';
import { crc16 } from './crc.ts';

export const Instruction = {
  ...TableInstruction,
  clear: 0x10,
  status: 0x55,
  fastSyncRead: 0x8a,
  bulkRead: 0x92,
  bulkWrite: 0x93,
  fastBulkRead: 0x9a,
} as const;
export type Instruction = (typeof Instruction)[keyof typeof Instruction];

/** Ids that a device can have are 0 to this. */
export const LARGEST_ID = 252;
/** Header, id, length, instruction and CRC: what a packet costs beside its parameters. */
export const OVERHEAD = 10;
/** The same of a status packet, with its error byte. */
export const STATUS_OVERHEAD = 11;

/** Builds packets one after the other. Allocates nothing after it was made. */
export class PacketWriter extends TableWriter {
  #start = 0;
  /** How much of FF FF FD the last bytes of the body were. */
  #match = 0;

  /** `capacity` in bytes; more than that throws a RangeError. */
  constructor(capacity = 1024) {
    super(capacity);
  }

  override begin(id: number, instruction: number): this {
    const b = this.buffer;
    this.#start = this.at;
    this.room(OVERHEAD);
    b[this.at++] = 0xff;
    b[this.at++] = 0xff;
    b[this.at++] = 0xfd;
    b[this.at++] = 0x00;
    b[this.at++] = id;
    this.at += 2;
    this.#match = 0;
    return this.u8(instruction);
  }

  /** One byte of the body, stuffed where it must be. */
  override u8(value: number): this {
    const b = this.buffer;
    // Room for this byte, one that is stuffed and the CRC.
    this.room(4);
    const byte = value & 0xff;
    b[this.at++] = byte;
    if (byte === 0xff) this.#match = this.#match === 0 ? 1 : 2;
    else if (byte === 0xfd && this.#match === 2) {
      b[this.at++] = 0xfd;
      this.#match = 0;
    } else this.#match = 0;
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  /** Four bytes: unsigned, or signed in two's complement. */
  i32(value: number): this {
    return this.u8(value)
      .u8(value >> 8)
      .u8(value >> 16)
      .u8(value >> 24);
  }

  /** A number of 1, 2 or 4 bytes. */
  number(value: number, size: number): this {
    if (size === 1) return this.u8(value);
    return size === 2 ? this.u16(value) : this.i32(value);
  }

  override end(): this {
    const b = this.buffer;
    const length = this.at - this.#start - 7 + 2;
    b[this.#start + 5] = length & 0xff;
    b[this.#start + 6] = length >>> 8;
    const crc = crc16(b, this.#start, this.at);
    b[this.at++] = crc & 0xff;
    b[this.at++] = crc >>> 8;
    return this;
  }

  protected override place(value: number): this {
    return this.u16(value);
  }

  /** Like `syncRead`, but all answer in one packet. */
  fastSyncRead(address: number, length: number, ids: ArrayLike<number>): this {
    return this.begin(BROADCAST, Instruction.fastSyncRead).u16(address).u16(length).raw(ids).end();
  }

  bulkRead(parts: readonly BulkPart[], fast: boolean): this {
    this.begin(BROADCAST, fast ? Instruction.fastBulkRead : Instruction.bulkRead);
    for (const { id, address, length } of parts) this.u8(id).u16(address).u16(length);
    return this.end();
  }

  /** Starts a bulk-write: then for each device its id, address and length (16 bits each) and the bytes, then `end`. */
  beginBulkWrite(): this {
    return this.begin(BROADCAST, Instruction.bulkWrite);
  }

  bulkWrite(
    parts: readonly { readonly id: number; readonly address: number; readonly bytes: ArrayLike<number> }[],
  ): this {
    this.beginBulkWrite();
    for (const { id, address, bytes } of parts) this.u8(id).u16(address).u16(bytes.length).raw(bytes);
    return this.end();
  }

  factoryReset(id: number, keep: FactoryReset): this {
    return this.begin(id, Instruction.factoryReset).u8(keep).end();
  }

  /** Forgets whole turns: the position is within one turn again. Only at rest. */
  clearTurns(id: number): this {
    // The four bytes keep a damaged packet from doing this by chance (e-Manual, "Clear").
    return this.begin(id, Instruction.clear).u8(0x01).raw([0x44, 0x58, 0x4c, 0x22]).end();
  }

  /** A device's answer. */
  status(id: number, error: number, params: ArrayLike<number> = []): this {
    return this.begin(id, Instruction.status).u8(error).raw(params).end();
  }
}

export interface BulkPart {
  readonly id: number;
  readonly address: number;
  readonly length: number;
}

export const FactoryReset = { all: 0xff, allButId: 0x01, allButIdAndBaud: 0x02 } as const;
export type FactoryReset = (typeof FactoryReset)[keyof typeof FactoryReset];

/** Length field of a fast reply of `devices` devices with `bytes` of data each: instruction, then error, id, data, CRC. */
export function fastReplyLength(devices: number, bytes: number): number {
  return 1 + devices * (bytes + 4);
}

/** What the error byte of a status packet says (e-Manual, "Status Packet, Error"); null when all is well. */
export function statusErrorWords(error: number): string | null {
  const code = error & 0x7f;
  if (code === 0) return null;
  const words = [
    'it failed to do it',
    'it does not know that instruction',
    'the packet that it got was damaged',
    'the value is outside its range',
    'the value has the wrong length',
    'the value is outside a limit of the servo',
    'that address cannot be written or read now (settings below address 64 only with torque off)',
  ];
  return words[code - 1] ?? `error ${code}`;
}
/** Set in the error byte while the servo has a hardware error: Hardware Error Status (70) says which. */
export const ALERT = 0x80;
