/**
 * What was known when: ticks and camera frames of the last moments, found by their own time. "At t" is the newest entry
 * at or before t, never a later one: the rule by which training samples were made.
 */
import sharp from 'sharp';
import { AreaResizer } from '../math/area.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { tickLayout } from '../robot/tick.ts';

/** Half a nanosecond: times of ticks, frames and steps are sums of different roundings. */
const SLACK = 5e-10;

/** Newest entry of a ring of ascending times at or before `time`, as its age (0: the newest); −1 when all are later. */
function ageAt(times: Float64Array, newest: number, count: number, time: number): number {
  const size = times.length;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[(newest - middle + size) % size]! <= time + SLACK) high = middle;
    else low = middle + 1;
  }
  return low < count ? low : -1;
}

/** Tick blocks of the last moments. Its memory is made once. */
export class TickHistory {
  readonly #size: number;
  readonly #time: number;
  readonly #times: Float64Array;
  readonly #blocks: readonly Float64Array[];
  #newest = -1;
  #count = 0;

  constructor(spec: RobotSpec, seconds: number) {
    const { layout } = tickLayout(spec);
    const slots = Math.ceil(seconds * spec.loop.rateHz) + 2;
    this.#size = layout.size;
    this.#time = layout.at('in.time');
    this.#times = new Float64Array(slots);
    this.#blocks = Array.from({ length: slots }, () => new Float64Array(layout.size));
  }

  /** A tick or tick record; copied. */
  push(record: Float64Array): void {
    this.#newest = (this.#newest + 1) % this.#times.length;
    this.#times[this.#newest] = record[this.#time]!;
    this.#blocks[this.#newest]!.set(record.subarray(0, this.#size));
    this.#count = Math.min(this.#count + 1, this.#times.length);
  }

  /** The block in force at that time, or null when none is kept. Valid until as many were pushed as are kept. */
  at(time: number): Float64Array | null {
    const age = ageAt(this.#times, this.#newest, this.#count, time);
    if (age < 0) return null;
    return this.#blocks[(this.#newest - age + this.#times.length) % this.#times.length]!;
  }

  /** The newest block, or null. */
  get newest(): Float64Array | null {
    return this.#count === 0 ? null : this.#blocks[this.#newest]!;
  }

  clear(): void {
    this.#count = 0;
  }
}

/** Frames of one camera, decoded and brought to the size of one input. */
export class FrameHistory {
  readonly camera: string;
  readonly #width: number;
  readonly #height: number;
  readonly #times: Float64Array;
  readonly #pixels: readonly Uint8Array[];
  readonly #resizers = new Map<string, AreaResizer>();
  #newest = -1;
  #count = 0;
  /** Frames that were captured before this belong to another scene. */
  #since = Number.NEGATIVE_INFINITY;
  #work: Promise<void> = Promise.resolve();

  /** Keeps `slots` frames as RGB rows of width × height. */
  constructor(camera: string, width: number, height: number, slots: number) {
    this.camera = camera;
    this.#width = width;
    this.#height = height;
    this.#times = new Float64Array(slots);
    this.#pixels = Array.from({ length: slots }, () => new Uint8Array(width * height * 3));
  }

  /** Takes a frame in; decoded in order, in the background. The bytes must stay as they are until `settled`. */
  push(time: number, jpeg: Uint8Array): void {
    this.#work = this.#work.then(() => this.#take(time, jpeg));
  }

  /** Resolves when every frame pushed so far is decoded. Rejects when one was no picture. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** RGB of the frame in force at that time, or null. */
  at(time: number): { readonly time: number; readonly pixels: Uint8Array } | null {
    const age = ageAt(this.#times, this.#newest, this.#count, time);
    if (age < 0) return null;
    const slot = (this.#newest - age + this.#times.length) % this.#times.length;
    return { time: this.#times[slot]!, pixels: this.#pixels[slot]! };
  }

  /** A new scene began: what was captured before is no longer what is there. */
  forgetBefore(time: number): void {
    this.#since = time;
    this.#count = 0;
  }

  async #take(time: number, jpeg: Uint8Array): Promise<void> {
    const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
    if (time < this.#since - SLACK) return;
    if (this.#count > 0 && time <= this.#times[this.#newest]!) return;
    const key = `${info.width}x${info.height}`;
    let resizer = this.#resizers.get(key);
    if (resizer === undefined) {
      resizer = new AreaResizer(info.width, info.height, this.#width, this.#height);
      this.#resizers.set(key, resizer);
    }
    const slot = (this.#newest + 1) % this.#times.length;
    resizer.resize(data, this.#pixels[slot]!);
    this.#times[slot] = time;
    this.#newest = slot;
    this.#count = Math.min(this.#count + 1, this.#times.length);
  }
}
