/**
 * Whether a packet is the answer that was asked for. The checksum lets one damaged packet in 256 through, so id and length
 * must be those of the expected answer too, and what it says must be possible (drivers/bus/arm/plausible.ts).
 *
 * Answers have no mark of their own: a request that the adapter hears itself looks like one. It differs in id or length but
 * for a ping and for reads of two bytes, so what is the request byte for byte is no answer.
 */
import type { PacketDecoder } from './decoder.ts';

/** The answer of `id` with `bytes` of data. */
export function isAnswer(
  packet: PacketDecoder,
  id: number,
  bytes: number,
  request: Uint8Array | null,
): boolean {
  if (packet.id !== id || packet.count !== 1 + bytes) return false;
  return request === null || !isEcho(packet, request);
}

function isEcho({ id, body, count }: PacketDecoder, request: Uint8Array): boolean {
  if (request.length !== count + 5 || request[2] !== id) return false;
  for (let i = 0; i < count; i++) if (request[4 + i] !== body[i]) return false;
  return true;
}
