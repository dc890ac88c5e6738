/**
 * The `sent` records of a device that answers late: each waits until the first state that knows of its command, or
 * until that is not to be expected any more, and is then written with what is known. In order, nothing twice.
 */
import type { RingWriter } from '../../src/robot/port.ts';
import { sentLayout } from '../../src/robot/tick.ts';
import type { StateOffsets } from './device.ts';

/** Commands on the way at once; at 1 kHz this is a quarter of a second. */
const PENDING = 256;
/** After this long (s) without an answer a record is written without one. */
const PATIENCE_S = 0.25;

export class SentLog {
  readonly #ring: RingWriter;
  readonly #axes: number;
  readonly #records: readonly Float64Array[];
  readonly #at: ReturnType<typeof offsets>;
  #first = 0;
  #count = 0;

  constructor(axes: number, ring: RingWriter) {
    const layout = sentLayout(axes);
    this.#ring = ring;
    this.#axes = axes;
    this.#records = Array.from({ length: PENDING }, () => new Float64Array(layout.size));
    this.#at = offsets(axes);
  }

  /** A command has left: [tick, mode, q…, qd…]. */
  written(command: Float64Array, time: number): void {
    if (this.#count === PENDING) this.#emit();
    const record = this.#records[(this.#first + this.#count++) % PENDING]!;
    const at = this.#at;
    const n = this.#axes;
    record.fill(Number.NaN);
    record[at.tick] = command[0]!;
    record[at.written] = time;
    record[at.mode] = command[1]!;
    for (let i = 0; i < n; i++) {
      record[at.q + i] = command[2 + i]!;
      record[at.qd + i] = command[2 + n + i]!;
      record[at.tau + i] = 0;
    }
  }

  /** A state has arrived: it answers every command up to its `commandTick`. */
  measured(state: Float64Array, s: StateOffsets, now: number): void {
    const at = this.#at;
    while (this.#count > 0) {
      const record = this.#records[this.#first]!;
      if (record[at.tick]! > state[s.commandTick]!) return;
      record[at.acknowledged] = now;
      record[at.measuredTime] = state[s.time]!;
      for (let i = 0; i < this.#axes; i++) {
        record[at.measuredQ + i] = state[s.q + i]!;
        record[at.measuredQd + i] = state[s.qd + i]!;
        record[at.measuredTau + i] = state[s.tau + i]!;
      }
      this.#emit();
    }
  }

  /** Writes the records whose answer is not to be expected any more. */
  expire(now: number): void {
    while (this.#count > 0 && now - this.#records[this.#first]![this.#at.written]! > PATIENCE_S) this.#emit();
  }

  #emit(): void {
    this.#ring.write(this.#records[this.#first]!);
    this.#first = (this.#first + 1) % PENDING;
    this.#count--;
  }
}

function offsets(axes: number) {
  const l = sentLayout(axes);
  const at = (name: string): number => l.at(name);
  return {
    tick: at('tick'),
    written: at('written'),
    acknowledged: at('acknowledged'),
    mode: at('mode'),
    q: at('q'),
    qd: at('qd'),
    tau: at('tau'),
    measuredTime: at('measuredTime'),
    measuredQ: at('measuredQ'),
    measuredQd: at('measuredQd'),
    measuredTau: at('measuredTau'),
  };
}
