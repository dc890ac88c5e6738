/**
 * Single requests to servos on a bus, each with a bounded number of tries: what is done outside of the cycle. For
 * protocols whose answers are status packets: an id, an error byte, and data.
 */
import { ArmloopError } from '../../src/errors.ts';
import type { Exchange, FrameDecoder, HalfDuplexBus, Outcome } from './half-duplex.ts';

export interface StatusDecoder extends FrameDecoder {
  readonly id: number;
  /** Valid are `count` bytes; body[0] of a status packet is its error byte. */
  readonly body: Uint8Array;
  readonly count: number;
}

export interface StatusProtocol<D extends StatusDecoder> {
  /** Bytes of a status packet beside its data. */
  readonly overhead: number;
  /** Whether a packet is the answer of `id` with `bytes` of data to that request. */
  isAnswer(packet: D, id: number, bytes: number, request: Uint8Array): boolean;
  /** Tells the decoder that answers with `bytes` of data come. */
  expect(decoder: D, bytes: number): void;
  /** What the error byte says about the request, in words; null when it was carried out. */
  refusal(error: number): string | null;
}

export interface Status {
  readonly id: number;
  readonly error: number;
  readonly data: Uint8Array;
}

export interface Answer {
  readonly outcome: Outcome;
  readonly replies: readonly Status[];
  /** Bytes that came, also those that were no answer. */
  readonly heard: number;
}

/** Where requests go, and for whom errors are. */
export interface Asker<D extends StatusDecoder> {
  readonly bus: HalfDuplexBus<D>;
  readonly device: string;
}

/** Tries of a request before it counts as failed. */
const TRIES = 5;

/** Sends packets and waits for one status packet of each of `ids`, in that order, with `bytes` of data. */
export function ask<D extends StatusDecoder>(
  bus: HalfDuplexBus<D>,
  protocol: StatusProtocol<D>,
  request: Uint8Array,
  ids: readonly number[],
  bytes: number,
): Promise<Answer> {
  return new Promise((resolve) => {
    const replies: Status[] = [];
    bus.run({
      bytes: request,
      replyBytes: ids.length * (protocol.overhead + bytes),
      replies: ids.length,
      expect: (decoder) => protocol.expect(decoder, bytes),
      take: (packet) => {
        if (!protocol.isAnswer(packet, ids[replies.length]!, bytes, request)) return false;
        replies.push(statusOf(packet));
        return replies.length === ids.length;
      },
      end: (outcome) => resolve({ outcome, replies, heard: bus.heard }),
    });
  });
}

export function statusOf(packet: StatusDecoder): Status {
  return { id: packet.id, error: packet.body[0]!, data: packet.body.slice(1, packet.count) };
}

/**
 * The same up to TRIES times, until it was answered. What fails ends as most of the tries did: a machine that stood still for a
 * moment hears nothing once, or hears a late answer once.
 */
export async function persist(work: () => Promise<Answer>): Promise<Answer> {
  let garbled = 0;
  for (let tries = 1; ; tries++) {
    const last = await work();
    if (last.outcome === 'answered' || last.outcome === 'lost') return last;
    if (last.outcome === 'garbled') garbled++;
    if (tries === TRIES) return { ...last, outcome: 2 * garbled > TRIES ? 'garbled' : 'silent' };
  }
}

/**
 * Sends a request that everybody may answer, each in a time slot of its own (s), and collects the status packets with
 * `bytes` of data. Resolves when the slots of all `ids` are over.
 */
export function askAll<D extends StatusDecoder>(
  bus: HalfDuplexBus<D>,
  protocol: StatusProtocol<D>,
  request: Uint8Array,
  bytes: number,
  { ids, slotS }: { readonly ids: number; readonly slotS: number },
): Promise<{ readonly replies: readonly Status[]; readonly heard: number }> {
  return new Promise((resolve) => {
    const replies: Status[] = [];
    const everyone: Exchange<D> = {
      bytes: request,
      // Time of the slots, as bytes of the wire.
      replyBytes: Math.ceil((slotS * ids * bus.wire.baud) / 10),
      replies: 0,
      expect: (decoder) => protocol.expect(decoder, bytes),
      take: (packet) => {
        if (protocol.isAnswer(packet, packet.id, bytes, request)) replies.push(statusOf(packet));
        return false;
      },
      end: () => resolve({ replies, heard: bus.heard }),
    };
    bus.run(everyone);
  });
}

/** Sends packets that nobody answers. */
export function tell<D extends FrameDecoder>(bus: HalfDuplexBus<D>, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    bus.run({
      bytes,
      replyBytes: 0,
      replies: 0,
      expect: () => {},
      take: () => true,
      end: () => resolve(),
    });
  });
}

/** Why a request to one servo failed, for people. */
export function trouble(device: string, id: number, { outcome }: Answer): ArmloopError {
  const problem = {
    answered: '',
    silent: 'does not answer any more',
    garbled: 'answers, but what arrives is damaged: noise, or two servos with this id',
    lost: 'cannot be reached: the port is gone',
  }[outcome];
  return new ArmloopError('DEVICE_BUS', { device, servo: `the servo with id ${id}`, problem });
}

/** Asks one servo, with tries; its data. Rejects with DEVICE_BUS, which says what it was to do. */
export async function request<D extends StatusDecoder>(
  { bus, device }: Asker<D>,
  protocol: StatusProtocol<D>,
  packet: Uint8Array,
  id: number,
  bytes: number,
  what: string,
): Promise<Uint8Array> {
  const answer = await persist(() => ask(bus, protocol, packet, [id], bytes));
  if (answer.outcome !== 'answered') throw trouble(device, id, answer);
  const { error, data } = answer.replies[0]!;
  const words = protocol.refusal(error);
  if (words === null) return data;
  throw new ArmloopError('DEVICE_BUS', {
    device,
    servo: `the servo with id ${id}`,
    problem: `refused to ${what}: ${words}`,
  });
}
