/** The rigs to whose lines things happen. */
import { startArmEmulator as startDynamixel } from '../../../drivers/dynamixel/emulator/arm.ts';
import { startArmEmulator as startFeetech } from '../../../drivers/feetech/emulator/arm.ts';
import { startGripperEmulator } from '../../../drivers/robotiq/emulator/start.ts';
import type { FaultSubject } from './fault-rig.ts';

const ARM = {
  device: 'arm',
  axis: 0,
  between: [-1, 1],
  input: 'jog',
  unit: 'rad',
  moving: 0.25,
  rest: 0.01,
} as const;

export const DYNAMIXEL7: FaultSubject = { ...ARM, robot: 'dynamixel7', start: startDynamixel };

export const SO101: FaultSubject = { ...ARM, robot: 'so101', start: startFeetech };

/** A Robotiq 2F-85 beside a simulated arm; m. */
export const ROBOTIQ: FaultSubject = {
  robot: 'panda-mock-robotiq',
  device: 'gripper',
  start: (context) => startGripperEmulator(context, {}, { active: true }),
  axis: 7,
  between: [0.02, 0.07],
  input: 'gripper',
  unit: 'm',
  moving: 0.02,
  rest: 0.0005,
};

const SUBJECTS: readonly FaultSubject[] = [DYNAMIXEL7, SO101, ROBOTIQ];

/** The one of a script's first argument. */
export function subjectNamed(robot: string | undefined): FaultSubject {
  const subject = SUBJECTS.find((s) => s.robot === robot);
  if (subject !== undefined) return subject;
  throw new Error(`${robot ?? 'nothing'} is none of ${SUBJECTS.map((s) => s.robot).join(', ')}`);
}
