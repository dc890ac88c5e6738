/**
 * Protocol 2.0 packets, read: a state machine over bytes, however they were cut up on the way. It keeps no queue and
 * allocates nothing after it was made. What is damaged is dropped, and the next whole packet is seen: stuffing makes
 * sure that FF FF FD 00 only ever starts a packet, so that header starts one anywhere, also in the middle of a packet
 * whose length was damaged.
 */

import type { FrameDecoder } from '../bus/half-duplex.ts';
import { BROADCAST } from '../bus/table-writer.ts';
import { crcByte } from './crc.ts';
import { Instruction, LARGEST_ID } from './packet.ts';

const HEADER = 0xfffffd00;
/** Longest packet that is believed, by its length field. The vendor's SDK has the same bound. */
const LONGEST = 1024;

export class PacketDecoder implements FrameDecoder {
  /** Of the packet that was completed last. */
  id = 0;
  instruction = 0;
  /** Bytes after the instruction without stuffing; for a status packet body[0] is the error. Valid are `count`. */
  readonly body = new Uint8Array(LONGEST);
  count = 0;
  /** Whether the last `feed` completed a packet. */
  complete = false;
  /** Packets whose checksum was wrong. */
  damaged = 0;
  /** Packets that were cut short by the header of the next. */
  cut = 0;
  /** Bytes outside of any packet. */
  noise = 0;
  #window = 0;
  /** Bytes of this packet so far; 0 while looking for a header. */
  #at = 0;
  #length = 0;
  #crc = 0;
  #sum = 0;
  #match = 0;
  #size = 0;
  #fast = -1;
  #literal = false;
  #packetId = 0;
  #packetInstruction = 0;

  /** Forgets a packet that has begun, and that a fast reply may come: before a new request, whose answer starts afresh. */
  reset(): void {
    this.#at = 0;
    this.#window = 0;
    this.#fast = -1;
    this.complete = false;
  }

  /**
   * A fast reply of this length (`fastReplyLength`) may come; -1 for none. Fast replies are not stuffed (e-Manual, "Fast
   * Sync Read"), so a header inside one means nothing.
   */
  expectFast(length: number): void {
    this.#fast = length;
  }

  /**
   * Reads bytes[from..to) up to the end of the next packet. Returns where to go on; `complete` says whether a packet is
   * there. Its fields stay as they are until the next is complete.
   */
  feed(bytes: Uint8Array, from: number, to: number): number {
    this.complete = false;
    for (let i = from; i < to; i++) {
      if (this.#byte(bytes[i]!)) {
        this.complete = true;
        return i + 1;
      }
    }
    return to;
  }

  /** True when that byte completed a packet. */
  #byte(byte: number): boolean {
    this.#window = ((this.#window << 8) | byte) >>> 0;
    const header = this.#window === HEADER;
    const at = this.#at;
    if (at === 0) {
      if (header) this.#begin();
      else this.noise++;
      return false;
    }
    const last = 6 + this.#length;
    if (at > 7 && at === last) {
      this.#at = 0;
      if ((this.#sum | (byte << 8)) === this.#crc) return this.#accept();
      this.damaged++;
      if (header) this.#begin();
      return false;
    }
    if (header && !this.#literal) {
      this.cut++;
      this.#begin();
      return false;
    }
    this.#at = at + 1;
    if (at > 7 && at === last - 1) {
      this.#sum = byte;
      return false;
    }
    this.#crc = crcByte(this.#crc, byte);
    if (at > 7) this.#take(byte);
    else if (!this.#head(at, byte)) {
      this.#at = 0;
      this.damaged++;
    }
    return false;
  }

  /** Id, length and instruction. False when that cannot be one. */
  #head(at: number, byte: number): boolean {
    if (at === 4) {
      this.#packetId = byte;
      return byte <= LARGEST_ID || byte === BROADCAST;
    }
    if (at === 5) {
      this.#length = byte;
      return true;
    }
    if (at === 6) {
      this.#length |= byte << 8;
      return this.#length >= 3 && this.#length <= LONGEST;
    }
    this.#packetInstruction = byte;
    this.#literal =
      this.#length === this.#fast && this.#packetId === BROADCAST && byte === Instruction.status;
    return true;
  }

  /** One byte of the body, without what was stuffed into it. */
  #take(byte: number): void {
    if (!this.#literal) {
      if (this.#match === 3) {
        this.#match = 0;
        if (byte === 0xfd) return;
      }
      if (byte === 0xff) this.#match = this.#match === 0 ? 1 : 2;
      else this.#match = byte === 0xfd && this.#match === 2 ? 3 : 0;
    }
    this.body[this.#size++] = byte;
  }

  #begin(): void {
    this.#at = 4;
    this.#length = 0;
    this.#match = 0;
    this.#size = 0;
    this.#literal = false;
    this.#crc = CRC_OF_HEADER;
  }

  #accept(): boolean {
    this.id = this.#packetId;
    this.instruction = this.#packetInstruction;
    this.count = this.#size;
    // What was looked at stays: the last byte of a packet that lost one is the first of the next.
    return true;
  }
}

const CRC_OF_HEADER = [0xff, 0xff, 0xfd, 0x00].reduce(crcByte, 0);
