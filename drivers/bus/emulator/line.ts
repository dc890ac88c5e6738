/**
 * A half-duplex serial line behind a USB adapter, in time: every byte takes ten bits of the baud rate, answers come
 * after those, the adapter hands bytes on in packets or when its latency timer is up. And what goes wrong on real ones:
 * echo, wrong bits, lost bytes, bytes that run together.
 *
 * The other end of the pty sees what a driver would see, at the time it would; how late this process was is counted.
 */
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { Rng } from '../../../src/math/rng.ts';
import { openPty, type Pty } from './pty.ts';

export interface LineSetup {
  /** Of the devices. */
  readonly baud: number;
  /** Adapters of FTDI hand bytes on every this many ms, or 62 at a time; 0: as soon as an answer is there. */
  readonly latencyMs: number;
  /** The adapter hears itself. */
  readonly echo: boolean;
  /** Looks what the driver has set the port to: a wrong baud rate is then not understood. Costs a process each time. */
  readonly senseBaud: boolean;
  /** The last µs before a byte is due are spent spinning: exact, at the price of a core. For benches. */
  readonly spinUs: number;
}

/** Both ways. */
export interface LineFaults {
  /** Probabilities per byte. */
  flip: number;
  drop: number;
  merge: number;
  /** So many of the next pieces, as they were written, lose their second half. */
  cut: number;
}

export interface Lateness {
  /** How late each answer was handed on, s. */
  readonly late: readonly number[];
  /** When each request that was answered had been read (monotonic, s): how late is for those to say who wrote it. */
  readonly heard: readonly number[];
}

/** Payload of a full-speed USB packet of an FTDI chip: 64 less two status bytes. */
const USB_PACKET = 62;
/** Answers whose lateness is kept. */
const LATENESS = 20_000;
/** Waiting this long (s) or less is done in place; more by a timer. */
const NEAR = 0.003;

interface Due {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e9;

export class Line {
  readonly faults: LineFaults = { flip: 0, drop: 0, merge: 0, cut: 0 };
  /** Bytes for the devices; `start` is when the first one began, `byte` how long each took (s). */
  onBytes: (bytes: Uint8Array, start: number, byte: number) => void = () => {};
  /** Rate of the devices that are on it, bit/s, and whether the driver's port must have the same. */
  baud: number;
  senseBaud: boolean;
  readonly #setup: LineSetup;
  readonly #rng: Rng;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #pty: Pty | null = null;
  #stream: ReadStream | null = null;
  #queue: Due[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** The line is taken until then. */
  #busy = 0;
  #hostBaud: number;
  #buffer: number[] = [];
  #buffered = 0;
  #late: number[] = [];
  #heard: number[] = [];

  constructor(setup: LineSetup, rng: Rng) {
    this.#setup = setup;
    this.#rng = rng;
    this.baud = setup.baud;
    this.senseBaud = setup.senseBaud;
    this.#hostBaud = setup.baud;
  }

  /** Plugs the adapter in and returns the path of its port. */
  plug(): string {
    this.unplug();
    const pty = openPty();
    this.#pty = pty;
    const stream = new ReadStream(pty.master);
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#hear(chunk, monotonic()));
    stream.on('error', () => {});
    return pty.path;
  }

  unplug(): void {
    this.#queue = [];
    this.#buffer = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#stream?.destroy();
    this.#stream = null;
    try {
      this.#pty?.close();
    } catch {
      // The stream has closed the descriptor by now.
    }
    this.#pty = null;
  }

