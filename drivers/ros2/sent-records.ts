/**
 * The `sent` records of commands that went out as messages: each waits for the first state that was captured after it, and
 * for the word of the controller where one is to come, and is written with what is known by then. In order, nothing twice.
 */
import type { RingWriter } from '../../src/robot/port.ts';
import { sentLayout } from '../../src/robot/tick.ts';

/** After this long (s) a record is written without what is still missing. */
const PATIENCE_S = 0.25;
const PENDING = 256;

interface Pending {
  readonly block: Float64Array;
  tick: number;
  written: number;
  measured: boolean;
  answered: boolean;
}

/** What a state says, in the device's own axis order. */
export interface Measured {
  readonly time: number;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly tau: Float64Array;
}

export class SentRecords {
  readonly #ring: RingWriter;
  readonly #layout;
  /** True where the controller says whether it takes a command. */
  readonly #answers: boolean;
  readonly #pending: Pending[] = [];
  readonly #free: Pending[];

  constructor(axes: number, ring: RingWriter, answers: 'answers' | 'silent') {
    this.#ring = ring;
    this.#layout = sentLayout(axes);
    this.#answers = answers === 'answers';
    this.#free = Array.from({ length: PENDING }, () => ({
      block: new Float64Array(this.#layout.size),
      tick: 0,
      written: 0,
      measured: false,
      answered: false,
    }));
  }

  written(
    tick: number,
    mode: number,
    q: Float64Array,
    qd: Float64Array,
    tau: Float64Array,
    time: number,
  ): void {
    if (this.#free.length === 0) this.#emit();
    const record = this.#free.pop()!;
    const { block } = record;
    const l = this.#layout;
    block.fill(Number.NaN);
    block[l.at('tick')] = tick;
    block[l.at('written')] = time;
    block[l.at('mode')] = mode;
    block.set(q, l.at('q'));
    block.set(qd, l.at('qd'));
    block.set(tau, l.at('tau'));
    record.tick = tick;
    record.written = time;
    record.measured = false;
    record.answered = !this.#answers;
    this.#pending.push(record);
  }

  /** The controller took the command of that tick. */
  accepted(tick: number, time: number): void {
    const record = this.#pending.find((r) => r.tick === tick);
    if (record === undefined) return;
    record.block[this.#layout.at('acknowledged')] = time;
    record.answered = true;
    this.#flush();
  }

  /** A state was captured. Returns the tick of the newest command that had gone out by then, or `before`. */
  measured(state: Measured, before: number): number {
    let newest = before;
    const l = this.#layout;
    for (const record of this.#pending) {
      if (record.written > state.time) break;
      newest = record.tick;
      if (record.measured) continue;
      record.measured = true;
      record.block[l.at('measuredTime')] = state.time;
      record.block.set(state.q, l.at('measuredQ'));
      record.block.set(state.qd, l.at('measuredQd'));
      record.block.set(state.tau, l.at('measuredTau'));
    }
    this.#flush();
    return newest;
  }

  /** Writes the records for which nothing more is to be expected. */
  expire(now: number): void {
    while (this.#pending.length > 0 && now - this.#pending[0]!.written > PATIENCE_S) this.#emit();
  }

  #flush(): void {
    while (this.#pending.length > 0 && this.#pending[0]!.measured && this.#pending[0]!.answered) this.#emit();
  }

  #emit(): void {
    const record = this.#pending.shift()!;
    this.#ring.write(record.block);
    this.#free.push(record);
  }
}
