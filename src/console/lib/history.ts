/**
 * The last seconds of some channels, decimated, for plots: columns of equal length that are shifted in place, so
 * that a plot reads plain arrays. The time axis is seconds before the newest sample. No DOM here.
 */

/** A value, or null for a gap. */
export type Sample = number | null;

export class History {
  /** Seconds, −window .. 0. */
  readonly times: Float64Array;
  readonly columns: readonly Sample[][];
  readonly #rate: number;
  #last = Number.NEGATIVE_INFINITY;

  /** `window` in s, `rate` in Hz at most; channels start as gaps. */
  constructor(channels: number, window: number, rate: number) {
    const rows = Math.round(window * rate) + 1;
    this.#rate = rate;
    this.times = Float64Array.from({ length: rows }, (_, i) => (i - (rows - 1)) / rate);
    this.columns = Array.from({ length: channels }, () => new Array<Sample>(rows).fill(null));
  }

  /**
   * Takes a sample at `time` (s) when a period has passed since the one before. Missed periods become gaps; time
   * that runs backwards (a restarted rig) clears. Returns whether it was taken.
   */
  push(time: number, read: (channel: number) => number): boolean {
    if (time < this.#last - 1) this.clear();
    const steps = Math.floor((time - this.#last) * this.#rate + 1e-6);
    if (steps < 1) return false;
    const rows = this.times.length;
    const shift = Math.min(steps, rows);
    for (const [channel, column] of this.columns.entries()) {
      column.copyWithin(0, shift);
      // A single missed period is jitter of the network, not a gap worth showing.
      column.fill(steps <= 3 ? (column[rows - shift - 1] ?? null) : null, rows - shift);
      const value = read(channel);
      column[rows - 1] = Number.isFinite(value) ? value : null;
    }
    this.#last = Number.isFinite(this.#last) ? this.#last + steps / this.#rate : time;
    return true;
  }

  clear(): void {
    this.#last = Number.NEGATIVE_INFINITY;
    for (const column of this.columns) column.fill(null);
  }
}
