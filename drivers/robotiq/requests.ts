/** Single requests to the gripper, each with a bounded number of tries: what is done outside of the cycle. */
import { setTimeout } from 'node:timers/promises';
import { ArmloopError } from '../../src/errors.ts';
import { HalfDuplexBus, type Outcome } from '../bus/half-duplex.ts';
import type { Wire } from '../bus/wire.ts';
import {
  type Expected,
  FunctionCode,
  GAP_S,
  type ReadFunction,
  ReplyDecoder,
  readReply,
  readRequest,
  writeReply,
  writeRequest,
} from './modbus.ts';
import {
  Action,
  Activation,
  faultWords,
  type GripperStatus,
  INPUT_ADDRESS,
  major,
  OUTPUT_ADDRESS,
  plausible,
  REGISTERS,
  statusOf,
} from './registers.ts';

export type GripperBus = HalfDuplexBus<ReplyDecoder>;

/** The master of a line with a gripper. `patienceS`: beyond the wire's own time, and the adapter's. */
export function gripperBus(wire: Wire, now: () => number, patienceS: number): GripperBus {
  const options = { now, returnDelayS: 0, gapS: GAP_S, patienceS: patienceS + wire.latencyS };
  return new HalfDuplexBus(wire, new ReplyDecoder(), options);
}

/** Where requests go, and for whom errors are. */
export interface Requester {
  readonly bus: GripperBus;
  readonly device: string;
  readonly slave: number;
}

/** What is written, counts; left out: 0. */
export interface Order {
  readonly action: number;
  readonly position?: number;
  readonly speed?: number;
  readonly force?: number;
}

/** Tries of a request before it counts as failed. */
const TRIES = 5;
/** An activation opens and closes the fingers once; it takes some seconds. */
const ACTIVATION_S = 15;
const LOOK_MS = 20;

/** The data of a write request. */
export const dataOf = ({ action, position = 0, speed = 0, force = 0 }: Order): number[] => [
  action,
  0,
  0,
  position,
  speed,
  force,
];

export const statusRequest = (slave: number, way: ReadFunction = FunctionCode.readHolding): Uint8Array =>
  readRequest(slave, way, INPUT_ADDRESS, REGISTERS);

interface Answer {
  readonly outcome: Outcome;
  readonly data: Uint8Array;
  readonly heard: number;
}

function once(bus: GripperBus, request: Uint8Array, expected: Expected): Promise<Answer> {
  return new Promise((resolve) => {
    let data = new Uint8Array();
    bus.run({
      bytes: request,
      replyBytes: expected.length,
      replies: 1,
      expect: (decoder) => decoder.expect(expected),
      take: (reply) => {
        data = reply.bytes.slice(reply.data, reply.end - 2);
        return true;
      },
      end: (outcome) => resolve({ outcome, data, heard: bus.heard }),
    });
  });
}

/** Up to TRIES times, until it was answered and `good` says so. Rejects with DEVICE_UNREACHABLE. */
async function persist(
  { bus, device, slave }: Requester,
  request: Uint8Array,
  expected: Expected,
  good: (data: Uint8Array) => boolean,
): Promise<Uint8Array> {
  let last: Answer | null = null;
  for (let i = 0; i < TRIES; i++) {
    last = await once(bus, request, expected);
    if (last.outcome === 'answered' && good(last.data)) return last.data;
    if (last.outcome === 'lost') break;
  }
  const { wire } = bus;
  const where = `${wire.port} at ${wire.baud} baud`;
  const reasons: Record<Outcome, string> = {
    silent: `nothing came from slave ${slave} on ${where}: power, cable (A and B crossed?) or baud rate`,
    garbled: `${last?.heard} bytes came on ${where} that are no answer of slave ${slave}: another slave number or baud rate, or noise`,
    answered: `what came from slave ${slave} on ${where} cannot be true: is it a 2F-85?`,
    lost: `the port ${wire.port} is gone`,
  };
  throw new ArmloopError('DEVICE_UNREACHABLE', { device, reason: reasons[last?.outcome ?? 'lost'] });
}

/** Rejects with DEVICE_UNREACHABLE. */
export async function readStatus(
  to: Requester,
  way: ReadFunction = FunctionCode.readHolding,
): Promise<GripperStatus> {
  const request = statusRequest(to.slave, way);
  const data = await persist(to, request, readReply(request), (d) => plausible(d, 0));
  return statusOf(data, 0);
}

/** Rejects with DEVICE_UNREACHABLE. */
export async function writeOrder(to: Requester, order: Order): Promise<void> {
  const request = writeRequest(to.slave, OUTPUT_ADDRESS, dataOf(order));
  await persist(to, request, writeReply(request), () => true);
}

/**
 * Opens and closes the fingers once to find their ends; afterwards it takes positions. The gripper goes on with that by
 * itself: when `signal` is aborted it is reset (manual, 4.4: rACT), which stops the fingers where they are, and is to be
 * activated anew. Rejects with the reason of the signal, and as `until` does.
 */
export async function activate(
  to: Requester,
  now: () => number,
  signal?: AbortSignal,
): Promise<GripperStatus> {
  signal?.throwIfAborted();
  await writeOrder(to, { action: 0 });
  await until(to, now, (s) => !s.activated, signal);
  await writeOrder(to, { action: Action.activate });
  try {
    return await until(to, now, (s) => s.activation === Activation.active, signal);
  } catch (error) {
    if (signal?.aborted === true) await writeOrder(to, { action: 0 });
    throw error;
  }
}

/** Polls until `done`. Rejects with DEVICE_GRIPPER_FAULT at a fault, or when it takes too long; with the reason of `signal`. */
export async function until(
  to: Requester,
  now: () => number,
  done: (status: GripperStatus) => boolean,
  signal?: AbortSignal,
): Promise<GripperStatus> {
  const end = now() + ACTIVATION_S;
  const fail = (fault: string): never => {
    throw new ArmloopError('DEVICE_GRIPPER_FAULT', {
      device: to.device,
      port: to.bus.wire.port,
      fault,
    });
  };
  for (;;) {
    signal?.throwIfAborted();
    const status = await readStatus(to);
    if (done(status)) return status;
    if (status.activated && major(status.fault)) fail(faultWords(status.fault));
    if (now() > end) fail(`it did not finish within ${ACTIVATION_S} s`);
    // A signal that comes meanwhile is seen at the top.
    await setTimeout(LOOK_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}
