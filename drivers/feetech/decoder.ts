/**
 * Packets read: bytes however they were cut up on the way. What is damaged is dropped and looked through again for the
 * next header, because FF FF may stand anywhere in a packet and a damaged length may reach over the packets behind it.
 * A master says how long the answers are that it waits for; then no other length begins a packet. Allocates nothing after
 * it was made.
 */

import type { FrameDecoder } from '../bus/half-duplex.ts';
import { BROADCAST } from '../bus/table-writer.ts';
import { LENGTH_OVERHEAD } from './packet.ts';

const CAPACITY = 260;

export class PacketDecoder implements FrameDecoder {
  /** Of the packet that was completed last. */
  id = 0;
  /** What follows the length: body[0] is the instruction or status, then parameters. Valid are `count`. */
  readonly body = new Uint8Array(CAPACITY);
  count = 0;
  /** Whether the last `feed` completed a packet. */
  complete = false;
  /** Packets whose checksum was wrong. */
  damaged = 0;
  /** Bytes outside of any packet. */
  noise = 0;
  readonly #kept = new Uint8Array(CAPACITY);
  #have = 0;
  #length = -1;

  reset(): void {
    this.#have = 0;
    this.#length = -1;
    this.complete = false;
  }

  /** From now on only packets with that many parameters are seen; -1: with any. */
  expect(params: number): void {
    this.#length = params < 0 ? -1 : params + LENGTH_OVERHEAD;
  }

  /**
   * Reads bytes[from..to) up to the end of the next packet. Returns where to go on; `complete` says whether a packet is
   * there: then there may be another one in what was read already.
   */
  feed(bytes: Uint8Array, from: number, to: number): number {
    this.complete = this.#scan();
    let at = from;
    while (!this.complete && at < to) {
      this.#kept[this.#have++] = bytes[at++]!;
      this.complete = this.#scan();
    }
    return at;
  }

  /** Looks for a packet at the start of what is kept, and drops what cannot be one. */
  #scan(): boolean {
    const k = this.#kept;
    while (this.#have > 0) {
      const have = this.#have;
      if (!this.#possible()) {
        this.noise++;
        this.#drop(1);
        continue;
      }
      const end = have < 4 ? Number.POSITIVE_INFINITY : 4 + k[3]!;
      if (have < end) return false;
      let sum = 0;
      for (let i = 2; i < end; i++) sum += k[i]!;
      if ((sum & 0xff) !== 0xff) {
        this.damaged++;
        this.#drop(1);
        continue;
      }
      this.id = k[2]!;
      this.count = end - 5;
      for (let i = 0; i < this.count; i++) this.body[i] = k[4 + i]!;
      this.#drop(end);
      return true;
    }
    return false;
  }

  /** Whether what is kept may be the start of a packet. */
  #possible(): boolean {
    const k = this.#kept;
    const have = this.#have;
    if (k[0] !== 0xff) return false;
    if (have > 1 && k[1] !== 0xff) return false;
    if (have > 2 && k[2]! > BROADCAST) return false;
    if (have < 4) return true;
    return this.#length < 0 ? k[3]! >= LENGTH_OVERHEAD : k[3] === this.#length;
  }

  #drop(bytes: number): void {
    this.#kept.copyWithin(0, bytes, this.#have);
    this.#have -= bytes;
  }
}
