/** Single requests to a bus, each with a bounded number of tries: what is done outside of the cycle. */

import {
  type Answer,
  type Asker,
  ask,
  askAll,
  persist,
  request,
  type Status,
  type StatusProtocol,
  statusOf,
  tell,
  trouble,
} from '../bus/ask.ts';
import type { Outcome } from '../bus/half-duplex.ts';
import { BROADCAST } from '../bus/table-writer.ts';
import type { DynamixelBus } from './bus.ts';
import type { PacketDecoder } from './decoder.ts';
import {
  type BulkPart,
  fastReplyLength,
  Instruction,
  LARGEST_ID,
  PacketWriter,
  STATUS_OVERHEAD,
  statusErrorWords,
} from './packet.ts';
import { fastOffset, isFastReply, isStatus } from './reply.ts';
import { bytesOf, type Item, numberAt } from './table.ts';

/** Where requests go, and for whom errors are. */
export type Requester = Asker<PacketDecoder>;

/** A device may answer a ping of everybody this much later per id (DynamixelSDK: 3 ms). */
const PING_SLOT_S = 0.003;

const PROTOCOL: StatusProtocol<PacketDecoder> = {
  overhead: STATUS_OVERHEAD,
  isAnswer: isStatus,
  expect: () => {},
  refusal: statusErrorWords,
};

const packet = (build: (writer: PacketWriter) => PacketWriter): Uint8Array =>
  Uint8Array.from(build(new PacketWriter()).bytes);

export interface Found {
  readonly id: number;
  readonly model: number;
  readonly firmware: number;
}

const PING_BYTES = 3;
const found = ({ id, data }: Status): Found => ({
  id,
  model: numberAt(data, 0, 2, false),
  firmware: data[2]!,
});

/** Asks one id; null when it does not answer, with how that went. */
export async function ping(
  bus: DynamixelBus,
  id: number,
): Promise<{ readonly servo: Found | null } & Answer> {
  const bytes = packet((w) => w.plain(id, Instruction.ping));
  const answer = await persist(() => ask(bus, PROTOCOL, bytes, [id], PING_BYTES));
  return { ...answer, servo: answer.outcome === 'answered' ? found(answer.replies[0]!) : null };
}

/** Asks everybody at once: who answers within the time that the largest id may take. */
export async function pingAll(
  bus: DynamixelBus,
): Promise<{ readonly servos: readonly Found[]; readonly heard: number }> {
  const bytes = packet((w) => w.plain(BROADCAST, Instruction.ping));
  const slots = { ids: LARGEST_ID + 1, slotS: PING_SLOT_S };
  const { replies, heard } = await askAll(bus, PROTOCOL, bytes, PING_BYTES, slots);
  return { servos: replies.map(found), heard };
}

/** Bytes of the table. Rejects with DEVICE_BUS. */
export function readBytes(to: Requester, id: number, address: number, length: number): Promise<Uint8Array> {
  const bytes = packet((w) => w.read(id, address, length));
  return request(to, PROTOCOL, bytes, id, length, `tell what is at address ${address}`);
}

export async function writeBytes(
  to: Requester,
  id: number,
  address: number,
  data: Uint8Array,
): Promise<void> {
  const bytes = packet((w) => w.write(id, address, data));
  await request(to, PROTOCOL, bytes, id, 0, `set address ${address} to ${[...data].join(' ')}`);
}

export async function readItem(to: Requester, id: number, item: Item): Promise<number> {
  return numberAt(await readBytes(to, id, item.address, item.size), 0, item.size, item.signed);
}

export async function writeItem(to: Requester, id: number, item: Item, value: number): Promise<void> {
  await writeBytes(to, id, item.address, bytesOf(value, item.size));
}

/** Writes, then reads back. True when the servo has the value. */
export async function setItem(to: Requester, id: number, item: Item, value: number): Promise<boolean> {
  await writeItem(to, id, item, value);
  return (await readItem(to, id, item)) === value;
}

