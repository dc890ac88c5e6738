/** Kind `feetech`: an arm (and gripper) of Feetech STS or SCS servos on one bus. */
import type { DeviceFactory, EmulatorFactory } from '../../src/robot/device.ts';
import type { LeaderEmulatorFactory } from '../../src/robot/leader.ts';
import { ServoArm } from '../bus/arm/servo-arm.ts';
import { emulation } from '../bus/emulator/arm.ts';
import { leaderEmulation } from '../bus/leader/hands.ts';
import { openSerialWire } from '../bus/serial-wire.ts';
import { FeetechChain } from './chain.ts';
import { mounting, startArmEmulator } from './emulator/arm.ts';
import { leaderHands, startLeaderEmulator } from './emulator/leader.ts';
import { jointsOf } from './joint.ts';

/** Throws CONFIG_INVALID for bad options. */
export const createDevice: DeviceFactory = (context) => {
  const { robot, entry, now } = context;
  const { options, joints } = jointsOf(context);
  const chain = new FeetechChain(joints, {
    device: entry.name,
    port: options.port,
    baud: options.baud,
    patienceS: options.patienceMs / 1000,
    watchdogS: robot.limits.watchdogMs / 1000,
    now,
    openWire: openSerialWire,
  });
  const maps = joints.map((j) => j.map);
  return new ServoArm(context, chain, maps, { rateHz: options.rateHz, misses: options.misses });
};

/** For `--dry-run`: the same servos, emulated in a process of their own. */
export const emulate: EmulatorFactory = async (context) =>
  emulation(context, await startArmEmulator(context), mounting(context));

/** The same for the servos of a leader. */
export const emulateLeader: LeaderEmulatorFactory = async (context) =>
  leaderEmulation(context, await startLeaderEmulator(context), leaderHands(context));

export { calibrate } from './calibrator.ts';
export { createLeader } from './leader.ts';
export { tools } from './tools.ts';
