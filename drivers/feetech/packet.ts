/**
 * Packets of Feetech's SCS protocol, written (Feetech, "FT-SCS protocol": instruction and response frame). One packet is
 *
 *   FF FF | id | length | instruction, or in an answer the status | parameters | ~(sum from id to the last parameter)
 *
 * where length = parameters + 2. Nothing is stuffed: FF FF may also turn up inside. Numbers of two bytes are little-endian
 * in servos with a magnetic encoder (STS, SMS) and big-endian in those with a potentiometer (SCS).
 */
import { TableInstruction, TableWriter } from '../bus/table-writer.ts';

export const Instruction = {
  /** Its `factoryReset` keeps the id; nobody answers its `reboot`, and the servo is away for about 0.8 s. */
  ...TableInstruction,
  /** Forgets whole turns. */
  resetTurns: 0x0a,
  /** Where it is now becomes the middle of its turn, or the step that is given. STS from firmware 3.10 on. */
  calibrate: 0x0b,
} as const;
export type Instruction = (typeof Instruction)[keyof typeof Instruction];

export type Order = 'little' | 'big';

/** Ids that a servo can have are 0 to this. */
export const LARGEST_ID = 253;
/** Header, id, length, instruction or status, checksum: what a packet costs beside its parameters. */
export const OVERHEAD = 6;
/** What the length field counts beside the parameters. */
export const LENGTH_OVERHEAD = 2;

/** The last byte of a packet: of the sum of bytes[from..to), id to last parameter. */
export function checksum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += bytes[i]!;
  return ~sum & 0xff;
}

/** Builds packets one after the other. Allocates nothing after it was made. */
export class PacketWriter extends TableWriter {
  #start = 0;

  /** `capacity` in bytes; more than that throws a RangeError. */
  constructor(capacity = 512) {
    super(capacity);
  }

  /** `head` is the instruction, or the status of an answer. */
  override begin(id: number, head: number): this {
    this.#start = this.at;
    return this.u8(0xff).u8(0xff).u8(id).u8(0).u8(head);
  }

  override u8(value: number): this {
    this.room(1);
    this.buffer[this.at++] = value & 0xff;
    return this;
  }

  u16(value: number, order: Order): this {
    return order === 'little' ? this.u8(value).u8(value >>> 8) : this.u8(value >>> 8).u8(value);
  }

  /** Closes the packet: its length and checksum. Throws a RangeError for one that is too long for its length field. */
  override end(): this {
    const length = this.at - this.#start - 3;
    if (length > 0xff) throw new RangeError(`${length} bytes do not fit into one packet`);
    this.buffer[this.#start + 3] = length;
    return this.u8(checksum(this.buffer, this.#start + 2, this.at));
  }

  protected override place(value: number): this {
    return this.u8(value);
  }

  /** Where the servo is now becomes that step. */
  calibrateTo(id: number, step: number, order: Order): this {
    return this.begin(id, Instruction.calibrate).u16(step, order).end();
  }

  /** A servo's answer. */
  status(id: number, status: number, params: ArrayLike<number> = []): this {
    return this.begin(id, status).raw(params).end();
  }
}
