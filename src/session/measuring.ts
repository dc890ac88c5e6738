/** What is walked through on the page: an arm or a leader that a hand brings from place to place, without torque. */

import { choosePlan, type PlanChoice } from '../calibrate/choose.ts';
import { LEADER_STILL, leaderPlan, TRIGGER } from '../calibrate/leader.ts';
import { originEntries, Procedure, type Subject } from '../calibrate/procedure.ts';
import { followStep } from '../calibrate/run.ts';
import type { Entry } from '../calibrate/schema.ts';
import { steady } from '../calibrate/steady.ts';
import { ArmloopError } from '../errors.ts';
import type { Emulation } from '../robot/device.ts';
import { Mode } from '../robot/tick.ts';
import { modeWords } from '../robot/words.ts';
import type { SessionHost } from './host.ts';
import type { LeaderFlow } from './leader.ts';
import type { Walk } from './walk.ts';

interface Measured {
  readonly procedure: Procedure;
  /** Names of what is read, in order. */
  readonly names: readonly string[];
  /** Raw positions, or a leader's readings. Throws CALIBRATION_STEP while they must not be taken. */
  readonly read: () => Float64Array;
  readonly still?: { readonly still: number; readonly unit: string };
  readonly emulation: Pick<Emulation, 'hand'> | null;
  readonly save: (entries: readonly Entry[]) => Promise<readonly string[]>;
}

class Measuring implements Walk {
  readonly doing = '';
  readonly said = '';
  readonly #measured: Measured;
  readonly #now: () => number;
  #stopped = false;

  constructor(measured: Measured, now: () => number) {
    this.#measured = measured;
    this.#now = now;
  }

  get name(): string {
    return this.#measured.procedure.plan.device;
  }

  get what(): string {
    return this.#measured.procedure.plan.kind;
  }

  get at(): number {
    return this.#measured.procedure.at;
  }

  get of(): number {
    return this.#measured.procedure.plan.steps.length;
  }

  get step(): Walk['step'] {
    const { procedure, names } = this.#measured;
    const { step } = procedure;
    return step === null ? null : { ...step, axes: step.axes.map((i) => names[i]!) };
  }

  async take(): Promise<readonly string[]> {
    const { procedure, names, read, still = {} } = this.#measured;
    const { step } = procedure;
    const raw = await steady({ read: async () => read(), names, axes: step!.axes, now: this.#now, ...still });
    // It may have been stopped meanwhile.
    if (!this.#stopped && procedure.step === step) procedure.take(raw);
    return [];
  }

  skip(): void {
    this.#measured.procedure.skip();
  }

  get hand(): Walk['hand'] {
    const { procedure, emulation } = this.#measured;
    return emulation?.hand === undefined ? null : () => followStep(procedure.step!, emulation);
  }

  finish(): Promise<readonly string[]> {
    const { procedure, save } = this.#measured;
    return save(procedure.result(new Date()));
  }

  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    return [];
  }
}

const refuse = (what: string, reason: string): never => {
  throw new ArmloopError('CALIBRATION_STEP', { what, reason });
};

/** Torque may be on in any other mode. Throws CALIBRATION_STEP. */
export function needDisarmed({ view }: Pick<SessionHost, 'view'>): void {
  if (view.mode !== Mode.connected)
    refuse('done', `the rig is ${modeWords(view.mode).short}: disarm it, so that torque is off`);
}

/** Joints or gripper of a device of the rig. Throws CALIBRATION_NONE, CALIBRATION_STEP. */
export function measureDevice(
  host: SessionHost,
  choice: PlanChoice & { readonly device?: string | undefined },
): Walk {
  const { calibration, raw, hand, renew } = host.calibration;
  const { subject } = calibration.choose(choice.device);
  const { name } = subject.entry;
  const read = (): Float64Array => {
    needDisarmed(host);
    const reading = raw(name);
    if (reading === null) return refuse('done', `${name} does not answer`);
    if (reading.torque === 'on') return refuse('done', `${name} has torque: disarm the rig first`);
    return reading.raw;
  };
  read();
  const procedure = new Procedure(choosePlan(subject, choice));
  const save = async (entries: readonly Entry[]): Promise<readonly string[]> => {
    const { kind } = procedure.plan;
    const { file } = calibration.save(kind, [...entries, ...originsOf(subject, entries)]);
    const written = `Calibration of ${name}: ${kind} version ${file.version} is written.`;
    return [written, ...(await renew()).map((device) => `${device} was opened anew with it.`)];
  };
  const originsOf = (of: Subject, entries: readonly Entry[]): readonly Entry[] =>
    originEntries(of, entries, raw(name)?.origins ?? null);
  const names = subject.parts.map((p) => p.name);
  return new Measuring({ procedure, names, read, emulation: hand(name), save }, host.now);
}

/**
 * The leader of the rig, by its readings as they come: it keeps its port, and is limp. Throws LEADER_NONE, LEADER_LOST,
 * CALIBRATION_NONE, CALIBRATION_STEP.
 */
export function alignLeader(
  host: SessionHost,
  leader: LeaderFlow | null,
  { pose = 'zero', repeats = 2 }: Pick<PlanChoice, 'pose' | 'repeats'>,
): Walk {
  if (leader === null) throw new ArmloopError('LEADER_NONE', {});
  const { calibration, leaderHand, realigned } = host.calibration;
  const { robot } = calibration;
  const procedure = new Procedure(leaderPlan(robot, { pose, repeats }));
  const read = (): Float64Array => {
    needDisarmed(host);
    return leader.limpReading();
  };
  read();
  const { name, joints } = robot.leader!;
  const save = async (entries: readonly Entry[]): Promise<readonly string[]> => {
    const { file } = calibration.save('leader', entries);
    leader.align(calibration.aligned.leader!);
    realigned();
    return [`Alignment of ${name}: leader version ${file.version} is written and in force.`];
  };
  const names = [...joints.map((j) => j.axis), TRIGGER];
  const still = { still: LEADER_STILL, unit: 'rad' };
  return new Measuring({ procedure, names, read, still, emulation: leaderHand(), save }, host.now);
}
