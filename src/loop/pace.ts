/**
 * A drift-free schedule: period k begins at start + k / rate. A thread sleeps until the next one; when it wakes more
 * than a period late, whole missed periods are skipped and counted, never caught up on.
 */
import { Word } from './control-block.ts';

export class Pace {
  readonly #control: Int32Array;
  readonly #now: () => number;
  readonly #rateHz: number;
  readonly #spin: number;
  #start: number;
  #period = 0;
  /** Planned time of the current period, s. */
  planned: number;
  /** When the thread really woke, s. */
  wake: number;
  /** Whole periods skipped before this one. */
  missed = 0;

  /** `spinS`: how long before a period the thread stops sleeping and spins; only where a core is spare. */
  constructor(control: Int32Array, now: () => number, rateHz: number, spinS = 0) {
    this.#control = control;
    this.#now = now;
    this.#rateHz = rateHz;
    this.#spin = spinS;
    this.#start = now();
    this.planned = this.#start;
    this.wake = this.#start;
  }

  /** The first period begins one period from now. */
  begin(): void {
    this.#start = this.#now();
    this.#period = 0;
  }

  /** Sleeps until the next period. False when the thread is asked to end. */
  next(): boolean {
    const due = this.#start + (this.#period + 1) / this.#rateHz;
    let now = this.#now();
    while (now < due - this.#spin) {
      if (Atomics.wait(this.#control, Word.stop, 0, (due - this.#spin - now) * 1000) === 'not-equal')
        return false;
      now = this.#now();
    }
    while (now < due) now = this.#now();
    if (Atomics.load(this.#control, Word.stop) !== 0) return false;
    const missed = Math.floor((now - due) * this.#rateHz);
    this.missed = missed;
    this.#period += 1 + missed;
    this.planned = this.#start + this.#period / this.#rateHz;
    this.wake = now;
    return true;
  }
}
