/** Starts and steers an emulator process. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ArmloopError } from '../../../src/errors.ts';
import type { Lateness, LineFaults, LineSetup } from './line.ts';
import type { ControlMessage, ControlReply } from './process.ts';

export interface EmulatorSetup {
  /** Address of the compiled module that calls `runEmulator`. */
  readonly script: URL;
  readonly line: Partial<LineSetup> & Pick<LineSetup, 'baud'>;
  readonly seed?: number;
  /** For the bus itself. */
  readonly bus: unknown;
}

/** Longest wait for an answer of the process, ms. */
const ANSWER_MS = 20_000;

type Unnumbered<T> = T extends { readonly seq: number } ? Omit<T, 'seq'> : never;

export class EmulatorHandle implements AsyncDisposable {
  /** What a driver opens; the same after an unplug and a plug. */
  readonly port: string;
  readonly #link: Link;

  private constructor(link: Link, port: string) {
    this.#link = link;
    this.port = port;
  }

  /** Rejects with EMULATOR_IMPOSSIBLE. */
  static async start({ script, line, seed, bus }: EmulatorSetup): Promise<EmulatorHandle> {
    const child = fork(fileURLToPath(script), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: ['--enable-source-maps'],
      // A group of its own, as real hardware is in no terminal.
      detached: true,
    });
    const link = new Link(child);
    const whole: LineSetup = { latencyMs: 0, echo: false, senseBaud: false, spinUs: 0, ...line };
    try {
      const port = (await link.ask({ type: 'setup', line: whole, seed: seed ?? 1, bus })) as string;
      return new EmulatorHandle(link, port);
    } catch (error) {
      await link.end();
      throw error;
    }
  }

  get pid(): number {
    return this.#link.pid;
  }

  /** Pulls the cable out. Resolves with when (rig clock, s). */
  unplug(): Promise<number> {
    return this.#link.ask({ type: 'unplug' }) as Promise<number>;
  }

  async plug(): Promise<void> {
    await this.#link.ask({ type: 'plug' });
  }

  async faults(faults: Partial<LineFaults>): Promise<void> {
    await this.#link.ask({ type: 'faults', faults });
  }

  /** How late it was with its answers since it was last asked. */
  lateness(): Promise<Lateness> {
    return this.#link.ask({ type: 'lateness' }) as Promise<Lateness>;
  }

  /** Records angles and speeds about every 2 ms from now on. */
  async trace(): Promise<void> {
    await this.#link.ask({ type: 'trace' });
  }

  /** What was recorded: time (rig clock), then angle and speed of each device. */
  traced(): Promise<number[][]> {
    return this.#link.ask({ type: 'traced' }) as Promise<number[][]>;
  }

  /** Looks at or changes a device, in the words of the bus. */
  device(request: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#link.ask({ type: 'device', request });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#link.end();
  }
}

class Link {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: ControlReply) => void>();
  #seq = 0;
  #ended = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: ControlReply) => this.#waiting.get(reply.seq)?.(reply));
    child.on('error', () => {});
    child.once('exit', () => {
      this.#ended = true;
      for (const tell of [...this.#waiting.values()]) tell({ seq: 0, error: 'its process ended' });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  ask(message: Unnumbered<ControlMessage>): Promise<unknown> {
    const seq = ++this.#seq;
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new ArmloopError('EMULATOR_IMPOSSIBLE', { reason }));
      if (this.#ended) {
        fail('its process ended');
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(seq);
        fail(`no answer within ${ANSWER_MS / 1000} s`);
      }, ANSWER_MS);
      this.#waiting.set(seq, ({ value, error }) => {
        clearTimeout(timer);
        this.#waiting.delete(seq);
        if (error === undefined) resolve(value);
        else fail(error);
      });
      this.#child.send({ ...message, seq });
    });
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await gone;
    clearTimeout(late);
  }
}
