/** An emulated Feetech bus and a master on it, and the arm of robots/so101.yaml, for tests. */
import { join } from 'node:path';
import type { ServoLoad } from '../../../drivers/bus/emulator/arm.ts';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { PacketDecoder } from '../../../drivers/feetech/decoder.ts';
import { startArmEmulator } from '../../../drivers/feetech/emulator/arm.ts';
import type { EmulatedServoSetup } from '../../../drivers/feetech/emulator/bus.ts';
import type { ServoState } from '../../../drivers/feetech/emulator/servo.ts';
import { createDevice } from '../../../drivers/feetech/index.ts';
import { loadRobot } from '../../../src/config.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { packageRoot } from '../../../src/root.ts';
import { type ArmStand, openArmStand } from '../bus/arm-stand.ts';
import { type BusStand, openBusStand } from '../bus/bus-stand.ts';

export const robot: RobotSpec = loadRobot(join(packageRoot(), 'robots', 'so101.yaml'));

export const EMULATOR = new URL('../../../drivers/feetech/emulator/process.js', import.meta.url);
const LOAD: ServoLoad = { inertia: 0.008, friction: 0.05, gravity: 0.03, rest: 0, stops: [-9, 9] };

export function servo(id: number, rest: Partial<EmulatedServoSetup> = {}): EmulatedServoSetup {
  return { id, model: 'sts3215-c001', angle: 0.1 * id, load: LOAD, ...rest };
}

export const busStand = (
  servos: readonly EmulatedServoSetup[],
  line: Partial<LineSetup> = {},
  patienceS = 0.3,
): Promise<BusStand<PacketDecoder>> =>
  openBusStand({ script: EMULATOR, decoder: new PacketDecoder(), bus: { servos } }, line, patienceS);

export const armStand = (
  options: Readonly<Record<string, unknown>> = {},
  line: Partial<LineSetup> = {},
): Promise<ArmStand<ServoState>> =>
  openArmStand({ robot, createDevice, start: startArmEmulator }, options, line);

/** Options of the servos of that arm, were they of the SCS series: 300 degrees in 1024 steps. */
export const scsServos = (): Record<string, unknown>[] =>
  (robot.devices[0]!.options['servos'] as Record<string, unknown>[]).map((servo, i) => ({
    ...servo,
    model: 'scs0009',
    zero: i === 5 ? 300 : 512,
    // The wrist turns further than that: behind a gear.
    ...(i === 4 ? { ratio: 1.1 } : {}),
  }));
