/**
 * The master of a bus: one exchange after the other on a half-duplex wire. It sends, waits as long as the answer can
 * take, hands over packets that are the expected ones and says how it ended. Retries are the caller's. Which protocol it
 * speaks is the decoder's affair.
 */
import { type Wire, wireTime } from './wire.ts';

/** Bytes become packets here, however they were cut up on the way. The fields of the last packet are the decoder's own. */
export interface FrameDecoder {
  /** Whether the last `feed` completed a packet. */
  readonly complete: boolean;
  /** Forgets a packet that has begun and what was expected: before a new request, whose answer starts afresh. */
  reset(): void;
  /** Reads bytes[from..to) up to the end of the next packet. Returns where to go on. */
  feed(bytes: Uint8Array, from: number, to: number): number;
}

/**
 * How an exchange ended: answered; nothing came; something came that was no answer (damaged, another device's, noise);
 * the wire is gone.
 */
export type Outcome = 'answered' | 'silent' | 'garbled' | 'lost';

/** What is asked, and who takes the answer. May be used again when it has ended. */
export interface Exchange<D extends FrameDecoder> {
  /** One or more packets, of which at most the last is answered. */
  readonly bytes: Uint8Array;
  /** What the answer takes on the wire, in bytes with everything; 0 when nobody answers. */
  readonly replyBytes: number;
  /** Packets that the answer consists of: each may be held back by a return delay. 0: as many as come in that time. */
  readonly replies: number;
  /** Tells the decoder what is to come, where it can make use of that. */
  expect(decoder: D): void;
  /** A packet has come: true when it completes the answer. Packets that are no part of it are ignored. */
  take(packet: D, time: number): boolean;
  end(outcome: Outcome, time: number): void;
}

export interface BusOptions {
  readonly now: () => number;
  /** Largest return delay that is reckoned with, s. */
  readonly returnDelayS: number;
  /** At first. */
  readonly patienceS: number;
  /** Silence that the protocol asks for between an answer and the next request, s. Default: none. */
  readonly gapS?: number;
}

/** How often the time limit is looked at, ms. */
const CHECK_MS = 3;
/** After an exchange that failed nothing may have come for this long (s) before the next: no late answer is mixed up. */
const QUIET_S = 0.002;

export class HalfDuplexBus<D extends FrameDecoder> {
  readonly wire: Wire;
  /** Since it was made. */
  readonly counts = { answered: 0, silent: 0, garbled: 0 };
  /** When the bytes of the exchange under way were handed to the system. */
  written = 0;
  /** Time beyond that of the wire that adapter and system may take, s: an FTDI latency timer alone takes 16 ms. */
  patienceS: number;
  onLost: ((reason: string) => void) | null = null;
  readonly #options: BusOptions;
  readonly #decoder: D;
  readonly #queue: Exchange<D>[] = [];
  readonly #checks: NodeJS.Timeout;
  #current: Exchange<D> | null = null;
  #deadline = 0;
  /** The limit was passed at the last look; what had arrived by then has been read since. */
  #expired = false;
  #heard = 0;
  #lastByte = Number.NEGATIVE_INFINITY;
  #settling = false;
  /** Runs while the line rests between two frames; made once. */
  #rest: NodeJS.Timeout | null = null;
  #resting = false;
  #lost = false;

  constructor(wire: Wire, decoder: D, options: BusOptions) {
    this.wire = wire;
    this.#decoder = decoder;
    this.patienceS = options.patienceS;
    this.#options = options;
    wire.onBytes = (bytes, time) => this.#bytes(bytes, time);
    wire.onLost = (reason) => this.#lose(reason);
    this.#checks = setInterval(() => this.#check(), CHECK_MS);
  }

  /** Bytes that came while the exchange that ended last was under way. */
  get heard(): number {
    return this.#heard;
  }

  /** Now, on the rig's clock, s. */
  get time(): number {
    return this.#options.now();
  }

  /** Does it now, or after those that were asked for before. Its `end` is always called, once. */
  run(exchange: Exchange<D>): void {
    if (this.#lost) exchange.end('lost', this.#options.now());
    else if (this.#idle && this.#queue.length === 0) this.#start(exchange);
    else this.#queue.push(exchange);
  }

  async close(): Promise<void> {
    clearInterval(this.#checks);
    this.onLost = null;
    if (!this.#lost) this.#lose('it was closed');
    await this.wire.close();
  }

  get #idle(): boolean {
    return this.#current === null && !this.#settling && !this.#resting;
  }

  #start(exchange: Exchange<D>): void {
    const { now, returnDelayS } = this.#options;
    this.#current = exchange;
    this.#expired = false;
    this.#heard = 0;
    this.#decoder.reset();
    exchange.expect(this.#decoder);
    this.wire.write(exchange.bytes);
    this.written = now();
    const { replyBytes, replies, bytes } = exchange;
    if (replyBytes === 0) {
      this.#finish('answered', this.written);
      return;
    }
    const onWire = wireTime(bytes.length + replyBytes, this.wire.baud);
    this.#deadline = this.written + onWire + replies * returnDelayS + this.patienceS;
  }

  #bytes(bytes: Uint8Array, time: number): void {
    this.#lastByte = time;
    const exchange = this.#current;
    if (exchange === null) return;
    this.#heard += bytes.length;
    const decoder = this.#decoder;
    // A decoder may find another packet in what it has kept already.
    for (let at = 0; at < bytes.length || decoder.complete; ) {
      at = decoder.feed(bytes, at, bytes.length);
      if (!decoder.complete || !exchange.take(decoder, time)) continue;
      this.#finish('answered', time);
      return;
    }
  }

  #finish(outcome: Outcome, time: number): void {
    const exchange = this.#current!;
    this.#current = null;
    if (outcome !== 'lost') this.counts[outcome]++;
    this.#settling = outcome === 'silent' || outcome === 'garbled';
    if (outcome === 'answered' && this.#options.gapS !== undefined) this.#pause(this.#options.gapS);
    // It may ask for the next one, which then starts at once or waits behind the others.
    exchange.end(outcome, time);
    this.#next();
  }

  #pause(gapS: number): void {
    this.#resting = true;
    if (this.#rest !== null) {
      this.#rest.refresh();
      return;
    }
    this.#rest = setTimeout(
      () => {
        this.#resting = false;
        this.#next();
      },
      Math.ceil(1000 * gapS),
    );
  }

  #next(): void {
    if (!this.#idle) return;
    const next = this.#queue.shift();
    if (next !== undefined) this.#start(next);
  }

  #check(): void {
    const now = this.#options.now();
    if (this.#settling) {
      if (now - this.#lastByte < QUIET_S) return;
      this.#settling = false;
      this.#next();
    } else if (this.#current !== null && now > this.#deadline) {
      // A process that stood still finds timers due before it has read what came meanwhile: one more round.
      if (!this.#expired) this.#expired = true;
      else if (this.#current.replies === 0) this.#finish('answered', now);
      else this.#finish(this.#heard === 0 ? 'silent' : 'garbled', now);
    }
  }

  #lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    clearInterval(this.#checks);
    if (this.#rest !== null) clearTimeout(this.#rest);
    const now = this.#options.now();
    if (this.#current !== null) this.#finish('lost', now);
    for (const exchange of this.#queue.splice(0)) exchange.end('lost', now);
    this.onLost?.(reason);
  }
}
