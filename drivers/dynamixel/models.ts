/**
 * What differs between the models of the X series. Model numbers, places of the indirect data: control tables of
 * DynamixelSDK 4.1 (Apache-2.0). Torque, speed, current, limits: specifications of the model's page of the ROBOTIS
 * e-Manual, at the voltage it recommends.
 */
import type { ServoModelBase } from '../bus/arm/joint.ts';

export interface ServoModel extends ServoModelBase {
  /** First Indirect Address, first Indirect Data, and how many there are in a row. */
  readonly indirect: { readonly address: number; readonly data: number; readonly count: number };
  /** What address 126 measures: A per unit, or null for a load in 0.1 % of the stall torque. */
  readonly currentUnit: number | null;
  /** V recommended, A at stall. */
  readonly voltage: number;
  readonly stallCurrent: number;
  /** Factory values of Min and Max Voltage Limit, V. */
  readonly voltageLimits: readonly [number, number];
  /** Factory value of Current Limit (38), in its units; null where there is none. */
  readonly currentLimit: number | null;
}

const rpm = (value: number): number => (value * 2 * Math.PI) / 60;
const BIG = { address: 168, data: 224, count: 28 };
const SMALL = { address: 168, data: 208, count: 20 };

function model(
  name: string,
  number: number,
  [voltage, stallTorque, stallCurrent, speed]: readonly [number, number, number, number],
  rest: Partial<ServoModel> = {},
): ServoModel {
  return {
    name,
    number,
    indirect: BIG,
    currentUnit: 2.69e-3,
    voltage,
    stallTorque,
    stallCurrent,
    noLoadSpeed: rpm(speed),
    temperatureLimit: 80,
    voltageLimits: [9.5, 16],
    currentLimit: 1193,
    ...rest,
  };
}

const load: Partial<ServoModel> = {
  currentUnit: null,
  currentLimit: null,
  temperatureLimit: 72,
  voltageLimits: [6, 14],
};
const small: Partial<ServoModel> = {
  indirect: SMALL,
  currentUnit: 1e-3,
  currentLimit: 1750,
  temperatureLimit: 70,
  voltageLimits: [3.5, 7],
};

export const MODELS: readonly ServoModel[] = [
  model('xm430-w210', 1030, [12, 3.0, 2.3, 77]),
  model('xm430-w350', 1020, [12, 4.1, 2.3, 46]),
  model('xm540-w150', 1130, [12, 7.3, 4.4, 53], { currentLimit: 2047 }),
  model('xm540-w270', 1120, [12, 10.6, 4.4, 30], { currentLimit: 2047 }),
  model('xh430-w210', 1010, [12, 2.5, 1.3, 50], { currentLimit: 648 }),
  model('xh430-w350', 1000, [12, 3.4, 1.3, 30], { currentLimit: 648 }),
  model('xh540-w150', 1110, [12, 7.1, 4.9, 70], { currentLimit: 2047 }),
  model('xh540-w270', 1100, [12, 9.9, 4.9, 39], { currentLimit: 2047 }),
  model('xl430-w250', 1060, [11.1, 1.4, 1.3, 57], load),
  model('xc430-w150', 1070, [12, 1.6, 1.4, 106], load),
  model('xc430-w240', 1080, [12, 1.9, 1.4, 70], load),
  model('xl330-m077', 1190, [5, 0.215, 1.47, 383], small),
  model('xl330-m288', 1200, [5, 0.52, 1.47, 103], small),
  model('xc330-t181', 1210, [12, 0.8, 0.88, 113], { ...small, currentLimit: 1188, voltageLimits: [6.5, 14] }),
  model('xc330-t288', 1220, [12, 1.0, 0.88, 71], { ...small, currentLimit: 1188, voltageLimits: [6.5, 14] }),
];

export const MODEL_NAMES = MODELS.map((m) => m.name);

export const modelNamed = (name: string): ServoModel | undefined => MODELS.find((m) => m.name === name);
export const modelNumbered = (number: number): ServoModel | undefined =>
  MODELS.find((m) => m.number === number);

/** N·m at the horn per unit of address 126: current times stall torque per stall current, or part of the stall torque. */
export function torquePerUnit(servo: ServoModel): number {
  if (servo.currentUnit === null) return servo.stallTorque / 1000;
  return (servo.currentUnit * servo.stallTorque) / servo.stallCurrent;
}
