/** Procedures with somebody who is asked: the command line is one, a test another. */
import { ArmloopError, explain } from '../errors.ts';
import type { Calibrator, FoundServo } from '../robot/calibration.ts';
import type { Emulation, Now } from '../robot/device.ts';
import { entryOf, originEntries, type Plan, Procedure, type Step, type Subject } from './procedure.ts';
import type { Entry } from './schema.ts';
import { steady } from './steady.ts';

/** Who carries out what the steps say. */
export interface Guide {
  say(text: string): void;
  /** Rejects with CALIBRATION_STOPPED. */
  ask(words: string, skippable: boolean): Promise<'done' | 'skip'>;
  /** `retry`: a reading that was refused is asked for again. `stop`: it ends the procedure. */
  readonly refused: 'retry' | 'stop';
}

/** What every procedure needs. */
export interface WalkOptions {
  /** Lets the hardware go limp, and reads it. */
  readonly hardware: Pick<Calibrator, 'release' | 'read'>;
  /** Names of what is read, in order. */
  readonly names: readonly string[];
  readonly guide: Guide;
  readonly now: Now;
  /** The hand of emulated hardware; null: a person's. */
  readonly emulation: Pick<Emulation, 'hand' | 'connect'> | null;
  /** See SteadyOptions. */
  readonly still?: { readonly still: number; readonly unit: string };
}

export type RunOptions = Omit<WalkOptions, 'hardware' | 'names' | 'still'> & {
  readonly subject: Subject;
  readonly calibrator: Calibrator;
};

/** Walks through a plan with torque off. Rejects with CALIBRATION_*, DEVICE_*. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<readonly Entry[]> {
  const { subject, calibrator, guide } = options;
  await guide.ask('Support the arm: torque goes off now and stays off.', false);
  const names = subject.parts.map((p) => p.name);
  const entries = await walk(plan, { ...options, hardware: calibrator, names });
  return [...entries, ...originEntries(subject, entries, await calibrator.origins())];
}

/** The same for what is limp anyway. */
export async function walk(plan: Plan, options: WalkOptions): Promise<readonly Entry[]> {
  const { hardware, names, guide, now, emulation, still = {} } = options;
  await hardware.release();
  const procedure = new Procedure(plan);
  for (let step = procedure.step; step !== null; step = procedure.step) {
    const { words, skippable, axes } = step;
    const answer = await guide.ask(`[${procedure.at + 1}/${plan.steps.length}] ${words}`, skippable);
    await attempt(guide, async () => {
      if (answer === 'skip') procedure.skip();
      else {
        await followStep(procedure.step!, emulation);
        procedure.take(await steady({ read: () => hardware.read(), names, axes, now, ...still }));
      }
    });
  }
  return procedure.result(new Date());
}

/** Lets an emulated hand do what a step says; people do it themselves. */
export async function followStep({ way }: Step, emulation: Pick<Emulation, 'hand'> | null): Promise<void> {
  const hand = emulation?.hand;
  if (hand === undefined) return;
  for (const pose of way) {
    await Promise.all(Object.entries(pose).map(([axis, position]) => hand(axis, position)));
  }
}

/** A refusal is told and asked anew where that may help. */
async function attempt(guide: Guide, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const again = error instanceof ArmloopError && error.code.startsWith('CALIBRATION_');
    if (!again || guide.refused === 'stop') throw error;
    guide.say(explain(error));
  }
}

/**
 * Gives the servos of these axes (indices) their ids and rates, one after the other, each alone on the line. Rejects with
 * CALIBRATION_STOPPED, DEVICE_*.
 */
export async function runIds(axes: readonly number[], options: RunOptions): Promise<readonly Entry[]> {
  const { calibrator, guide, emulation } = options;
  const entries: Entry[] = [];
  const last = calibrator.asFromFactory;
  const order = [...axes.filter((i) => i !== last), ...axes.filter((i) => i === last)];
  for (const [k, i] of order.entries()) {
    const { name, model } = calibrator.axes[i]!;
    const words = `[${k + 1}/${axes.length}] Connect the servo of ${name} (${model}) alone, and power it.`;
    for (let done = false; !done; ) {
      if ((await guide.ask(words, true)) === 'skip') break;
      await emulation?.connect?.(name);
      done = await nameServo(i, entries, options);
    }
  }
  if (entries.length === 0)
    throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'every servo was skipped' });
  await guide.ask('Connect the whole chain.', false);
  await emulation?.connect?.(null);
  await calibrator.release();
  guide.say('Every servo of the robot file answers, and is of its model.');
  return entries;
}

/** Names the one servo that answers, and adds what it did to `entries`. False when it is not the one that is meant. */
async function nameServo(
  i: number,
  entries: Entry[],
  { subject, calibrator, guide }: RunOptions,
): Promise<boolean> {
  const { name, id, model } = calibrator.axes[i]!;
  const everybody = await calibrator.list();
  const [found] = everybody;
  const problem = unusable(everybody, model, entries);
  if (found === undefined || problem !== '') {
    if (guide.refused === 'stop')
      throw new ArmloopError('CALIBRATION_STOPPED', { reason: `${name}: ${problem}` });
    guide.say(problem);
    return false;
  }
  const baud = await calibrator.assign(found, i);
  guide.say(`${name}: id ${found.id} at ${found.baud} baud is id ${id} at ${baud} baud now, read back.`);
  const method = `set from id ${found.id} at ${found.baud} baud, read back`;
  const date = new Date().toISOString();
  const one = (quantity: 'id' | 'baud', value: number, unit: string): Entry =>
    entryOf(subject, i, quantity, { value, unit, method, residual: null }, date);
  entries.push(one('id', id, '1'), one('baud', baud, 'baud'));
  return true;
}

function unusable(found: readonly FoundServo[], model: string, named: readonly Entry[]): string {
  const list = found.map((s) => `id ${s.id} at ${s.baud} baud (${s.model})`).join(', ');
  if (found.length === 0) return 'Nobody answers at any rate: check power and cable.';
  if (found.length > 1) return `Several servos answer: ${list}. Leave only the one that is meant.`;
  const [{ id, baud, model: is }] = found as [FoundServo];
  if (is !== model) return `What answers is ${list}, but the robot file wants a ${model} here.`;
  const has = (quantity: Entry['quantity'], value: number, axis: string): boolean =>
    named.some((e) => e.axis === axis && e.quantity === quantity && e.value === value);
  const same = named.find((e) => has('id', id, e.axis) && has('baud', baud, e.axis));
  if (same === undefined) return '';
  return `What answers is ${list}, which was named ${same.axis} just now: connect the next one. If this is the next one, give it another id first (\`armloop driver\`).`;
}
