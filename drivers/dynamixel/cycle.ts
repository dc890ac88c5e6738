/**
 * The cycle of a Dynamixel arm in one write: goals by sync-write, which nobody answers, and right behind it the request
 * for everybody's state. Allocates nothing after it was made.
 */
import type { CycleOutcome, Reading } from '../bus/arm/chain.ts';
import type { Exchange, Outcome } from '../bus/half-duplex.ts';
import { wireTime } from '../bus/wire.ts';
import type { DynamixelBus } from './bus.ts';
import type { PacketDecoder } from './decoder.ts';
import { GoalWriter, goalItem } from './goal-writer.ts';
import type { Joint } from './joint.ts';
import { torquePerUnit } from './models.ts';
import { fastReplyLength, OVERHEAD, PacketWriter, STATUS_OVERHEAD } from './packet.ts';
import { fastOffset, isFastReply, isStatus } from './reply.ts';
import { STATE_BYTES, STATUS_LEVEL } from './setup.ts';
import { numberAt, VELOCITY_UNIT, X } from './table.ts';

/** What was read longer ago than this, s, is not where a servo is: neither speed nor torque is made of it. */
const BLIND_S = 0.05;

export type ReadWay = 'fast' | 'plain';

export class StateCycle implements Exchange<PacketDecoder> {
  readonly replyBytes: number;
  readonly replies: number;
  readonly #fastLength: number;
  readonly #bus: DynamixelBus;
  readonly #joints: readonly Joint[];
  readonly #ids: Uint8Array;
  readonly #torqueUnit: Float64Array;
  readonly #goals: GoalWriter;
  readonly #way: ReadWay;
  readonly #reading: Reading;
  readonly #goalSize: readonly number[];
  readonly #baud: number;
  /** The request for state, always the same; and goals with it. */
  readonly #read: Uint8Array;
  readonly #writer: PacketWriter;
  /** Data of everybody as they come, taken over when all are there. */
  readonly #data: Uint8Array;
  #arrived = 0;
  #bytes: Uint8Array;
  #done: (outcome: CycleOutcome, time: number) => void = () => {};

  constructor(bus: DynamixelBus, joints: readonly Joint[], way: ReadWay, reading: Reading, baud: number) {
    const n = joints.length;
    this.#bus = bus;
    this.#joints = joints;
    this.#ids = Uint8Array.from(joints, (j) => j.id);
    this.#torqueUnit = Float64Array.from(joints, (j) => torquePerUnit(j.model));
    this.#goals = new GoalWriter(joints);
    this.#way = way;
    this.#reading = reading;
    this.#goalSize = joints.map((j) => goalItem(j).size);
    this.#baud = baud;
    this.#read = Uint8Array.from(this.#request(new PacketWriter()).bytes);
    this.#writer = new PacketWriter(4 * StateCycle.wireBytes(n, way, GoalWriter.wireBytes(joints)));
    this.#data = new Uint8Array(n * STATE_BYTES);
    this.#bytes = this.#read;
    this.replies = way === 'fast' ? 1 : n;
    this.#fastLength = way === 'fast' ? fastReplyLength(n, STATE_BYTES) : -1;
    this.replyBytes = way === 'fast' ? 7 + this.#fastLength : n * (STATUS_OVERHEAD + STATE_BYTES);
  }

  /** Bytes of a cycle of `n` servos on the wire, both ways, without stuffing; `goals` of them: positions for all. */
  static wireBytes(n: number, way: ReadWay, goals = OVERHEAD + 4 + n * (1 + X.goalPosition.size)): number {
    const request = OVERHEAD + 4 + n;
    const answer = way === 'fast' ? 7 + fastReplyLength(n, STATE_BYTES) : n * (STATUS_OVERHEAD + STATE_BYTES);
    return goals + request + answer;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  run(
    goals: Int32Array | null,
    done: (outcome: CycleOutcome, time: number) => void,
    speeds?: Float64Array,
  ): void {
    this.#done = done;
    this.#arrived = 0;
    if (goals === null) this.#bytes = this.#read;
    else {
      const w = this.#writer.clear();
      const known = this.#bus.time - this.#reading.time < BLIND_S;
      this.#goals.write(w, goals, speeds, this.#reading, known);
      this.#bytes = this.#request(w).bytes;
    }
    this.#bus.run(this);
  }

  expect(decoder: PacketDecoder): void {
    decoder.expectFast(this.#fastLength);
  }

  take(packet: PacketDecoder): boolean {
    const n = this.#ids.length;
    if (this.#way === 'fast') {
      if (!isFastReply(packet, this.#ids, STATE_BYTES)) return false;
      for (let i = 0; i < n; i++) this.#keep(packet, i, fastOffset(i, STATE_BYTES) + 2);
      return true;
    }
    const i = this.#arrived;
    if (!isStatus(packet, this.#ids[i]!, STATE_BYTES) || packet.count !== 1 + STATE_BYTES) return false;
    this.#keep(packet, i, 1);
    this.#arrived = i + 1;
    return this.#arrived === n;
  }

  end(outcome: Outcome, time: number): void {
    if (outcome === 'lost') this.#done('lost', time);
    else this.#done(outcome === 'answered' && this.#unpack(time) ? 'read' : 'missed', time);
  }

  #request(w: PacketWriter): PacketWriter {
    const { data } = this.#joints[0]!.model.indirect;
    if (this.#joints.every((j) => j.model.indirect.data === data)) {
      if (this.#way === 'fast') return w.fastSyncRead(data, STATE_BYTES, this.#ids);
      return w.syncRead(data, STATE_BYTES, this.#ids);
    }
    const parts = this.#joints.map(({ id, model }) => ({
      id,
      address: model.indirect.data,
      length: STATE_BYTES,
    }));
    return w.bulkRead(parts, this.#way === 'fast');
  }

  #keep(packet: PacketDecoder, i: number, from: number): void {
    for (let k = 0; k < STATE_BYTES; k++) this.#data[i * STATE_BYTES + k] = packet.body[from + k]!;
  }

  /**
   * Order as in STATE_ITEMS. The servos take their values when the request has arrived. False, and nothing taken, when a
   * servo has forgotten what belongs there.
   */
  #unpack(answered: number): boolean {
    const r = this.#reading;
    for (let i = 0; i < this.#ids.length; i++) {
      if (this.#data[i * STATE_BYTES] !== STATUS_LEVEL) return false;
    }
    // A process that had to wait for its turn after it had written stamps that too late; the answer says so.
    r.time = Math.min(this.#bus.written + wireTime(this.#bytes.length, this.#baud), answered);
    for (let i = 0; i < this.#ids.length; i++) {
      const at = i * STATE_BYTES + 1;
      r.powered[i] = this.#data[at]!;
      r.faults[i] = this.#data[at + 1]!;
      r.torque[i] = numberAt(this.#data, at + 2, 2, true) * this.#torqueUnit[i]!;
      r.speed[i] = numberAt(this.#data, at + 4, 4, true) * VELOCITY_UNIT;
      r.position[i] = numberAt(this.#data, at + 8, 4, true);
      r.goal[i] = this.#goals.goal(i, numberAt(this.#data, at + 12, this.#goalSize[i]!, true));
    }
    return true;
  }
}
