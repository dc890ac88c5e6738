/** The rigs to whose lines things happen. */
import { startArmEmulator as startDynamixel } from '../../../drivers/dynamixel/emulator/arm.ts';
import { startGripperEmulator } from '../../../drivers/robotiq/emulator/start.ts';
import type { FaultSubject } from './fault-rig.ts';

const ARM = {
  device: 'arm',
  axis: 0,
  between: [-1, 1],
  input: 'jog',
  moving: 0.25,
  rest: 0.01,
} as const;

export const DYNAMIXEL7: FaultSubject = { ...ARM, robot: 'dynamixel7', start: startDynamixel };

/** A Robotiq 2F-85 beside a simulated arm; m. */
export const ROBOTIQ: FaultSubject = {
  robot: 'panda-mock-robotiq',
  device: 'gripper',
  start: (context) => startGripperEmulator(context, {}, { active: true }),
  axis: 7,
  between: [0.02, 0.07],
  input: 'gripper',
  moving: 0.02,
  rest: 0.0005,
};
