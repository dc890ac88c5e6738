/**
 * The ticks as the rig's main thread sees them: drained some 60 times a second from a ring of their own, so that
 * nothing is missed: answers to requests, reasons that flashed up, lateness of every wake-up.
 */
import { ArmloopError } from '../errors.ts';
import type { LoopStats as LoopThreadStats } from '../loop/realtime.ts';
import type { Layout } from '../robot/layout.ts';
import type { RingReader } from '../robot/port.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { tickRecordLayout } from '../robot/tick.ts';
import type { TickView } from '../session/host.ts';

export interface LoopStats {
  /** Cycles per second, over the last second. */
  rate: number;
  latenessP50: number;
  latenessP99: number;
  /** Since the start. */
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

export class TickWatch {
  readonly #ring: RingReader;
  readonly #at: Readonly<Record<string, number>>;
  readonly #axes: number;
  readonly #layout: Layout;
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
  readonly #answers = new Map<number, (taken: boolean) => void>();
  readonly #waiters = new Set<Waiter>();

  constructor(spec: RobotSpec, ring: RingReader) {
    const layout = tickRecordLayout(spec);
    this.#ring = ring;
    this.#layout = layout;
    this.#axes = spec.axes.length;
    this.#at = Object.fromEntries(layout.fields.map((f) => [f.name, f.offset]));
    this.newest = new Float64Array(layout.size);
    this.reasons = new Float64Array(this.#axes);
  }

  /** Offset of a field of tickRecordLayout. */
  at(field: string): number {
    return this.#at[field]!;
  }

  /** Takes in every tick that waits. Returns how many there were. `view.reasons` gathers until it is cleared. */
  drain(): number {
    let count = 0;
    for (let slot = this.#ring.peek(); slot !== null; slot = this.#ring.peek()) {
      this.#take(slot.block);
      this.newest.set(slot.block);
      this.#ring.release();
      if (this.#waiters.size > 0) this.#wake();
      count++;
    }
    return count;
  }

  /** Takes over what the loop thread measured since the call before. */
  measure(loop: LoopThreadStats): void {
    const s = this.stats;
    s.missed = loop.missed;
    s.latenessMax = loop.latenessMax;
    if (loop.ticks === 0) {
      s.rate = 0;
      return;
    }
    s.rate = loop.rateHz;
    s.latenessP50 = loop.latenessP50;
    s.latenessP99 = loop.latenessP99;
    s.work = loop.workP50;
  }

  /** A field of the newest record; the values change with the next drain. */
  field(name: string): Float64Array {
    const field = this.#layout.field(name);
    return this.newest.subarray(field.offset, field.offset + field.length);
  }

  clearReasons(): void {
    this.reasonsAll = 0;
    this.reasons.fill(0);
  }

  /** True when the loop took the request, false when it refused. Rejects with REQUEST_TIMEOUT. */
  answered(seq: number, timeoutS: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // After a pause of this thread the answer may wait in the ring.
        this.drain();
        if (!this.#answers.delete(seq)) return;
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
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition(this.view)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
