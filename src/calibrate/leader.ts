/**
 * Alignment of a leader with its arm: which way each joint counts, and what is added to have the arm's. The leader is put
 * into the reference pose of the arm several times, by hand; then each joint is turned a little towards +. Its readings come
 * through the leader contract, so any kind of leader can be aligned.
 */
import { createHash } from 'node:crypto';
import { ArmloopError } from '../errors.ts';
import type { Calibrator } from '../robot/calibration.ts';
import type { AlignedJoint } from '../robot/calibration-state.ts';
import type { Leader } from '../robot/leader.ts';
import type { LeaderEntry, RobotSpec } from '../robot/spec.ts';
import { referenceOf } from './joints.ts';
import { meanOf, type Plan, type Readings, type Step } from './procedure.ts';
import type { Entry } from './schema.ts';
import type { StoredCalibrations } from './store.ts';

const TURN = 2 * Math.PI;
/** Repetitions may lie so far from their mean, rad: no hand holds a leader better. */
const REPEATABLE = 0.06;
/** A joint is turned at least this far towards +, rad; an emulated hand turns it twice as far. */
const LEAST_TURN = 0.2;
/** Least part of its travel that a trigger must have moved. */
const LEAST_SQUEEZE = 0.2;
export const TRIGGER = 'trigger';
/** Spread of readings (rad) that counts as still, in a hand. */
export const LEADER_STILL = 0.02;

/** What an alignment was made of: the driver's settings but for its port, and the joint. */
export function leaderPart({ kind, options, joints }: LeaderEntry, name: string): string {
  const { port: _, ...settings } = options as { port?: unknown };
  const hash = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 8);
  const i = joints.findIndex((j) => j.axis === name);
  const what = i < 0 ? name : `joint ${i + 1} of ${joints.length}, scale ${joints[i]!.scale}`;
  return `${kind} leader, ${what}, settings ${hash}`;
}

export interface LeaderOptions {
  readonly pose: 'zero' | 'home';
  readonly repeats: number;
}

