/**
 * Packets about a table of registers, as the protocols of DYNAMIXEL and Feetech servos both have them: the same
 * instructions under the same numbers, in packets of their own. Addresses and lengths are as wide as the protocol has them.
 */
import { PacketBuffer } from './packet-buffer.ts';

export const TableInstruction = {
  ping: 0x01,
  read: 0x02,
  write: 0x03,
  regWrite: 0x04,
  action: 0x05,
  factoryReset: 0x06,
  reboot: 0x08,
  syncRead: 0x82,
  syncWrite: 0x83,
} as const;

/** What every servo listens to. */
export const BROADCAST = 0xfe;

/** Builds packets one after the other. Allocates nothing after it was made. */
export abstract class TableWriter extends PacketBuffer {
  /** `head`: the instruction, or what an answer has in its place. */
  abstract begin(id: number, head: number): this;
  /** One byte of the body. */
  abstract u8(value: number): this;
  /** Closes the packet: its length and checksum. */
  abstract end(): this;
  /** An address or a length. */
  protected abstract place(value: number): this;

  raw(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.u8(bytes[i]!);
    return this;
  }

  /** A whole packet without parameters: ping, action, reboot. */
  plain(id: number, instruction: number): this {
    return this.begin(id, instruction).end();
  }

  read(id: number, address: number, length: number): this {
    return this.begin(id, TableInstruction.read).place(address).place(length).end();
  }

  write(id: number, address: number, bytes: ArrayLike<number>): this {
    return this.begin(id, TableInstruction.write).place(address).raw(bytes).end();
  }

  /** Like `write`, but carried out when `action` comes. */
  regWrite(id: number, address: number, bytes: ArrayLike<number>): this {
    return this.begin(id, TableInstruction.regWrite).place(address).raw(bytes).end();
  }

  /** The same address of several servos; each answers with a packet of its own, in this order. */
  syncRead(address: number, length: number, ids: ArrayLike<number>): this {
    return this.begin(BROADCAST, TableInstruction.syncRead).place(address).place(length).raw(ids).end();
  }

  /** Starts a sync-write: then for each servo its id and `length` bytes, then `end`. Nobody answers. */
  beginSyncWrite(address: number, length: number): this {
    return this.begin(BROADCAST, TableInstruction.syncWrite).place(address).place(length);
  }
}
