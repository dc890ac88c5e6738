/**
 * What every emulator process does: it gets its setup over the IPC channel, tells where its port is, steps its devices
 * in time, answers control messages and ends with its parent. A bus gives `EmulatedBus`; the rest is here.
 */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../../../src/math/rng.ts';
import { type ControlDoor, openDoor } from './door.ts';
import { Line, type LineFaults, type LineSetup, monotonic } from './line.ts';

/** The devices of one line. Times are those of `monotonic`. */
export interface EmulatedBus {
  /** Bytes of the master: the i-th ended at start + (i + 1) byte. Answers go to `line.answer`. */
  receive(bytes: Uint8Array, start: number, byte: number): void;
  /** Goes on to that time (s, never back), which is `lag` behind `monotonic`: they stand still while this process does. */
  advance(time: number, lag: number): void;
  /** Angles and speeds (rad, rad/s) of all, for the trace. */
  sample(out: number[]): void;
  /** Looks at or changes a device. Throws for what it does not know. */
  control(request: Readonly<Record<string, unknown>>): unknown;
}

export type ControlMessage =
  | {
      readonly type: 'setup';
      readonly seq: number;
      readonly line: LineSetup;
      readonly seed: number;
      readonly bus: unknown;
    }
  | { readonly type: 'unplug' | 'plug' | 'lateness' | 'trace' | 'traced'; readonly seq: number }
  | { readonly type: 'faults'; readonly seq: number; readonly faults: Partial<LineFaults> }
  | { readonly type: 'device'; readonly seq: number; readonly request: Readonly<Record<string, unknown>> };

export type ControlReply = { readonly seq: number; readonly value?: unknown; readonly error?: string };

/** A device goes on at least this often, ms. */
const HOUSEKEEPING_MS = 2;
/** Physics stands still while this process gets no processor for longer than this, s: the devices are not to blame. */
const LONGEST_GAP = 0.05;
const TRACE_S = 0.001;

/** Runs until the parent goes. `make` builds the bus from its part of the setup. */
export function runEmulator(make: (setup: unknown, line: Line, rng: Rng) => EmulatedBus): void {
  let emulator: Emulator | null = null;
  process.on('message', (message: ControlMessage) => {
    const { seq } = message;
    try {
      if (message.type === 'setup') emulator = new Emulator(message, make);
      process.send?.({ seq, value: emulator!.control(message) } satisfies ControlReply);
    } catch (error) {
      process.send?.({
        seq,
        error: error instanceof Error ? error.message : String(error),
      } satisfies ControlReply);
    }
  });
  const end = (): void => {
    emulator?.close();
    process.exit(0);
  };
  process.on('disconnect', end);
  // Ctrl-C in a terminal reaches the whole group: the devices stay until the rig has parked them.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
}

class Emulator {
  readonly #line: Line;
  readonly #bus: EmulatedBus;
  readonly #folder = mkdtempSync(join(tmpdir(), 'armloop-port-'));
  readonly #timer: NodeJS.Timeout;
  readonly #door: ControlDoor;
  #offset = 0;
  #time = monotonic();
  #trace: number[][] | null = null;
  #traced = 0;

  constructor(
    setup: Extract<ControlMessage, { type: 'setup' }>,
    make: (setup: unknown, line: Line, rng: Rng) => EmulatedBus,
  ) {
    const rng = new Rng(setup.seed);
    this.#line = new Line(setup.line, rng);
    this.#bus = make(setup.bus, this.#line, rng);
    this.#line.onBytes = (bytes, start, byte) => {
      this.#advance(start);
      this.#bus.receive(bytes, start, byte);
    };
    this.#timer = setInterval(() => this.#advance(monotonic()), HOUSEKEEPING_MS);
    this.#door = openDoor(this.#folder, (request) => {
      const { what } = request;
      return what === 'unplug' || what === 'plug'
        ? this.control({ type: what, seq: 0 })
        : this.#device(request);
    });
    this.#plug();
  }

  control(message: ControlMessage): unknown {
    switch (message.type) {
      case 'setup':
        return this.#port;
      case 'plug':
        this.#plug();
        return this.#port;
      case 'unplug':
        this.#line.unplug();
        rmSync(this.#port, { force: true });
        return monotonic();
      case 'faults':
        Object.assign(this.#line.faults, message.faults);
        return null;
      case 'lateness':
        return this.#line.lateness();
      case 'trace':
        this.#trace = [];
        return monotonic();
      case 'traced': {
        const rows = this.#trace ?? [];
        this.#trace = null;
        return rows;
      }
      case 'device':
        return this.#device(message.request);
    }
  }

  #device(request: Readonly<Record<string, unknown>>): unknown {
    this.#advance(monotonic());
    return this.#bus.control(request);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#line.unplug();
    this.#door.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #port(): string {
    return join(this.#folder, 'port');
  }

  /** A port whose name stays the same, whatever the system calls it. */
  #plug(): void {
    const path = this.#line.plug();
    rmSync(this.#port, { force: true });
    symlinkSync(path, this.#port);
  }

  #advance(to: number): void {
    const gap = to - this.#time;
    if (gap <= 0) return;
    this.#time = to;
    if (gap > LONGEST_GAP) this.#offset += gap - HOUSEKEEPING_MS / 1000;
    this.#bus.advance(to - this.#offset, this.#offset);
    if (this.#trace === null || to - this.#traced < TRACE_S) return;
    this.#traced = to;
    const row = [to];
    this.#bus.sample(row);
    this.#trace.push(row);
  }
}
