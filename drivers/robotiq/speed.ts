/**
 * Speed of the fingers from their positions: the gripper reports none. Over the last tenth of a second, for one count in
 * one poll would be 0.04 m/s.
 */
const WINDOW_S = 0.1;
const KEPT = 32;

export class SpeedEstimate {
  readonly #times = new Float64Array(KEPT);
  readonly #positions = new Float64Array(KEPT);
  #count = 0;

  /** Counts a second after a new reading. A gap longer than the window begins anew. */
  next(time: number, position: number): number {
    if (this.#count > 0 && time - this.#times[(this.#count - 1) % KEPT]! > WINDOW_S) this.#count = 0;
    const k = this.#count++ % KEPT;
    this.#times[k] = time;
    this.#positions[k] = position;
    const known = Math.min(this.#count, KEPT);
    let oldest = k;
    for (let i = 1; i < known; i++) {
      const j = (k - i + KEPT) % KEPT;
      if (time - this.#times[j]! > WINDOW_S) break;
      oldest = j;
    }
    const span = time - this.#times[oldest]!;
    // Too short to say anything.
    if (span < 0.2 * WINDOW_S) return 0;
    return (position - this.#positions[oldest]!) / span;
  }
}
