/**
 * The row in effect of a streamed plan (replay, policy chunk, MPC). Rows come through a Ring, numbered from 1 in each
 * activation, with times relative to the activation. A writer puts the first rows in before it asks for activation.
 */
import type { RingReader } from '../robot/port.ts';
import { rowLayout, type TickLayout } from '../robot/tick.ts';

export class RowSource {
  readonly #ring: RingReader;
  readonly #seq: number;
  readonly #time: number;
  readonly #size: number;
  readonly #at: number;
  /** Activation time; NaN while no plan runs. */
  readonly #start = Float64Array.of(Number.NaN);
  readonly #now: number;
  readonly #row: Float64Array;

  constructor(ring: RingReader, axes: number, tick: TickLayout) {
    const layout = rowLayout(axes);
    this.#ring = ring;
    this.#seq = layout.at('seq');
    this.#time = layout.at('time');
    this.#size = layout.size;
    this.#at = tick.layout.at('in.row.seq');
    this.#now = tick.layout.at('in.time');
    this.#row = new Float64Array(layout.size);
  }

  /** A plan is activated at `time`: what earlier plans left behind is dropped, up to the newest row numbered 1. */
  begin(time: number): void {
    this.#start[0] = time;
    this.#row.fill(0);
    let first = this.#ring.length;
    for (let i = 0; i < this.#ring.length; i++) if (this.#ring.peekAt(i)!.block[this.#seq] === 1) first = i;
    for (let i = 0; i < first; i++) this.#ring.release();
  }

  /** Nothing is planned any more. */
  end(): void {
    this.#start[0] = Number.NaN;
    this.#row.fill(0);
  }

  /** Writes the row in effect at in.time into in.row.* (zeros when there is none yet). Allocates nothing. */
  update(tick: Float64Array): void {
    const elapsed = tick[this.#now]! - this.#start[0]!;
    for (let slot = this.#ring.peek(); slot !== null; slot = this.#ring.peek()) {
      // Half a nanosecond of slack: row times and tick times are sums of different roundings.
      if (!(slot.block[this.#time]! <= elapsed + 5e-10)) break;
      if (slot.block[this.#seq] !== this.#row[this.#seq]! + 1) {
        // A row of a plan that ended early.
        this.#ring.release();
        continue;
      }
      for (let i = 0; i < this.#size; i++) this.#row[i] = slot.block[i]!;
      this.#ring.release();
    }
    for (let i = 0; i < this.#size; i++) tick[this.#at + i] = this.#row[i]!;
  }
}
