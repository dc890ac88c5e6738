/**
 * The cycle of a Feetech arm in one write: goals by sync-write, which nobody answers, and right behind it the request for
 * everybody's state, one block of the table from torque to current. Servos that know no sync-read are asked one after the
 * other. Allocates nothing after it was made.
 */
import type { Cycle } from '../bus/arm/bus-chain.ts';
import type { CycleOutcome, Reading } from '../bus/arm/chain.ts';
import type { Exchange, Outcome } from '../bus/half-duplex.ts';
import { wireTime } from '../bus/wire.ts';
import type { PacketDecoder } from './decoder.ts';
import type { Joint } from './joint.ts';
import { type Series, STATE_FROM } from './models.ts';
import { OVERHEAD, PacketWriter } from './packet.ts';
import { isAnswer } from './reply.ts';
import type { FeetechBus } from './requests.ts';
import { ACCELERATION, faultsOf } from './setup.ts';
import { CURRENT_UNIT, type Item, LOAD_UNIT, numberAt, rawOf, STS } from './table.ts';

export type ReadWay = 'together' | 'each';

export class StateCycle implements Exchange<PacketDecoder>, Cycle {
  readonly #bus: FeetechBus;
  readonly #joints: readonly Joint[];
  readonly #ids: Uint8Array;
  readonly #series: Series;
  readonly #way: ReadWay;
  readonly #reading: Reading;
  readonly #baud: number;
  /** Requests for state, always the same: one, or one per servo. */
  readonly #reads: readonly Uint8Array[];
  readonly #writer: PacketWriter;
  /** Data of everybody as they come, taken over when all are there. */
  readonly #data: Uint8Array;
  /** Faults and missing torque that were read last: on a bad line they are believed when they come again. */
  readonly #doubt: Uint8Array;
  #arrived = 0;
  #bytes: Uint8Array;
  /** When the state was asked for: it is of then. */
  #asked = 0;
  #done: (outcome: CycleOutcome, time: number) => void = () => {};

