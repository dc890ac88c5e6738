/** The servos of a Dynamixel arm as a chain: see drivers/bus/arm. */
import type { CycleOutcome, Reading, ServoChain } from '../bus/arm/chain.ts';
import type { Bounds } from '../bus/arm/plausible.ts';
import { type OpenWire, wireTime } from '../bus/wire.ts';
import { DynamixelBus } from './bus.ts';
import { StateCycle } from './cycle.ts';
import type { Joint } from './joint.ts';
import {
  bulkRead,
  fastSyncRead,
  ping,
  type Requester,
  readBytes,
  readItem,
  setItem,
  syncWrite,
  writeItem,
} from './requests.ts';
import { findServos, STATE_BYTES, setUp, stateMap } from './setup.ts';
import { hardwareErrorWords, POSITION_UNIT, VELOCITY_UNIT, WATCHDOG_UNIT, X } from './table.ts';

export interface ChainOptions {
  readonly device: string;
  readonly port: string;
  readonly baud: number;
  readonly patienceS: number;
  /** The servos hold by themselves after this long without an instruction, s. */
  readonly watchdogS: number;
  readonly now: () => number;
  readonly openWire: OpenWire;
}

/** One servo's temperature is read every so many cycles; a person is told this many °C before its limit. */
const LOOK_CYCLES = 40;
const WARM = 8;
/** No servo keeps its answer longer than this before it is set up: twice the factory's 500 µs. */
const RETURN_DELAY_S = 0.001;
/** Nothing is in a hurry before the cycles begin. */
const SETUP_PATIENCE_S = 0.1;
/** Speed at which a servo goes to its goal when torque comes on: so slow that no difference makes a jump. */
const GENTLE = Math.round(0.1 / VELOCITY_UNIT);

export class DynamixelChain implements ServoChain {
  readonly reading: Reading;
  readonly bounds: readonly Bounds[];
  readonly names: readonly string[];
  readonly wireRateHz: number;
  onNote: ((message: string) => void) | null = null;
  readonly #joints: readonly Joint[];
  readonly #ids: readonly number[];
  readonly #options: ChainOptions;
  #to: Requester | null = null;
  #cycle: StateCycle | null = null;
  #closed = false;
  #slow: string | null = null;
  #cycles = 0;
  /** Ids that a person was told are hot. */
  readonly #hot = new Set<number>();

  constructor(joints: readonly Joint[], options: ChainOptions) {
    const n = joints.length;
    this.#joints = joints;
    this.#ids = joints.map((j) => j.id);
    this.#options = options;
    this.names = joints.map((j) => j.name);
    this.reading = {
      time: 0,
      position: new Float64Array(n),
      speed: new Float64Array(n),
      torque: new Float64Array(n),
      goal: new Float64Array(n),
      powered: new Uint8Array(n),
      faults: new Uint8Array(n),
    };
    // A supply may be a third above what the data sheet's speed is for, and a back-driven servo turns faster than it runs.
    this.bounds = joints.map(({ model }) => ({
      speed: 2 * model.noLoadSpeed,
      torque: 1.6 * model.stallTorque,
      unit: POSITION_UNIT,
    }));
    this.wireRateHz = 1 / wireTime(StateCycle.wireBytes(n, 'fast'), options.baud);
  }

  get wire(): string {
    return `${this.#to?.bus.wire.port ?? this.#options.port} at ${this.#options.baud} baud`;
  }

  get notes(): readonly string[] {
    const notes = this.#to?.bus.wire.notes ?? [];
    return this.#slow === null ? notes : [...notes, this.#slow];
  }

  get written(): number {
    return this.#to?.bus.written ?? 0;
  }

