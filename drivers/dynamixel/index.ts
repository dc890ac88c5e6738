/** Kind `dynamixel`: an arm (and gripper) of DYNAMIXEL X-series servos on one bus, Protocol 2.0. */
import type { DeviceFactory, EmulatorFactory } from '../../src/robot/device.ts';
import type { LeaderEmulatorFactory } from '../../src/robot/leader.ts';
import { servoArm } from '../bus/arm/device.ts';
import { emulation } from '../bus/emulator/arm.ts';
import { leaderEmulation } from '../bus/leader/hands.ts';
import { DynamixelChain } from './chain.ts';
import { mounting, startArmEmulator } from './emulator/arm.ts';
import { leaderHands, startLeaderEmulator } from './emulator/leader.ts';
import { jointsOf } from './joint.ts';

/** Throws CONFIG_INVALID for bad options. */
export const createDevice: DeviceFactory = (context) =>
  servoArm(context, jointsOf(context), (joints, options) => new DynamixelChain(joints, options));

/** For `--dry-run`: the same servos, emulated in a process of their own. */
export const emulate: EmulatorFactory = async (context) =>
  emulation(context, await startArmEmulator(context), mounting(context));

/** The same for the servos of a leader. */
export const emulateLeader: LeaderEmulatorFactory = async (context) =>
  leaderEmulation(context, await startLeaderEmulator(context), leaderHands(context));

export { calibrate } from './calibrator.ts';
export { createLeader } from './leader.ts';
export { tools } from './tools.ts';
