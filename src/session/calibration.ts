/** A guided calibration of the rig's own devices and leader: torque off, one procedure at a time, each step by a request. */
import type { PlanChoice } from '../calibrate/choose.ts';
import { ArmloopError, explain } from '../errors.ts';
import type { CalibrationView } from '../server/calibration-protocol.ts';
import type { RecordingState } from '../server/protocol.ts';
import { calibrationView } from './calibration-view.ts';
import type { SessionHost } from './host.ts';
import type { LeaderFlow } from './leader.ts';
import { alignLeader, measureDevice } from './measuring.ts';
import { nameServos } from './naming.ts';
import type { Walk } from './walk.ts';

interface Teller {
  event(level: 'info' | 'warning' | 'error', text: string): void;
  readonly recording: { readonly state: RecordingState };
  /** Torque is coming on. */
  readonly enabling: boolean;
  readonly leader: LeaderFlow | null;
}

export type CalibrationChoice = Omit<PlanChoice, 'what'> & {
  readonly what: PlanChoice['what'] | 'leader' | 'ids';
  readonly device?: string | undefined;
};

export class CalibrationFlow {
  readonly #host: SessionHost;
  readonly #teller: Teller;
  #walk: Walk | null = null;
  /** What keeps torque off although none is under way: ports change hands, devices take what was measured. */
  #between = '';
  /** How often it was told to stop. */
  #stops = 0;
  /** The end of what was stopped last. */
  #ended: Promise<void> = Promise.resolve();

  constructor(host: SessionHost, teller: Teller) {
    this.#host = host;
    this.#teller = teller;
  }

  /** A hand may be on the arm: torque must not come on, and an episode has one calibration. Throws REQUEST_REFUSED. */
  needIdle(request: string): void {
    if (this.#walk === null && this.#between === '') return;
    const because = `: ${this.#between === '' ? 'finish or stop that first' : this.#between}`;
    throw new ArmloopError('REQUEST_REFUSED', { request, mode: 'being calibrated', because });
  }

  view(): CalibrationView {
    return calibrationView(this.#host, this.#teller.leader, this.#walk);
  }

  /** Rejects with CALIBRATION_*, LEADER_NONE, LEADER_LOST. */
  async start(choice: CalibrationChoice): Promise<CalibrationView> {
    const refuse = (reason: string): never => {
      throw new ArmloopError('CALIBRATION_STEP', { what: 'begun', reason });
    };
    if (this.#between !== '') refuse(this.#between);
    if (this.#walk !== null) refuse('another is under way: finish or stop that first');
    if (this.#teller.recording.state === 'recording') refuse('a recording runs');
    if (this.#teller.enabling) refuse('the rig is being armed');
    const stops = this.#stops;
    await this.#during('a port changes hands', async () => {
      const walk = await this.#begin(choice);
      if (stops === this.#stops) {
        this.#walk = walk;
        return;
      }
      this.#ended = this.#end(walk, 'it was stopped');
      await this.#ended;
      throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'it was stopped as it began' });
    });
    const walk = this.#needed();
    this.#teller.event('info', `Calibration of ${walk.name} (${walk.what}) began.`);
    this.#host.changed();
    return this.view();
  }

  async #begin(choice: CalibrationChoice): Promise<Walk> {
    const { what } = choice;
    if (what === 'ids') return nameServos(this.#host, choice);
    if (what === 'leader') return alignLeader(this.#host, this.#teller.leader, choice);
    return measureDevice(this.#host, { ...choice, what });
  }

  /** The hand has done what the step says. After the last step it is written and taken. Rejects with CALIBRATION_*, LEADER_LOST, DEVICE_*. */
  async take(): Promise<CalibrationView> {
    const walk = this.#needed();
    this.#tell(await walk.take());
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
    if (walk.hand === null) {
      const reason = 'there is an emulated hand in a dry run only';
      throw new ArmloopError('CALIBRATION_NONE', { what: walk.name, reason });
    }
    await walk.hand();
    return this.view();
  }

  /** Ends what is under way, if anything is; `why` for people. Resolves when devices have their ports again. */
  async stop(why = 'it was stopped'): Promise<CalibrationView> {
    this.#stops++;
    const walk = this.#walk;
    if (walk !== null) {
      this.#walk = null;
      this.#ended = this.#end(walk, why);
    }
    await this.#ended;
    return this.view();
  }

  async #end(walk: Walk, why: string): Promise<void> {
    try {
      const said = await this.#during('ports are given back', () => walk.stop());
      const ended = `Calibration of ${walk.name} ended: ${why}.`;
      this.#teller.event('info', [ended, ...(said.length === 0 ? ['Nothing was written.'] : said)].join(' '));
    } catch (error) {
      this.#teller.event('error', `The calibration of ${walk.name} did not end well: ${explain(error)}`);
    }
    this.#host.changed();
  }

  async #afterStep(walk: Walk): Promise<CalibrationView> {
    // It may have been stopped meanwhile.
    if (this.#walk === walk && walk.step === null) {
      this.#walk = null;
      this.#tell(await this.#during('its devices are taking what was measured', () => walk.finish()));
    }
    this.#host.changed();
    return this.view();
  }

  /** Torque stays off during it. */
  async #during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const before = this.#between;
    this.#between = what;
    try {
      return await work();
    } finally {
      this.#between = before;
    }
  }

  #tell(said: readonly string[]): void {
    for (const words of said) this.#teller.event('info', words);
  }

  #needed(): Walk {
    if (this.#walk !== null) return this.#walk;
    throw new ArmloopError('CALIBRATION_STEP', { what: 'continued', reason: 'none is under way' });
  }
}
