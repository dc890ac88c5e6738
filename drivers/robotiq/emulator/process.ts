/** The process of the gripper's emulator. */
import { runEmulator } from '../../bus/emulator/process.ts';
import { RobotiqEmulator } from './bus.ts';
import type { EmulatedGripperSetup } from './gripper.ts';

runEmulator((setup, line) => new RobotiqEmulator(setup as EmulatedGripperSetup, line));