/** Starts a servo anew; it is away for about 0.3 s. */
export async function reboot(to: Requester, id: number): Promise<void> {
  const bytes = packet((w) => w.plain(id, Instruction.reboot));
  await request(to, PROTOCOL, bytes, id, 0, 'reboot');
}

/** The same part of the table of several devices in one request; each answers for itself. */
export async function syncRead(
  to: Requester,
  ids: readonly number[],
  item: Item,
): Promise<readonly Status[]> {
  const bytes = packet((w) => w.syncRead(item.address, item.size, ids));
  return complete(to, ids, await persist(() => ask(to.bus, PROTOCOL, bytes, ids, item.size)));
}

/** Different parts; the lengths must be equal when `fast`. */
export async function bulkRead(
  to: Requester,
  parts: readonly BulkPart[],
  way: 'plain' | 'fast',
): Promise<readonly Status[]> {
  const bytes = packet((w) => w.bulkRead(parts, way === 'fast'));
  const ids = parts.map((p) => p.id);
  const length = parts[0]!.length;
  if (way === 'fast') return fast(to, bytes, ids, length);
  const replies: Status[] = [];
  const answer = await persist(() => {
    replies.length = 0;
    return new Promise((resolve) => {
      to.bus.run({
        bytes,
        replyBytes: parts.reduce((sum, p) => sum + STATUS_OVERHEAD + p.length, 0),
        replies: parts.length,
        expect: () => {},
        take: (p) => {
          const part = parts[replies.length]!;
          if (!isStatus(p, part.id, part.length)) return false;
          replies.push(statusOf(p));
          return replies.length === parts.length;
        },
        end: (outcome) => resolve({ outcome, replies, heard: to.bus.heard }),
      });
    });
  });
  return complete(to, ids, answer);
}

/** The same part of the table of several devices, answered in one packet. Rejects with DEVICE_BUS. */
export function fastSyncRead(
  to: Requester,
  ids: readonly number[],
  address: number,
  length: number,
): Promise<readonly Status[]> {
  return fast(
    to,
    packet((w) => w.fastSyncRead(address, length, ids)),
    ids,
    length,
  );
}

async function fast(
  to: Requester,
  bytes: Uint8Array,
  ids: readonly number[],
  length: number,
): Promise<readonly Status[]> {
  const replies: Status[] = [];
  const take = (p: PacketDecoder): boolean => {
    if (!isFastReply(p, ids, length)) return false;
    ids.forEach((id, i) => {
      const at = fastOffset(i, length);
      replies.push({ id, error: p.body[at]!, data: p.body.slice(at + 2, at + 2 + length) });
    });
    return true;
  };
  const fastLength = fastReplyLength(ids.length, length);
  const expect = (decoder: PacketDecoder): void => decoder.expectFast(fastLength);
  const once = (): Promise<Answer> =>
    new Promise((resolve) => {
      const end = (outcome: Outcome): void => resolve({ outcome, replies, heard: to.bus.heard });
      to.bus.run({ bytes, replyBytes: 7 + fastLength, replies: 1, expect, take, end });
    });
  return complete(to, ids, await persist(once));
}

function complete(to: Requester, ids: readonly number[], answer: Answer): readonly Status[] {
  if (answer.outcome !== 'answered')
    throw trouble(to.device, ids[Math.min(answer.replies.length, ids.length - 1)]!, answer);
  return answer.replies;
}

/** Writes the same item of several devices; nobody answers, so nobody says whether it was understood. */
export function syncWrite(bus: DynamixelBus, item: Item, values: ReadonlyMap<number, number>): Promise<void> {
  const writer = new PacketWriter().beginSyncWrite(item.address, item.size);
  for (const [id, value] of values) writer.u8(id).number(value, item.size);
  return tell(bus, Uint8Array.from(writer.end().bytes));
}
