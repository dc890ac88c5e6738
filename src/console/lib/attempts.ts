/** Lines of a collection's ledger → what the page shows of them. No DOM here. */
import { wilson } from '../../math/statistics.ts';
import type { AttemptLine, CollectionLine } from '../../server/learning-protocol.ts';

/** Attempts over which the pace is measured. */
const WINDOW = 40;
const BINS = 24;

/** One drawn number over all attempts: counts in equal bins from low to high. */
export interface Spread {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly successes: readonly number[];
  readonly failures: readonly number[];
}

export class Attempts {
  /** Oldest first. */
  readonly list: AttemptLine[] = [];
  /** Columns of the rate over attempts: number, rate, lower and upper end of its interval (Wilson, 95 %). */
  readonly counts: number[] = [];
  readonly rate: number[] = [];
  readonly low: number[] = [];
  readonly high: number[] = [];
  #successes = 0;
  /** Of the attempts since the session went on, s since 1970. */
  #times: number[] = [];

  clear(): void {
    for (const column of [this.list, this.counts, this.rate, this.low, this.high]) column.length = 0;
    this.#successes = 0;
    this.#times = [];
  }

  push(lines: readonly CollectionLine[]): void {
    for (const line of lines) {
      if (line.fact === 'session') this.#times = [];
      if (line.fact !== 'finished') continue;
      this.list.push(line);
      this.#times.push(Date.parse(line.at) / 1000);
      if (line.success) this.#successes++;
      const n = this.list.length;
      const { low, high } = wilson(this.#successes, n);
      this.counts.push(n);
      this.rate.push(this.#successes / n);
      this.low.push(low);
      this.high.push(high);
    }
  }

  /** Attempts per minute, over the last ones of this sitting; NaN while there are too few. */
  get perMinute(): number {
    const times = this.#times.slice(-WINDOW);
    return (60 * (times.length - 1)) / (times.at(-1)! - times[0]!);
  }

  /** How attempts ended, the commonest first. */
  get reasons(): { readonly reason: string; readonly count: number; readonly success: boolean }[] {
    const found = new Map<string, { reason: string; count: number; success: boolean }>();
    for (const { reason, success } of this.list) {
      const entry = found.get(reason) ?? { reason, count: 0, success };
      entry.count++;
      found.set(reason, entry);
    }
    return [...found.values()].sort((a, b) => b.count - a.count);
  }

  /** What was drawn, by name. Numbers that never differ are left out. */
  get spreads(): Spread[] {
    const names = [...new Set(this.list.flatMap((a) => Object.keys(a.variation)))].sort();
    return names.flatMap((name) => this.#spread(name) ?? []);
  }

  #spread(name: string): Spread | null {
    const drawn = this.list.filter((a) => a.variation[name] !== undefined);
    const values = drawn.map((a) => a.variation[name]!);
    const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    if (!(high > low)) return null;
    const counts = { true: new Array<number>(BINS).fill(0), false: new Array<number>(BINS).fill(0) };
    for (const [i, value] of values.entries()) {
      const bin = Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
      counts[`${drawn[i]!.success}`][bin]!++;
    }
    return { name, low, high, successes: counts.true, failures: counts.false };
  }
}