/** Throws CALIBRATION_NONE for a robot without leader, or one that has buttons alone. */
export function leaderPlan(robot: RobotSpec, { pose, repeats }: LeaderOptions): Plan {
  const entry = leaderOf(robot);
  const { joints, trigger } = entry;
  const n = joints.length;
  const at = joints.map(({ axis: name }) => {
    const axis = entry.model === null ? robot.axes.find((a) => a.name === name) : undefined;
    return axis === undefined ? 0 : referenceOf(axis, pose);
  });
  const all = joints.map((_, i) => i);
  const where = joints.map(({ axis }, i) => `${axis} ${Number(at[i]!.toFixed(3))}`).join(', ');
  const reference = (turned: number): Record<string, number> =>
    Object.fromEntries(joints.map(({ axis }, i) => [axis, at[i]! + turned]));
  const squeeze = (words: string, to: number): Step => ({
    words,
    way: [{ [TRIGGER]: to }],
    axes: [n],
    skippable: true,
  });
  const steps: Step[] = [
    ...Array.from({ length: repeats }, (_, k) => ({
      words:
        k === 0
          ? `Hold the leader as the arm is in its reference pose (rad): ${where}.`
          : 'Move the leader away and hold it in the reference pose again.',
      way: k === 0 ? [reference(0)] : [reference(LEAST_TURN), reference(0)],
      axes: all,
      skippable: false,
    })),
    ...joints.map(({ axis }, i) => ({
      words: `Turn ${axis} of the leader by about ${2 * LEAST_TURN} rad towards +, as the arm's ${axis} counts, and hold it.`,
      way: [{ [axis]: at[i]! + 2 * LEAST_TURN }],
      axes: [i],
      skippable: true,
    })),
    ...(trigger === null
      ? []
      : [squeeze('Let go of the trigger.', 0), squeeze('Squeeze the trigger as far as it goes.', 1)]),
  ];
  const zeros = Array.from({ length: repeats }, (_, k) => k);
  const turned = (readings: Readings, i: number): number | null => {
    const there = readings[repeats + i];
    if (there === null || there === undefined) return null;
    return near(there[i]! - meanOf(unwrapped(readings, zeros), zeros, i).mean);
  };
  return {
    kind: 'leader',
    device: entry.name,
    steps,
    check: (step, readings) => {
      const refuse = (axis: string, problem: string, back: number) => ({
        error: new ArmloopError('CALIBRATION_RANGE', { axis, problem }),
        back,
      });
      if (step < repeats) return apart(joints, unwrapped(readings, zeros), zeros.slice(0, step + 1));
      if (step < repeats + n) {
        const i = step - repeats;
        const way = turned(readings, i);
        if (way === null || Math.abs(way) >= LEAST_TURN) return null;
        return refuse(joints[i]!.axis, `it was turned by ${way.toFixed(3)} rad only`, step);
      }
      const [low, high] = [readings[repeats + n]?.[n], readings[repeats + n + 1]?.[n]];
      if (low === undefined || high === undefined || Math.abs(high - low) >= LEAST_SQUEEZE) return null;
      return refuse(TRIGGER, 'it hardly moved between let go and squeezed', repeats + n);
    },
    solve: (readings, date) => {
      const straight = unwrapped(readings, zeros);
      const one = (
        axis: string,
        quantity: Entry['quantity'],
        value: number,
        unit: string,
        method: string,
        residual: number | null,
      ): Entry => ({
        device: entry.name,
        axis,
        quantity,
        value,
        unit,
        method,
        date,
        residual,
        residualUnit: unit,
        part: leaderPart(entry, axis),
      });
      const entries = joints.flatMap(({ axis, sign: filed, scale }, i) => {
        const { mean, residual } = meanOf(straight, zeros, i);
        const way = turned(readings, i);
        const sign = way === null ? filed : Math.sign(way);
        const pose = `reference pose of the arm by hand, ${repeats} times`;
        return [
          one(axis, 'direction', sign, '1', way === null ? 'robot file' : 'turned towards +', null),
          one(axis, 'offset', at[i]! - sign * scale * mean, 'rad', pose, residual * scale),
        ];
      });
      const [low, high] = [readings[repeats + n]?.[n], readings[repeats + n + 1]?.[n]];
      if (low === undefined || high === undefined) return entries;
      const by = 'let go and squeezed by hand';
      return [...entries, one(TRIGGER, 'low', low, '1', by, null), one(TRIGGER, 'high', high, '1', by, null)];
    },
  };
}

function leaderOf(robot: RobotSpec): LeaderEntry {
  const { leader } = robot;
  if (leader !== null && leader.joints.length > 0) return leader;
  const reason =
    leader === null ? 'the robot file names no leader' : `the leader ${leader.name} has buttons alone`;
  throw new ArmloopError('CALIBRATION_NONE', { what: 'the leader', reason });
}

/** The same angle within half a turn of 0. */
const near = (angle: number): number => angle - TURN * Math.round(angle / TURN);

/** The reference readings on the turn of the first: encoders may come back whole turns off. */
function unwrapped(readings: Readings, zeros: readonly number[]): Readings {
  const first = readings[0];
  return readings.map((r, k) =>
    r === null || r === undefined || first === null || first === undefined || !zeros.includes(k)
      ? r
      : r.map((q, i) => first[i]! + near(q - first[i]!)),
  );
}

function apart(
  joints: LeaderEntry['joints'],
  readings: Readings,
  zeros: readonly number[],
): ReturnType<Plan['check']> {
  for (const [i, { axis }] of joints.entries()) {
    const off = meanOf(readings, zeros, i).residual;
    if (off <= REPEATABLE) continue;
    const values = { axis, off: off.toFixed(3), unit: 'rad', limit: REPEATABLE };
    return { error: new ArmloopError('CALIBRATION_UNREPEATABLE', values), back: 0 };
  }
  return null;
}

export interface Alignment {
  /** `none`: no leader with joints. `missing` and `stale`: what the robot file says holds. */
  readonly status: 'none' | 'missing' | 'stale' | 'fits';
  readonly words: string;
  /** The robot with its leader as measured, where that fits; else as its file says. */
  readonly robot: RobotSpec;
}

