/**
 * One X-series servo: control table with its rules (who may write what and when), modes, profile, position controller,
 * bus watchdog, shutdown by hardware errors, reboot; on the motor of drivers/bus/emulator.
 *
 * Position controller (e-Manual, "Position PID Gain"): PWM = P/128 × steps of error − D/16 × steps of speed per ms, in
 * 1/885 of the supply voltage.
 */
import { Hand } from '../../bus/emulator/hand.ts';
import { Motor, type MotorSetup } from '../../bus/emulator/motor.ts';
import { ProfileTrack } from '../../bus/emulator/profile.ts';
import type { LineServo } from '../../bus/emulator/servo-line.ts';
import type { ServoModel } from '../models.ts';
import {
  ACCELERATION_UNIT,
  BAUDS,
  bytesOf,
  FULL_PWM,
  HardwareError,
  type Item,
  type ItemName,
  numberAt,
  OperatingMode,
  POSITION_UNIT,
  RAM_START,
  RETURN_DELAY_UNIT,
  STEPS,
  VELOCITY_UNIT,
  VOLTAGE_UNIT,
  WATCHDOG_UNIT,
  X,
  ZERO_STEP,
} from '../table.ts';

/** Error numbers of a status packet. */
export const Refusal = { none: 0, failed: 1, range: 4, length: 5, limit: 6, access: 7 } as const;
export type Refusal = (typeof Refusal)[keyof typeof Refusal];

const SIZE = 700;
const FIRMWARE = 46;
const STEP = 0.0005;
const BOOT_S = 0.3;
/** This long at full effort without turning is an overload. */
const OVERLOAD_S = 1;
const ITEMS: readonly Item[] = Object.values(X);

export interface ServoState {
  readonly angle: number;
  readonly speed: number;
  readonly torque: boolean;
  readonly goal: number;
  readonly temperature: number;
  readonly voltage: number;
  readonly hardwareError: number;
  readonly watchdog: number;
  /** A hand is turning it. */
  readonly held: boolean;
}

export class EmulatedServo implements LineServo {
  readonly model: ServoModel;
  readonly motor: Motor;
  /** Somebody who holds and moves the joint. */
  readonly hand: Hand;
  /** V. */
  voltage: number;
  /** It hears nothing and says nothing: a broken cable. */
  silent = false;
  /** On the line at all. */
  connected = true;
  worn = false;
  readonly lie = { steps: 0, answers: 0 };
  readonly #memory = new Uint8Array(SIZE);
  readonly #profile = new ProfileTrack();
  #time: number;
  /** When the last instruction was heard. */
  #heard: number;
  #bootedAt: number;
  #stalled = 0;
  #integral = 0;
  #limitCurrent: number;
  #registered: { readonly address: number; readonly bytes: Uint8Array } | null = null;

  constructor(model: ServoModel, id: number, motor: MotorSetup, angle: number, time: number) {
    this.model = model;
    this.motor = new Motor(motor, angle);
    this.hand = new Hand(this.motor);
    this.voltage = model.voltage;
    this.#time = time;
    this.#heard = time;
    this.#bootedAt = time - BOOT_S;
    for (const item of ITEMS) if (item.initial !== null) this.set(item, item.initial);
    this.set(X.modelNumber, model.number);
    this.set(X.firmware, FIRMWARE);
    this.set(X.id, id);
    this.set(X.baud, 3);
    this.set(X.temperatureLimit, model.temperatureLimit);
    this.set(X.minVoltageLimit, Math.round(model.voltageLimits[0] / VOLTAGE_UNIT));
    this.set(X.maxVoltageLimit, Math.round(model.voltageLimits[1] / VOLTAGE_UNIT));
    this.set(X.currentLimit, model.currentLimit ?? 0);
    this.set(X.goalCurrent, model.currentLimit ?? 0);
    this.set(X.velocityLimit, Math.round((1.2 * model.noLoadSpeed) / VELOCITY_UNIT));
    this.#limitCurrent = model.stallCurrent;
    this.#boot();
  }

  get id(): number {
    return this.get(X.id);
  }

  /** While it starts it neither hears nor answers. */
  get online(): boolean {
    return this.connected && !this.silent && this.#time >= this.#bootedAt + BOOT_S;
  }

