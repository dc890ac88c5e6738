/**
 * From a servo's steps to an axis and back: the border between a bus and SI.
 *
 *   q = direction · ratio · (steps − zero) · unit + offset,   tau = direction · torque / ratio
 *
 * q in rad (or m for a gripper), unit in rad of the servo per step, ratio in axis units per rad of the servo.
 */
import type { AxisCalibration } from '../../../src/robot/calibration-state.ts';
import type { AxisSpec } from '../../../src/robot/spec.ts';

export interface JointCalibration {
  readonly direction: 1 | -1;
  /** Axis units per rad of the servo: 1/3 behind a gear of 3:1, metres per rad for a gripper. */
  readonly ratio: number;
  /** Step that is `offset` on the axis; a measured one need not be whole. */
  readonly zero: number;
  readonly offset: number;
  /** rad of the servo per step. */
  readonly unit: number;
}

/** What the robot file says with what was measured in its place. */
export function calibrated(file: JointCalibration, measured: AxisCalibration | undefined): JointCalibration {
  if (measured === undefined) return file;
  const { zero, at, direction, scale } = measured;
  return {
    ...file,
    zero,
    offset: at,
    direction,
    ratio: scale === undefined ? file.ratio : scale / file.unit,
  };
}

export class JointMap {
  readonly axis: AxisSpec;
  /** Axis units per step. */
  readonly scale: number;
  readonly #perRad: number;
  readonly #zero: number;
  readonly #offset: number;
  readonly #low: number;
  readonly #high: number;

  constructor(axis: AxisSpec, { direction, ratio, zero, offset, unit }: JointCalibration) {
    this.axis = axis;
    this.#perRad = direction * ratio;
    this.scale = this.#perRad * unit;
    this.#zero = zero;
    this.#offset = offset;
    const [a, b] = [this.exactSteps(axis.min), this.exactSteps(axis.max)];
    // The steps inside the limits, with the one nearest to each.
    this.#low = Math.ceil(Math.min(a, b) - 0.5);
    this.#high = Math.floor(Math.max(a, b) + 0.5);
  }

  /** Least and largest step that the limits of the axis allow. */
  get stepLimits(): readonly [number, number] {
    return [this.#low, this.#high];
  }

  position(steps: number): number {
    return (steps - this.#zero) * this.scale + this.#offset;
  }

  /** The step nearest to an axis position within the limits. */
  steps(position: number): number {
    const exact = Math.round(this.exactSteps(position));
    return Math.min(Math.max(exact, this.#low), this.#high);
  }

  /** Where that position is in steps, inside of the limits or not, and between two steps. */
  exactSteps(position: number): number {
    return (position - this.#offset) / this.scale + this.#zero;
  }

  /** Axis rate of a servo's rad/s. */
  velocity(servo: number): number {
    return servo * this.#perRad;
  }

  /** Servo rate, rad/s, of an axis rate. */
  servoRate(axis: number): number {
    return axis / this.#perRad;
  }

  /** Torque of the servo, N·m, of an axis effort. */
  servoTorque(effort: number): number {
    return effort * this.#perRad;
  }

  /** Axis effort (N·m, N) of a servo's torque (N·m): what goes in comes out, without losses. */
  effort(servo: number): number {
    return servo / this.#perRad;
  }
}
