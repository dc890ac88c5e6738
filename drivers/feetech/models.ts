/**
 * The models, and what differs between the two families of tables. Model numbers: lerobot (Apache-2.0,
 * motors/feetech/tables.py). STS3215-C001: 19.5 kg·cm, 52 rev/min, 8 kg·cm/A at 7.4 V behind 1:345; C018: 30 kg·cm, 45 rev/min,
 * 11 kg·cm/A at 12 V behind 1:345 (Feetech's sheets); C044 and C046 have the motor of C001 behind 1:191 and 1:147, torque and
 * speed reckoned from that. All four say the same number on the wire. SCS0009: 2.3 kg·cm, 1 A, 100 rev/min at 6 V, 300° over
 * 1024 steps (Waveshare wiki, SC09).
 */
import type { ServoModelBase } from '../bus/arm/joint.ts';
import type { Order } from './packet.ts';
import { numberAt, SCS, STS, type Table } from './table.ts';

export interface Series {
  readonly order: Order;
  readonly table: Table;
  /** Encoder steps of its range; rad per step; the step in the middle, where calibration puts it. */
  readonly steps: number;
  readonly unit: number;
  readonly middle: number;
  /** What is read in each cycle: table bytes from 40 on, torque to the last of the feedback. */
  readonly stateBytes: number;
  /** It answers sync-reads and pings of everybody. */
  readonly together: boolean;
}

/** First byte of the table that is read in each cycle: its torque. */
export const STATE_FROM = 40;

export const STS_SERIES: Series = {
  order: 'little',
  table: STS,
  steps: 4096,
  unit: (2 * Math.PI) / 4096,
  middle: 2048,
  stateBytes: STS.presentCurrent.address + 2 - STATE_FROM,
  together: true,
};

export const SCS_SERIES: Series = {
  order: 'big',
  table: SCS,
  steps: 1024,
  unit: (300 * Math.PI) / 180 / 1024,
  middle: 512,
  stateBytes: SCS.moving.address + 1 - STATE_FROM,
  together: false,
};

export interface ServoModel extends ServoModelBase {
  readonly series: Series;
  /** V of the data sheet, A at stall. */
  readonly voltage: number;
  readonly stallCurrent: number;
  /** Factory values of Min and Max Voltage, V. */
  readonly voltageLimits: readonly [number, number];
}

const rpm = (value: number): number => (value * 2 * Math.PI) / 60;
/** N·m of kg·cm, as the sheets have it. */
const kgCm = (value: number): number => value * 0.0980665;

function model(
  name: string,
  number: number,
  series: Series,
  [voltage, torque, stallCurrent, speed]: readonly [number, number, number, number],
  voltageLimits: readonly [number, number],
): ServoModel {
  const [stallTorque, noLoadSpeed] = [kgCm(torque), rpm(speed)];
  const base = { name, number, stallTorque, noLoadSpeed, temperatureLimit: 70 };
  return { ...base, series, voltage, stallCurrent, voltageLimits };
}

/** Behind another gear than 1:345. */
const geared = (value: number, ratio: number): number => (value * ratio) / 345;
const LOW_VOLTAGE = [4, 8] as const;

export const MODELS = [
  model('sts3215-c001', 777, STS_SERIES, [7.4, 19.5, 2.44, 52], LOW_VOLTAGE),
  model('sts3215-c018', 777, STS_SERIES, [12, 30, 2.7, 45], [4, 14]),
  model('sts3215-c044', 777, STS_SERIES, [7.4, geared(19.5, 191), 2.44, (52 * 345) / 191], LOW_VOLTAGE),
  model('sts3215-c046', 777, STS_SERIES, [7.4, geared(19.5, 147), 2.44, (52 * 345) / 147], LOW_VOLTAGE),
  model('scs0009', 1284, SCS_SERIES, [6, 2.3, 1, 100], [4, 8.4]),
] as const satisfies readonly ServoModel[];

export const MODEL_NAMES = MODELS.map((m) => m.name);

export const modelNamed = (name: string): ServoModel | undefined => MODELS.find((m) => m.name === name);
export const modelNumbered = (number: number): ServoModel | undefined =>
  MODELS.find((m) => m.number === number);

/** The number that bytes 3 and 4 of a table are: in the byte order of the model that it is, of STS where it is none known. */
export function numberOf(bytes: Uint8Array): number {
  const item = STS.modelNumber;
  const known = MODELS.find((m) => numberAt(bytes, 0, item, m.series.order) === m.number);
  return known?.number ?? numberAt(bytes, 0, item, 'little');
}
