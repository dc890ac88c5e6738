/**
 * A Wire over the serialport package: its binding opens, locks and sets the port up. Bytes then go by plain reads and
 * writes on its file descriptor where there is one (everywhere but Windows): the binding's own go through the thread
 * pool, which costs 0.1 ms of every transaction. Main threads only: serialport aborts a worker.
 */
import { readSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { SerialPort } from 'serialport';
import { ArmloopError } from '../../src/errors.ts';
import { latency, portProblem } from './port-words.ts';
import { findPort } from './ports.ts';
import type { OpenWire, Wire, WireRequest } from './wire.ts';

type Binding = Awaited<ReturnType<typeof SerialPort.binding.open>>;

/** What the bindings of Linux and macOS have beside the common interface. */
interface PosixBinding {
  readonly fd: number | null;
  readonly poller: { once(event: 'readable', listener: (error: Error | null) => void): void };
}

const CHUNK = 4096;
const UNPLUGGED = 'it was unplugged';

export const openSerialWire: OpenWire = async (request) => {
  if (!isMainThread)
    throw new ArmloopError('INTERNAL', { what: 'a serial port was to be opened outside of the main thread' });
  const path = await findPort(request.device, request.port);
  let binding: Binding;
  try {
    binding = await SerialPort.binding.open({ path, baudRate: request.baud, lock: true });
  } catch (error) {
    throw portProblem(request.device, path, error);
  }
  return new SerialWire(binding, path, request);
};

class SerialWire implements Wire {
  readonly port: string;
  readonly notes: readonly string[];
  readonly latencyS: number;
  onBytes: ((bytes: Uint8Array, time: number) => void) | null = null;
  onLost: ((reason: string) => void) | null = null;
  readonly #binding: Binding;
  readonly #posix: PosixBinding | null;
  readonly #now: () => number;
  readonly #chunk = Buffer.alloc(CHUNK);
  readonly #readable = (error: Error | null): void => this.#drain(error);
  #baud: number;
  #open = true;

  constructor(binding: Binding, path: string, { port, baud, now }: WireRequest) {
    this.#binding = binding;
    this.#posix = 'poller' in binding && 'fd' in binding ? (binding as unknown as PosixBinding) : null;
    this.#now = now;
    this.#baud = baud;
    this.port = port === path ? path : `${path} (${port})`;
    const slow = latency(path);
    this.notes = slow === null ? [] : [slow.note];
    this.latencyS = (slow?.ms ?? 0) / 1000;
    if (this.#posix === null) void this.#pump();
    else this.#posix.poller.once('readable', this.#readable);
  }

  get baud(): number {
    return this.#baud;
  }

  write(bytes: Uint8Array): void {
    if (!this.#open) return;
    const fd = this.#posix?.fd ?? null;
    let written = 0;
    if (fd !== null) {
      try {
        while (written < bytes.length) written += writeSync(fd, bytes, written);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          this.#lost(error);
          return;
        }
      }
    }
    // No descriptor, or the system's buffer is full: the rest goes when there is room.
    const rest = Buffer.from(bytes.subarray(written));
    this.#binding.write(rest).catch((error: unknown) => this.#lost(error));
  }

  async setBaud(baud: number): Promise<void> {
    await this.#binding.update({ baudRate: baud });
    this.#baud = baud;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.onBytes = null;
    await this.#binding.close();
  }

  /** The port has something to read, or has ended. */
  #drain(error: Error | null): void {
    if (!this.#open) return;
    const { fd, poller } = this.#posix!;
    if (error !== null || fd === null) {
      // What waits for input fails for no other reason.
      this.#lost(new Error(UNPLUGGED));
      return;
    }
    try {
      for (;;) {
        const n = readSync(fd, this.#chunk, 0, CHUNK, null);
        if (n === 0) {
          this.#lost(new Error(UNPLUGGED));
          return;
        }
        this.onBytes?.(this.#chunk.subarray(0, n), this.#now());
        if (n < CHUNK || !this.#open) break;
      }
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== 'EAGAIN') {
        this.#lost(failure);
        return;
      }
    }
    if (this.#open) poller.once('readable', this.#readable);
  }

  /** The same through the binding alone. */
  async #pump(): Promise<void> {
    try {
      while (this.#open) {
        const { bytesRead } = await this.#binding.read(this.#chunk, 0, CHUNK);
        if (this.#open) this.onBytes?.(this.#chunk.subarray(0, bytesRead), this.#now());
      }
    } catch (error) {
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.onBytes = null;
    this.#binding.close().catch(() => {});
    const { code, message } = error as NodeJS.ErrnoException;
    const gone = code === 'EIO' || code === 'ENXIO' || code === 'ENODEV' || code === 'EBADF';
    this.onLost?.(gone ? UNPLUGGED : message);
  }
}
