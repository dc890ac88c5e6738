/** Every controller, in the order of ControllerId. */
import type { RobotSpec } from '../robot/spec.ts';
import type { Controller } from './controller.ts';
import { HoldController } from './hold.ts';
import { JogController } from './jog.ts';
import { PoseController } from './pose.ts';
import { TwistController } from './twist.ts';

/** New controllers for one rig, index = ControllerId. Each still needs `allocate`. */
export function createControllers(spec: Pick<RobotSpec, 'axes'>): Controller[] {
  const n = spec.axes.length;
  return [new HoldController(n), new JogController(n), new TwistController(), new PoseController()];
}
