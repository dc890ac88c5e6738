/**
 * Zero, direction and reach of revolute axes. The arm is brought to a reference pose several times, by hand or by a jig:
 * where the encoders then stand is the zero, how far the repetitions lie apart its residual. Then each axis is moved to both
 * ends: that says which way it counts, and whether the limits of the robot file can be reached.
 */
import { ArmloopError } from '../errors.ts';
import type { AxisSpec } from '../robot/spec.ts';
import {
  entryOf,
  meanOf,
  type Plan,
  type Pose,
  type Readings,
  type Step,
  type Subject,
} from './procedure.ts';
import type { Entry } from './schema.ts';
import { rangeProblem, unitOf } from './state.ts';

export interface JointOptions {
  /** Axes to measure, by name. */
  readonly axes: readonly string[];
  /** `zero`: every axis at 0, or at its home where 0 is outside of its limits; `home`: the home pose. */
  readonly pose: 'zero' | 'home';
  /** How often the reference pose is taken. */
  readonly repeats: number;
}

/** Repetitions of a zero may lie so far from their mean, rad. */
const REPEATABLE = 0.03;
/** Part of the way between its limits that an axis must at least have been moved. */
const LEAST_SWEEP = 0.2;
/** How far an emulated hand leaves the reference before it comes back, rad. */
const AWAY = 0.3;
/** Beyond any end stop, rad: an emulated hand presses on until it meets it. */
const BEYOND = 10;

const round = (value: number): string => String(Number(value.toFixed(3)));

/** Position of an axis in the reference pose. */
export function referenceOf({ min, max, home }: AxisSpec, pose: JointOptions['pose']): number {
  return pose === 'home' || min > 0 || max < 0 ? home : 0;
}

export function jointPlan(subject: Subject, options: JointOptions): Plan {
  const { robot, entry, parts } = subject;
  const chosen = parts.flatMap(({ name }, i) => (options.axes.includes(name) ? [i] : []));
  const specs = parts.map(({ name }) => robot.axes.find((a) => a.name === name)!);
  const reference = specs.map((spec) => referenceOf(spec, options.pose));
  const { repeats } = options;
  const steps = [
    ...Array.from({ length: repeats }, (_, k) => referenceStep(chosen, specs, reference, k)),
    ...chosen.flatMap((i) => [endStep(i, specs[i]!, 'high'), endStep(i, specs[i]!, 'low')]),
  ];
  const zeros = Array.from({ length: repeats }, (_, k) => k);
  const endsAt = (k: number): number => repeats + 2 * k;

  return {
    kind: 'joints',
    device: entry.name,
    steps,
    check: (at, readings) => {
      if (at < repeats) return unrepeatable(subject, chosen, zeros.slice(0, at + 1), readings);
      const k = (at - repeats) >> 1;
      const i = chosen[k]!;
      if ((at - repeats) % 2 === 0) return null;
      const { mean } = meanOf(readings, zeros, i);
      const problem = sweepProblem(
        subject,
        specs[i]!,
        i,
        { zero: mean, at: reference[i]! },
        readings,
        endsAt(k),
      );
      if (problem === '') return null;
      const error = new ArmloopError('CALIBRATION_RANGE', { axis: specs[i]!.name, problem });
      return { error, back: endsAt(k) };
    },
    solve: (readings, date) =>
      chosen.flatMap((i, k) =>
        entriesOf(subject, specs[i]!, i, reference[i]!, readings, zeros, endsAt(k), date),
      ),
  };
}

function referenceStep(
  chosen: readonly number[],
  specs: readonly AxisSpec[],
  reference: readonly number[],
  k: number,
): Step {
  const pose = (shift: number): Pose =>
    Object.fromEntries(
      chosen.map((i) => [specs[i]!.name, reference[i]! + shift * inwards(specs[i]!, reference[i]!)]),
    );
  const where = chosen.map((i) => `${specs[i]!.name} ${round(reference[i]!)}`).join(', ');
  const words =
    k === 0
      ? `Bring the arm to its reference pose and hold it still (rad): ${where}.`
      : 'Move every joint away a little and bring the arm to the reference pose again.';
  return { words, way: k === 0 ? [pose(0)] : [pose(AWAY), pose(0)], axes: chosen, skippable: false };
}

