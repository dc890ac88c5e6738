/**
 * Whether a packet is the answer that was asked for. The checksum lets one damaged packet in 65,536 through, and an
 * adapter with echo hands us our own packets: so instruction, id and length must be those of the expected reply.
 */
import { BROADCAST } from '../bus/table-writer.ts';
import type { PacketDecoder } from './decoder.ts';
import { fastReplyLength, Instruction } from './packet.ts';

/** Bytes of the error field before the data of a status packet. */
const ERROR = 1;

/** A plain status packet of `id` with `bytes` of data. Packets that report an error carry no data. */
export function isStatus(packet: PacketDecoder, id: number, bytes: number): boolean {
  if (packet.instruction !== Instruction.status || packet.id !== id) return false;
  return packet.count === ERROR + bytes || (packet.count === ERROR && (packet.body[0]! & 0x7f) !== 0);
}

/** The one packet in which all of `ids` answer a fast read of `bytes` each: error, id and data of each, in that order. */
export function isFastReply(packet: PacketDecoder, ids: ArrayLike<number>, bytes: number): boolean {
  if (packet.instruction !== Instruction.status || packet.id !== BROADCAST) return false;
  // The last CRC is the packet's own.
  if (packet.count !== fastReplyLength(ids.length, bytes) - 1 - 2) return false;
  for (let i = 0; i < ids.length; i++) {
    if (packet.body[fastOffset(i, bytes) + 1] !== ids[i]) return false;
  }
  return true;
}

/** Where the part of the i-th device begins in the body of a fast reply: its error, its id, then its data. */
export function fastOffset(i: number, bytes: number): number {
  return i * (bytes + 4);
}
