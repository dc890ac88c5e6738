/**
 * The row in effect of a streamed plan. Two rings bring rows: `plans` (replay), whose writer puts the first rows in
 * before it asks for activation, and `chunks` (policies), whose rows name the activation they are made for. Rows are
 * numbered from 1 in each activation, with times relative to its tick.
 *
 * Rows wait in a queue in the order of their times. Those of a newer chunk replace the waiting ones of older chunks
 * from its first time on, all in one tick: half a chunk is never followed. Nothing here allocates, and a tick takes in
 * at most CHUNK_ROWS rows.
 */
import type { RingReader } from '../robot/port.ts';
import { CHUNK_ROWS, ControllerId, rowLayout, type TickLayout } from '../robot/tick.ts';

/** Rows that may wait: the newest chunk whole, behind what remains of the one before. */
const QUEUE = 4 * CHUNK_ROWS;
/** Half a nanosecond: row times and tick times are sums of different roundings. */
const SLACK = 5e-10;

interface Offsets {
  readonly seq: number;
  readonly chunk: number;
  readonly rows: number;
  readonly start: number;
  readonly time: number;
  readonly size: number;
}

/** What one ring has brought for the activation in force. */
class RowQueue {
  readonly #ring: RingReader;
  readonly #keeps: 'first rows' | 'nothing';
  readonly #at: Offsets;
  readonly #queue: Float64Array;
  /** The row in effect; zeros when there is none. */
  readonly row: Float64Array;
  /** in.time of the activation; NaN while none runs. */
  readonly start = Float64Array.of(Number.NaN);
  #head = 0;
  #count = 0;
  /** Newest row taken in. */
  #seq = 0;
  #chunk = 0;

  constructor(ring: RingReader, keeps: 'first rows' | 'nothing', at: Offsets) {
    this.#ring = ring;
    this.#keeps = keeps;
    this.#at = at;
    this.#queue = new Float64Array(QUEUE * at.size);
    this.row = new Float64Array(at.size);
  }

  /** Drops what earlier plans left behind: all of it, or up to the newest row numbered 1. */
  begin(time: number): void {
    this.end();
    this.start[0] = time;
    const ring = this.#ring;
    let stale = ring.length;
    if (this.#keeps === 'first rows') {
      const waiting = stale;
      for (let i = 0; i < waiting; i++) if (ring.peekAt(i)!.block[this.#at.seq] === 1) stale = i;
    }
    for (let i = 0; i < stale; i++) ring.release();
  }

  end(): void {
    this.start[0] = Number.NaN;
    this.row.fill(0);
    this.#head = 0;
    this.#count = 0;
    this.#seq = 0;
    this.#chunk = 0;
  }

  /** Brings `row` to the one in effect `elapsed` seconds after the activation. */
  advance(elapsed: number): void {
    if (Number.isNaN(this.start[0]!)) return;
    this.#takeIn();
    const { size, time } = this.#at;
    while (this.#count > 0) {
      const base = this.#head * size;
      if (!(this.#queue[base + time]! <= elapsed + SLACK)) break;
      for (let i = 0; i < size; i++) this.row[i] = this.#queue[base + i]!;
      this.#head = (this.#head + 1) % QUEUE;
      this.#count--;
    }
  }

  #takeIn(): void {
    const ring = this.#ring;
    const at = this.#at;
    let left = CHUNK_ROWS;
    for (let slot = ring.peek(); slot !== null && left > 0; slot = ring.peek()) {
      const block = slot.block;
      const chunk = block[at.chunk]!;
      const foreign = this.#keeps === 'nothing' && block[at.start] !== this.start[0];
      if (foreign || block[at.seq] !== this.#seq + 1 || chunk < this.#chunk) {
        // Of an activation that has ended, or of a chunk that came too late.
        ring.release();
        left--;
        continue;
      }
      if (chunk > this.#chunk) {
        const rows = block[at.rows]!;
        if (ring.length < rows || left < rows) return;
        this.#replaceFrom(block[at.time]!);
      }
      if (this.#count === QUEUE) return;
      const base = ((this.#head + this.#count) % QUEUE) * at.size;
      for (let i = 0; i < at.size; i++) this.#queue[base + i] = block[i]!;
      this.#count++;
      this.#seq = block[at.seq]!;
      this.#chunk = chunk;
      ring.release();
      left--;
    }
  }

  /** Drops the waiting rows from that time on. */
  #replaceFrom(time: number): void {
    const at = this.#at;
    while (this.#count > 0) {
      const tail = ((this.#head + this.#count - 1) % QUEUE) * at.size;
      if (this.#queue[tail + at.time]! < time - SLACK) break;
      this.#count--;
    }
  }
}

export class RowSource {
  readonly #plans: RowQueue;
  readonly #chunks: RowQueue;
  readonly #at: number;
  readonly #start: number;
  readonly #now: number;
  readonly #size: number;
  #current: RowQueue;
  #before: RowQueue;

  constructor(plans: RingReader, chunks: RingReader, axes: number, tick: TickLayout) {
    const layout = rowLayout(axes);
    const at: Offsets = {
      seq: layout.at('seq'),
      chunk: layout.at('chunk'),
      rows: layout.at('rows'),
      start: layout.at('start'),
      time: layout.at('time'),
      size: layout.size,
    };
    this.#plans = new RowQueue(plans, 'first rows', at);
    this.#chunks = new RowQueue(chunks, 'nothing', at);
    this.#current = this.#plans;
    this.#before = this.#plans;
    this.#size = layout.size;
    this.#at = tick.layout.at('in.row.seq');
    this.#start = tick.layout.at('in.row.start');
    this.#now = tick.layout.at('in.time');
  }

  /** A controller is activated at `time`: rows count from it, and come through the ring of that controller. */
  begin(time: number, controller: number): void {
    this.#before = this.#current;
    this.#current = controller === ControllerId.policy ? this.#chunks : this.#plans;
    this.#current.begin(time);
  }

  /** The activation was refused: whatever drove goes on, with the rows that it has. */
  refused(): void {
    if (this.#before === this.#current) return;
    this.#current.end();
    this.#current = this.#before;
  }

  /** Nothing is planned any more. */
  end(): void {
    this.#plans.end();
    this.#chunks.end();
  }

  /** Writes the row in effect at in.time into in.row.* (zeros when there is none yet). Allocates nothing. */
  update(tick: Float64Array): void {
    const { row, start } = this.#current;
    this.#current.advance(tick[this.#now]! - start[0]!);
    for (let i = 0; i < this.#size; i++) tick[this.#at + i] = row[i]!;
    tick[this.#start] = Number.isNaN(start[0]!) ? 0 : start[0]!;
  }
}
