/** A ROS 2 device over a played robot, with the loop's ends of its channels. */
import { join } from 'node:path';
import { Ros2Device } from '../../drivers/ros2/device.ts';
import { ros2Setup } from '../../drivers/ros2/options.ts';
import { loadRobot } from '../../src/config.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { packageRoot } from '../../src/root.ts';
import { now } from '../conformance/devices.ts';
import { Stand } from '../conformance/stand.ts';
import { pandaJoints, type RobotOptions, RosRobot } from './ros-robot.ts';

export const pandaRos2 = loadRobot(join(packageRoot(), 'robots', 'panda-ros2.yaml'));

/** The robot file's arm (and gripper) with other options. */
export function withOptions(axes: readonly string[], options: Readonly<Record<string, unknown>>): RobotSpec {
  const [entry] = pandaRos2.devices;
  const { states, joints } = entry!.options;
  return { ...pandaRos2, devices: [{ ...entry!, axes, options: { states, joints, ...options } }] };
}

export const ARM = ['joint1', 'joint2', 'joint3', 'joint4', 'joint5', 'joint6', 'joint7'];

export class RosStand extends Stand implements AsyncDisposable {
  readonly robot: RosRobot;
  readonly faults: string[] = [];
  readonly notes: string[] = [];

  constructor(spec: RobotSpec, played: Partial<RobotOptions>) {
    const robot = new RosRobot({ joints: pandaJoints(), controller: 'trajectory', ...played }, now);
    const context = { robot: spec, entry: spec.devices[0]!, now };
    super(new Ros2Device(context, ros2Setup(context), async () => robot.graph.join()));
    this.robot = robot;
    this.device.onFault = (message) => this.faults.push(message);
    this.device.onNote = (message) => this.notes.push(message);
  }

  /** Opened, enabled, and wanting what is measured. */
  async ready(): Promise<this> {
    await this.open();
    await this.device.enable();
    await this.watch(() => this.has('enabled'), 5);
    this.wantHere();
    return this;
  }

  /** Moves the first axis at `speed` rad/s for so many seconds, and returns while it moves. */
  async moving(speed: number, seconds: number): Promise<void> {
    const start = this.vector('q')[0]!;
    let part = 0;
    let before = 0;
    await this.drive(
      () => part >= seconds,
      20,
      (time) => {
        // A test that had to wait for its turn makes no jump of it.
        part += Math.min(time - before, 0.005);
        before = time;
        this.wanted.q[0] = start + speed * part;
        this.wanted.qd[0] = speed;
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device[Symbol.asyncDispose]();
    await this.robot[Symbol.asyncDispose]();
  }
}
