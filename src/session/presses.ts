/** From the state of buttons and pedals to presses: debounced, and only what is pressed while somebody looks. */
import type { LeaderAction } from '../robot/leader.ts';

/** A contact bounces for less than this, s. */
const BOUNCE_S = 0.03;

export interface ButtonUse {
  readonly button: number;
  readonly does: LeaderAction;
}

export class Presses {
  readonly #uses: readonly ButtonUse[];
  readonly #onPress: (action: LeaderAction) => void;
  readonly #changed: Float64Array;
  #held = 0;
  #known = false;

  constructor(uses: readonly ButtonUse[], onPress: (action: LeaderAction) => void) {
    this.#uses = uses;
    this.#onPress = onPress;
    this.#changed = new Float64Array(uses.length).fill(Number.NEGATIVE_INFINITY);
  }

  /** Bit i: button i is held, of those that do something. */
  get held(): number {
    return this.#held;
  }

  /** True while a button that does this is held. */
  holds(action: LeaderAction): boolean {
    return this.#uses.some(({ button, does }) => does === action && (this.#held & (1 << button)) !== 0);
  }

  /** They were away: what is held when they are back was not pressed now. */
  forget(): void {
    this.#known = false;
  }

  /** Takes their state (bit i: button i) at `now`, s. */
  take(buttons: number, now: number): void {
    for (let i = 0; i < this.#uses.length; i++) {
      const { button, does } = this.#uses[i]!;
      const bit = 1 << button;
      if (((buttons ^ this.#held) & bit) === 0) continue;
      if (this.#known && now - this.#changed[i]! < BOUNCE_S) continue;
      this.#changed[i] = now;
      this.#held ^= bit;
      if (this.#known && (buttons & bit) !== 0) this.#onPress(does);
    }
    this.#known = true;
  }
}