  async open(): Promise<void> {
    await this.#connect();
    const to = this.#to!;
    await findServos(to, this.#joints);
    for (const joint of this.#joints) await setUp(to, joint);
    await this.#prepare();
  }

  async #connect(): Promise<void> {
    const { device, port, baud, patienceS, now, openWire } = this.#options;
    const wire = await openWire({ device, port, baud, now });
    const bus = new DynamixelBus(wire, {
      now,
      returnDelayS: RETURN_DELAY_S,
      patienceS: Math.max(patienceS, SETUP_PATIENCE_S) + wire.latencyS,
    });
    this.#to = { bus, device };
  }

  /** Chooses how state is read: all in one packet where every servo can. */
  async #prepare(): Promise<void> {
    const to = this.#to!;
    const parts = this.#joints.map(({ id, model }) => ({
      id,
      address: model.indirect.data,
      length: STATE_BYTES,
    }));
    const data = parts[0]!.address;
    const once = parts.every((p) => p.address === data)
      ? fastSyncRead(to, this.#ids, data, STATE_BYTES)
      : bulkRead(to, parts, 'fast');
    const way = await once.then(
      () => 'fast' as const,
      () => 'plain' as const,
    );
    if (way === 'plain')
      this.#slow = 'servos are read one after the other: their firmware knows no fast read';
    to.bus.patienceS = this.#options.patienceS + to.bus.wire.latencyS;
    this.#cycle = new StateCycle(to.bus, this.#joints, way, this.reading, this.#options.baud);
  }

  cycle(goals: Int32Array | null, done: (outcome: CycleOutcome, time: number) => void): void {
    if (++this.#cycles % LOOK_CYCLES === 0) void this.#feel();
    this.#cycle!.run(goals, done);
  }

  /** How warm the next servo is, in turn. */
  async #feel(): Promise<void> {
    const joint = this.#joints[(this.#cycles / LOOK_CYCLES) % this.#joints.length]!;
    const { id, name, model } = joint;
    try {
      const temperature = await readItem(this.#to!, id, X.presentTemperature);
      const left = model.temperatureLimit - temperature;
      if (left > 2 * WARM) this.#hot.delete(id);
      if (left > WARM || this.#hot.has(id)) return;
      this.#hot.add(id);
      this.onNote?.(`${name} is at ${temperature} °C; it lets go at ${model.temperatureLimit}`);
    } catch {
      // What keeps it from answering is seen by the cycles.
    }
  }

  async hold(): Promise<void> {
    const to = this.#to!;
    for (const { id } of this.#joints) await this.#quiet(id);
    const here = new Map<number, number>();
    for (const { id, map } of this.#joints) {
      // Two readings: one bad value must not become a goal.
      let steps = await readItem(to, id, X.presentPosition);
      for (let again = await readItem(to, id, X.presentPosition); Math.abs(again - steps) > 40; ) {
        steps = again;
        again = await readItem(to, id, X.presentPosition);
      }
      const [low, high] = map.stepLimits;
      const goal = Math.min(Math.max(steps, low), high);
      await writeItem(to, id, X.profileVelocity, GENTLE);
      if (!(await setItem(to, id, X.goalPosition, goal))) await writeItem(to, id, X.goalPosition, goal);
      await writeItem(to, id, X.torqueEnable, 1);
      here.set(id, await readItem(to, id, X.presentPosition));
    }
    // What moved under the hand meanwhile stays where it is now.
    const clamped = this.#joints.map(({ id, map }): [number, number] => {
      const [low, high] = map.stepLimits;
      return [id, Math.min(Math.max(here.get(id)!, low), high)];
    });
    await syncWrite(to.bus, X.goalPosition, new Map(clamped));
    for (const { id } of this.#joints) {
      await writeItem(to, id, X.profileVelocity, 0);
      await writeItem(to, id, X.busWatchdog, this.#watchdog());
    }
  }

  /** A watchdog that has struck locks the goals until it is set to 0 (e-Manual, "Bus Watchdog"). */
  async #quiet(id: number): Promise<void> {
    await writeItem(this.#to!, id, X.busWatchdog, 0);
  }

  #watchdog(): number {
    return Math.min(127, Math.max(2, Math.ceil(this.#options.watchdogS / WATCHDOG_UNIT)));
  }

  async release(): Promise<void> {
    for (const { id } of this.#joints) {
      await writeItem(this.#to!, id, X.torqueEnable, 0);
      await this.#quiet(id);
    }
  }

  async diagnose(): Promise<string> {
    const to = this.#to;
    if (to === null) return `${this.#options.port} is closed`;
    const silent: string[] = [];
    const garbled: string[] = [];
    const anew: string[] = [];
    const map = stateMap();
    for (const { id, name, model } of this.#joints) {
      const { outcome } = await ping(to.bus, id);
      if (outcome === 'lost') return `the port ${this.wire} is gone`;
      if (outcome === 'silent') silent.push(name);
      else if (outcome === 'garbled') garbled.push(name);
      else {
        const is = await readBytes(to, id, model.indirect.address, map.length).catch(() => map);
        if (is.some((byte, i) => byte !== map[i])) anew.push(name);
      }
    }
    const parts: string[] = [];
    if (silent.length === this.#joints.length) return `nobody on ${this.wire} answers: power or cable`;
    if (silent.length > 0)
      parts.push(`${silent.join(', ')} ${silent.length === 1 ? 'does' : 'do'} not answer: power or cable`);
    if (garbled.length > 0)
      parts.push(`what ${garbled.join(', ')} answers arrives damaged: noise, or an id that is there twice`);
    if (anew.length > 0)
      parts.push(`${anew.join(', ')} started anew and let go: the supply voltage broke down`);
    return parts.join('; ');
  }

  async revive(): Promise<void> {
    const to = this.#to;
    if (to !== null) {
      this.#to = null;
      this.#cycle = null;
      await to.bus.close().catch(() => {});
    }
    if (this.#closed) return;
    try {
      await this.open();
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  faultWords(bits: number): string {
    return hardwareErrorWords(bits);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const to = this.#to;
    this.#to = null;
    await to?.bus.close().catch(() => {});
  }
}