  /** A device answers: its first bit at `ready` or when the line is free. Returns when the last one has gone. */
  answer(bytes: Uint8Array, ready: number): number {
    const byte = 10 / this.baud;
    const start = Math.max(ready, this.#busy);
    this.#busy = start + bytes.length * byte;
    this.#toHost(this.#damaged(bytes), start, byte);
    return this.#busy;
  }

  /** Since it was asked last, up to LATENESS answers. */
  lateness(): Lateness {
    const lateness = { late: this.#late, heard: this.#heard };
    this.#late = [];
    this.#heard = [];
    return lateness;
  }

  #hear(chunk: Uint8Array, arrival: number): void {
    if (this.senseBaud) this.#sense();
    const byte = 10 / this.baud;
    const start = Math.max(arrival, this.#busy);
    this.#busy = start + chunk.length * byte;
    if (this.#setup.echo) this.#toHost(chunk, start, byte);
    const waiting = this.#queue.length;
    if (!this.senseBaud || this.#hostBaud === this.baud) this.onBytes(this.#damaged(chunk), start, byte);
    if (this.#queue.length > waiting && this.#heard.length < LATENESS) this.#heard.push(arrival);
    this.#pump();
  }

  #sense(): void {
    const flag = process.platform === 'darwin' ? '-f' : '-F';
    const { stdout } = spawnSync('stty', [flag, this.#pty!.path, 'speed'], { encoding: 'utf8' });
    const baud = Number(stdout ?? '');
    if (baud > 0) this.#hostBaud = baud;
  }

  /** Bytes whose times are known go through the adapter. */
  #toHost(bytes: Uint8Array, start: number, byte: number): void {
    const latency = this.#setup.latencyMs / 1000;
    if (latency === 0) {
      this.#queue.push({ at: start + bytes.length * byte, bytes: Uint8Array.from(bytes) });
      return;
    }
    for (let i = 0; i < bytes.length; i++) {
      const at = start + (i + 1) * byte;
      if (this.#buffer.length > 0 && at > this.#buffered + latency) this.#flush(this.#buffered + latency);
      if (this.#buffer.length === 0) this.#buffered = at;
      this.#buffer.push(bytes[i]!);
      if (this.#buffer.length === USB_PACKET) this.#flush(at);
    }
  }

  #flush(at: number): void {
    this.#queue.push({ at, bytes: Uint8Array.from(this.#buffer) });
    this.#buffer = [];
  }

  #pump(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const latency = this.#setup.latencyMs / 1000;
    for (;;) {
      const next = this.#queue[0];
      // The latency timer goes on running: what is left over is sent when it is up.
      if (next === undefined && this.#buffer.length > 0) {
        this.#flush(this.#buffered + latency);
        continue;
      }
      if (next === undefined) return;
      const wait = next.at - monotonic();
      if (wait > NEAR) {
        this.#timer = setTimeout(() => this.#pump(), 1000 * (wait - NEAR / 2));
        return;
      }
      this.#queue.shift();
      this.#sleepUntil(next.at);
      this.#send(next);
    }
  }

  #sleepUntil(time: number): void {
    const spin = this.#setup.spinUs / 1e6;
    const wait = time - spin - monotonic();
    if (wait > 0) Atomics.wait(this.#sleeper, 0, 0, 1000 * wait);
    if (spin > 0) while (monotonic() < time);
  }

  #send({ at, bytes }: Due): void {
    if (this.#pty === null) return;
    const late = Math.max(0, monotonic() - at);
    if (this.#late.length < LATENESS) this.#late.push(late);
    try {
      writeSync(this.#pty.master, bytes);
    } catch {
      // Nobody reads and the buffer is full: lost, as on a real line.
    }
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const { flip, drop, merge } = this.faults;
    if (this.faults.cut > 0) {
      this.faults.cut--;
      return bytes.slice(0, bytes.length >> 1);
    }
    if (flip === 0 && drop === 0 && merge === 0) return bytes;
    const out: number[] = [];
    for (const byte of bytes) {
      const draw = this.#rng.uniform();
      if (draw < drop) continue;
      if (draw < drop + merge && out.length > 0) out[out.length - 1] = out.at(-1)! & byte;
      else if (draw < drop + merge + flip) out.push(byte ^ (1 << Math.floor(8 * this.#rng.uniform())));
      else out.push(byte);
    }
    return Uint8Array.from(out);
  }
}
