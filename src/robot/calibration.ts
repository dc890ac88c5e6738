/**
 * What calibration needs of a driver, and what a driver gets of it. Raw positions are counts of the driver's encoder
 * (`unit` names them); SI begins behind the driver's own map.
 */
import type { DeviceContext } from './device.ts';

/** What a driver knows of one axis without touching the hardware. */
export interface CalibrationAxis {
  readonly name: string;
  /**
   * What the measurement depends on, in words: `xm430-w350, id 3, ratio 1, mode position`. A calibration whose words differ
   * was made of another part.
   */
  readonly part: string;
  /** Axis units per raw unit, > 0, and the sign, as the robot file has them. */
  readonly scale: number;
  readonly direction: 1 | -1;
  /** Id and model that the robot file wants. */
  readonly id: number;
  readonly model: string;
}

/** A servo that answered, at whatever id and rate it has. */
export interface FoundServo {
  readonly id: number;
  /** bit/s. */
  readonly baud: number;
  /** As robot files call it. */
  readonly model: string;
  /** `damaged`: what it is asked for arrives damaged each time, as that of two servos with one id does. */
  readonly answers: 'well' | 'damaged';
}

/** Told before each rate that is tried, the `at`th (from 1) of `of`. What it throws ends the search. */
export type RateNews = (baud: number, at: number, of: number) => void;

/** The hardware of one device, opened for setting up and measuring alone: nothing here turns torque on. */
export interface Calibrator extends AsyncDisposable {
  /** What raw positions are counted in: `step`. */
  readonly unit: string;
  /** In the order of the device's axes. */
  readonly axes: readonly CalibrationAxis[];
  /**
   * Index of the axis whose servo keeps the id and rate of the factory, or -1. It is named last: the next one from the
   * factory could not be told from it.
   */
  readonly asFromFactory: number;
  /** Rate that the robot file wants, bit/s. */
  readonly baud: number;
  /** Who answers, at every rate that servos can have. Rejects with DEVICE_PORT_*. */
  list(onRate?: RateNews): Promise<readonly FoundServo[]>;
  /**
   * Gives a servo, alone on the line, id and rate of that axis, torque off, and reads both back; its rate then. Rejects with
   * CALIBRATION_NOT_KEPT, DEVICE_*.
   */
  assign(found: FoundServo, axis: number): Promise<number>;
  /** Connects, checks that every servo is the one of the robot file, and turns torque off. Rejects with DEVICE_*. */
  release(): Promise<void>;
  /** The zeros that the servos themselves were given, raw; null where they have none. After `release`. */
  origins(): Promise<Float64Array | null>;
  /** Raw positions now, in the order of `axes`. After `release`. Rejects with DEVICE_BUS. */
  read(): Promise<Float64Array>;
}

/**
 * What a driver's folder may export as `calibrate`: then its devices need a calibration before torque comes on, unless
 * their entry says `calibration: none`. Touches no hardware; throws CONFIG_INVALID, also for a calibration (in the context)
 * that the servos cannot follow.
 */
export type CalibratorFactory = (context: DeviceContext) => Calibrator;

/** Raw positions of a running device, and whether any of its axes has torque. */
export interface RawReading {
  readonly time: number;
  readonly raw: Float64Array;
  readonly torque: 'on' | 'off';
  /** As `Calibrator.origins`. */
  readonly origins: Float64Array | null;
}
