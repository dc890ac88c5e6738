/** An input on a HID port: found, read, lost, found again. */
import { ArmloopError } from '../../src/errors.ts';
import type { Now } from '../../src/robot/device.ts';
import type { InputReading, InputSpec, OperatorInput } from '../../src/robot/input.ts';
import type { HidConnection, HidInfo, HidPorts } from './ports.ts';
import type { ReportReader } from './reader.ts';

/** It is looked for this often while it is not there. */
const LOOK_MS = 1000;

export interface HidInputOptions {
  readonly name: string;
  readonly kind: string;
  readonly silenceMs: number;
  readonly now: Now;
  readonly ports: HidPorts;
}

export class HidInput implements OperatorInput {
  readonly spec: InputSpec;
  onReading: ((reading: InputReading) => void) | null = null;
  onFound: ((words: string) => void) | null = null;
  onLost: ((reason: string) => void) | null = null;
  readonly #reader: ReportReader;
  readonly #options: HidInputOptions;
  #connection: HidConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #silence: NodeJS.Timeout | null = null;
  #closed = false;
  /** Why it could not be opened: told once. */
  #told = '';

  constructor(reader: ReportReader, options: HidInputOptions) {
    this.#reader = reader;
    this.#options = options;
    this.spec = { name: options.name, kind: options.kind, buttons: reader.buttons };
  }

  open(): Promise<void> {
    return this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#silence !== null) clearTimeout(this.#silence);
    await this.#connection?.close().catch(() => {});
  }

  async #look(): Promise<void> {
    this.#timer = null;
    const { ports } = this.#options;
    try {
      const found = this.#choose(await ports.list());
      if (found === null) this.#tell(`no ${this.spec.kind} is connected`);
      else await this.#connect(found);
    } catch (error) {
      this.#tell(error instanceof ArmloopError ? `${error.message}. ${error.todo}` : String(error));
    }
    if (this.#connection === null) this.#again();
  }

  #again(): void {
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }

  /** The interface that reports, of the first device that is one; where the system tells no usage, its first. */
  #choose(list: readonly HidInfo[]): HidInfo | null {
    const { usages } = this.#reader;
    const mine = list.filter((d) => this.#reader.model(idOf(d)) !== undefined);
    const fits = mine.filter((d) => d.usage === 0 || usages.includes(d.usage));
    return fits[0] ?? null;
  }

  async #connect(info: HidInfo): Promise<void> {
    const reader = this.#reader;
    let connection: HidConnection;
    try {
      connection = await this.#options.ports.open(info.path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#tell(`${info.path} cannot be opened (${why}): docs/hardware/input.md says how to allow it`);
      return;
    }
    if (this.#closed) {
      await connection.close();
      return;
    }
    this.#connection = connection;
    this.#told = '';
    reader.begin(idOf(info));
    connection.onReport = (report) => this.#report(report);
    connection.onLost = () => this.#lose();
    this.onFound?.(reader.model(idOf(info))!);
  }

  #report(report: Uint8Array): void {
    if (!this.#reader.take(report)) return;
    this.#publish();
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = null;
    if (!this.#reader.steady || this.#reader.reading.enable === 0) return;
    this.#silence = setTimeout(() => this.#silent(), this.#options.silenceMs);
  }

  /** It was held and is not heard any more: a hand that is not known to hold it does not. */
  #silent(): void {
    this.#silence = null;
    this.#reader.release();
    this.#publish();
  }

  #publish(): void {
    const { reading } = this.#reader;
    reading.time = this.#options.now();
    this.onReading?.(reading);
  }

  #lose(): void {
    this.#connection = null;
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = null;
    this.#reader.release();
    this.#publish();
    this.#tell('it was unplugged');
    this.#again();
  }

  #tell(reason: string): void {
    if (this.#closed || reason === this.#told) return;
    this.#told = reason;
    this.onLost?.(reason);
  }
}

const idOf = ({ vendor, product }: HidInfo): number => vendor * 0x1_0000 + product;
