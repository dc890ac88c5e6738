/** What is measured of a device, and whether it holds: as people and pages are told it. */

/**
 * What was measured of one axis, in place of what the robot file says:
 *
 *   q = direction · scale · (raw − zero) + at
 *
 * q in rad or m; scale > 0 in axis units per raw unit, absent: the robot file's gear ratio holds.
 */
export interface AxisCalibration {
  /** Raw position, not always whole: a mean of several. */
  readonly zero: number;
  /** Position of the axis there, rad or m. */
  readonly at: number;
  readonly direction: 1 | -1;
  readonly scale?: number;
  /** Zero that the servo itself had been given, raw: with another one, all of this is off. Absent: it has none. */
  readonly origin?: number;
}

/** By the names of a device's axes; an axis that is missing is as the robot file says. */
export type DeviceCalibration = Readonly<Record<string, AxisCalibration>>;

/**
 * `unneeded`: devices of this kind have no zeros to measure. `file`: the robot file says `calibration: none`. `emulated`:
 * emulated servos are mounted as the robot file says. `missing` and `stale` keep torque off; `fits`: in force.
 */
export type CalibrationStatus = 'unneeded' | 'file' | 'emulated' | 'missing' | 'stale' | 'fits';

/** What is known of one axis; numbers are null where nothing was measured. */
export interface AxisState {
  readonly axis: string;
  readonly unit: 'rad' | 'm';
  /** Raw position and the position of the axis there. */
  readonly zero: number | null;
  readonly at: number | null;
  readonly direction: number | null;
  readonly scale: number | null;
  /** Zero of the servo itself, raw. */
  readonly origin: number | null;
  /** Largest residual of its entries, in `unit`. */
  readonly residual: number | null;
  /** Reach, in `unit`. */
  readonly low: number | null;
  readonly high: number | null;
  /** Of its oldest entry, ISO 8601; null without one. */
  readonly date: string | null;
  readonly ageDays: number | null;
  /** Why it does not hold; '' when it does. */
  readonly problem: string;
}

/** How one joint of a leader, or its trigger, is aligned with the arm; null where nothing was measured. */
export interface AlignedJoint {
  readonly axis: string;
  /** Joints: 1 or -1, and what is added (rad) to have the arm's position. */
  readonly direction: number | null;
  readonly offset: number | null;
  /** Trigger: what it reads let go and squeezed. */
  readonly low: number | null;
  readonly high: number | null;
  /** How far repetitions lay apart, rad. */
  readonly residual: number | null;
  readonly method: string;
  /** ISO 8601. */
  readonly date: string | null;
}

export interface DeviceState {
  readonly device: string;
  readonly kind: string;
  readonly status: CalibrationStatus;
  /** One sentence for people. */
  readonly words: string;
  /** What is worth knowing and stops nothing. */
  readonly notes: readonly string[];
  readonly axes: readonly AxisState[];
  /** What the device gets; null: the robot file's values. */
  readonly calibration: DeviceCalibration | null;
}
