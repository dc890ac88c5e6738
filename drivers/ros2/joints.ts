/** Names and ratios between the rig's axes and the joints of a ROS 2 robot. */
import type { AxisSpec, RobotSpec } from '../../src/robot/spec.ts';

export interface RosJoint {
  readonly axis: AxisSpec;
  /** Its place in the device's own order. */
  readonly index: number;
  /** Its name in ROS 2. */
  readonly name: string;
  /** Joint position = ratio × axis. */
  readonly ratio: number;
  /** Axis effort = effort of this joint × this: the other joints of the axis carry their share too. */
  readonly effort: number;
}

/** One joint for each axis of a device: the first that follows it, under the name that ROS 2 has for it. */
export function rosJoints(
  robot: RobotSpec,
  axes: readonly string[],
  names: Readonly<Record<string, string>>,
): RosJoint[] {
  return axes.map((axisName, index) => {
    const axis = robot.axes.find((a) => a.name === axisName)!;
    const { name, ratio } = axis.joints[0]!;
    const squares = axis.joints.reduce((sum, j) => sum + j.ratio * j.ratio, 0);
    return { axis, index, name: names[name] ?? name, ratio, effort: squares / ratio };
  });
}
