/** A simulated device driven by hand, tick by tick: for tests of sim/ and of what stands on it. */
import { join } from 'node:path';
import { createLockstepDevice } from '../../sim/index.ts';
import { loadRobot } from '../../src/config.ts';
import type { LockstepDevice } from '../../src/robot/device.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { CommandMode, commandLayout, deviceStateLayout, sentLayout } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';

/** robots/panda-sim.yaml with another task. */
export function simRobot(task: string): RobotSpec {
  const robot = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
  return { ...robot, sim: { ...robot.sim!, task } };
}

export class SimRig {
  readonly robot: RobotSpec;
  readonly device: LockstepDevice;
  readonly axes: number;
  readonly stateLayout;
  readonly commandLayout;
  readonly sentLayout;
  readonly state: Float64Array;
  readonly command: Float64Array;
  readonly sent: Float64Array;
  readonly poses: Float64Array;
  readonly period: number;
  tick = 0;
  time = 0;

  private constructor(robot: RobotSpec, device: LockstepDevice) {
    this.robot = robot;
    this.device = device;
    this.axes = device.spec.axes.length;
    this.stateLayout = deviceStateLayout(this.axes);
    this.commandLayout = commandLayout(this.axes);
    this.sentLayout = sentLayout(this.axes);
    this.state = new Float64Array(this.stateLayout.size);
    this.command = new Float64Array(this.commandLayout.size);
    this.sent = new Float64Array(this.sentLayout.size);
    this.poses = new Float64Array((device.scene?.bodies.length ?? 0) * 7);
    this.period = 1 / device.spec.rateHz;
  }

  /** Opened, enabled, with a position command at the measured pose. */
  static async open(task: string, seed = 1): Promise<SimRig> {
    const robot = simRobot(task);
    const device = await createLockstepDevice({ robot, entry: robot.devices[0]!, seed });
    return SimRig.over(robot, device);
  }

  /** The same over a device made elsewhere. */
  static over(robot: RobotSpec, device: LockstepDevice): SimRig {
    const rig = new SimRig(robot, device);
    device.setEnabled('on');
    rig.read();
    rig.of('q').set(rig.measured('q'));
    rig.set('mode', CommandMode.position);
    return rig;
  }

  /** View of a command field. */
  of(field: string): Float64Array {
    return this.commandLayout.view(this.command, field);
  }

  set(field: string, value: number): void {
    this.command[this.commandLayout.at(field)] = value;
  }

  measured(field: string): Float64Array {
    return this.stateLayout.view(this.state, field);
  }

  value(field: string): number {
    return this.state[this.stateLayout.at(field)]!;
  }

  read(): void {
    this.device.read(this.time, this.state);
  }

  /** One tick: command, physics, state. */
  step(): void {
    this.tick++;
    this.set('tick', this.tick);
    this.set('time', this.time);
    this.device.write(this.command, this.time, this.sent);
    this.advance();
  }

  /** One tick without a command. */
  advance(): void {
    this.device.advance();
    this.time += this.period;
    this.read();
  }

  run(seconds: number): void {
    const ticks = Math.round(seconds / this.period);
    for (let i = 0; i < ticks; i++) this.step();
  }

  /** World position of a body, from the published poses. */
  body(name: string): Float64Array {
    this.device.poses(this.poses);
    const i = this.device.scene!.bodies.findIndex((b) => b.name === name);
    return this.poses.slice(7 * i, 7 * i + 7);
  }

  close(): void {
    this.device.dispose();
  }
}
