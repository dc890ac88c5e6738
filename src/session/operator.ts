/** Operator input as it comes from outside: checked, bounded, stamped. */
import type { Layout } from '../robot/layout.ts';
import { operatorLayout } from '../robot/tick.ts';

const BOUNDED = ['jog', 'twist', 'gripper'] as const;

export class OperatorGate {
  readonly layout: Layout;
  readonly #lease: number;
  readonly #time: number;
  readonly #speed: number;
  readonly #seq: number;
  readonly #client: number;
  /** Offsets of values that must lie in -1..1. */
  readonly #bounded: readonly number[];
  /** Messages that were refused: wrong length or not finite. */
  refused = 0;

  constructor(axes: number) {
    this.layout = operatorLayout(axes);
    this.#lease = this.layout.at('lease');
    this.#time = this.layout.at('time');
    this.#speed = this.layout.at('speed');
    this.#seq = this.layout.at('seq');
    this.#client = this.layout.at('clientTime');
    this.#bounded = BOUNDED.flatMap((name) => {
      const field = this.layout.field(name);
      return Array.from({ length: field.length }, (_, i) => field.offset + i);
    });
  }

  /** False when the block is unusable. Values out of range are brought into it. */
  admit(block: Float64Array, lease: number, now: number): boolean {
    block[this.#lease] = lease;
    block[this.#time] = now;
    if (block.length !== this.layout.size || !block.every(Number.isFinite)) {
      this.refused++;
      return false;
    }
    for (const at of this.#bounded) block[at] = Math.min(1, Math.max(-1, block[at]!));
    block[this.#speed] = Math.min(1, Math.max(0, block[this.#speed]!));
    return true;
  }

  seq(block: Float64Array): number {
    return block[this.#seq]!;
  }

  clientTime(block: Float64Array): number {
    return block[this.#client]!;
  }

  /** What the loop gets when nobody drives: lease 0, nothing enabled. */
  nobody(now: number): Float64Array {
    const block = new Float64Array(this.layout.size);
    block[this.#time] = now;
    return block;
  }
}
