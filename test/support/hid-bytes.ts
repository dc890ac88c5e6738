/** HID ports that a test plugs devices into and sends reports through, in place of node-hid. */
import type { HidConnection, HidInfo, HidPorts } from '../../drivers/hid/ports.ts';

export class BytePorts implements HidPorts {
  /** What is plugged in. */
  devices: HidInfo[] = [];
  /** Why a device cannot be opened, or null. */
  refusal: string | null = null;
  #connection: HidConnection | null = null;

  get connected(): boolean {
    return this.#connection !== null;
  }

  async list(): Promise<readonly HidInfo[]> {
    return this.devices;
  }

  async open(): Promise<HidConnection> {
    if (this.refusal !== null) throw new Error(this.refusal);
    const connection: HidConnection = {
      onReport: null,
      onLost: null,
      close: async () => {
        this.#connection = null;
      },
    };
    this.#connection = connection;
    return connection;
  }

  /** Sends a report as the device would. */
  report(hex: string): void {
    const bytes = Uint8Array.from(hex.split(' '), (b) => Number.parseInt(b, 16));
    this.#connection?.onReport?.(bytes);
  }

  unplug(): void {
    this.devices = [];
    const connection = this.#connection;
    this.#connection = null;
    connection?.onLost?.('could not read from HID device');
  }
}

export const COMPACT: HidInfo = {
  vendor: 0x256f,
  product: 0xc635,
  path: '/dev/hidraw7',
  name: 'SpaceMouse Compact',
  usage: 0x1_0008,
};
