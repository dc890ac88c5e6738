/** Opening of a gripper: closed and wide open by hand, several times; gives zero, direction and metres per raw unit. */
import { ArmloopError } from '../errors.ts';
import type { AxisSpec } from '../robot/spec.ts';
import { entryOf, meanOf, type Plan, type Step, type Subject } from './procedure.ts';
import type { Entry } from './schema.ts';

export interface GripperOptions {
  /** How often it is closed and opened. */
  readonly repeats: number;
  /** Opening when wide open, measured with a calliper, m; null: the robot file's largest. */
  readonly opening: number | null;
}

/** Repetitions may lie so far from their mean, m. */
const REPEATABLE = 0.002;
/** A scale that differs from the robot file's by more than this factor is another mechanism, or a slip of the hand. */
const SCALE_FACTOR = 2;

export function gripperPlan(subject: Subject, axis: AxisSpec, options: GripperOptions): Plan {
  const { entry, parts } = subject;
  const i = parts.findIndex((p) => p.name === axis.name);
  const { scale: filed } = parts[i]!;
  const { repeats } = options;
  const wide = options.opening ?? axis.max;
  const steps = Array.from({ length: repeats }, (_, k) => [
    step(i, axis, `Close ${axis.name} by hand until its jaws touch${again(k)}.`, 0),
    step(i, axis, `Open ${axis.name} by hand to ${wide} m${again(k)}.`, wide),
  ]).flat();
  const closed = Array.from({ length: repeats }, (_, k) => 2 * k);
  const open = closed.map((at) => at + 1);

  return {
    kind: 'gripper',
    device: entry.name,
    steps,
    check: (at, readings) => {
      const done = (all: readonly number[]): readonly number[] => all.filter((s) => s <= at);
      for (const those of [done(closed), done(open)]) {
        if (those.length === 0) continue;
        const off = meanOf(readings, those, i).residual * filed;
        if (off <= REPEATABLE) continue;
        const values = { axis: axis.name, off: off.toFixed(4), unit: 'm', limit: REPEATABLE };
        return { error: new ArmloopError('CALIBRATION_UNREPEATABLE', values), back: 0 };
      }
      if (at % 2 === 0) return null;
      const way =
        Math.abs(meanOf(readings, done(open), i).mean - meanOf(readings, done(closed), i).mean) * filed;
      if (way >= wide / SCALE_FACTOR && way <= wide * SCALE_FACTOR) return null;
      const problem = `it moved by ${way.toFixed(4)} m as the robot file reckons (ratio), not by ${wide} m: close and open it all the way, or correct ratio`;
      return { error: new ArmloopError('CALIBRATION_RANGE', { axis: axis.name, problem }), back: at - 1 };
    },
    solve: (readings, date) => {
      const shut = meanOf(readings, closed, i);
      const spread = meanOf(readings, open, i);
      const raw = spread.mean - shut.mean;
      const scale = wide / Math.abs(raw);
      const far = (residual: number): number => residual * scale;
      const method = `closed and opened by hand, ${repeats} times`;
      const off = far(Math.max(shut.residual, spread.residual));
      const one = (
        quantity: Entry['quantity'],
        value: number,
        unit: string,
        residual: number | null,
      ): Entry => entryOf(subject, i, quantity, { value, unit, method, residual, residualUnit: 'm' }, date);
      return [
        one('zero', shut.mean, subject.unit, far(shut.residual)),
        one('at', 0, 'm', far(shut.residual)),
        one('direction', Math.sign(raw), '1', null),
        one('scale', scale, `m/${subject.unit}`, off),
        one('low', 0, 'm', off),
        one('high', wide, 'm', off),
      ];
    },
  };
}

const again = (k: number): string => (k === 0 ? '' : ' once more');

function step(i: number, { name }: AxisSpec, words: string, opening: number): Step {
  return { words, way: [{ [name]: opening }], axes: [i], skippable: false };
}
