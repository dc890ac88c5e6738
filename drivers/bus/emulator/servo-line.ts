/**
 * The servos of one line, whatever protocol they speak: what a test or a person does to them, who is connected and hears
 * the rate of the line, what happens when two speak at once. A bus adds instructions and answers.
 */
import type { Rng } from '../../../src/math/rng.ts';
import type { ServoLoad } from './arm.ts';
import { type Hand, type HandMove, moveByHand } from './hand.ts';
import { type Line, monotonic } from './line.ts';
import type { Motor, MotorSetup } from './motor.ts';
import type { EmulatedBus } from './process.ts';

export interface LineServo {
  readonly id: number;
  readonly motor: Motor;
  /** Somebody who holds and moves the joint. */
  readonly hand: Hand;
  /** V. */
  voltage: number;
  /** It hears nothing and says nothing: a broken cable. */
  silent: boolean;
  /** On the line at all. */
  connected: boolean;
  /** Its EEPROM takes what is written, and keeps nothing of it. */
  worn: boolean;
  /** Steps by which it reports another position than it has, and in how many answers. */
  readonly lie: { steps: number; answers: number };
  /** Neither silent nor starting. */
  readonly online: boolean;
  /** Rate that it is set to, bit/s; setting one that it cannot have does nothing. */
  baud: number;
  /** What it waits before it answers, s. */
  readonly returnDelayS: number;
  advance(time: number): void;
  state(): unknown;
  reboot(): void;
  /** As it left the factory, id and rate too. */
  renew(): void;
  /** Sets a value of its table past all rules. Throws for a name that it does not have. */
  put(name: string, to: number): void;
}

/** One servo of a line, as it is mounted. */
export interface EmulatedServoSetup {
  readonly id: number;
  readonly model: string;
  /** rad at the horn from the middle of its turn, at the start. */
  readonly angle: number;
  readonly load: ServoLoad;
  /** Values of the table that differ from the factory's, by name. */
  readonly settings?: Readonly<Record<string, number>>;
}

/** What a servo's motor is, by its data sheet. */
type MotorModel = Pick<MotorSetup, 'voltage' | 'stallTorque' | 'stallCurrent' | 'noLoadSpeed'>;

/** What the servos of a protocol are. */
export interface ServoKind<S extends LineServo, M extends MotorModel> {
  /** Rates that they can have, bit/s. */
  readonly bauds: readonly number[];
  readonly modelNamed: (name: string) => M | undefined;
  readonly Servo: new (model: M, id: number, motor: MotorSetup, angle: number, time: number) => S;
}

export abstract class ServoLine<S extends LineServo, M extends MotorModel> implements EmulatedBus {
  protected readonly servos: readonly S[];
  readonly #line: Line;
  readonly #rng: Rng;
  /** The line goes at a rate that servos can have; at others everybody understands. */
  readonly #rated: boolean;
  /** Rates matter also while the whole chain is there. */
  readonly #senses: boolean;
  /** Chance that an answer has a wrong checksum. */
  #badSum = 0;
  /** Physics times are `monotonic` less the time for which this process stood still. */
  #lag = 0;

  /** Throws for a model that there is not. */
  constructor(
    line: Line,
    rng: Rng,
    { bauds, modelNamed, Servo }: ServoKind<S, M>,
    servos: readonly EmulatedServoSetup[],
  ) {
    this.#line = line;
    this.#rng = rng;
    this.#rated = bauds.includes(line.baud);
    this.#senses = line.senseBaud;
    const now = monotonic();
    this.servos = servos.map(({ id, model: name, angle, load, settings = {} }) => {
      const model = modelNamed(name);
      if (model === undefined) throw new Error(`there is no model ${name}`);
      const { voltage, stallTorque, stallCurrent, noLoadSpeed } = model;
      const motor = { voltage, stallTorque, stallCurrent, noLoadSpeed, ...load };
      const servo = new Servo(model, id, motor, angle, now);
      servo.baud = line.baud;
      for (const [item, to] of Object.entries(settings)) servo.put(item, to);
      return servo;
    });
    this.tune();
  }

