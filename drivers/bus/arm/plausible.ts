/**
 * Whether what a servo reports can be true. A checksum lets one damaged frame in 65,536 through (8-bit sums one in 300),
 * and one believed position of the wrong kind would move the arm: so what cannot have happened is not believed. What
 * keeps being reported is told as a fault, never believed for that.
 */
export interface Bounds {
  /** Largest speed that the servo can have, rad/s, and torque it can show, N·m. */
  readonly speed: number;
  readonly torque: number;
  /** rad per step. */
  readonly unit: number;
}

/** Steps that a position may be off by itself: noise of the encoder, and rounding. */
const NOISE = 12;
/** After a longer gap (s) a servo may not have gone further than in this time: what did is looked into first. */
const LONGEST = 0.1;
/** A state is a snapshot of this long, s: servos answer one after the other. */
const SMEAR = 0.005;

export class Plausibility {
  readonly #bounds: readonly Bounds[];
  readonly #last: Float64Array;
  #time = Number.NaN;

  constructor(bounds: readonly Bounds[]) {
    this.#bounds = bounds;
    this.#last = new Float64Array(bounds.length);
  }

  /** The next reading is the first: nothing is known of where the arm was. */
  forget(): void {
    this.#time = Number.NaN;
  }

  /**
   * Index of the first servo whose position (steps), speed (rad/s) or torque (N·m) is impossible, or -1; only then are
   * the positions taken as the last ones.
   */
  check(time: number, position: Float64Array, speed: Float64Array, torque: Float64Array): number {
    const dt = Math.min(time - this.#time, LONGEST) + SMEAR;
    for (let i = 0; i < this.#bounds.length; i++) {
      const b = this.#bounds[i]!;
      if (!(Math.abs(speed[i]!) <= b.speed) || !(Math.abs(torque[i]!) <= b.torque)) return i;
      if (Number.isNaN(this.#time)) continue;
      const way = Math.abs(position[i]! - this.#last[i]!);
      if (!(way <= NOISE + (b.speed * dt) / b.unit)) return i;
    }
    this.#last.set(position);
    this.#time = time;
    return -1;
  }
}
