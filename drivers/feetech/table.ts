/**
 * The control tables as data: what is where. STS and SMS servos: Feetech, "STS/SMS memory table" (doc.feetech.cn,
 * FT-SMS-STS-emanual); SCS servos: "SCSCL memory table" (FT-SCSCL-emanual); compared with the tables of lerobot
 * (Apache-2.0, motors/feetech/tables.py). `section` is the part of that table. Where the two sources differ (baud rates 5
 * to 7) the vendor's is used.
 *
 * EEPROM lasts only what is written while the lock (55; SCS: 48) is 0. The tables allow writing it with torque on; this
 * driver does not.
 */
import type { Order } from './packet.ts';

export type Section = 'version' | 'eeprom' | 'sram-control' | 'sram-feedback' | 'factory';

export interface Item {
  readonly address: number;
  readonly size: 1 | 2;
  /** Bit of the sign, when the others are the magnitude; null for numbers without sign. */
  readonly sign: number | null;
  readonly access: 'r' | 'rw';
  /** Value that it leaves the factory with (EEPROM) or has at power-on (SRAM); null where it depends on model or state. */
  readonly initial: number | null;
  readonly section: Section;
}

const item =
  (section: Section, access: 'r' | 'rw') =>
  (address: number, size: 1 | 2, initial: number | null, sign: number | null = null): Item => ({
    address,
    size,
    sign,
    access,
    initial,
    section,
  });

const version = item('version', 'r');
const eeprom = item('eeprom', 'rw');
const control = item('sram-control', 'rw');
const feedback = item('sram-feedback', 'r');
const factory = item('factory', 'r');

/** Settings that last end before this address. */
export const RAM_START = 40;

/** The same in both. */
const COMMON = {
  firmwareMajor: version(0, 1, 3),
  firmwareMinor: version(1, 1, null),
  /** Main and sub version of the servo, which as one number tell models apart. */
  modelNumber: version(3, 2, null),
  id: eeprom(5, 1, 1),
  baud: eeprom(6, 1, 0),
  returnDelay: eeprom(7, 1, 0),
  responseLevel: eeprom(8, 1, 1),
  minPosition: eeprom(9, 2, 0),
  maxPosition: eeprom(11, 2, null),
  maxTemperature: eeprom(13, 1, null),
  maxVoltage: eeprom(14, 1, null),
  minVoltage: eeprom(15, 1, null),
  maxTorque: eeprom(16, 2, 1000),
  phase: eeprom(18, 1, 12),
  unloadCondition: eeprom(19, 1, 44),
  ledAlarm: eeprom(20, 1, 47),
  positionP: eeprom(21, 1, 32),
  positionD: eeprom(22, 1, 32),
  positionI: eeprom(23, 1, 0),
  startForce: eeprom(24, 2, 16),
  deadZoneClockwise: eeprom(26, 1, 1),
  deadZoneCounter: eeprom(27, 1, 1),
  torqueEnable: control(40, 1, 0),
  acceleration: control(41, 1, 0),
  goalPosition: control(42, 2, null, 15),
  goalTime: control(44, 2, 0),
  goalSpeed: control(46, 2, null, 15),
  presentPosition: feedback(56, 2, null, 15),
  presentSpeed: feedback(58, 2, 0, 15),
  presentLoad: feedback(60, 2, 0, 10),
  presentVoltage: feedback(62, 1, null),
  presentTemperature: feedback(63, 1, null),
  registered: feedback(64, 1, 0),
  status: feedback(65, 1, 0),
  moving: feedback(66, 1, 0),
} as const satisfies Record<string, Item>;

export const STS = {
  ...COMMON,
  protectionCurrent: eeprom(28, 2, 500),
  angularResolution: eeprom(30, 1, 1),
  homingOffset: eeprom(31, 2, 0, 11),
  operatingMode: eeprom(33, 1, 0),
  protectiveTorque: eeprom(34, 1, 20),
  protectionTime: eeprom(35, 1, 200),
  overloadTorque: eeprom(36, 1, 80),
  speedP: eeprom(37, 1, 10),
  overCurrentTime: eeprom(38, 1, 200),
  speedI: eeprom(39, 1, 10),
  torqueLimit: control(48, 2, null),
  lock: control(55, 1, 1),
  presentCurrent: feedback(69, 2, 0, 15),
  speedThreshold: factory(80, 1, 1),
  maxSpeed: factory(84, 1, null),
  maxAcceleration: factory(85, 1, 254),
} as const satisfies Record<string, Item>;

