/**
 * Kind `ros2`: arms, grippers and cameras of a ROS 2 graph, and the rig's own state for it. Behind it is rclnodejs, an optional
 * package that is loaded when a device is opened and ROS 2 is sourced (ROS_DISTRO is set), never before.
 */
import type { CameraFactory } from '../../src/robot/camera.ts';
import type { DeviceFactory } from '../../src/robot/device.ts';
import type { OutputFactory } from '../../src/robot/output.ts';
import { Ros2Camera } from './camera.ts';
import { Ros2Device } from './device.ts';
import { ros2Setup } from './options.ts';
import { Ros2Output } from './output.ts';
import { sharedNode } from './rclnodejs.ts';

/** Throws CONFIG_INVALID for bad options. */
export const createDevice: DeviceFactory = (context) =>
  new Ros2Device(context, ros2Setup(context), sharedNode(context.robot.id));

export const createCamera: CameraFactory = (context) => new Ros2Camera(context, sharedNode(context.robot.id));

export const createOutput: OutputFactory = (context) => new Ros2Output(context, sharedNode(context.robot.id));
