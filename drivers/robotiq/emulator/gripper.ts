/**
 * The gripper's controller, as its manual says: registers, activation, going to a position, contacts, automatic release and
 * faults, on the fingers of jaw.ts.
 */
import {
  Action,
  Activation,
  Contact,
  CURRENT_UNIT,
  DATA_BYTES,
  Fault,
  FORCE,
  fromCount,
  Input,
  major,
  Output,
  SPEED,
} from '../registers.ts';
import { Jaw } from './jaw.ts';

export interface EmulatedGripperSetup {
  readonly slave: number;
  /** m, between the counts `open` and `closed`. */
  readonly stroke: number;
  readonly open: number;
  readonly closed: number;
  /** At the start: opening (m), and whether it was activated before. */
  readonly opening: number;
  readonly active: boolean;
}

export interface GripperState {
  /** m, m/s, N, °C, V. */
  readonly opening: number;
  readonly speed: number;
  readonly force: number;
  readonly temperature: number;
  readonly voltage: number;
  /** Answers: not while it boots. */
  readonly online: boolean;
  readonly active: boolean;
  readonly following: boolean;
  readonly contact: number;
  readonly fault: number;
  /** Orders that it took. */
  readonly orders: number;
}

const STEP = 0.001;
/** It boots for so long after its power came, s. */
const BOOT_S = 0.3;
/** It is stopped when it has not moved for so long although it should, s. */
const STOPPED_S = 0.03;
/** Speed of activation and of automatic release, m/s. */
const ACTIVATION_SPEED = 0.1;
const RELEASE_SPEED = 0.02;
const SILENCE_S = 1;
/** °C and V (manual, 4.4 and 6.2). */
const HOT = 85;
const COOL = 80;
const UNDERVOLTAGE = 21.6;
const NOMINAL = 24;
/** A at the largest force, and when it moves free. */
const STALL_CURRENT = 0.9;
const MOVING_CURRENT = 0.1;

type Phase = 'reset' | 'closing' | 'opening' | 'active' | 'releasing';

export class EmulatedGripper {
  readonly slave: number;
  readonly jaw: Jaw;
  /** V. */
  voltage = NOMINAL;
  readonly #setup: EmulatedGripperSetup;
  readonly #order = new Uint8Array(DATA_BYTES);
  #phase: Phase;
  #fault = 0;
  #overcurrent = false;
  #stalled = 0;
  #contact: number = Contact.moving;
  #time: number;
  #heard: number;
  #bootedAt: number;
  #orders = 0;

  constructor(setup: EmulatedGripperSetup, time: number) {
    this.#setup = setup;
    this.slave = setup.slave;
    this.jaw = new Jaw(setup.opening);
    this.#phase = setup.active ? 'active' : 'reset';
    if (setup.active) this.#order[Output.action] = Action.activate;
    this.#time = time;
    this.#heard = time;
    this.#bootedAt = time - BOOT_S;
  }

  get online(): boolean {
    return this.voltage > 0 && this.#time >= this.#bootedAt + BOOT_S;
  }

  /** Power off and on: it has forgotten everything but where its screw is. */
  restart(): void {
    this.#bootedAt = this.#time;
    this.#order.fill(0);
    this.#phase = 'reset';
    this.#fault = 0;
    this.#heard = this.#time;
  }

  /** More current than it allows. */
  overload(): void {
    this.#overcurrent = true;
  }

  state(): GripperState {
    const { opening, speed, force, temperature } = this.jaw;
    return {
      opening,
      speed,
      force,
      temperature,
      voltage: this.voltage,
      online: this.online,
      active: this.#phase === 'active',
      following: this.#follows(),
      contact: this.#contact,
      fault: this.#fault,
      orders: this.#orders,
    };
  }

  /** A request to it was understood. */
  hear(time: number): void {
    this.advance(time);
    this.#heard = this.#time;
  }