  get baud(): number {
    return BAUDS[this.get(X.baud)] ?? 0;
  }

  set baud(baud: number) {
    const rate = BAUDS.indexOf(baud as (typeof BAUDS)[number]);
    if (rate >= 0) this.set(X.baud, rate);
  }

  get returnDelayS(): number {
    return this.get(X.returnDelay) * RETURN_DELAY_UNIT;
  }

  put(name: string, to: number): void {
    if (!Object.hasOwn(X, name)) throw new Error(`a servo has no ${name}`);
    this.set(X[name as ItemName], to);
  }

  renew(): void {
    this.factoryReset('all');
  }

  get alert(): boolean {
    return this.get(X.hardwareError) !== 0;
  }

  get(item: Item): number {
    return numberAt(this.#memory, item.address, item.size, item.signed);
  }

  set(item: Item, value: number): void {
    this.#memory.set(bytesOf(value, item.size), item.address);
  }

  state(): ServoState {
    return {
      angle: this.motor.angle,
      speed: this.motor.speed,
      torque: this.get(X.torqueEnable) === 1,
      goal: this.get(X.goalPosition),
      temperature: this.motor.temperature,
      voltage: this.voltage,
      hardwareError: this.get(X.hardwareError),
      watchdog: this.get(X.busWatchdog),
      held: this.hand.puts,
    };
  }

  /** Starts anew: settings above 63 are those of power-on, torque is off. */
  reboot(): void {
    this.#bootedAt = this.#time;
    for (const item of ITEMS)
      if (item.address >= RAM_START && item.initial !== null) this.set(item, item.initial);
    this.set(X.goalCurrent, this.model.currentLimit ?? 0);
    this.#boot();
  }

  #boot(): void {
    const { address, data, count } = this.model.indirect;
    for (let i = 0; i < count; i++) {
      this.#memory.set(bytesOf(data + i, 2), address + 2 * i);
      this.#memory[data + i] = 0;
    }
    this.#registered = null;
    this.set(X.goalPosition, 0);
  }

  /** An instruction for it (or for all) was heard. */
  hear(time: number): void {
    this.advance(time);
    this.#heard = this.#time;
  }

  register(address: number, bytes: Uint8Array): Refusal {
    const refusal = this.#check(address, bytes);
    if (refusal === Refusal.none) {
      this.#registered = { address, bytes: Uint8Array.from(bytes) };
      this.set(X.registered, 1);
    }
    return refusal;
  }

  action(): Refusal {
    const registered = this.#registered;
    if (registered === null) return Refusal.failed;
    this.#registered = null;
    this.set(X.registered, 0);
    return this.write(registered.address, registered.bytes);
  }

