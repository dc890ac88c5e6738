/** A Robotiq gripper as a chain of one servo: see drivers/bus/arm. Steps are counts of the gripper, larger when closed. */
import { ArmloopError } from '../../src/errors.ts';
import type { ChainWords, CycleOutcome, Reading, ServoChain } from '../bus/arm/chain.ts';
import type { Bounds } from '../bus/arm/plausible.ts';
import { WiredChain, type WireOptions } from '../bus/arm/wired-chain.ts';
import type { Exchange, Outcome } from '../bus/half-duplex.ts';
import { type Wire, wireTime } from '../bus/wire.ts';
import { seal } from './crc.ts';
import {
  type Expected,
  type ReplyDecoder,
  readReply,
  SHORT_FRAME,
  WRITE_DATA,
  writeReply,
  writeRequest,
} from './modbus.ts';
import type { Jaw } from './options.ts';
import {
  Action,
  Activation,
  Contact,
  FORCE,
  faultWords,
  Input,
  major,
  OUTPUT_ADDRESS,
  Output,
  passing,
  plausible,
  SPEED,
} from './registers.ts';
import {
  activate,
  dataOf,
  gripperBus,
  type Requester,
  readStatus,
  statusRequest,
  writeOrder,
} from './requests.ts';
import { SpeedEstimate } from './speed.ts';

/** Port and baud rate are the jaw's. */
export type ChainOptions = Omit<WireOptions, 'port' | 'baud'>;

/** Nothing is in a hurry before the cycles begin. */
const SETUP_PATIENCE_S = 0.2;
/** Silence in a cycle, s: twice between two of our frames, and what the gripper waits before it answers. */
const SILENCE_S = 0.004;
/** Readings of one position that are believed to become a goal are at most this many counts apart. */
const SAME = 2;
const LOOKS = 20;

export class RobotiqChain extends WiredChain<Requester> implements ServoChain {
  readonly reading: Reading = {
    time: 0,
    position: new Float64Array(1),
    speed: new Float64Array(1),
    torque: new Float64Array(1),
    goal: new Float64Array(1),
    powered: new Uint8Array(1),
    faults: new Uint8Array(1),
  };
  readonly bounds: readonly Bounds[];
  readonly names: readonly string[];
  readonly wireRateHz: number;
  readonly words: ChainWords = {
    lost: 'The gripper goes to the last goal that it has heard, and holds there.',
    fault: 'It does not move until that is over.',
    letGo: 'does not follow any more: it was without power, so it must be activated anew.',
    deaf: 'the gripper had not taken its goals; it does again',
    off: 'it does not follow: arm again',
  };
  onNote: ((message: string) => void) | null = null;
  readonly #jaw: Jaw;
  readonly #speed = new SpeedEstimate();
  readonly #write: Uint8Array;
  readonly #writing: Exchange<ReplyDecoder>;
  readonly #reads: Exchange<ReplyDecoder>;
  #written = 0;
  #follows = false;
  #done: (outcome: CycleOutcome, time: number) => void = () => {};
  #touched = false;

