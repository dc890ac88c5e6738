/**
 * One STS or SCS servo: control table with its lock, position controller with speed and acceleration, protection by
 * overload, current, temperature and voltage, calibration, reboot; on the motor of drivers/bus/emulator.
 *
 * The manual gives no law for the position controller. Here: duty = P/2 × steps of error − D/2 × steps of speed per ms, in
 * 0.1 % of the supply voltage, so that P 16 is about the stiffness that others identified (SO-ARM100,
 * joints_properties.xml: 17.8 N·m/rad).
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
  CURRENT_UNIT,
  Fault,
  type Item,
  type ItemName,
  LOAD_UNIT,
  numberAt,
  OperatingMode,
  OVERLOAD_UNIT,
  Phase,
  PROTECTION_UNIT,
  RAM_START,
  RETURN_DELAY_UNIT,
  range,
  VOLTAGE_UNIT,
} from '../table.ts';

const SIZE = 100;
const FACTORY_ID = 1;
const STEP = 0.0005;
const BOOT_S = 0.8;
/** Writing this as torque makes where it is the middle of its turn (memory table, "Torque Switch"). */
const CALIBRATE = 128;

export interface ServoState {
  readonly angle: number;
  readonly speed: number;
  /** As its table says. */
  readonly torque: boolean;
  /** Whether the motor gets any voltage: protection may keep it from that. */
  readonly driven: boolean;
  readonly goal: number;
  readonly temperature: number;
  readonly voltage: number;
  readonly status: number;
  /** A hand is turning it. */
  readonly held: boolean;
}

export class EmulatedServo implements LineServo {
  readonly model: ServoModel;
  readonly motor: Motor;
  readonly hand: Hand;
  voltage: number;
  silent = false;
  connected = true;
  worn = false;
  /** Firmware on which a goal turns torque on by itself. */
  goalEnables = false;
  readonly lie = { steps: 0, answers: 0 };
  readonly #memory = new Uint8Array(SIZE);
  /** What of the settings outlasts a reboot. */
  readonly #kept = new Uint8Array(RAM_START);
  readonly #profile = new ProfileTrack();
  #time: number;
  #bootedAt: number;
  #integral = 0;
  #straining = 0;
  #tooMuch = 0;
  /** Overload or current protection has struck; until torque is switched, of overload also until the goal is elsewhere. */
  #tripped = 0;
  #side = 0;
  #duty = 0;
  #registered: { readonly address: number; readonly bytes: Uint8Array } | null = null;

  constructor(model: ServoModel, id: number, motor: MotorSetup, angle: number, time: number) {
    this.model = model;
    this.motor = new Motor(motor, angle);
    this.hand = new Hand(this.motor);
    this.voltage = model.voltage;
    this.#time = time;
    this.#bootedAt = time - BOOT_S;
    this.#factory(id);
    this.#boot();
  }

  get id(): number {
    return this.get('id');
  }

  /** While it starts it neither hears nor answers. */
  get online(): boolean {
    return this.connected && !this.silent && this.#time >= this.#bootedAt + BOOT_S;
  }

  get baud(): number {
    return BAUDS[this.get('baud')] ?? 0;
  }

  set baud(baud: number) {
    const rate = BAUDS.indexOf(baud as (typeof BAUDS)[number]);
    if (rate >= 0) this.set('baud', rate);
  }

  get returnDelayS(): number {
    return this.get('returnDelay') * RETURN_DELAY_UNIT;
  }

  put(name: string, to: number): void {
    if (!Object.hasOwn(this.model.series.table, name)) throw new Error(`a servo has no ${name}`);
    this.set(name as ItemName, to);
  }

  /** One that is plugged in by hand has started by the time it is asked. */
  renew(): void {
    this.#factory(FACTORY_ID);
    this.reboot();
    this.#bootedAt = this.#time - BOOT_S;
  }

  get status(): number {
    return this.get('status');
  }

  get(name: ItemName): number {
    const item = this.model.series.table[name];
    return item === undefined ? 0 : numberAt(this.#memory, item.address, item, this.model.series.order);
  }

  /** Sets a value past all rules; settings last. */
  set(name: ItemName, value: number): void {
    const item = this.model.series.table[name];
    if (item === undefined) return;
    const bytes = bytesOf(value, item, this.model.series.order);
    this.#memory.set(bytes, item.address);
    if (item.address < RAM_START) this.#kept.set(bytes, item.address);
  }

  state(): ServoState {
    return {
      angle: this.motor.angle,
      speed: this.motor.speed,
      torque: this.get('torqueEnable') === 1,
      driven: this.#drivable(),
      goal: this.get('goalPosition'),
      temperature: this.motor.temperature,
      voltage: this.voltage,
      status: this.status,
      held: this.hand.puts,
    };
  }

  /** Starts anew: what is not kept is as at power-on, torque is off. */
  reboot(): void {
    this.#bootedAt = this.#time;
    this.#boot();
  }

  factoryReset(): void {
    this.#factory(this.id);
    this.reboot();
  }

  #items(): [ItemName, Item][] {
    return Object.entries(this.model.series.table as Readonly<Record<ItemName, Item>>) as [ItemName, Item][];
  }

