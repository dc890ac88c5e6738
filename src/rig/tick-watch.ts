/**
 * The ticks as the rig's main thread sees them: drained some 60 times a second from a ring of their own, so that
 * nothing is missed: answers to requests, reasons that flashed up, lateness of every wake-up.
 */
import { ArmloopError } from '../errors.ts';
import type { RingReader } from '../robot/port.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { tickRecordLayout } from '../robot/tick.ts';
import type { TickView } from '../session/host.ts';

export interface LoopStats {
  /** Cycles per second, over the last second. */
  rate: number;
  latenessP50: number;
  latenessP99: number;
  latenessMax: number;
  /** Periods skipped since the start. */
  missed: number;
  /** Median time of a cycle, s. */
  work: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Waiter {
  readonly condition: (view: TickView) => boolean;
  readonly resolve: () => void;
}

/** How often the statistics are made new, s. */
const STATS_EVERY_S = 0.25;

export class TickWatch {
  readonly #ring: RingReader;
  readonly #at: Readonly<Record<string, number>>;
  readonly #axes: number;
  /** The newest record. */
  readonly newest: Float64Array;
  /** Reason bits per axis, or-ed until `clearReasons`. */
  readonly reasons: Float64Array;
  reasonsAll = 0;
  readonly stats: LoopStats = { rate: 0, latenessP50: 0, latenessP99: 0, latenessMax: 0, missed: 0, work: 0 };
  readonly view: Mutable<TickView> = {
    time: 0,
    tick: 0,
    mode: 0,
    controller: 0,
    fault: 0,
    reasons: 0,
    done: 0,
    epoch: 0,
    seed: 0,
  };
  readonly #window: { readonly wake: Float64Array; readonly late: Float64Array; readonly work: Float64Array };
  #filled = 0;
  #statsDue = 0;
  readonly #answers = new Map<number, (taken: boolean) => void>();
  readonly #waiters = new Set<Waiter>();

  constructor(spec: RobotSpec, ring: RingReader) {
    const layout = tickRecordLayout(spec);
    this.#ring = ring;
    this.#axes = spec.axes.length;
    this.#at = Object.fromEntries(layout.fields.map((f) => [f.name, f.offset]));
    this.newest = new Float64Array(layout.size);
    this.reasons = new Float64Array(this.#axes);
    const length = Math.ceil(spec.loop.rateHz * 1.1) + 1;
    this.#window = {
      wake: new Float64Array(length),
      late: new Float64Array(length),
      work: new Float64Array(length),
    };
  }

  /** Offset of a field of tickRecordLayout. */
  at(field: string): number {
    return this.#at[field]!;
  }

  /** Takes in every tick that waits. Returns how many there were. */
  drain(): number {
    let count = 0;
    this.view.reasons = 0;
    for (let slot = this.#ring.peek(); slot !== null; slot = this.#ring.peek()) {
      this.#take(slot.block);
      this.newest.set(slot.block);
      this.#ring.release();
      if (this.#waiters.size > 0) this.#wake();
      count++;
    }
    if (count > 0 && this.view.time >= this.#statsDue) {
      this.#statsDue = this.view.time + STATS_EVERY_S;
      this.#measure();
    }
    return count;
  }

  clearReasons(): void {
    this.reasonsAll = 0;
    this.reasons.fill(0);
  }

  /** True when the loop took the request, false when it refused. Rejects with REQUEST_TIMEOUT. */
  answered(seq: number, timeoutS: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#answers.delete(seq);
        reject(new ArmloopError('REQUEST_TIMEOUT', { request: 'a request', seconds: timeoutS }));
      }, timeoutS * 1000);
      this.#answers.set(seq, (taken) => {
        clearTimeout(timer);
        resolve(taken);
      });
    });
  }

  /** Resolves when `condition` holds of a tick from now on, or of the newest one. Rejects with REQUEST_TIMEOUT. */
  until(what: string, condition: (view: TickView) => boolean, timeoutS: number): Promise<void> {
    if (condition(this.view)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new ArmloopError('REQUEST_TIMEOUT', { request: what, seconds: timeoutS }));
      }, timeoutS * 1000);
      const waiter: Waiter = {
        condition,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #take(block: Float64Array): void {
    const at = this.#at;
    const v = this.view;
    v.time = block[at['in.time']!]!;
    v.tick = block[at['in.tick']!]!;
    v.mode = block[at['out.mode']!]!;
    v.controller = block[at['out.controller']!]!;
    v.fault = block[at['out.fault']!]!;
    v.done = block[at['out.done']!]!;
    v.epoch = block[at['in.task.epoch']!]!;
    v.seed = block[at['in.task.seed']!]!;
    let all = block[at['out.reasonAll']!]!;
    const reason = at['out.reason']!;
    for (let i = 0; i < this.#axes; i++) {
      const bits = block[reason + i]!;
      this.reasons[i] = this.reasons[i]! | bits;
      all |= bits;
    }
    v.reasons |= all;
    this.reasonsAll |= all;

    const answer = block[at['out.request.accepted']!]!;
    if (answer !== 0) {
      const settle = this.#answers.get(Math.abs(answer));
      this.#answers.delete(Math.abs(answer));
      settle?.(answer > 0);
    }
    const { wake, late, work } = this.#window;
    const i = this.#filled++ % wake.length;
    wake[i] = block[at['in.wake']!]!;
    late[i] = wake[i]! - v.time;
    work[i] = block[at['stamp.computed']!]! - block[at['stamp.seen']!]!;
    this.stats.missed += block[at['in.missed']!]!;
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition(this.view)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  #measure(): void {
    const { wake, late, work } = this.#window;
    const since = wake.reduce((a, b) => Math.max(a, b), 0) - 1;
    const lateness: number[] = [];
    const works: number[] = [];
    for (let i = 0; i < Math.min(this.#filled, wake.length); i++) {
      if (wake[i]! <= since) continue;
      lateness.push(late[i]!);
      works.push(work[i]!);
    }
    lateness.sort((a, b) => a - b);
    works.sort((a, b) => a - b);
    this.stats.rate = lateness.length;
    this.stats.latenessP50 = quantile(lateness, 0.5);
    this.stats.latenessP99 = quantile(lateness, 0.99);
    this.stats.latenessMax = lateness.at(-1) ?? 0;
    this.stats.work = quantile(works, 0.5);
  }
}

/** Of sorted values; 0 when there are none. */
const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
