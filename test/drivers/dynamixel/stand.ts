/** An emulated Dynamixel bus and a master on it, for tests. */
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import type { EmulatedServoSetup } from '../../../drivers/bus/emulator/servo-line.ts';
import { PacketDecoder } from '../../../drivers/dynamixel/decoder.ts';
import { type BusStand, openBusStand } from '../bus/bus-stand.ts';

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

export const busStand = (
  servos: readonly EmulatedServoSetup[],
  line: Partial<LineSetup> = {},
  patienceS = 0.3,
): Promise<BusStand<PacketDecoder>> =>
  openBusStand({ script: EMULATOR, decoder: new PacketDecoder(), bus: { servos } }, line, patienceS);
