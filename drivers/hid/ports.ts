/**
 * Human interface devices as the drivers here see them: a list, and reports as bytes. Behind it is the node-hid package
 * (MIT), loaded when the first input of a rig is opened, and on the main thread only.
 */
import { isMainThread } from 'node:worker_threads';
import { ArmloopError } from '../../src/errors.ts';

export interface HidInfo {
  readonly vendor: number;
  readonly product: number;
  readonly path: string;
  /** What it calls itself. */
  readonly name: string;
  /** Usage page × 65,536 + usage of the interface; 0 where the system does not tell. */
  readonly usage: number;
}

export interface HidConnection {
  /** Called with every input report, report number first. The bytes are only valid during the call. */
  onReport: ((report: Uint8Array) => void) | null;
  /** Called once, when it is gone without `close`. */
  onLost: ((reason: string) => void) | null;
  close(): Promise<void>;
}

export interface HidPorts {
  /** Rejects with INPUT_UNAVAILABLE. */
  list(): Promise<readonly HidInfo[]>;
  /** Rejects with what the system says. */
  open(path: string): Promise<HidConnection>;
}

export const systemPorts: HidPorts = {
  async list() {
    const { devicesAsync } = await load();
    const found = await devicesAsync();
    return found.flatMap(({ vendorId, productId, path, product, usagePage, usage }) =>
      path === undefined
        ? []
        : [
            {
              vendor: vendorId,
              product: productId,
              path,
              name: product ?? '',
              usage: (usagePage ?? 0) * 0x1_0000 + (usage ?? 0),
            },
          ],
    );
  },
  async open(path) {
    const { HIDAsync } = await load();
    const device = await HIDAsync.open(path);
    let open = true;
    const connection: HidConnection = {
      onReport: null,
      onLost: null,
      async close() {
        if (!open) return;
        open = false;
        connection.onReport = null;
        await device.close();
      },
    };
    device.on('data', (report: Buffer) => connection.onReport?.(report));
    device.on('error', (error: Error) => {
      if (!open) return;
      open = false;
      void device.close().catch(() => {});
      connection.onLost?.(error.message);
    });
    return connection;
  },
};

async function load(): Promise<typeof import('node-hid')> {
  if (!isMainThread)
    throw new ArmloopError('INTERNAL', {
      what: 'an input device was to be opened outside of the main thread',
    });
  try {
    return await import('node-hid');
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    throw new ArmloopError('INPUT_UNAVAILABLE', { reason }, { cause: error });
  }
}
