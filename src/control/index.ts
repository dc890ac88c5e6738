/** Every controller, in the order of ControllerId. */
import type { RobotSpec } from '../robot/spec.ts';
import type { Controller } from './controller.ts';
import { GripperController } from './gripper.ts';
import { HoldController } from './hold.ts';
import { HomeController } from './home.ts';
import { JogController } from './jog.ts';
import { LeaderController } from './leader.ts';
import { MpcController } from './mpc.ts';
import { PolicyController } from './policy.ts';
import { PoseController } from './pose.ts';
import { ReplayController } from './replay.ts';
import { ResetController } from './reset.ts';
import { TrajectoryController } from './trajectory.ts';
import { TwistController } from './twist.ts';

/** New controllers for one rig, index = ControllerId. Each still needs `allocate`. */
export function createControllers(spec: Pick<RobotSpec, 'axes'>): Controller[] {
  const n = spec.axes.length;
  return [
    new HoldController(n),
    new JogController(n),
    new TwistController(),
    new PoseController(),
    new TrajectoryController(n),
    new GripperController(n),
    new ReplayController(n),
    new HomeController(n),
    new ResetController(n),
    new PolicyController(n),
    new MpcController(n),
    new LeaderController(n),
  ];
}
