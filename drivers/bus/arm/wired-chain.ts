/** What a chain does about its wire, whatever hangs on it: opens and holds it, closes it, connects anew when it was lost. */
import type { OpenWire, Wire } from '../wire.ts';

export interface WireOptions {
  readonly device: string;
  readonly port: string;
  readonly baud: number;
  readonly now: () => number;
  readonly openWire: OpenWire;
}

/** Where requests go. */
interface OnWire {
  readonly bus: { readonly wire: Wire; close(): Promise<void> };
}

export abstract class WiredChain<To extends OnWire, O extends WireOptions = WireOptions> {
  protected readonly options: O;
  #to: To | null = null;
  #closed = false;

  constructor(options: O) {
    this.options = options;
  }

  get wire(): string {
    const { port, baud } = this.options;
    return `${this.#to?.bus.wire.port ?? port} at ${baud} baud`;
  }

  get notes(): readonly string[] {
    return this.#to?.bus.wire.notes ?? [];
  }

  /** null while it is not connected. */
  protected get to(): To | null {
    return this.#to;
  }

  /** The master of a wire that was just opened. */
  protected abstract master(wire: Wire): To;
  /** Makes it ready for cycles. Rejects with DEVICE_*. */
  protected abstract begin(to: To): Promise<void>;

  async open(): Promise<void> {
    const { device, port, baud, now, openWire } = this.options;
    const to = this.master(await openWire({ device, port, baud, now }));
    this.#to = to;
    await this.begin(to);
    // Closed meanwhile: there was no wire yet to close.
    if (this.#closed) await this.#drop();
  }

  async revive(): Promise<void> {
    await this.#drop();
    if (this.#closed) return;
    try {
      await this.open();
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const to = this.#to;
    this.#to = null;
    await to?.bus.close().catch(() => {});
  }
}
