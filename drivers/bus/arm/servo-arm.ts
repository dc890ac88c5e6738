/**
 * An arm made of servos on a bus, as a Device: opens the chain, runs one cycle after the other, follows commands through
 * `Goals`, publishes what was read, and deals with what fails: missed answers, servos that shut down, a cable that is
 * pulled and put back.
 */
import { ArmloopError } from '../../../src/errors.ts';
import type { RawReading } from '../../../src/robot/calibration.ts';
import type { Device, DeviceContext, DevicePort, DeviceSpec } from '../../../src/robot/device.ts';
import { CommandMode, DeviceStatus } from '../../../src/robot/tick.ts';
import type { ChainWords, CycleOutcome, ServoChain } from './chain.ts';
import { Goals } from './goals.ts';
import type { JointMap } from './joint-map.ts';
import { Plausibility } from './plausible.ts';
import { Report } from './report.ts';

export interface ServoArmOptions {
  /** States a second; 0: as many as the wire carries. */
  readonly rateHz: number;
  /** Cycles in a row without a good answer after which the arm counts as lost. */
  readonly misses: number;
}

/** After this many bad cycles in a row nothing new is sent: the arm brakes and holds. */
const BLIND = 3;
/** After this many good cycles in a row in which servos kept another goal than was sent, they are made to take goals again. */
const DEAF = 5;
const REVIVE_MS = 300;
/** What keeps a port from being opened that a person must do something about. */
const BARRED: ReadonlySet<string> = new Set(['DEVICE_PORT_TAKEN', 'DEVICE_PORT_FORBIDDEN']);
/** The rate is told once it has been measured for this long, s. */
const RATE_S = 3;

/** What people are told of an arm. */
export const ARM_WORDS: ChainWords = {
  lost: 'The servos hold by themselves.',
  fault: 'It may have let go; the others hold.',
  letGo: 'lost torque: it was off for a moment, or its power was. Support the arm, then arm again.',
  deaf: 'servos had stopped by themselves because they heard nothing for too long; they follow again',
  off: 'its torque is off',
};

export class ServoArm implements Device {
  readonly spec: DeviceSpec;
  readonly scene = null;
  onFault: ((message: string) => void) | null = null;
  onNote: ((message: string) => void) | null = null;
  readonly #now: () => number;
  readonly #chain: ServoChain;
  readonly #maps: readonly JointMap[];
  /** Zeros that the servos themselves had when they were calibrated; undefined where that is not known. */
  readonly #origins: readonly (number | undefined)[];
  readonly #options: ServoArmOptions;
  readonly #words: ChainWords;
  readonly #goals: Goals;
  readonly #plausible: Plausibility;
  readonly #steps: Int32Array;
  /** Of the servos at their goals, rad/s. */
  readonly #speeds: Float64Array;
  readonly #done = (outcome: CycleOutcome, time: number): void => this.#ended(outcome, time);
  readonly #again = (): void => this.#cycle();
  #port: DevicePort | null = null;
  #report: Report | null = null;
  #life: 'new' | 'opening' | 'open' | 'lost' | 'closed' = 'new';
  #enabled = false;
  /** Ends what turns torque on; null while nothing does. */
  #enabling: AbortController | null = null;
  /** Torque is being turned on or off: nothing is sent meanwhile. */
  #busy = false;
  /** What turns torque on or off comes one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #misses = 0;
  #impossible = -1;
  #deaf = 0;
  /** Goals went out in this cycle. */
  #told = false;
  #faults: number[];
  #commandTick = 0;
  #due = 0;
  #timer: NodeJS.Timeout | null = null;
  #first: { readonly done: () => void; readonly fail: (error: Error) => void } | null = null;
  #rateFrom = 0;
  #states = 0;
  #opened = false;
  /** What was told of a port that somebody else has; '' since it answered. */
  #barredBy = '';
  /** A servo without torque was told of; until the next `enable`. */
  #limp = false;

  constructor(
    { robot, entry, now, calibration }: DeviceContext,
    chain: ServoChain,
    maps: readonly JointMap[],
    options: ServoArmOptions,
  ) {
    const axes = maps.map((m) => m.axis);
    this.#now = now;
    this.#chain = chain;
    chain.onNote = (message) => this.onNote?.(message);
    this.#words = chain.words ?? ARM_WORDS;
    this.#maps = maps;
    this.#origins = maps.map((m) => calibration?.[m.axis.name]?.origin);
    this.#options = options;
    this.#plausible = new Plausibility(chain.bounds);
    this.#steps = new Int32Array(axes.length);
    this.#speeds = new Float64Array(axes.length);
    this.#faults = axes.map(() => 0);
    const { wireRateHz } = chain;
    const rateHz = options.rateHz > 0 ? Math.min(options.rateHz, wireRateHz) : wireRateHz;
    this.#goals = new Goals(axes, robot.limits.watchdogMs / 1000, 1 / rateHz);
    this.spec = {
      name: entry.name,
      kind: entry.kind,
      axes,
      modes: [CommandMode.position],
      honours: { q: true, qd: false, tau: false, kp: false, kd: false },
      rateHz,
      simulated: false,
    };
  }

