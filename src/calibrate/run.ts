/** Procedures with somebody who is asked: the command line is one, a test another. */
import { ArmloopError, explain } from '../errors.ts';
import type { Calibrator } from '../robot/calibration.ts';
import type { Emulation, Now } from '../robot/device.ts';
import { Naming } from './naming.ts';
import { originEntries, type Plan, Procedure, type Step, type Subject } from './procedure.ts';
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
 * CALIBRATION_*, DEVICE_*.
 */
export async function runIds(axes: readonly number[], options: RunOptions): Promise<readonly Entry[]> {
  const { subject, calibrator, guide, emulation } = options;
  const naming = new Naming(subject, calibrator, axes);
  for (let step = naming.step; step !== null; step = naming.step) {
    const { words, axis, skippable } = step;
    if (axis === null && naming.entries.length === 0)
      throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'every servo was skipped' });
    const count = axis === null ? '' : `[${naming.at + 1}/${axes.length}] `;
    const answer = await guide.ask(`${count}${words}`, skippable);
    if (answer === 'skip') naming.skip();
    else {
      await emulation?.connect?.(axis);
      await attempt(guide, async () => guide.say(await naming.take()));
    }
  }
  return naming.entries;
}
