/** A guided calibration of the rig's own devices: torque off, one procedure at a time, each step by a request. */
import { AXIS_TYPES, choosePlan, type PlanChoice } from '../calibrate/choose.ts';
import { originEntries, Procedure, type Subject } from '../calibrate/procedure.ts';
import { followStep } from '../calibrate/run.ts';
import { steady } from '../calibrate/steady.ts';
import { ArmloopError } from '../errors.ts';
import { Mode } from '../robot/tick.ts';
import { modeWords } from '../robot/words.ts';
import type { CalibrationView } from '../server/calibration-protocol.ts';
import type { RecordingState } from '../server/protocol.ts';
import type { SessionHost } from './host.ts';

interface Teller {
  event(level: 'info' | 'warning' | 'error', text: string): void;
  readonly recording: { readonly state: RecordingState };
  /** Torque is coming on. */
  readonly enabling: boolean;
}

export type CalibrationChoice = PlanChoice & { readonly device?: string | undefined };

export class CalibrationFlow {
  readonly #host: SessionHost;
  readonly #teller: Teller;
  #running: { readonly procedure: Procedure; readonly subject: Subject } | null = null;
  /** What was measured is being written and taken. */
  #finishing = false;

  constructor(host: SessionHost, teller: Teller) {
    this.#host = host;
    this.#teller = teller;
  }

  /** A hand may be on the arm: torque must not come on, and an episode has one calibration. Throws REQUEST_REFUSED. */
  needIdle(request: string): void {
    if (this.#running === null && !this.#finishing) return;
    throw new ArmloopError('REQUEST_REFUSED', {
      request,
      mode: 'being calibrated',
      because: this.#finishing ? ': its devices are taking what was measured' : ': finish or stop that first',
    });
  }

  view(): CalibrationView {
    const { calibration, raw } = this.#host.calibration;
    const { barred, inForce, stored, hardware, robot, leader } = calibration;
    return {
      hardware,
      barred: barred?.message ?? '',
      sha256: inForce?.sha256 ?? null,
      files: Object.values(stored).map(({ file: { kind, version, written }, sha256 }) => ({
        kind,
        version,
        written,
        sha256,
      })),
      devices: calibration.devices.map(({ calibration: _, ...device }) => {
        const measurable = calibration.measurable.includes(device.device);
        const reading = measurable ? raw(device.device) : null;
        const types = robot.axes.filter((a) => a.device === device.device).map((a) => a.type);
        return {
          ...device,
          procedures: measurable
            ? (['joints', 'gripper'] as const).filter((w) => types.includes(AXIS_TYPES[w]))
            : [],
          raw: reading === null ? null : [...reading.raw],
          torque: reading?.torque ?? null,
        };
      }),
      leader:
        leader.status === 'none' || robot.leader === null
          ? null
          : { name: robot.leader.name, status: leader.status, words: leader.words },
      procedure: this.#view(),
    };
  }

  #view(): CalibrationView['procedure'] {
    const running = this.#running;
    const step = running?.procedure.step ?? null;
    if (running === null || step === null) return null;
    const { procedure, subject } = running;
    const { plan, at } = procedure;
    return {
      device: plan.device,
      what: plan.kind,
      at,
      of: plan.steps.length,
      words: step.words,
      skippable: step.skippable,
      axes: step.axes.map((i) => subject.parts[i]!.name),
      hand: this.#host.calibration.hand(plan.device)?.hand !== undefined,
    };
  }

  /** Throws CALIBRATION_NONE, CALIBRATION_STEP. */
  start(choice: CalibrationChoice): CalibrationView {
    const { subject } = this.#host.calibration.calibration.choose(choice.device);
    if (this.#teller.recording.state === 'recording') {
      throw new ArmloopError('CALIBRATION_STEP', { what: 'begun', reason: 'a recording runs' });
    }
    if (this.#teller.enabling)
      throw new ArmloopError('CALIBRATION_STEP', { what: 'begun', reason: 'the rig is being armed' });
    this.#torqueOff(subject.entry.name);
    this.#running = { procedure: new Procedure(choosePlan(subject, choice)), subject };
    this.#teller.event('info', `Calibration of ${subject.entry.name} (${choice.what}) began.`);
    this.#host.changed();
    return this.view();
  }

  /** The hand has done what the step says. After the last step it is written, and the device takes it. Rejects with CALIBRATION_*. */
  async take(): Promise<CalibrationView> {
    const { procedure, subject } = this.#needed();
    const device = subject.entry.name;
    const read = async (): Promise<Float64Array> => this.#torqueOff(device);
    const { step } = procedure;
    const names = subject.parts.map((p) => p.name);
    const raw = await steady({ read, names, axes: step!.axes, now: this.#host.now });
    // It may have been stopped, or another step may have been taken meanwhile.
    if (this.#running?.procedure !== procedure || procedure.step !== step) return this.view();
    procedure.take(raw);
    return this.#afterStep();
  }

  async skip(): Promise<CalibrationView> {
    this.#needed().procedure.skip();
    return this.#afterStep();
  }

  /** Rejects with CALIBRATION_NONE where the hardware is real. */
  async hand(): Promise<CalibrationView> {
    const { procedure, subject } = this.#needed();
    const emulation = this.#host.calibration.hand(subject.entry.name);
    if (emulation?.hand === undefined) {
      const reason = 'there is an emulated hand in a dry run only';
      throw new ArmloopError('CALIBRATION_NONE', { what: subject.entry.name, reason });
    }
    await followStep(procedure.step!, emulation);
    return this.view();
  }

  stop(): CalibrationView {
    if (this.#running !== null) this.#teller.event('info', 'Calibration stopped; nothing was written.');
    this.#running = null;
    this.#host.changed();
    return this.view();
  }

  async #afterStep(): Promise<CalibrationView> {
    const { procedure, subject } = this.#needed();
    if (procedure.step === null) {
      this.#running = null;
      this.#finishing = true;
      try {
        await this.#finish(procedure, subject);
      } finally {
        this.#finishing = false;
      }
    }
    this.#host.changed();
    return this.view();
  }

  async #finish(procedure: Procedure, subject: Subject): Promise<void> {
    const { calibration, raw, renew } = this.#host.calibration;
    const { kind, device } = procedure.plan;
    const entries = procedure.result(new Date());
    const origins = originEntries(subject, entries, raw(device)?.origins ?? null);
    const { file } = calibration.save(kind, [...entries, ...origins]);
    this.#teller.event('info', `Calibration of ${device}: ${kind} version ${file.version} is written.`);
    for (const name of await renew()) this.#teller.event('info', `${name} was opened anew with it.`);
  }

  #needed(): { readonly procedure: Procedure; readonly subject: Subject } {
    if (this.#running !== null) return this.#running;
    throw new ArmloopError('CALIBRATION_STEP', { what: 'continued', reason: 'none is under way' });
  }

  /** Raw positions of a device without torque. Throws CALIBRATION_STEP. */
  #torqueOff(device: string): Float64Array {
    const refuse = (reason: string): never => {
      throw new ArmloopError('CALIBRATION_STEP', { what: 'done', reason });
    };
    const { mode } = this.#host.view;
    if (mode !== Mode.connected)
      return refuse(`the rig is ${modeWords(mode).short}: disarm it, so that torque is off`);
    const reading = this.#host.calibration.raw(device);
    if (reading === null) return refuse(`${device} does not answer`);
    if (reading.torque === 'on') return refuse(`${device} has torque: disarm the rig first`);
    return reading.raw;
  }
}