  abstract receive(bytes: Uint8Array, start: number, byte: number): void;
  /** What else can be done to the line; undefined for what it does not know. */
  protected abstract also(what: string, value: unknown): unknown;

  advance(time: number, lag: number): void {
    this.#lag = lag;
    for (const servo of this.servos) servo.advance(time);
  }

  sample(out: number[]): void {
    for (const { motor } of this.servos) out.push(motor.angle, motor.speed);
  }

  control({ what, id, ...values }: Readonly<Record<string, unknown>>): unknown {
    if (what === 'states') return this.servos.map((s) => s.state());
    if (what === 'hand' && id === undefined)
      return moveByHand(this.servos, values['moves'] as readonly HandMove[]);
    if (what === 'connect') {
      this.#connect(values['only']);
      return null;
    }
    if (what === 'badSum') {
      this.#badSum = Number(values['chance']);
      return null;
    }
    const done = this.also(String(what), values['value']);
    if (done !== undefined) return done;
    const servos = id === undefined ? this.servos : this.servos.filter((s) => s.id === id);
    if (servos.length === 0) throw new Error(`there is no servo ${id}`);
    for (const servo of servos) change(servo, String(what), values['value']);
    return null;
  }

  /** Physics time of an instant of the line. */
  protected physics(time: number): number {
    return time - this.#lag;
  }

  /** Those that hear what is said on the line. */
  protected get listeners(): S[] {
    return this.servos.filter((s) => s.online && (!this.#rated || s.baud === this.#line.baud));
  }

  /** The line goes at the rate of those that are on it; a servo at another rate than the first is deaf. */
  protected tune(): void {
    const first = this.servos.find((s) => s.connected);
    if (first !== undefined && this.#rated) this.#line.baud = first.baud;
  }

  /** Puts one servo (by its place) on the line, with the id and rate of the factory, or all as they are now. */
  #connect(only: unknown): void {
    this.#line.senseBaud = only !== null || this.#senses;
    this.servos.forEach((servo, i) => {
      servo.connected = only === null || i === only;
    });
    if (only !== null) this.servos[Number(only)]?.renew();
    this.tune();
  }

  /** Servos of one id answer at once. Returns when the line is free again. */
  protected say(answers: readonly Uint8Array[], end: number, servo: S): number {
    const bytes = overlaid(answers);
    if (this.#badSum > 0 && this.#rng.uniform() < this.#badSum) bytes[bytes.length - 1]! ^= 0x5a;
    return this.#line.answer(bytes, end + servo.returnDelayS);
  }
}

/** Several devices of one id speak at once: where one pulls the line down, it is down. */
function overlaid(answers: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(Math.max(...answers.map((a) => a.length)));
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = answers.reduce((sum, a) => sum & (a[i] ?? 0xff), 0xff);
  }
  return bytes;
}

/** Servos in the order of their ids, those with one id together. */
export function byId<S extends LineServo>(servos: readonly S[]): [number, S[]][] {
  const groups = new Map<number, S[]>();
  for (const servo of servos) groups.set(servo.id, [...(groups.get(servo.id) ?? []), servo]);
  return [...groups].sort(([a], [b]) => a - b);
}

/** Throws for what it does not know. */
function change(servo: LineServo, what: string, value: unknown): void {
  if (what === 'voltage') servo.voltage = Number(value);
  else if (what === 'temperature') servo.motor.temperature = Number(value);
  else if (what === 'push') servo.motor.push = Number(value);
  else if (what === 'blocked') servo.motor.blocked = value === true;
  else if (what === 'hand') servo.hand.put(Number(value));
  else if (what === 'silent') servo.silent = value === true;
  else if (what === 'worn') servo.worn = value === true;
  else if (what === 'brownOut') servo.reboot();
  else if (what === 'lie') Object.assign(servo.lie, value);
  else if (what === 'set') {
    // One item, or several at once: between two requests the master may have asked already.
    const items = (Array.isArray(value) ? value : [value]) as { name: string; to: number }[];
    for (const { name, to } of items) servo.put(name, to);
  } else throw new Error(`a servo has no ${what}`);
}