  clearTurns(): Refusal {
    if (this.motor.speed !== 0) return Refusal.failed;
    const turns = Math.floor(this.#steps() / STEPS);
    this.motor.angle -= turns * 2 * Math.PI;
    return Refusal.none;
  }

  /** e-Manual, Protocol 2.0, "Factory Reset": 0xFF resets all, 0x01 all but the id, 0x02 all but id and rate. */
  factoryReset(what: 'all' | 'keep-id' | 'keep-id-and-baud'): void {
    const { id } = this;
    const baud = this.get(X.baud);
    for (const item of ITEMS) if (item.initial !== null && item.access === 'rw') this.set(item, item.initial);
    if (what !== 'all') this.set(X.id, id);
    if (what === 'keep-id-and-baud') this.set(X.baud, baud);
    this.reboot();
  }

  read(address: number, length: number): Uint8Array | null {
    if (address + length > SIZE) return null;
    this.#refresh();
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.#memory[this.#real(address + i)]!;
    return out;
  }

  write(address: number, bytes: Uint8Array): Refusal {
    const refusal = this.#check(address, bytes);
    if (refusal !== Refusal.none || (this.worn && address < RAM_START)) return refusal;
    const torqueBefore = this.get(X.torqueEnable);
    for (let i = 0; i < bytes.length; i++) this.#memory[this.#real(address + i)] = bytes[i]!;
    if (this.get(X.torqueEnable) === 1 && torqueBefore === 0) this.#torqueOn();
    return Refusal.none;
  }

  advance(time: number): void {
    while (this.#time + STEP <= time) {
      this.#time += STEP;
      this.#watch();
      const drive = this.#drive();
      this.hand.step(this.#time, STEP, drive !== null);
      this.motor.step(STEP, drive, this.voltage, this.#limitCurrent);
    }
  }

  /** Where a byte really is: indirect data stands for another address. */
  #real(at: number): number {
    const { address, data, count } = this.model.indirect;
    if (at < data || at >= data + count) return at;
    return numberAt(this.#memory, address + 2 * (at - data), 2, false);
  }

  #check(address: number, bytes: Uint8Array): Refusal {
    if (address + bytes.length > SIZE) return Refusal.access;
    const touched = new Set<Item>();
    for (let i = 0; i < bytes.length; i++) {
      const at = this.#real(address + i);
      const found = ITEMS.find((item) => at >= item.address && at < item.address + item.size);
      if (found !== undefined) touched.add(found);
      else if (!this.#isIndirect(at)) return Refusal.access;
    }
    for (const item of touched) {
      if (item.access === 'r') return Refusal.access;
      if (item.address < RAM_START && this.get(X.torqueEnable) === 1) return Refusal.access;
      const value = this.#after(item, address, bytes);
      if (value === null) return Refusal.length;
      const refusal = this.#allow(item, value);
      if (refusal !== Refusal.none) return refusal;
    }
    return Refusal.none;
  }

  #isIndirect(at: number): boolean {
    const { address, data, count } = this.model.indirect;
    return (at >= address && at < address + 2 * count) || (at >= data && at < data + count);
  }

  /** The value of an item after that write; null when only part of it would be written. */
  #after(item: Item, address: number, bytes: Uint8Array): number | null {
    const value = new Uint8Array(item.size);
    let found = 0;
    for (let i = 0; i < bytes.length; i++) {
      const k = this.#real(address + i) - item.address;
      if (k < 0 || k >= item.size) continue;
      value[k] = bytes[i]!;
      found++;
    }
    return found === item.size ? numberAt(value, 0, item.size, item.signed) : null;
  }

  #allow(item: Item, value: number): Refusal {
    const goal =
      item === X.goalPosition || item === X.goalVelocity || item === X.goalCurrent || item === X.goalPwm;
    if (goal && this.get(X.busWatchdog) === -1) return Refusal.range;
    if (item === X.id && value > 252) return Refusal.range;
    if (item === X.torqueEnable && value === 1 && this.#shutDown()) return Refusal.failed;
    if (item === X.busWatchdog && value < 0) return Refusal.range;
    if (item === X.goalPosition) {
      const mode = this.get(X.operatingMode);
      if (mode === OperatingMode.position) {
        const inside = value >= this.get(X.minPositionLimit) && value <= this.get(X.maxPositionLimit);
        return inside ? Refusal.none : Refusal.limit;
      }
      return Math.abs(value) <= 1_048_575 ? Refusal.none : Refusal.range;
    }
    return Refusal.none;
  }

  #shutDown(): boolean {
    return (this.get(X.hardwareError) & this.get(X.shutdown)) !== 0;
  }

