/** The arm of robots/dynamixel7.yaml on emulated servos. */
import { join } from 'node:path';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { startArmEmulator } from '../../../drivers/dynamixel/emulator/arm.ts';
import type { ServoState } from '../../../drivers/dynamixel/emulator/servo.ts';
import { createDevice } from '../../../drivers/dynamixel/index.ts';
import { loadRobot } from '../../../src/config.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { packageRoot } from '../../../src/root.ts';
import { type ArmStand, openArmStand } from '../bus/arm-stand.ts';

export const robot: RobotSpec = loadRobot(join(packageRoot(), 'robots', 'dynamixel7.yaml'));

export const armStand = (
  options: Readonly<Record<string, unknown>> = {},
  line: Partial<LineSetup> = {},
): Promise<ArmStand<ServoState>> =>
  openArmStand({ robot, createDevice, start: startArmEmulator }, options, line);