  async open(port: DevicePort): Promise<void> {
    if (this.#life !== 'new') this.#misused('open', `it is ${this.#life}: make a new one`);
    this.#life = 'opening';
    this.#port = port;
    this.#report = new Report(port, this.#maps);
    try {
      await this.#chain.open();
      const first = new Promise<void>((done, fail) => {
        this.#first = { done, fail };
      });
      this.#due = this.#now();
      this.#cycle();
      await first;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    this.#life = 'open';
    this.#opened = true;
    for (const note of this.#chain.notes) this.onNote?.(note);
  }

  async enable(): Promise<void> {
    if (this.#life !== 'open')
      this.#misused('enable', this.#life === 'lost' ? 'it is not connected' : `it is ${this.#life}`);
    this.#needOrigins();
    this.#enabling?.abort(new ArmloopError('DEVICE_HALTED', { device: this.spec.name }));
    const enabling = new AbortController();
    this.#enabling = enabling;
    try {
      await this.#hold(enabling.signal);
    } finally {
      if (this.#enabling === enabling) this.#enabling = null;
    }
  }

  /** Torque on, holding where it is. Rejects with the reason of the signal: what has torque holds, and nothing is sent. */
  async #hold(signal?: AbortSignal): Promise<void> {
    await this.#switching(async () => {
      try {
        await this.#chain.hold(signal);
        signal?.throwIfAborted();
      } catch (error) {
        if (signal?.aborted === true) this.#enabled = false;
        throw error;
      }
      const { halted } = this.#goals;
      this.#startHere();
      // Nobody but `enable` ends a halt.
      if (signal === undefined && halted) this.#goals.halt();
      // What was written before belongs to another run.
      this.#port!.command.take();
      this.#enabled = true;
      this.#limp = false;
    });
  }

  /** A servo whose own zero was changed since it was calibrated is not where it seems to be. Throws CALIBRATION_STALE. */
  #needOrigins(): void {
    const { origins, names } = this.#chain;
    const i = this.#origins.findIndex((o, k) => o !== undefined && origins !== undefined && o !== origins[k]);
    if (i < 0) return;
    const reason = `${names[i]} had ${this.#origins[i]} steps as its own zero (Homing Offset) when it was measured, and has ${origins![i]} now`;
    throw new ArmloopError('CALIBRATION_STALE', { device: this.spec.name, reason });
  }

  async disable(): Promise<void> {
    if (this.#life !== 'open')
      this.#misused('disable', this.#life === 'lost' ? 'it is not connected' : `it is ${this.#life}`);
    this.#enabled = false;
    this.#endEnabling();
    await this.#switching(() => this.#chain.release());
  }

  /** Brakes, holds, and follows nothing until it is enabled again. */
  async halt(): Promise<void> {
    this.#goals.halt();
    this.#endEnabling();
  }

  #endEnabling(): void {
    this.#enabling?.abort(new ArmloopError('DEVICE_HALTED', { device: this.spec.name }));
  }

  raw(): RawReading | null {
    if (this.#life !== 'open') return null;
    const { time, position, powered } = this.#chain.reading;
    const torque = this.#enabled || powered.some((p) => p !== 0) ? 'on' : 'off';
    return { time, raw: Float64Array.from(position), torque, origins: this.#chain.origins ?? null };
  }

  /** Lets the port go. Torque stays as it is: servos that hold go on holding by their own watchdogs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life === 'closed') return;
    this.#life = 'closed';
    this.#enabled = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#enabling !== null) {
      // What is coming on is ended while there is a port to say so through.
      this.#endEnabling();
      await this.#turn;
    }
    await this.#chain.close();
  }

  #misused(what: string, reason: string): never {
    throw new ArmloopError('DEVICE_MISUSED', { device: this.spec.name, what, reason });
  }

  #switching(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(async () => {
      this.#busy = true;
      try {
        await work();
      } finally {
        this.#busy = false;
      }
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Holds where it was read last. */
  #startHere(): void {
    const { position } = this.#chain.reading;
    const here = Float64Array.from(this.#maps, (m, i) => m.position(position[i]!));
    this.#goals.start(here, this.#now());
  }

  #cycle(): void {
    this.#timer = null;
    if (this.#life === 'closed' || this.#life === 'lost') return;
    this.#due += this.#options.rateHz > 0 ? 1 / this.#options.rateHz : 0;
    const goes = this.#enabled && !this.#busy && this.#chain.takesGoals !== false;
    const goals = goes ? this.#command() : null;
    this.#told = goals !== null;
    this.#chain.cycle(goals, this.#done, this.#speeds);
  }

  /** Goals of this cycle in steps, and what of a new command they are. */
  #command(): Int32Array {
    const { command } = this.#port!;
    const at = this.#report!.command;
    const now = this.#now();
    const fresh = command.take();
    let mode: number = CommandMode.idle;
    if (fresh) {
      const { block } = command;
      if (this.#goals.command(block[at.mode]!, block, at.q, now)) mode = CommandMode.position;
      this.#commandTick = block[at.tick]!;
    }
    this.#goals.step(now, this.#misses >= BLIND ? 'stalled' : 'known');
    for (let i = 0; i < this.#steps.length; i++) {
      this.#steps[i] = this.#maps[i]!.steps(this.#goals.q[i]!);
      this.#speeds[i] = this.#maps[i]!.servoRate(this.#goals.qd[i]!);
    }
    if (fresh) this.#report!.taken(this.#commandTick, mode, this.#steps, this.#goals.qd);
    return this.#steps;
  }

  #ended(outcome: CycleOutcome, time: number): void {
    if (this.#life === 'closed' || this.#life === 'lost') return;
    const { reading, written } = this.#chain;
    if (outcome === 'read') {
      // No goal follows from what is read meanwhile, and a gripper that is being activated counts anew.
      if (this.#busy) this.#plausible.forget();
      const impossible = this.#plausible.check(reading.time, reading.position, reading.speed, reading.torque);
      if (impossible < 0) {
        this.#misses = 0;
        this.#impossible = -1;
        const confirmed = this.#confirmed();
        this.#report!.sent(written, time, reading, confirmed);
        this.#deaf = confirmed || !this.#told ? 0 : this.#deaf + 1;
        this.#publish();
        if (this.#deaf >= DEAF && this.#enabled && !this.#busy && !this.#limp) void this.#wake();
      } else {
        this.#impossible = impossible;
        // Servos by speed or torque are told what follows from the reading: from this one nothing may.
        reading.time = Number.NEGATIVE_INFINITY;
        this.#miss(written, time);
      }
    } else if (outcome === 'missed') this.#miss(written, time);
    else {
      this.#report!.sent(written, time, null, false);
      void this.#lose(`the port ${this.#chain.wire} is gone`);
      return;
    }
    this.#next();
  }

  #next(): void {
    const wait = 1000 * (this.#due - this.#now());
    // A bus that fell behind does not make up for it.
    if (wait < -50) this.#due = this.#now();
    if (wait > 0.5) this.#timer = setTimeout(this.#again, Math.ceil(wait));
    else this.#cycle();
  }

  #confirmed(): boolean {
    const { goal } = this.#chain.reading;
    for (let i = 0; i < this.#steps.length; i++) if (goal[i] !== this.#steps[i]) return false;
    return true;
  }

  #publish(): void {
    const { reading } = this.#chain;
    let status = DeviceStatus.online;
    let powered = true;
    for (let i = 0; i < this.#steps.length; i++) {
      if (reading.powered[i] === 0) powered = false;
      if (reading.faults[i] !== 0) status |= DeviceStatus.fault;
      if (reading.faults[i] !== this.#faults[i]) this.#tellFault(i, reading.faults[i]!);
    }
    if (this.#enabled && !powered && !this.#busy && !this.#limp) this.#letGo();
    if (this.#enabled && powered) status |= DeviceStatus.enabled;
    if (this.#enabled && this.#goals.watchdog(this.#now())) status |= DeviceStatus.watchdog;
    this.#report!.publish(reading, status, this.#commandTick);
    this.#states++;
    if (this.#first !== null) {
      this.#rateFrom = this.#now();
      this.#states = 0;
      this.#first.done();
      this.#first = null;
    } else if (this.#rateFrom > 0) this.#tellRate();
  }

  #tellFault(i: number, bits: number): void {
    this.#faults[i] = bits;
    const name = this.#chain.names[i]!;
    if (bits === 0) this.onNote?.(`${name} is well again`);
    else this.onFault?.(`${name}: ${this.#chain.faultWords(bits)}. ${this.#words.fault}`);
  }

  /** A servo has no torque although it should: it was switched off or lost its power. */
  #letGo(): void {
    const { powered, faults } = this.#chain.reading;
    const limp = this.#chain.names.filter((_, i) => powered[i] === 0);
    this.#limp = true;
    // The others brake and hold.
    this.#goals.halt();
    if (faults.some((f) => f !== 0)) return;
    this.onFault?.(`${limp.join(', ')} ${this.#words.letGo}`);
  }

  /**
   * Servos do not take goals: on a bad line they heard nothing for so long that their watchdogs have stopped them. They
   * hold; from there commands are followed again.
   */
  async #wake(): Promise<void> {
    this.#deaf = 0;
    try {
      await this.#switching(async () => {
        await this.#chain.hold();
        const { halted } = this.#goals;
        this.#startHere();
        if (halted) this.#goals.halt();
      });
      this.onNote?.(this.#words.deaf);
    } catch {
      // The line is still bad: tried again; when nothing comes any more the cycles say so.
    }
  }

  #tellRate(): void {
    const seconds = this.#now() - this.#rateFrom;
    if (seconds < RATE_S) return;
    this.#rateFrom = 0;
    const rate = Math.round(this.#states / seconds);
    const allowed = Math.round(this.#chain.wireRateHz);
    const wanted = this.#options.rateHz > 0 ? `; ${this.#options.rateHz} are asked for` : '';
    this.onNote?.(`${rate} states/s of ${allowed} that ${this.#chain.wire} allows${wanted}`);
  }

  #miss(written: number, time: number): void {
    this.#report!.sent(written, time, null, false);
    this.#misses++;
    if (this.#misses < this.#options.misses) return;
    const i = this.#impossible;
    const { names, reading } = this.#chain;
    const impossible = `${names[i]} reports ${reading.position[i]} steps, which it cannot have reached`;
    void this.#lose('', i >= 0 ? impossible : 'answers do not come any more');
  }

  /** Nothing is known of the arm any more: says so with what is found out, and tries to get it back until it is closed. */
  async #lose(reason: string, otherwise = ''): Promise<void> {
    this.#life = 'lost';
    this.#report!.offline();
    // Whoever still hears is asked questions next, which keeps watchdogs quiet.
    if (this.#enabled) await this.#chain.rest?.();
    const found =
      reason !== '' ? reason : await this.#chain.diagnose().catch((error: Error) => error.message);
    const why = found !== '' ? found : otherwise;
    if (this.#first !== null) {
      this.#first.fail(new ArmloopError('DEVICE_UNREACHABLE', { device: this.spec.name, reason: why }));
      this.#first = null;
      if (!this.#opened) return;
    }
    this.onFault?.(`${why}. ${this.#words.lost}`);
    this.#retry();
  }

  #retry(): void {
    if (this.#life !== 'lost') return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#chain.revive().then(
        () => this.#back(),
        (error: unknown) => {
          this.#tellBarred(error);
          this.#retry();
        },
      );
    }, REVIVE_MS);
  }

  /** The port is there, but somebody else has it: told once. */
  #tellBarred(error: unknown): void {
    const barred = error instanceof ArmloopError && BARRED.has(error.code) ? error.message : '';
    if (barred !== '' && barred !== this.#barredBy) this.onFault?.(`it is not connected again: ${barred}`);
    if (barred !== '') this.#barredBy = barred;
  }

  /** It answers again. With torque still on it holds where it is, and commands are followed from there. */
  async #back(): Promise<void> {
    if (this.#life !== 'lost') return;
    this.#barredBy = '';
    this.#plausible.forget();
    this.#misses = 0;
    this.#impossible = -1;
    this.#due = this.#now();
    const ready = new Promise<void>((done, fail) => {
      this.#first = { done, fail };
    });
    const torque = this.#enabled;
    this.#enabled = false;
    this.#life = 'open';
    this.#cycle();
    try {
      await ready;
      if (torque && this.#chain.reading.powered.every((p) => p === 1)) {
        this.#needOrigins();
        // All have torque: a halt meanwhile has nothing to end.
        await this.#hold();
      }
      const state = this.#enabled ? 'it holds' : this.#words.off;
      this.onNote?.(`${this.#chain.wire} answers again: ${state}. Clear the stop to go on`);
    } catch {
      // Lost again, or it did not take what it was told. That it is to hold is not forgotten for that.
      this.#enabled = torque;
      if (this.#life !== 'open') return;
      this.#life = 'lost';
      this.#report!.offline();
      this.#retry();
    }
  }
}
