/** Single requests to a Feetech bus: what is done outside of the cycle. */

import type { Identity } from '../bus/arm/find.ts';
import {
  type Answer,
  type Asker,
  ask,
  askAll,
  persist,
  request,
  type Status,
  type StatusProtocol,
  tell,
  trouble,
} from '../bus/ask.ts';
import type { HalfDuplexBus } from '../bus/half-duplex.ts';
import { BROADCAST } from '../bus/table-writer.ts';
import type { PacketDecoder } from './decoder.ts';
import { numberOf, type Series } from './models.ts';
import { Instruction, LARGEST_ID, type Order, OVERHEAD, PacketWriter } from './packet.ts';
import { isAnswer } from './reply.ts';
import { bytesOf, type Item, numberAt, RAM_START, STS } from './table.ts';

/** Where requests go, and for whom errors are. */
export type Requester = Asker<PacketDecoder>;
export type FeetechBus = HalfDuplexBus<PacketDecoder>;

/** A servo may answer a ping of everybody this much later per id. */
const PING_SLOT_S = 0.003;

const PROTOCOL: StatusProtocol<PacketDecoder> = {
  overhead: OVERHEAD,
  isAnswer,
  expect: (decoder, bytes) => decoder.expect(bytes),
  // The status says how the servo is, never that it refused: what it does not want it drops or bends to its limits.
  refusal: () => null,
};

const packet = (build: (writer: PacketWriter) => PacketWriter): Uint8Array =>
  Uint8Array.from(build(new PacketWriter()).bytes);

/** Asks one id; the status that it answers with, or null. A ping that the adapter hears itself is no answer. */
export async function ping(
  bus: FeetechBus,
  id: number,
): Promise<{ readonly status: number | null } & Answer> {
  const bytes = packet((w) => w.plain(id, Instruction.ping));
  const answer = await persist(() => ask(bus, PROTOCOL, bytes, [id], 0));
  return { ...answer, status: answer.outcome === 'answered' ? answer.replies[0]!.error : null };
}

/** Asks everybody at once: ids of those that answer in time. Servos of the SCS series do not. */
export async function pingAll(
  bus: FeetechBus,
): Promise<{ readonly ids: readonly number[]; readonly heard: number }> {
  const bytes = packet((w) => w.plain(BROADCAST, Instruction.ping));
  const slots = { ids: LARGEST_ID + 1, slotS: PING_SLOT_S };
  const { replies, heard } = await askAll(bus, PROTOCOL, bytes, 0, slots);
  return { ids: replies.map((r) => r.id).filter((id) => id !== BROADCAST), heard };
}

/**
 * Asks one id for its model number. Says more than a ping: the answer to a ping is one byte that may be anything, and of a
 * servo whose voltage is out of range the very bytes of the request.
 */
export async function identify(
  bus: FeetechBus,
  id: number,
  tries: 'once' | 'often' = 'often',
): Promise<Identity> {
  const { address, size } = STS.modelNumber;
  const bytes = packet((w) => w.read(id, address, size));
  const once = (): Promise<Answer> => ask(bus, PROTOCOL, bytes, [id], size);
  const { outcome, heard, replies } = await (tries === 'once' ? once() : persist(once));
  return { model: outcome === 'answered' ? numberOf(replies[0]!.data) : null, outcome, heard };
}

/** Bytes of the table. Rejects with DEVICE_BUS. */
export function readBytes(to: Requester, id: number, address: number, length: number): Promise<Uint8Array> {
  const bytes = packet((w) => w.read(id, address, length));
  return request(to, PROTOCOL, bytes, id, length, `tell what is at address ${address}`);
}

/** Writes; the answer says that it arrived, not that it was taken. Rejects with DEVICE_BUS. */
export async function writeBytes(
  to: Requester,
  id: number,
  address: number,
  data: Uint8Array,
): Promise<void> {
  const bytes = packet((w) => w.write(id, address, data));
  await request(to, PROTOCOL, bytes, id, 0, `set address ${address}`);
}

export async function readItem(to: Requester, id: number, item: Item, order: Order): Promise<number> {
  return numberAt(await readBytes(to, id, item.address, item.size), 0, item, order);
}

export async function writeItem(
  to: Requester,
  id: number,
  item: Item,
  value: number,
  order: Order,
): Promise<void> {
  await writeBytes(to, id, item.address, bytesOf(value, item, order));
}

/**
 * Writes, then reads back; settings that last are unlocked for it and locked again. True when the servo has the value.
 * Rejects with DEVICE_BUS.
 */
export async function setItem(
  to: Requester,
  id: number,
  item: Item,
  value: number,
  { order, table }: Series,
): Promise<boolean> {
  const lasting = item.address < RAM_START;
  if (lasting) await writeItem(to, id, table.lock, 0, order);
  await writeItem(to, id, item, value, order);
  // A servo that changes its id or rate is another one from here on.
  const now = item.address === table.id.address ? value : id;
  if (item.address === table.baud.address) return true;
  const kept = (await readItem(to, now, item, order)) === value;
  if (lasting) await writeItem(to, now, table.lock, 1, order);
  return kept;
}

/** Starts a servo anew; it does not answer, and is away for about 0.8 s. */
export function reboot(to: Requester, id: number): Promise<void> {
  return tell(
    to.bus,
    packet((w) => w.plain(id, Instruction.reboot)),
  );
}

/** Forgets whole turns. Rejects with DEVICE_BUS. */
export async function resetTurns(to: Requester, id: number): Promise<void> {
  const bytes = packet((w) => w.plain(id, Instruction.resetTurns));
  await request(to, PROTOCOL, bytes, id, 0, 'reset its turns');
}

/** Everything but the id as it came from the factory. Rejects with DEVICE_BUS. */
export async function factoryReset(to: Requester, id: number): Promise<void> {
  const bytes = packet((w) => w.plain(id, Instruction.factoryReset));
  await request(to, PROTOCOL, bytes, id, 0, 'reset itself');
}

/** Where the servo is now becomes the middle of its turn, or `step`. Rejects with DEVICE_BUS. */
export async function calibrate(to: Requester, id: number, step: number | null, order: Order): Promise<void> {
  const bytes = packet((w) =>
    step === null ? w.plain(id, Instruction.calibrate) : w.calibrateTo(id, step, order),
  );
  await request(to, PROTOCOL, bytes, id, 0, 'calibrate itself');
}

/** The same part of the table of several servos in one request; each answers for itself. Rejects with DEVICE_BUS. */
export async function syncRead(
  to: Requester,
  ids: readonly number[],
  address: number,
  length: number,
): Promise<readonly Status[]> {
  const bytes = packet((w) => w.syncRead(address, length, ids));
  const answer = await persist(() => ask(to.bus, PROTOCOL, bytes, ids, length));
  if (answer.outcome === 'answered') return answer.replies;
  throw trouble(to.device, ids[Math.min(answer.replies.length, ids.length - 1)]!, answer);
}

/** Writes the same item of several servos; nobody answers, so nobody says whether it was understood. */
export function syncWrite(
  bus: FeetechBus,
  item: Item,
  values: ReadonlyMap<number, number>,
  order: Order,
): Promise<void> {
  const writer = new PacketWriter().beginSyncWrite(item.address, item.size);
  for (const [id, value] of values) writer.u8(id).raw(bytesOf(value, item, order));
  return tell(bus, Uint8Array.from(writer.end().bytes));
}
