/**
 * When a camera's next frame is due. Frames stand on a fixed raster from the start; a frame that comes late does not
 * push the others back, and whole missed periods are skipped and counted, never made up for.
 */
export class CameraSchedule {
  #period: number;
  #next: number;
  #running = true;
  /** Number of the newest frame that was due, skipped ones included. */
  seq = 0;
  dropped = 0;

  constructor(fps: number, now: number) {
    this.#period = 1 / fps;
    this.#next = now;
  }

  get fps(): number {
    return 1 / this.#period;
  }

  /** Time of the next frame; Infinity while stopped. */
  get next(): number {
    return this.#running ? this.#next : Number.POSITIVE_INFINITY;
  }

  /** Takes the frame that is due at `now`, and skips those that are whole periods late. False when none is due. */
  take(now: number): boolean {
    if (now < this.next) return false;
    const missed = Math.floor((now - this.#next) / this.#period);
    this.seq += missed + 1;
    this.dropped += missed;
    this.#next += (missed + 1) * this.#period;
    return true;
  }

  /** The frame just taken could not be made. */
  drop(): void {
    this.dropped++;
  }

  /** The frame just taken has nothing new to show: it does not count. */
  forget(): void {
    this.seq--;
  }

  setFps(fps: number, now: number): void {
    this.#period = 1 / fps;
    this.#next = now;
  }

  start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#next = now;
  }

  stop(): void {
    this.#running = false;
  }
}

const WINDOW = 2;

/** Events per second over a sliding window of two seconds. */
export class RateMeter {
  readonly #stamps = new Float64Array(512).fill(Number.NEGATIVE_INFINITY);
  #count = 0;
  #first = Number.NaN;

  add(now: number): void {
    if (this.#count === 0) this.#first = now;
    this.#stamps[this.#count++ % this.#stamps.length] = now;
  }

  /** While the window is not full yet, the time since the first event counts. */
  rate(now: number): number {
    const n = this.#stamps.length;
    let events = 0;
    for (let k = 1; k <= Math.min(this.#count, n); k++) {
      if (now - this.#stamps[(this.#count - k) % n]! > WINDOW) break;
      events++;
    }
    const elapsed = now - this.#first;
    if (elapsed >= WINDOW) return events / WINDOW;
    return elapsed > 0 ? (events - 1) / elapsed : 0;
  }
}