export const SCS = {
  ...COMMON,
  protectiveTorque: eeprom(37, 1, 20),
  protectionTime: eeprom(38, 1, 200),
  lock: control(48, 1, 1),
} as const satisfies Record<string, Item>;

export type ItemName = keyof typeof STS | keyof typeof SCS;
export type Table = Readonly<Partial<Record<ItemName, Item>>> & typeof COMMON & { readonly lock: Item };

/** Baud Rate (6): the index is the value in the table. */
export const BAUDS = [1_000_000, 500_000, 250_000, 128_000, 115_200, 76_800, 57_600, 38_400] as const;

/** Servos leave the factory at this rate. */
export const FACTORY_BAUD = 1_000_000;

/** Operating Mode (33). */
export const OperatingMode = { position: 0, speed: 1, pwm: 2, step: 3 } as const;

/** Bits of Phase (18): the unit of speeds is 1 step/s instead of 50; a goal speed of 0 is the largest; turns are counted. */
export const Phase = { fineSpeed: 4, zeroIsMost: 8, turns: 16 } as const;

/** s per unit of Return Delay Time. */
export const RETURN_DELAY_UNIT = 2e-6;
/** V per unit of voltage; A per unit of current; part of the full torque or duty per unit of load, torque limits. */
export const VOLTAGE_UNIT = 0.1;
export const CURRENT_UNIT = 6.5e-3;
export const LOAD_UNIT = 1e-3;
/** Part of the full torque per unit of Overload and Protective Torque. */
export const OVERLOAD_UNIT = 0.01;
/** s per unit of Protection Time and Over Current Time. */
export const PROTECTION_UNIT = 0.01;
/** steps/s² per unit of Acceleration. */
export const ACCELERATION_UNIT = 100;

/** Bits of Status (65), of the status byte of answers, and of Unload Condition (19). */
export const Fault = { voltage: 1, encoder: 2, overheating: 4, current: 8, overload: 32 } as const;

const FAULT_WORDS: readonly (readonly [number, string])[] = [
  [Fault.voltage, 'its supply voltage is out of range'],
  [Fault.encoder, 'its position sensor fails'],
  [Fault.overheating, 'it is too hot'],
  [Fault.current, 'its current was too high for too long'],
  [Fault.overload, 'it was overloaded'],
];

/** What Status says, in words; empty when there is nothing. */
export function faultWords(status: number): string {
  const known = FAULT_WORDS.filter(([bit]) => (status & bit) !== 0).map(([, words]) => words);
  const rest = status & ~FAULT_WORDS.reduce((sum, [bit]) => sum | bit, 0);
  if (rest !== 0) known.push(`unknown status bits ${rest}`);
  return known.join(', ');
}

/** Least and largest value that an item can hold. */
export function range({ size, sign }: Item): readonly [number, number] {
  const most = 2 ** (sign ?? 8 * size) - 1;
  return [sign === null ? 0 : -most, most];
}

/** A number of the table out of bytes, in which it stands at `at`. */
export function numberAt(bytes: Uint8Array, at: number, { size, sign }: Item, order: Order): number {
  const low = order === 'little' || size === 1 ? at : at + 1;
  const raw = size === 1 ? bytes[low]! : bytes[low]! + 256 * bytes[2 * at + 1 - low]!;
  if (sign === null) return raw;
  const magnitude = raw & ((1 << sign) - 1);
  return (raw & (1 << sign)) === 0 ? magnitude : -magnitude;
}

/** A number as it is on the wire, without order. */
export function rawOf(value: number, { sign }: Item): number {
  return value < 0 && sign !== null ? -value | (1 << sign) : value;
}

/** The bytes of a number for that item. */
export function bytesOf(value: number, item: Item, order: Order): Uint8Array {
  const raw = rawOf(value, item);
  if (item.size === 1) return Uint8Array.of(raw);
  return order === 'little' ? Uint8Array.of(raw, raw >>> 8) : Uint8Array.of(raw >>> 8, raw);
}