  constructor(bus: FeetechBus, joints: readonly Joint[], way: ReadWay, reading: Reading, baud: number) {
    const n = joints.length;
    this.#bus = bus;
    this.#joints = joints;
    this.#ids = Uint8Array.from(joints, (j) => j.id);
    this.#series = joints[0]!.model.series;
    this.#way = way;
    this.#reading = reading;
    this.#baud = baud;
    const { stateBytes } = this.#series;
    const request = (build: (w: PacketWriter) => PacketWriter): Uint8Array =>
      Uint8Array.from(build(new PacketWriter()).bytes);
    this.#reads =
      way === 'together'
        ? [request((w) => w.syncRead(STATE_FROM, stateBytes, this.#ids))]
        : joints.map((j) => request((w) => w.read(j.id, STATE_FROM, stateBytes)));
    this.#writer = new PacketWriter();
    this.#data = new Uint8Array(n * stateBytes);
    this.#doubt = new Uint8Array(2 * n);
    // Whoever was there before may have let go meanwhile.
    reading.powered.fill(0);
    reading.faults.fill(0);
    this.#bytes = this.#reads[0]!;
  }

  /** Bytes of a cycle of `n` servos on the wire, both ways. */
  static wireBytes(n: number, { stateBytes }: Series, way: ReadWay): number {
    const goals = OVERHEAD + 2 + n * (1 + STS.goalPosition.size);
    const request = way === 'together' ? OVERHEAD + 2 + n : n * (OVERHEAD + 2);
    return goals + request + n * (OVERHEAD + stateBytes);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get replies(): number {
    return this.#way === 'together' ? this.#ids.length : 1;
  }

  get replyBytes(): number {
    return this.replies * (OVERHEAD + this.#series.stateBytes);
  }

  run(goals: Int32Array | null, done: (outcome: CycleOutcome, time: number) => void): void {
    this.#done = done;
    this.#arrived = 0;
    this.#bytes = this.#reads[0]!;
    if (goals !== null) {
      const { goalPosition } = this.#series.table;
      const w = this.#writer.clear().beginSyncWrite(goalPosition.address, goalPosition.size);
      for (let i = 0; i < goals.length; i++)
        w.u8(this.#ids[i]!).u16(rawOf(goals[i]!, goalPosition), this.#series.order);
      this.#bytes = w.end().raw(this.#reads[0]!).bytes;
    }
    this.#bus.run(this);
  }

  expect(decoder: PacketDecoder): void {
    decoder.expect(this.#series.stateBytes);
  }

  take(packet: PacketDecoder): boolean {
    const i = this.#arrived;
    const { stateBytes } = this.#series;
    if (!isAnswer(packet, this.#ids[i]!, stateBytes, null)) return false;
    for (let k = 0; k < stateBytes; k++) this.#data[i * stateBytes + k] = packet.body[1 + k]!;
    this.#arrived = i + 1;
    return this.#way === 'each' || this.#arrived === this.#ids.length;
  }

  end(outcome: Outcome, time: number): void {
    if (this.#arrived <= 1 || this.#way === 'together')
      // No later than the answer: a process that had to wait for its turn stamps what it wrote too late.
      this.#asked = Math.min(this.#bus.written + wireTime(this.#bytes.length, this.#baud), time);
    if (outcome === 'lost') this.#done('lost', time);
    else if (outcome !== 'answered') this.#done('missed', time);
    else if (this.#arrived < this.#ids.length) {
      this.#bytes = this.#reads[this.#arrived]!;
      this.#bus.run(this);
    } else this.#done(this.#unpack() ? 'read' : 'missed', time);
  }

  #number(i: number, item: Item): number {
    const { stateBytes, order } = this.#series;
    return numberAt(this.#data, i * stateBytes + item.address - STATE_FROM, item, order);
  }

  /** False, and nothing taken, when a servo is not as it was set up, or says what cannot be. */
  #unpack(): boolean {
    const r = this.#reading;
    const { table, unit, steps } = this.#series;
    const n = this.#ids.length;
    for (let i = 0; i < n; i++) {
      if (this.#number(i, table.acceleration) !== ACCELERATION || this.#number(i, table.goalTime) !== 0)
        return false;
      const position = this.#number(i, table.presentPosition);
      if (position <= -steps || position >= 2 * steps || this.#number(i, table.torqueEnable) > 1)
        return false;
    }
    r.time = this.#asked;
    for (let i = 0; i < n; i++) {
      const { model } = this.#joints[i]!;
      r.position[i] = this.#number(i, table.presentPosition);
      r.speed[i] = this.#number(i, table.presentSpeed) * unit;
      r.goal[i] = this.#number(i, table.goalPosition);
      const load = this.#number(i, table.presentLoad);
      // How large the current is, and which way from the load: whether current has a sign, documents do not agree.
      r.torque[i] =
        table === STS
          ? (Math.sign(load) *
              Math.abs(this.#number(i, STS.presentCurrent)) *
              CURRENT_UNIT *
              model.stallTorque) /
            model.stallCurrent
          : load * LOAD_UNIT * model.stallTorque;
      const limp = 1 - this.#number(i, table.torqueEnable);
      const faults = faultsOf(this.#joints[i]!, this.#number(i, table.status));
      r.powered[i] = 1 - this.#sure(2 * i, limp, 1 - r.powered[i]!);
      r.faults[i] = this.#sure(2 * i + 1, faults, r.faults[i]!);
    }
    return true;
  }

  /** A sum of eight bits lets one damaged answer in 256 through: bad news counts from the second time on, good at once. */
  #sure(k: number, value: number, before: number): number {
    const again = value === 0 || value === this.#doubt[k];
    this.#doubt[k] = value;
    return again ? value : before;
  }
}