  #factory(id: number): void {
    const { series, number, temperatureLimit, voltageLimits } = this.model;
    for (const [name, item] of this.#items())
      if (item.address < RAM_START && item.initial !== null) this.set(name, item.initial);
    this.set('modelNumber', number);
    this.set('id', id);
    this.set('maxPosition', series.steps - 1);
    this.set('maxTemperature', temperatureLimit);
    this.set('minVoltage', Math.round(voltageLimits[0] / VOLTAGE_UNIT));
    this.set('maxVoltage', Math.round(voltageLimits[1] / VOLTAGE_UNIT));
  }

  #boot(): void {
    this.#memory.fill(0, RAM_START);
    this.#memory.set(this.#kept);
    for (const [name, item] of this.#items())
      if (item.address >= RAM_START && item.initial !== null) this.set(name, item.initial);
    this.set('torqueLimit', this.get('maxTorque'));
    this.#registered = null;
    this.#release();
  }

  /** Torque was switched: what had struck is over. */
  #release(): void {
    this.#profile.start(this.#steps());
    this.#integral = 0;
    this.#straining = 0;
    this.#tooMuch = 0;
    this.set('status', this.status & ~this.#tripped);
    this.#tripped = 0;
  }

  register(address: number, bytes: Uint8Array): void {
    this.#registered = { address, bytes: Uint8Array.from(bytes) };
    this.set('registered', 1);
  }

  action(): void {
    const registered = this.#registered;
    if (registered === null) return;
    this.#registered = null;
    this.set('registered', 0);
    this.write(registered.address, registered.bytes);
  }

