/** Kind `robotiq`: a Robotiq 2F-85 gripper on Modbus RTU, as one prismatic axis. */
import type { DeviceFactory, EmulatorFactory } from '../../src/robot/device.ts';
import { ServoArm } from '../bus/arm/servo-arm.ts';
import { openSerialWire } from '../bus/serial-wire.ts';
import { RobotiqChain } from './chain.ts';
import { emulateGripper } from './emulator/start.ts';
import { jawOf } from './options.ts';

/** Throws CONFIG_INVALID for bad options. */
export const createDevice: DeviceFactory = (context) => {
  const { entry, now } = context;
  const jaw = jawOf(context);
  const { rateHz, misses } = jaw.options;
  const chain = new RobotiqChain(jaw, { device: entry.name, now, openWire: openSerialWire });
  return new ServoArm(context, chain, [jaw.map], { rateHz, misses });
};

/** For `--dry-run`: the same gripper, emulated in a process of its own. */
export const emulate: EmulatorFactory = (context) => emulateGripper(context);

export { tools } from './tools.ts';