/** 1 or -1: where an axis has more room. */
const inwards = ({ min, max }: AxisSpec, at: number): number => (max - at >= at - min ? 1 : -1);

function endStep(i: number, { name, min, max }: AxisSpec, end: 'high' | 'low'): Step {
  const [sign, limit, beyond] = end === 'high' ? ['+', max, BEYOND] : ['−', min, -BEYOND];
  const words = `Move ${name} alone to its ${sign} end, to ${round(limit)} rad or beyond (${sign} as the model counts it).`;
  return { words, way: [{ [name]: beyond }], axes: [i], skippable: true };
}

function unrepeatable(
  { parts }: Subject,
  chosen: readonly number[],
  zeros: readonly number[],
  readings: Readings,
): ReturnType<Plan['check']> {
  for (const i of chosen) {
    const { name, scale } = parts[i]!;
    const off = meanOf(readings, zeros, i).residual * scale;
    if (off <= REPEATABLE) continue;
    const error = new ArmloopError('CALIBRATION_UNREPEATABLE', {
      axis: name,
      off: round(off),
      unit: 'rad',
      limit: REPEATABLE,
    });
    return { error, back: 0 };
  }
  return null;
}

interface Ends {
  readonly direction: 1 | -1;
  /** rad; null: skipped. */
  readonly low: number | null;
  readonly high: number | null;
}

/** What the ends of an axis say: `at` is its position at the raw position `zero`. */
function endsOf(
  { parts }: Subject,
  i: number,
  { zero, at }: { readonly zero: number; readonly at: number },
  readings: Readings,
  from: number,
): Ends | null {
  const { scale, direction: filed } = parts[i]!;
  const [high, low] = [readings[from]?.[i] ?? null, readings[from + 1]?.[i] ?? null];
  if (high === null && low === null) return null;
  const direction = high === null || low === null ? filed : high >= low ? 1 : -1;
  const position = (raw: number | null): number | null =>
    raw === null ? null : direction * scale * (raw - zero) + at;
  return { direction, low: position(low), high: position(high) };
}

function sweepProblem(
  subject: Subject,
  spec: AxisSpec,
  i: number,
  zero: { readonly zero: number; readonly at: number },
  readings: Readings,
  from: number,
): string {
  const ends = endsOf(subject, i, zero, readings, from);
  if (ends === null) return '';
  const { low, high } = ends;
  if (low !== null && high !== null) {
    // The reference lies between the ends, wherever they are; an encoder that starts anew on the way puts it outside.
    if (zero.at < low - REPEATABLE || zero.at > high + REPEATABLE) {
      return `the reference pose (${round(zero.at)} rad) does not lie between them (${round(low)} to ${round(high)} rad): it was not moved to both, or its encoder starts anew on the way, or another axis was moved`;
    }
    if (high - low < LEAST_SWEEP * (spec.max - spec.min)) return 'it hardly moved between them';
  }
  return rangeProblem(spec, low, high);
}

function entriesOf(
  subject: Subject,
  spec: AxisSpec,
  i: number,
  at: number,
  readings: Readings,
  zeros: readonly number[],
  from: number,
  date: string,
): Entry[] {
  const { scale, direction: filed } = subject.parts[i]!;
  const { mean, residual } = meanOf(readings, zeros, i);
  const ends = endsOf(subject, i, { zero: mean, at }, readings, from);
  const unit = unitOf(spec);
  const off = residual * scale;
  const pose = `reference pose by hand, ${zeros.length} times`;
  const one = (
    quantity: Entry['quantity'],
    value: number,
    of: string,
    method: string,
    far: number | null,
  ): Entry =>
    entryOf(subject, i, quantity, { value, unit: of, method, residual: far, residualUnit: unit }, date);
  const entries = [
    one('zero', mean, subject.unit, pose, off),
    one('at', at, unit, pose, off),
    one(
      'direction',
      ends?.direction ?? filed,
      '1',
      ends === null || ends.low === null || ends.high === null ? 'robot file' : 'moved to both ends',
      null,
    ),
  ];
  for (const end of ['low', 'high'] as const) {
    const value = ends?.[end] ?? null;
    // A hand finds the end stop once: its residual is that of the zero.
    if (value !== null) entries.push(one(end, value, unit, 'moved to its end by hand', off));
  }
  return entries;
}
