/**
 * A guided procedure: steps in which a hand brings an arm without torque somewhere, each ended by a reading. The command
 * line and the console walk through the same one. A reading that cannot be right is refused in words and asked for again.
 */
import { ArmloopError } from '../errors.ts';
import type { CalibrationAxis } from '../robot/calibration.ts';
import type { DeviceEntry, RobotSpec } from '../robot/spec.ts';
import type { CalibrationKind, Entry, Quantity } from './schema.ts';

/** Positions by axis, rad or m. */
export type Pose = Readonly<Record<string, number>>;

export interface Step {
  /** What the hand is to do. */
  readonly words: string;
  /** What an emulated hand does, one pose after the other. */
  readonly way: readonly Pose[];
  /** Which axes must be still: indices into the device's. */
  readonly axes: readonly number[];
  readonly skippable: boolean;
}

/** Raw positions of the device per step; null: skipped; undefined: to come. */
export type Readings = readonly (Float64Array | null | undefined)[];

/** What a procedure consists of. */
export interface Plan {
  readonly kind: CalibrationKind;
  readonly device: string;
  readonly steps: readonly Step[];
  /** After step `at`: what is wrong and the step to go on from; null when all is well. */
  check(at: number, readings: Readings): { readonly error: ArmloopError; readonly back: number } | null;
  /** What was measured, when every step is done. */
  solve(readings: Readings, date: string): readonly Entry[];
}

/** What plans are made of. */
export interface Subject {
  readonly robot: RobotSpec;
  readonly entry: DeviceEntry;
  /** What raw positions are counted in. */
  readonly unit: string;
  /** Of the driver, in the order of the device's axes. */
  readonly parts: readonly CalibrationAxis[];
}

export class Procedure {
  readonly plan: Plan;
  readonly #readings: (Float64Array | null | undefined)[];
  #at = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.#readings = plan.steps.map(() => undefined);
  }

  /** Counted from 0; `plan.steps.length` at the end. */
  get at(): number {
    return this.#at;
  }

  /** What is to be done now; null when all is done. */
  get step(): Step | null {
    return this.plan.steps[this.#at] ?? null;
  }

  /** The hand has done what the step says. Throws CALIBRATION_*: then the step to go on from may be an earlier one. */
  take(raw: Float64Array): void {
    this.#next(raw);
  }

  /** Goes on without. Throws CALIBRATION_STEP where that cannot be. */
  skip(): void {
    if (this.step?.skippable !== true) {
      throw new ArmloopError('CALIBRATION_STEP', {
        what: 'skipped',
        reason: 'nothing could be measured without it',
      });
    }
    this.#next(null);
  }

  /** Throws CALIBRATION_STEP before the end. */
  result(date: Date): readonly Entry[] {
    if (this.step !== null) {
      const left = this.plan.steps.length - this.#at;
      throw new ArmloopError('CALIBRATION_STEP', { what: 'finished', reason: `${left} steps are left` });
    }
    return this.plan.solve(this.#readings, date.toISOString());
  }

  #next(reading: Float64Array | null): void {
    this.#readings[this.#at] = reading;
    const wrong = this.plan.check(this.#at, this.#readings);
    this.#at = wrong === null ? this.#at + 1 : wrong.back;
    for (let i = this.#at; i < this.#readings.length; i++) this.#readings[i] = undefined;
    if (wrong !== null) throw wrong.error;
  }
}

/** Mean of what an axis read in several steps, and the largest distance from it; skipped steps do not count. */
export function meanOf(
  readings: Readings,
  steps: readonly number[],
  axis: number,
): { readonly mean: number; readonly residual: number } {
  const values = steps.flatMap((i) => {
    const reading = readings[i];
    return reading === null || reading === undefined ? [] : [reading[axis]!];
  });
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, residual: Math.max(...values.map((v) => Math.abs(v - mean))) };
}

/** What a number of an entry is. */
export interface Measured {
  readonly value: number;
  readonly unit: string;
  readonly method: string;
  /** In `residualUnit`, which is `unit` when left out. */
  readonly residual: number | null;
  readonly residualUnit?: string;
}

/** An entry, of what was measured of a part. */
export function entryOf(
  { entry, parts }: Pick<Subject, 'entry' | 'parts'>,
  axis: number,
  quantity: Quantity,
  { value, unit, method, residual, residualUnit }: Measured,
  date: string,
): Entry {
  const { name, part } = parts[axis]!;
  const rest = { method, date, residual, residualUnit: residualUnit ?? unit, part };
  return { device: entry.name, axis: name, quantity, value, unit, ...rest };
}

/** The zeros that the servos themselves had while these entries were measured. */
export function originEntries(
  subject: Subject,
  measured: readonly Entry[],
  origins: Float64Array | null,
): readonly Entry[] {
  if (origins === null) return [];
  const { unit } = subject;
  return subject.parts.flatMap(({ name }, i) => {
    const one = measured.find((e) => e.axis === name);
    if (one === undefined) return [];
    const read = { value: origins[i]!, unit, method: 'read from the servo', residual: null };
    return [entryOf(subject, i, 'origin', read, one.date)];
  });
}

/** The entries of the newest version with those that were measured anew in their place: what was not, keeps its date. */
export function merged(old: readonly Entry[], fresh: readonly Entry[]): Entry[] {
  const axes = new Set(fresh.map((e) => `${e.device}/${e.axis}`));
  return [...old.filter((e) => !axes.has(`${e.device}/${e.axis}`)), ...fresh];
}
