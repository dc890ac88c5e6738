/**
 * Gives servos their ids and rates one after the other, each alone on the line, then checks the whole chain. The command
 * line and the console walk through the same steps.
 */
import { ArmloopError } from '../errors.ts';
import type { Calibrator, FoundServo, RateNews } from '../robot/calibration.ts';
import { entryOf, type Subject } from './procedure.ts';
import type { Entry } from './schema.ts';

export interface NamingStep {
  /** What the hand is to do. */
  readonly words: string;
  /** Whose servo is to be alone on the line; null: the whole chain is to be there. */
  readonly axis: string | null;
  readonly skippable: boolean;
}

export class Naming {
  readonly #subject: Subject;
  readonly #calibrator: Calibrator;
  /** Indices of axes. */
  readonly #order: readonly number[];
  readonly #entries: Entry[] = [];
  #at = 0;

  /** `axes`: indices of those that are to be named. */
  constructor(subject: Subject, calibrator: Calibrator, axes: readonly number[]) {
    this.#subject = subject;
    this.#calibrator = calibrator;
    const last = calibrator.asFromFactory;
    this.#order = [...axes.filter((i) => i !== last), ...axes.filter((i) => i === last)];
  }

  /** Step, counted from 0, of how many; the last is the whole chain. */
  get at(): number {
    return this.#at;
  }

  get of(): number {
    return this.#order.length + 1;
  }

  /** Null after the last. */
  get step(): NamingStep | null {
    const i = this.#order[this.#at];
    if (i !== undefined) {
      const { name, model } = this.#calibrator.axes[i]!;
      const words = `Connect the servo of ${name} (${model}) alone, and power it.`;
      return { words, axis: name, skippable: true };
    }
    if (this.#at > this.#order.length) return null;
    return { words: 'Connect the whole chain.', axis: null, skippable: false };
  }

  /** What was done, read back from the servos. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  skip(): void {
    if (this.step?.skippable !== true)
      throw new ArmloopError('CALIBRATION_STEP', {
        what: 'skipped',
        reason: 'the chain is not checked then',
      });
    this.#at++;
  }

  /**
   * The servo is connected: finds it, names it, reads back. Says what was done. `onRate` is told each rate before it is tried;
   * what it throws ends the search. Rejects with CALIBRATION_*, DEVICE_*; then the step is the same.
   */
  async take(onRate?: RateNews): Promise<string> {
    const i = this.#order[this.#at];
    const words = i === undefined ? await this.#check() : await this.#name(i, onRate);
    this.#at++;
    return words;
  }

  async #check(): Promise<string> {
    await this.#calibrator.release();
    return 'Every servo of the robot file answers, and is of its model.';
  }

  async #name(i: number, onRate?: RateNews): Promise<string> {
    const { name, id } = this.#calibrator.axes[i]!;
    const found = this.#alone(i, await this.#calibrator.list(onRate));
    const baud = await this.#calibrator.assign(found, i);
    const method = `set from id ${found.id} at ${found.baud} baud, read back`;
    const date = new Date().toISOString();
    const one = (quantity: 'id' | 'baud', value: number, unit: string): Entry =>
      entryOf(this.#subject, i, quantity, { value, unit, method, residual: null }, date);
    this.#entries.push(one('id', id, '1'), one('baud', baud, 'baud'));
    return `${name}: id ${found.id} at ${found.baud} baud is id ${id} at ${baud} baud now, read back.`;
  }

  /** The one that is meant. Throws CALIBRATION_*. */
  #alone(i: number, everybody: readonly FoundServo[]): FoundServo {
    const { name: axis, id, model } = this.#calibrator.axes[i]!;
    const { baud } = this.#calibrator;
    const list = everybody.map((s) => `id ${s.id} at ${s.baud} baud (${s.model})`).join(', ');
    const [found] = everybody;
    if (found === undefined) throw new ArmloopError('CALIBRATION_NOBODY', { axis });
    if (everybody.length > 1) {
      const holder = everybody.find((s) => s.id === id && s.baud === baud);
      if (holder === undefined)
        throw new ArmloopError('CALIBRATION_SEVERAL', { axis, count: everybody.length, list });
      throw new ArmloopError('CALIBRATION_ID_TAKEN', { axis, id, baud, list });
    }
    if (found.answers === 'damaged') throw new ArmloopError('CALIBRATION_CLASH', { axis, list });
    if (found.model !== model) throw new ArmloopError('CALIBRATION_OTHER', { axis, model, list });
    const has = (quantity: Entry['quantity'], value: number, of: string): boolean =>
      this.#entries.some((e) => e.axis === of && e.quantity === quantity && e.value === value);
    const same = this.#entries.find((e) => has('id', found.id, e.axis) && has('baud', found.baud, e.axis));
    if (same !== undefined) throw new ArmloopError('CALIBRATION_NAMED', { axis, list, other: same.axis });
    return found;
  }
}