  resetTurns(): void {
    const { steps, unit } = this.model.series;
    this.motor.angle -= Math.floor(this.#steps() / steps) * steps * unit;
    this.#profile.start(this.#steps());
  }

  /** Where it is becomes `step`, or the middle. */
  calibrate(step: number | null): void {
    const item = this.model.series.table.homingOffset;
    if (item === undefined) return;
    const { steps, middle } = this.model.series;
    const [least, most] = range(item);
    const raw = Math.round(this.#raw()) - (step ?? middle);
    const turned = raw - steps * Math.round(raw / steps);
    this.set('homingOffset', Math.min(Math.max(turned, least), most));
    this.#profile.start(this.#steps());
  }

  read(address: number, length: number): Uint8Array | null {
    if (address + length > SIZE) return null;
    this.#refresh();
    return this.#memory.slice(address, address + length);
  }

  /** What cannot be written is left out; nothing is ever refused in words. */
  write(address: number, bytes: Uint8Array): void {
    const { table } = this.model.series;
    if (address === table.torqueEnable.address && bytes[0] === CALIBRATE) {
      this.calibrate(null);
      return;
    }
    const before = this.get('torqueEnable');
    const lasting = this.get('lock') === 0;
    const items = this.#items();
    for (let i = 0; i < bytes.length && address + i < SIZE; i++) {
      const at = address + i;
      const item = items.find(([, { address: a, size }]) => at >= a && at < a + size)?.[1];
      if (item === undefined || item.access === 'r' || (this.worn && at < RAM_START)) continue;
      this.#memory[at] = bytes[i]!;
      if (at < RAM_START && lasting) this.#kept[at] = bytes[i]!;
    }
    const goal = address <= table.goalPosition.address && address + bytes.length > table.goalPosition.address;
    if (goal && this.goalEnables) this.set('torqueEnable', 1);
    if (this.get('torqueEnable') !== before) this.#release();
  }

  advance(time: number): void {
    while (this.#time + STEP <= time) {
      this.#time += STEP;
      this.#watch();
      const drive = this.#drive();
      this.hand.step(this.#time, STEP, drive !== null);
      this.motor.step(STEP, drive, this.voltage, this.model.stallCurrent);
    }
  }

  /** Place of the encoder, in steps, whole turns included. */
  #raw(): number {
    return this.motor.angle / this.model.series.unit + this.model.series.middle;
  }

  /** The same as the table counts it (present = encoder − offset). */
  #steps(): number {
    return this.#raw() - this.get('homingOffset');
  }

  /** Writes what is measured into the table. */
  #refresh(): void {
    const { motor, model } = this;
    const { steps, unit, table } = model.series;
    const here = Math.round(this.#steps());
    const counted = (this.get('phase') & Phase.turns) !== 0;
    const told = counted ? here : ((here % steps) + steps) % steps;
    this.set('presentPosition', this.lie.answers-- > 0 ? told + this.lie.steps : told);
    const speedUnit = (this.get('phase') & Phase.fineSpeed) === 0 ? 50 * unit : unit;
    this.set('presentSpeed', Math.round(motor.speed / speedUnit));
    this.set('presentLoad', Math.round(this.#duty));
    if (table.presentCurrent !== undefined)
      this.set('presentCurrent', Math.round(Math.abs(motor.current) / CURRENT_UNIT));
    this.set('presentVoltage', Math.round(this.voltage / VOLTAGE_UNIT));
    this.set('presentTemperature', Math.round(Math.min(255, motor.temperature)));
    this.set('moving', Math.abs(motor.speed / unit) > 50 ? 1 : 0);
  }

  /** What protects it; which of it takes the voltage off is Unload Condition's affair. */
  #watch(): void {
    const volts = this.voltage / VOLTAGE_UNIT;
    let status = 0;
    if (volts < this.get('minVoltage') || volts > this.get('maxVoltage')) status |= Fault.voltage;
    if (this.motor.temperature > this.get('maxTemperature')) status |= Fault.overheating;
    const { table } = this.model.series;
    const threshold = table.overloadTorque === undefined ? 80 : this.get('overloadTorque');
    const strain = Math.abs(this.#duty) * LOAD_UNIT >= threshold * OVERLOAD_UNIT;
    this.#straining = strain ? this.#straining + STEP : 0;
    if (this.#straining > this.get('protectionTime') * PROTECTION_UNIT) this.#trip(Fault.overload);
    const much =
      table.protectionCurrent !== undefined &&
      Math.abs(this.motor.current) > this.get('protectionCurrent') * CURRENT_UNIT;
    this.#tooMuch = much ? this.#tooMuch + STEP : 0;
    if (this.#tooMuch > this.get('overCurrentTime') * PROTECTION_UNIT) this.#trip(Fault.current);
    this.set('status', status | this.#tripped);
  }

  #trip(fault: number): void {
    if ((this.get('unloadCondition') & fault) === 0) return;
    this.#tripped |= fault;
    this.#side = Math.sign(this.get('goalPosition') - this.#steps());
  }

  #drivable(): boolean {
    if (this.get('torqueEnable') !== 1) return false;
    const off = this.status & this.get('unloadCondition');
    return (off & (Fault.overheating | Fault.current | Fault.voltage)) === 0;
  }

  /** Part −1..1 of the supply voltage, or null with torque off. */
  #drive(): number | null {
    if (!this.#drivable()) {
      this.#duty = 0;
      return null;
    }
    let most = this.model.series.table.torqueLimit === undefined ? 1000 : this.get('torqueLimit');
    const here = this.#steps();
    const goal = this.get('goalPosition');
    if (Math.sign(goal - here) === -this.#side) this.#tripped &= ~Fault.overload;
    if ((this.#tripped & Fault.overload) !== 0)
      most = Math.min(most, (this.get('protectiveTorque') * OVERLOAD_UNIT) / LOAD_UNIT);
    const perMs = (this.motor.speed / this.model.series.unit) * 0.001;
    let duty: number;
    if (this.get('operatingMode') === OperatingMode.speed) {
      const wanted = this.get('goalSpeed') * 0.001;
      this.#integral += (wanted - perMs) * STEP;
      duty = 20 * this.get('speedP') * (wanted - perMs) + 1000 * this.get('speedI') * this.#integral;
    } else {
      const within = Math.min(Math.max(goal, this.get('minPosition')), this.get('maxPosition'));
      const acceleration = this.get('acceleration') * ACCELERATION_UNIT;
      this.#profile.step(STEP, within, Math.abs(this.get('goalSpeed')), acceleration);
      const error = this.#profile.position - here;
      this.#integral += error * STEP;
      duty =
        0.5 * this.get('positionP') * error -
        0.5 * this.get('positionD') * perMs +
        this.get('positionI') * this.#integral;
    }
    this.#duty = Math.min(Math.max(duty, -most), most);
    return this.#duty * LOAD_UNIT;
  }
}
