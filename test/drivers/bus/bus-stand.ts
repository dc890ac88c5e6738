/** An emulated bus of servos and a master on it. */
import type { Asker, StatusDecoder } from '../../../drivers/bus/ask.ts';
import { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { HalfDuplexBus } from '../../../drivers/bus/half-duplex.ts';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { now } from './arm-stand.ts';

export const DEVICE = 'arm';

export interface BusStand<D extends StatusDecoder> extends Asker<D>, AsyncDisposable {
  readonly emulator: EmulatorHandle;
}

export async function openBusStand<D extends StatusDecoder>(
  { script, decoder, bus: setup }: { readonly script: URL; readonly decoder: D; readonly bus: unknown },
  line: Partial<LineSetup> = {},
  patienceS = 0.3,
): Promise<BusStand<D>> {
  const emulator = await EmulatorHandle.start({ script, line: { baud: 1_000_000, ...line }, bus: setup });
  try {
    const wire = await openSerialWire({ device: DEVICE, port: emulator.port, baud: 1_000_000, now });
    const bus = new HalfDuplexBus(wire, decoder, { now, returnDelayS: 0.0005, patienceS });
    return {
      bus,
      device: DEVICE,
      emulator,
      async [Symbol.asyncDispose]() {
        await bus.close();
        await emulator[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await emulator[Symbol.asyncDispose]();
    throw error;
  }
}