  /** The three output registers are written. */
  take(data: Uint8Array): void {
    const before = this.#order[Output.action]!;
    const after = data[Output.action]!;
    const elsewhere = data[Output.position] !== this.#order[Output.position];
    this.#order.set(data);
    this.#orders++;
    if ((after & Action.activate) === 0) {
      this.#phase = 'reset';
      this.#fault = 0;
    } else if ((before & Action.activate) === 0) this.#begin('closing');
    else if ((after & Action.release) !== 0 && this.#phase !== 'reset') this.#begin('releasing');
    else if ((after & Action.goTo) !== 0 && this.#phase !== 'active' && !major(this.#fault)) {
      this.#fault = Fault.delayed;
    }
    // What it presses against stays in the way of a goal beyond.
    if (elsewhere && this.#stalled === 0) this.#contact = Contact.moving;
  }

  /** The three input registers. */
  read(): Uint8Array {
    const bytes = new Uint8Array(DATA_BYTES);
    const active = (this.#order[Output.action]! & Action.activate) !== 0;
    const activation =
      this.#phase === 'active'
        ? Activation.active
        : this.#phase === 'closing' || this.#phase === 'opening'
          ? Activation.activating
          : Activation.reset;
    const goes = active && (this.#order[Output.action]! & Action.goTo) !== 0;
    const contact = this.#phase === 'active' ? this.#contact : Contact.moving;
    bytes[Input.status] = (active ? 0x01 : 0) | (goes ? 0x08 : 0) | (activation << 4) | (contact << 6);
    bytes[Input.fault] = this.#fault;
    bytes[Input.echo] = this.#order[Output.position]!;
    bytes[Input.position] = Math.round(this.#count(this.jaw.opening));
    bytes[Input.current] = Math.min(255, Math.round(this.#current() / CURRENT_UNIT));
    // The silence is told of once.
    if (this.#fault === Fault.silence) this.#fault = 0;
    return bytes;
  }

  advance(time: number): void {
    while (this.#time + STEP <= time) {
      this.#time += STEP;
      this.#watch();
      this.#move();
    }
  }

  #begin(phase: Phase): void {
    this.#phase = phase;
    this.#stalled = 0;
    this.#fault = phase === 'releasing' ? Fault.releasing : 0;
  }

  #follows(): boolean {
    return this.#phase === 'active' && (this.#order[Output.action]! & Action.goTo) !== 0;
  }

  #watch(): void {
    if (this.voltage < UNDERVOLTAGE) this.#fail(Fault.undervoltage);
    if (this.#overcurrent) this.#fail(Fault.overcurrent);
    this.#overcurrent = false;
    if (major(this.#fault)) return;
    if (this.jaw.temperature >= HOT) this.#fault = Fault.hot;
    else if (this.#fault === Fault.hot && this.jaw.temperature < COOL) this.#fault = 0;
    else if (this.#fault === 0 && this.#time - this.#heard > SILENCE_S) this.#fault = Fault.silence;
  }

  /** Only clearing and setting rACT helps. */
  #fail(fault: number): void {
    this.#fault = fault;
    this.#phase = 'reset';
  }

  #move(): void {
    const { open, closed } = this.#setup;
    const order = this.#order;
    switch (this.#phase) {
      case 'reset':
        this.jaw.step(STEP, null, 0, 0);
        return;
      case 'active': {
        const hot = this.#fault === Fault.hot;
        if (!this.#follows() || hot) {
          this.jaw.step(STEP, null, 0, 0);
          return;
        }
        // Beyond these its fingers stop each other, which counts as having arrived.
        const count = Math.min(Math.max(order[Output.position]!, open), closed);
        const goal = this.#opening(count);
        const before = this.jaw.opening;
        const stopped = this.#go(
          goal,
          fromCount(SPEED, order[Output.speed]!),
          fromCount(FORCE, order[Output.force]!),
        );
        if (this.jaw.opening === goal) this.#contact = Contact.arrived;
        else if (stopped) this.#contact = goal < before ? Contact.closing : Contact.opening;
        else this.#contact = Contact.moving;
        return;
      }
      case 'closing':
        if (this.#go(this.#opening(closed), ACTIVATION_SPEED, FORCE[0])) this.#fail(Fault.activation);
        else if (this.jaw.opening === this.#opening(closed)) this.#phase = 'opening';
        return;
      case 'opening':
        if (this.#go(this.#opening(open), ACTIVATION_SPEED, FORCE[0])) this.#fail(Fault.activation);
        else if (this.jaw.opening === this.#opening(open)) {
          this.#phase = 'active';
          this.#contact = Contact.arrived;
          if (this.#fault === Fault.delayed) this.#fault = 0;
        }
        return;
      case 'releasing': {
        const closes = (order[Output.action]! & Action.releaseCloses) !== 0;
        const goal = this.#opening(closes ? closed : open);
        if (this.#go(goal, RELEASE_SPEED, FORCE[1]) || this.jaw.opening === goal) this.#fail(Fault.released);
      }
    }
  }

  /** True when it has been stopped for a while. */
  #go(goal: number, speed: number, force: number): boolean {
    this.#stalled = this.jaw.step(STEP, goal, speed, force) ? this.#stalled + STEP : 0;
    return this.#stalled > STOPPED_S;
  }

  #current(): number {
    if (this.#phase === 'reset' || this.jaw.speed === 0) return 0;
    return MOVING_CURRENT + (STALL_CURRENT * Math.abs(this.jaw.force)) / FORCE[1];
  }

  #count(opening: number): number {
    const { stroke, open, closed } = this.#setup;
    return Math.min(255, Math.max(0, closed - ((closed - open) * opening) / stroke));
  }

  #opening(count: number): number {
    const { stroke, open, closed } = this.#setup;
    return (stroke * (closed - count)) / (closed - open);
  }
}