  /** It goes to the goal that stands in its table, also an old one: the master must have set it. */
  #torqueOn(): void {
    this.#profile.start(this.#steps());
    this.#integral = 0;
    this.#heard = this.#time;
  }

  /** Position in steps, as the table counts it. */
  #steps(): number {
    return this.motor.angle / POSITION_UNIT + ZERO_STEP + this.get(X.homingOffset);
  }

  /** Writes what is measured into the table. */
  #refresh(): void {
    const { motor, model } = this;
    const unit = model.currentUnit ?? model.stallCurrent / 1000;
    this.set(X.presentCurrent, Math.round(motor.current / unit));
    this.set(X.presentVelocity, Math.round(motor.speed / VELOCITY_UNIT));
    const off = this.lie.answers-- > 0 ? this.lie.steps : 0;
    this.set(X.presentPosition, Math.round(this.#steps()) + off);
    this.set(X.presentVoltage, Math.round(this.voltage / VOLTAGE_UNIT));
    this.set(X.presentTemperature, Math.round(Math.min(255, motor.temperature)));
    this.set(X.moving, Math.abs(motor.speed) > this.get(X.movingThreshold) * VELOCITY_UNIT ? 1 : 0);
    this.set(X.tick, Math.floor(this.#time * 1000) % 32_768);
    this.set(X.positionTrajectory, Math.round(this.#profile.position));
  }

  /** What shuts it down or stops it by itself. */
  #watch(): void {
    let error = this.get(X.hardwareError);
    const volts = this.voltage / VOLTAGE_UNIT;
    if (volts < this.get(X.minVoltageLimit) || volts > this.get(X.maxVoltageLimit))
      error |= HardwareError.voltage;
    if (this.motor.temperature > this.get(X.temperatureLimit)) error |= HardwareError.overheating;
    // The limit in current mode is what it is told to have, which is no effort by itself.
    const most =
      this.get(X.operatingMode) === OperatingMode.current ? this.model.stallCurrent : this.#limitCurrent;
    const hard = Math.abs(this.motor.current) > 0.8 * most && Math.abs(this.motor.speed) < 0.05;
    this.#stalled = hard ? this.#stalled + STEP : 0;
    if (this.#stalled > OVERLOAD_S) error |= HardwareError.overload;
    this.set(X.hardwareError, error);
    if (this.#shutDown()) this.set(X.torqueEnable, 0);
    const watchdog = this.get(X.busWatchdog);
    if (watchdog <= 0 || this.get(X.torqueEnable) === 0) return;
    if (this.#time - this.#heard <= watchdog * WATCHDOG_UNIT) return;
    // It stops where it is, and takes no goals until the watchdog is set to 0 (e-Manual, "Bus Watchdog").
    this.set(X.busWatchdog, -1);
    this.set(X.profileAcceleration, 0);
    this.set(X.profileVelocity, 0);
    const here = Math.round(this.#steps());
    this.set(X.goalPosition, here);
    this.set(X.goalVelocity, 0);
    this.set(
      X.goalCurrent,
      this.get(X.operatingMode) === OperatingMode.current ? 0 : this.get(X.goalCurrent),
    );
    this.#profile.start(here);
  }

  /** Part −1..1 of the supply voltage, or null with torque off. */
  #drive(): number | null {
    if (this.get(X.torqueEnable) === 0) return null;
    const mode = this.get(X.operatingMode);
    const unit = this.model.currentUnit;
    const byCurrent = mode === OperatingMode.currentPosition || mode === OperatingMode.current;
    const limit = byCurrent ? Math.abs(this.get(X.goalCurrent)) : this.get(X.currentLimit);
    this.#limitCurrent =
      unit === null ? this.model.stallCurrent : Math.min(limit * unit, this.model.stallCurrent);
    const most = Math.min(this.get(X.pwmLimit), Math.abs(this.get(X.goalPwm))) / FULL_PWM;
    let pwm: number;
    if (mode === OperatingMode.velocity) {
      const error = this.get(X.goalVelocity) - this.motor.speed / VELOCITY_UNIT;
      this.#integral += error * STEP;
      pwm = (this.get(X.velocityP) / 128) * error + (this.get(X.velocityI) / 65.536) * this.#integral;
    } else if (mode === OperatingMode.current) pwm = Math.sign(this.get(X.goalCurrent)) * FULL_PWM;
    else if (mode === OperatingMode.pwm) pwm = this.get(X.goalPwm);
    else {
      const here = this.#steps();
      const velocity = this.get(X.profileVelocity) * VELOCITY_UNIT;
      const acceleration = this.get(X.profileAcceleration) * ACCELERATION_UNIT;
      const scale = 1 / POSITION_UNIT;
      this.#profile.step(STEP, this.get(X.goalPosition), velocity * scale, acceleration * scale);
      const error = this.#profile.position - here;
      this.#integral += error * STEP;
      const perMs = (this.motor.speed / POSITION_UNIT) * 0.001;
      pwm =
        (this.get(X.positionP) / 128) * error +
        (this.get(X.positionI) / 65_536) * this.#integral * 1000 -
        (this.get(X.positionD) / 16) * perMs;
    }
    return Math.min(Math.max(pwm / FULL_PWM, -most), most);
  }
}