export function align(robot: RobotSpec, stored: StoredCalibrations): Alignment {
  const { leader } = robot;
  if (leader === null || leader.joints.length === 0) return { status: 'none', words: '', robot };
  const entries = (stored.leader?.file.entries ?? []).filter((e) => e.device === leader.name);
  const value = (axis: string, quantity: Entry['quantity']): number | undefined =>
    entries.find((e) => e.axis === axis && e.quantity === quantity)?.value;
  const missing = leader.joints.filter((j) => value(j.axis, 'offset') === undefined);
  if (missing.length > 0) {
    const words = 'not aligned: sign and offset of each joint are those of the robot file';
    return { status: 'missing', words, robot };
  }
  const other = entries.find((e) => e.part !== leaderPart(leader, e.axis));
  if (other !== undefined) {
    const words = `its alignment is not used: ${other.axis} was measured of ${other.part}, and the robot file has ${leaderPart(leader, other.axis)} now`;
    return { status: 'stale', words, robot };
  }
  const joints = leader.joints.map((j) => ({
    ...j,
    sign: value(j.axis, 'direction') === -1 ? (-1 as const) : (1 as const),
    offset: value(j.axis, 'offset')!,
  }));
  const trigger = squeezed(leader.trigger, value(TRIGGER, 'low'), value(TRIGGER, 'high'));
  const words = `aligned with the arm on ${entries
    .map((e) => e.date)
    .sort()[0]!
    .slice(0, 10)}`;
  return { status: 'fits', words, robot: { ...robot, leader: { ...leader, joints, trigger } } };
}

/** What is stored of each joint of a leader, then of its trigger where it has one. */
export function alignedJoints(leader: LeaderEntry, stored: StoredCalibrations): readonly AlignedJoint[] {
  const entries = (stored.leader?.file.entries ?? []).filter((e) => e.device === leader.name);
  const names = [...leader.joints.map((j) => j.axis), ...(leader.trigger === null ? [] : [TRIGGER])];
  return names.map((axis) => {
    const of = (quantity: Entry['quantity']): Entry | undefined =>
      entries.find((e) => e.axis === axis && e.quantity === quantity);
    const main = of('offset') ?? of('high');
    return {
      axis,
      direction: of('direction')?.value ?? null,
      offset: of('offset')?.value ?? null,
      low: of('low')?.value ?? null,
      high: of('high')?.value ?? null,
      residual: main?.residual ?? null,
      method: main?.method ?? '',
      date: main?.date ?? null,
    };
  });
}

/** Openings at readings 0 and 1, so that those measured give what the robot file says. */
function squeezed(
  trigger: LeaderEntry['trigger'],
  low: number | undefined,
  high: number | undefined,
): LeaderEntry['trigger'] {
  if (trigger === null || low === undefined || high === undefined) return trigger;
  const per = (trigger.squeezed - trigger.released) / (high - low);
  const released = trigger.released - low * per;
  return { ...trigger, released, squeezed: released + per };
}

/** A leader's readings in the place of a calibrator's: joints, then the trigger. */
export class LeaderReader implements Pick<Calibrator, 'release' | 'read'>, AsyncDisposable {
  readonly #leader: Leader;
  #newest: Float64Array | null = null;
  #fault = '';

  constructor(leader: Leader) {
    this.#leader = leader;
    leader.onReading = ({ q, trigger }) => {
      this.#newest = Float64Array.of(...q, trigger);
    };
    leader.onFault = (message) => {
      this.#fault = message;
      this.#newest = null;
    };
  }

  /** Opens it; leaders are limp then. Rejects with DEVICE_*. */
  release(): Promise<void> {
    return this.#leader.open();
  }

  /** Rejects with LEADER_LOST. */
  async read(): Promise<Float64Array> {
    const end = performance.now() + 2000;
    while (this.#newest === null && this.#fault === '' && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.#newest !== null) return this.#newest;
    const { name: leader } = this.#leader.spec;
    throw new ArmloopError('LEADER_LOST', { leader, reason: this.#fault || 'no reading came' });
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#leader[Symbol.asyncDispose]();
  }
}
