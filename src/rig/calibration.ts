/** The calibration of a robot without its rig: for commands that look, and for those that measure. */
import { align } from '../calibrate/leader.ts';
import { RobotCalibration } from '../calibrate/robot.ts';
import { CalibrationStore } from '../calibrate/store.ts';
import { monotonicClock } from '../loop/clock.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { loadKind } from './kinds.ts';

/** The robot with its leader as it was measured, where that fits. Throws CALIBRATION_INVALID. */
export function alignedRobot(robot: RobotSpec, workspace: string, hardware: 'real' | 'emulated'): RobotSpec {
  if (robot.leader === null) return robot;
  return align(robot, new CalibrationStore(workspace, robot.id, hardware).load()).robot;
}

/** Rejects with CONFIG_UNKNOWN_KIND, CONFIG_INVALID, CALIBRATION_INVALID. */
export async function openCalibration(robot: RobotSpec, workspace: string): Promise<RobotCalibration> {
  const kinds = await Promise.all(robot.devices.map((entry) => loadKind(robot, entry)));
  return new RobotCalibration({ robot, kinds, workspace, hardware: 'real', now: monotonicClock() });
}
