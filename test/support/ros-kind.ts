/** A kind for robot files of tests: the ROS 2 driver over a played robot, which this module shares with the test. */
import { Ros2Camera } from '../../drivers/ros2/camera.ts';
import { Ros2Device } from '../../drivers/ros2/device.ts';
import { ros2Setup } from '../../drivers/ros2/options.ts';
import { Ros2Output } from '../../drivers/ros2/output.ts';
import { ArmloopError } from '../../src/errors.ts';
import type { CameraFactory } from '../../src/robot/camera.ts';
import type { DeviceFactory } from '../../src/robot/device.ts';
import type { OutputFactory } from '../../src/robot/output.ts';
import type { RosRobot } from './ros-robot.ts';

export const stage: { robot: RosRobot | null } = { robot: null };

const join = async () => {
  if (stage.robot === null) throw new ArmloopError('ROS_FAILED', { reason: 'no robot is played' });
  return stage.robot.graph.join();
};

export const createDevice: DeviceFactory = (context) => new Ros2Device(context, ros2Setup(context), join);
export const createCamera: CameraFactory = (context) => new Ros2Camera(context, join);
export const createOutput: OutputFactory = (context) => new Ros2Output(context, join);
