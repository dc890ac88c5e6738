/**
 * The master of a Modbus RTU line: one request after the other, each with its one reply or a time limit. Retries are the
 * caller's. Allocates nothing per exchange.
 */
import { type Wire, wireTime } from '../bus/wire.ts';
import { type Expected, ReplyWindow } from './modbus.ts';

/** Answered; nothing came; something came that was no answer; the wire is gone. */
export type Outcome = 'answered' | 'silent' | 'garbled' | 'lost';

/** What is asked. May be used again when it has ended. */
export interface Exchange {
  readonly request: Uint8Array;
  readonly expected: Expected;
  /** Called once. When `answered`, the reply begins at bytes[at]; it is only valid during the call. */
  end(outcome: Outcome, time: number, bytes: Uint8Array, at: number): void;
}

export interface MasterOptions {
  readonly now: () => number;
  /** Time beyond that of the wire that gripper, adapter and system may take, s. */
  readonly patienceS: number;
}

/** How often the time limit is looked at, ms. */
const CHECK_MS = 3;
/** Silence between two frames, s (Modbus over Serial Line V1.02, 2.5.1.1: 1.75 ms above 19,200 baud). */
const GAP_S = 0.00175;

export class ModbusMaster {
  readonly wire: Wire;
  /** When the request under way, or the last one, was handed to the system. */
  written = 0;
  /** Bytes that came since then. */
  heard = 0;
  patienceS: number;
  readonly #now: () => number;
  readonly #window = new ReplyWindow();
  readonly #queue: Exchange[] = [];
  readonly #checks: NodeJS.Timeout;
  readonly #resume = (): void => {
    this.#waiting = null;
    this.#next();
  };
  #current: Exchange | null = null;
  #waiting: NodeJS.Timeout | null = null;
  #deadline = 0;
  /** The limit was passed at the last look; what had arrived by then has been read since. */
  #expired = false;
  #lastByte = Number.NEGATIVE_INFINITY;
  #lost = false;

  constructor(wire: Wire, { now, patienceS }: MasterOptions) {
    this.wire = wire;
    this.patienceS = patienceS;
    this.#now = now;
    wire.onBytes = (bytes, time) => this.#bytes(bytes, time);
    wire.onLost = () => this.#lose();
    this.#checks = setInterval(() => this.#check(), CHECK_MS);
  }

  /** Does it now, or after those that were asked for before. */
  run(exchange: Exchange): void {
    if (this.#lost) {
      exchange.end('lost', this.#now(), this.#window.bytes, 0);
      return;
    }
    this.#queue.push(exchange);
    this.#next();
  }

  async close(): Promise<void> {
    this.#lose();
    await this.wire.close();
  }

  #next(): void {
    if (this.#current !== null || this.#waiting !== null || this.#lost) return;
    if (this.#queue.length === 0) return;
    const wait = this.#lastByte + GAP_S - this.#now();
    if (wait > 0) {
      this.#waiting = setTimeout(this.#resume, Math.ceil(1000 * wait));
      return;
    }
    const exchange = this.#queue.shift()!;
    this.#current = exchange;
    this.#expired = false;
    this.#window.clear();
    this.heard = 0;
    this.wire.write(exchange.request);
    this.written = this.#now();
    const bytes = exchange.request.length + exchange.expected.length;
    this.#deadline = this.written + wireTime(bytes, this.wire.baud) + this.patienceS;
  }

  #bytes(bytes: Uint8Array, time: number): void {
    this.#lastByte = time;
    const exchange = this.#current;
    if (exchange === null) return;
    this.heard += bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      if (!this.#window.push(bytes[i]!, exchange.expected)) continue;
      this.#finish('answered', time);
      return;
    }
  }

  #finish(outcome: Outcome, time: number): void {
    const exchange = this.#current!;
    this.#current = null;
    const at = outcome === 'answered' ? this.#window.start(exchange.expected) : 0;
    exchange.end(outcome, time, this.#window.bytes, at);
    this.#next();
  }

  #check(): void {
    const now = this.#now();
    if (this.#current === null || now <= this.#deadline) return;
    // A process that stood still finds timers due before it has read what came meanwhile: one more round.
    if (!this.#expired) this.#expired = true;
    else this.#finish(this.heard === 0 ? 'silent' : 'garbled', now);
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    clearInterval(this.#checks);
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    const now = this.#now();
    const cut = this.#current === null ? [] : [this.#current];
    this.#current = null;
    for (const exchange of [...cut, ...this.#queue.splice(0)])
      exchange.end('lost', now, this.#window.bytes, 0);
  }
}
