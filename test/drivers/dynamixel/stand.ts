/** An emulated Dynamixel bus and a master on it, for tests. */
import { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { openSerialWire } from '../../../drivers/bus/serial-wire.ts';
import { DynamixelBus } from '../../../drivers/dynamixel/bus.ts';
import type { EmulatedServoSetup } from '../../../drivers/dynamixel/emulator/bus.ts';
import type { Requester } from '../../../drivers/dynamixel/requests.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';

export const now = monotonicClock();
export const DEVICE = 'arm';

export const EMULATOR = new URL('../../../drivers/dynamixel/emulator/process.js', import.meta.url);

export const LOAD: EmulatedServoSetup['load'] = {
  inertia: 0.02,
  friction: 0.1,
  gravity: 0.05,
  rest: 0,
  stops: [-6, 6],
};

export function servo(id: number, rest: Partial<EmulatedServoSetup> = {}): EmulatedServoSetup {
  return { id, model: 'xm430-w350', angle: 0.1 * id, load: LOAD, settings: { returnDelay: 0 }, ...rest };
}

export interface BusStand extends Requester, AsyncDisposable {
  readonly emulator: EmulatorHandle;
}

export async function busStand(
  servos: readonly EmulatedServoSetup[],
  line: Partial<LineSetup> = {},
  patienceS = 0.3,
): Promise<BusStand> {
  const emulator = await EmulatorHandle.start({
    script: EMULATOR,
    line: { baud: 1_000_000, ...line },
    bus: { servos },
  });
  try {
    const wire = await openSerialWire({ device: DEVICE, port: emulator.port, baud: 1_000_000, now });
    const bus = new DynamixelBus(wire, { now, returnDelayS: 0.0005, patienceS });
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
