/** A guided calibration of the rig's own devices and leader: torque off, one procedure at a time, each step by a request. */
import type { PlanChoice } from '../calibrate/choose.ts';
import { ArmloopError } from '../errors.ts';
import type { CalibrationView } from '../server/calibration-protocol.ts';
import type { RecordingState } from '../server/protocol.ts';
import { calibrationView } from './calibration-view.ts';
import type { SessionHost } from './host.ts';
import type { LeaderFlow } from './leader.ts';
import { alignLeader, measureDevice, type Walk } from './measuring.ts';

interface Teller {
  event(level: 'info' | 'warning' | 'error', text: string): void;
  readonly recording: { readonly state: RecordingState };
  /** Torque is coming on. */
  readonly enabling: boolean;
  readonly leader: LeaderFlow | null;
}

export type CalibrationChoice = Omit<PlanChoice, 'what'> & {
  readonly what: PlanChoice['what'] | 'leader';
  readonly device?: string | undefined;
};

export class CalibrationFlow {
  readonly #host: SessionHost;
  readonly #teller: Teller;
  #walk: Walk | null = null;
  /** What was measured is being written and taken. */
  #finishing = false;

  constructor(host: SessionHost, teller: Teller) {
    this.#host = host;
    this.#teller = teller;
  }

  /** A hand may be on the arm: torque must not come on, and an episode has one calibration. Throws REQUEST_REFUSED. */
  needIdle(request: string): void {
    if (this.#walk === null && !this.#finishing) return;
    throw new ArmloopError('REQUEST_REFUSED', {
      request,
      mode: 'being calibrated',
      because: this.#finishing ? ': its devices are taking what was measured' : ': finish or stop that first',
    });
  }

  view(): CalibrationView {
    return calibrationView(this.#host, this.#teller.leader, this.#walk);
  }

  /** Throws CALIBRATION_NONE, CALIBRATION_STEP, LEADER_NONE, LEADER_LOST. */
  start(choice: CalibrationChoice): CalibrationView {
    const refuse = (reason: string): never => {
      throw new ArmloopError('CALIBRATION_STEP', { what: 'begun', reason });
    };
    if (this.#finishing) refuse('the devices are taking what was measured before');
    if (this.#teller.recording.state === 'recording') refuse('a recording runs');
    if (this.#teller.enabling) refuse('the rig is being armed');
    const { what } = choice;
    const walk =
      what === 'leader'
        ? alignLeader(this.#host, this.#teller.leader, choice)
        : measureDevice(this.#host, { ...choice, what });
    this.#walk?.stop();
    this.#walk = walk;
    this.#teller.event('info', `Calibration of ${walk.name} (${what}) began.`);
    this.#host.changed();
    return this.view();
  }

  /** The hand has done what the step says. After the last step it is written and taken. Rejects with CALIBRATION_*, LEADER_LOST. */
  async take(): Promise<CalibrationView> {
    const walk = this.#needed();
    await walk.take();
    return this.#afterStep(walk);
  }

  async skip(): Promise<CalibrationView> {
    const walk = this.#needed();
    walk.skip();
    return this.#afterStep(walk);
  }

  /** Rejects with CALIBRATION_NONE where the hardware is real. */
  async hand(): Promise<CalibrationView> {
    const walk = this.#needed();
    if (walk.emulation?.hand === undefined) {
      const reason = 'there is an emulated hand in a dry run only';
      throw new ArmloopError('CALIBRATION_NONE', { what: walk.name, reason });
    }
    await walk.hand();
    return this.view();
  }

  /** Ends what is under way, if anything is; `why` for people. */
  stop(why = 'it was stopped'): CalibrationView {
    const walk = this.#walk;
    if (walk === null) return this.view();
    this.#walk = null;
    walk.stop();
    this.#teller.event('info', `Calibration of ${walk.name} ended: ${why}. Nothing was written.`);
    this.#host.changed();
    return this.view();
  }

  async #afterStep(walk: Walk): Promise<CalibrationView> {
    // It may have been stopped meanwhile.
    if (this.#walk === walk && walk.step === null) {
      this.#walk = null;
      this.#finishing = true;
      try {
        for (const words of await walk.finish()) this.#teller.event('info', words);
      } finally {
        this.#finishing = false;
      }
    }
    this.#host.changed();
    return this.view();
  }

  #needed(): Walk {
    if (this.#walk !== null) return this.#walk;
    throw new ArmloopError('CALIBRATION_STEP', { what: 'continued', reason: 'none is under way' });
  }
}