  constructor(jaw: Jaw, options: ChainOptions) {
    const { map } = jaw;
    const { slave, port, baud } = jaw.options;
    super({ ...options, port, baud });
    this.#jaw = jaw;
    this.names = [map.axis.name];
    const perCount = Math.abs(map.scale);
    this.bounds = [{ speed: (2 * SPEED[1]) / perCount, torque: 1.01 * FORCE[1] * perCount, unit: 1 }];
    this.#write = writeRequest(slave, OUTPUT_ADDRESS, dataOf(this.#order(0)));
    const read = statusRequest(slave);
    this.#writing = exchange(
      this.#write,
      writeReply(this.#write),
      () => true,
      (outcome, time) => this.#told(outcome, time),
    );
    this.#reads = exchange(
      read,
      readReply(read),
      (reply) => this.#take(reply),
      (outcome, time) => this.#heard(outcome, time),
    );
    const bytes = this.#write.length + this.#writing.replyBytes + read.length + this.#reads.replyBytes;
    this.wireRateHz = 1 / (wireTime(bytes, baud) + SILENCE_S);
  }

  /**
   * The newest answer said that it does, and none is missing since. A goal comes with rACT: one that started anew meanwhile
   * would take it as the order to open and close all the way.
   */
  get takesGoals(): boolean {
    return this.#follows;
  }

  get written(): number {
    return this.#written;
  }

  protected override master(wire: Wire): Requester {
    const { device, now } = this.options;
    return { bus: gripperBus(wire, now, SETUP_PATIENCE_S), device, slave: this.#jaw.options.slave };
  }

  /** Asks once. Moves nothing. */
  protected override async begin(to: Requester): Promise<void> {
    await readStatus(to);
    const { bus } = to;
    bus.patienceS = this.#jaw.options.patienceMs / 1000 + bus.wire.latencyS;
  }

  cycle(goals: Int32Array | null, done: (outcome: CycleOutcome, time: number) => void): void {
    this.#done = done;
    const { bus } = this.to!;
    if (goals === null) {
      bus.run(this.#reads);
      return;
    }
    const data = this.#write;
    data[WRITE_DATA + Output.position] = goals[0]!;
    seal(data, data.length - 2);
    bus.run(this.#writing);
  }

  #told(outcome: Outcome, time: number): void {
    const bus = this.to?.bus;
    if (bus === undefined || outcome === 'lost') this.#done('lost', time);
    else if (outcome !== 'answered') this.#missed(time);
    else {
      this.#written = bus.written;
      bus.run(this.#reads);
    }
  }

  /** What cannot be true is as good as no answer. */
  #take({ bytes, data }: ReplyDecoder): boolean {
    if (!plausible(bytes, data)) return false;
    this.#unpack(bytes, data);
    return true;
  }

  #heard(outcome: Outcome, time: number): void {
    const bus = this.to?.bus;
    if (bus === undefined || outcome === 'lost') this.#done('lost', time);
    else if (outcome !== 'answered') this.#missed(time);
    else {
      // It takes its values when the request has arrived; a process that had to wait for its turn after it had written
      // knows that only from the answer.
      const arrived = Math.min(bus.written + wireTime(SHORT_FRAME, bus.wire.baud), time);
      this.reading.time = arrived;
      this.reading.speed[0] = this.#speed.next(arrived, this.reading.position[0]!);
      this.#done('read', time);
    }
  }

  #missed(time: number): void {
    this.#follows = false;
    this.#done('missed', time);
  }

  #unpack(bytes: Uint8Array, at: number): void {
    const r = this.reading;
    const first = bytes[at + Input.status]!;
    const active = (first & 0x01) !== 0 && ((first >> 4) & 3) === Activation.active;
    const following = active && (first & 0x08) !== 0;
    const contact = first >> 6;
    const fault = bytes[at + Input.fault]! & 0x0f;
    r.position[0] = bytes[at + Input.position]!;
    r.goal[0] = following ? bytes[at + Input.echo]! : -1;
    this.#follows = following;
    r.powered[0] = following ? 1 : 0;
    r.faults[0] = passing(fault) ? 0 : fault;
    r.torque[0] = this.#grip(following ? contact : Contact.moving);
  }

  /** The force that it presses with while it touches something, as set: it is not measured. Tells what it grips. */
  #grip(contact: number): number {
    const { map, force } = this.#jaw;
    const touches = contact === Contact.closing || contact === Contact.opening;
    if (touches && !this.#touched) {
      const width = (1000 * map.position(this.reading.position[0]!)).toFixed(0);
      this.onNote?.(`${map.axis.name} touches something at ${width} mm`);
      this.#touched = true;
    } else if (this.#touched && contact === Contact.arrived) {
      this.onNote?.(`${map.axis.name} no longer touches anything`);
      this.#touched = false;
    }
    if (!touches) return 0;
    return force * Math.abs(map.scale) * (contact === Contact.closing ? 1 : -1);
  }

  async hold(signal?: AbortSignal): Promise<void> {
    const to = this.to!;
    const { device, now } = this.options;
    const { port } = to.bus.wire;
    let status = await readStatus(to);
    if (status.activated && major(status.fault) && this.#jaw.options.activate === 'beforehand') {
      throw new ArmloopError('DEVICE_GRIPPER_FAULT', { device, port, fault: faultWords(status.fault) });
    }
    if (status.activation !== Activation.active || major(status.fault)) {
      if (this.#jaw.options.activate === 'beforehand') {
        throw new ArmloopError('DEVICE_NOT_ACTIVATED', { device, port });
      }
      this.onNote?.('the gripper is activated: its fingers open and close all the way');
      status = await activate(to, now, signal);
    }
    // Two readings: one bad value must not become a goal.
    for (let same = false, i = 0; !same && i < LOOKS; i++) {
      const again = await readStatus(to);
      same = Math.abs(again.position - status.position) <= SAME;
      status = again;
    }
    const [low, high] = this.#jaw.map.stepLimits;
    signal?.throwIfAborted();
    await writeOrder(to, this.#order(Math.min(Math.max(status.position, low), high)));
  }

  #order(position: number): { action: number; position: number; speed: number; force: number } {
    const { speedCount, forceCount } = this.#jaw;
    return { action: Action.activate | Action.goTo, position, speed: speedCount, force: forceCount };
  }

  /**
   * Stops where it is and stays active: clearing rACT would cost an activation the next time. One that is not active is left
   * alone: setting rACT would begin an activation.
   */
  async release(): Promise<void> {
    const { activation } = await readStatus(this.to!);
    if (activation !== Activation.active) return;
    await writeOrder(this.to!, { ...this.#order(this.reading.position[0]!), action: Action.activate });
  }

  async diagnose(): Promise<string> {
    if (this.to === null) return `${this.options.port} is closed`;
    try {
      await readStatus(this.to);
      return '';
    } catch (error) {
      return (error as ArmloopError<'DEVICE_UNREACHABLE'>).details.reason as string;
    }
  }

  faultWords(fault: number): string {
    return faultWords(fault);
  }
}

/** An exchange with one reply. */
function exchange(
  bytes: Uint8Array,
  expected: Expected,
  take: (reply: ReplyDecoder) => boolean,
  end: (outcome: Outcome, time: number) => void,
): Exchange<ReplyDecoder> {
  return {
    bytes,
    replyBytes: expected.length,
    replies: 1,
    expect: (decoder) => decoder.expect(expected),
    take,
    end,
  };
}
