/**
 * Servos get their ids on the page, one by one, while the rig runs: the device leaves its port, what sets servos up has it
 * meanwhile, and the device is opened anew at the end, however that comes. Nothing has torque until then.
 */
import { chooseAxes } from '../calibrate/choose.ts';
import { Naming } from '../calibrate/naming.ts';
import { ArmloopError } from '../errors.ts';
import { Mode } from '../robot/tick.ts';
import { modeWords } from '../robot/words.ts';
import type { SessionHost } from './host.ts';
import type { Walk } from './walk.ts';

export interface NamingChoice {
  readonly device?: string | undefined;
  readonly axes?: readonly string[] | undefined;
}

/** Torque may be on in any other mode; without the device the rig is off. Throws CALIBRATION_STEP. */
function needOff({ view }: SessionHost): void {
  if (view.mode === Mode.connected || view.mode === Mode.off) return;
  const reason = `the rig is ${modeWords(view.mode).short}: disarm it, so that torque is off`;
  throw new ArmloopError('CALIBRATION_STEP', { what: 'done', reason });
}

/** Rejects with CALIBRATION_NONE, CALIBRATION_STEP. */
export async function nameServos(host: SessionHost, choice: NamingChoice): Promise<Walk> {
  const { calibration, raw, lend } = host.calibration;
  const { subject } = calibration.choose(choice.device);
  const { name } = subject.entry;
  needOff(host);
  if (raw(name)?.torque === 'on')
    throw new ArmloopError('CALIBRATION_STEP', {
      what: 'done',
      reason: `${name} has torque: disarm the rig first`,
    });
  const axes = chooseAxes(subject, 'ids', choice.axes).map((axis) =>
    subject.parts.findIndex((p) => p.name === axis),
  );
  return new NamingWalk(host, name, new Naming(subject, await lend(name), axes));
}

class NamingWalk implements Walk {
  readonly what = 'ids';
  readonly name: string;
  readonly #host: SessionHost;
  readonly #naming: Naming;
  #doing = '';
  #said = '';
  #stopped = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: SessionHost, name: string, naming: Naming) {
    this.#host = host;
    this.name = name;
    this.#naming = naming;
  }

  get at(): number {
    return this.#naming.at;
  }

  get of(): number {
    return this.#naming.of;
  }

  get step(): Walk['step'] {
    const { step } = this.#naming;
    return step === null ? null : { ...step, axes: step.axis === null ? [] : [step.axis] };
  }

  get doing(): string {
    return this.#doing;
  }

  get said(): string {
    return this.#said;
  }

  get hand(): Walk['hand'] {
    const emulation = this.#host.calibration.hand(this.name);
    return emulation?.connect === undefined ? null : () => emulation.connect!(this.#naming.step!.axis);
  }

  async take(): Promise<readonly string[]> {
    needOff(this.#host);
    this.#said = '';
    this.#doing = this.#naming.step!.axis === null ? 'Asking every servo…' : 'Looking for it…';
    const work = this.#naming.take((baud, at, of) => {
      if (this.#stopped) throw new ArmloopError('CALIBRATION_STOPPED', { reason: 'it was stopped' });
      this.#doing = `Looking for it at ${baud} baud (${at} of ${of} rates)…`;
    });
    this.#work = work.catch(() => {});
    try {
      this.#said = await work;
      return [this.#said];
    } finally {
      this.#doing = '';
    }
  }

  skip(): void {
    this.#naming.skip();
    this.#said = '';
  }

  finish(): Promise<readonly string[]> {
    return this.#leave();
  }

  /** A servo that is being named gets its name; a search ends. */
  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    await this.#work;
    return this.#leave();
  }

  /** What was named is written, and the device has its port again, also when writing fails. */
  async #leave(): Promise<readonly string[]> {
    const { calibration, hand, takeBack } = this.#host.calibration;
    const { entries } = this.#naming;
    const said: string[] = [];
    try {
      if (entries.length > 0) {
        const { file } = calibration.save('ids', entries);
        const axes = [...new Set(entries.map((e) => e.axis))].join(', ');
        said.push(`Ids of ${axes}: ids version ${file.version} is written.`);
      }
    } finally {
      // An emulated chain is connected by nobody else.
      await hand(this.name)?.connect?.(null);
      const why = await takeBack(this.name);
      said.push(why === '' ? `${this.name} was opened anew.` : `${this.name} does not open yet: ${why}.`);
    }
    return said;
  }
}
