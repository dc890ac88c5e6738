/** The calibration of a robot without its rig: for commands that look, and for those that measure. */
import { RobotCalibration } from '../calibrate/robot.ts';
import { monotonicClock } from '../loop/clock.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { loadKind } from './kinds.ts';

/** Rejects with CONFIG_UNKNOWN_KIND, CONFIG_INVALID, CALIBRATION_INVALID. */
export async function openCalibration(robot: RobotSpec, workspace: string): Promise<RobotCalibration> {
  const kinds = await Promise.all(robot.devices.map((entry) => loadKind(robot, entry)));
  return new RobotCalibration({ robot, kinds, workspace, hardware: 'real', now: monotonicClock() });
}
