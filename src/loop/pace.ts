/**
 * A drift-free schedule: period k begins at start + k / rate. A thread sleeps until the next one; when it wakes more
 * than a period late, whole missed periods are skipped and counted, never caught up on.
 */
import { stamp } from './clock.ts';
import { Word } from './control-block.ts';

const PLANNED = 0;
const WAKE = 1;

export class Pace {
  readonly #control: Int32Array;
  readonly #rateHz: number;
  readonly #spin: number;
  readonly #start = new Float64Array(1);
  #period = 0;
  /** Of the current period, s: planned time, and when the thread really woke. In a block, so that they stay unboxed. */
  readonly times = new Float64Array(2);
  /** Whole periods skipped before this one. */
  missed = 0;

  /** `spinS`: how long before a period the thread stops sleeping and spins; only where a core is spare. */
  constructor(control: Int32Array, rateHz: number, spinS = 0) {
    this.#control = control;
    this.#rateHz = rateHz;
    this.#spin = spinS;
    stamp(this.#start, 0);
  }

  /** The first period begins one period from now. */
  begin(): void {
    stamp(this.#start, 0);
    this.#period = 0;
  }

  /** Sleeps until the next period. False when the thread is asked to end. */
  next(): boolean {
    const due = this.#start[0]! + (this.#period + 1) / this.#rateHz;
    const times = this.times;
    stamp(times, WAKE);
    while (times[WAKE]! < due - this.#spin) {
      const sleepMs = (due - this.#spin - times[WAKE]!) * 1000;
      if (Atomics.wait(this.#control, Word.stop, 0, sleepMs) === 'not-equal') return false;
      stamp(times, WAKE);
    }
    while (times[WAKE]! < due) stamp(times, WAKE);
    if (Atomics.load(this.#control, Word.stop) !== 0) return false;
    const missed = Math.floor((times[WAKE]! - due) * this.#rateHz);
    this.missed = missed;
    this.#period += 1 + missed;
    times[PLANNED] = this.#start[0]! + this.#period / this.#rateHz;
    return true;
  }
}
