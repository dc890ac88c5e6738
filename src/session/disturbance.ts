/**
 * An outside push on the arm of a lockstep cell: the devices are told the command plus an offset, as if something
 * pushed them off it. The command that left the guard, which is what episodes teach, stays as it was; `/sent` holds
 * what the devices were really told. Simulated rigs only.
 */
import type { LockstepDevice } from '../robot/device.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { CommandMode, commandLayout } from '../robot/tick.ts';
import type { Disturbance } from './driver.ts';
import { ForwardingDevice } from './forwarding-device.ts';

export class DisturbedDevice extends ForwardingDevice {
  /** Index in the robot's axes of each axis of the device. */
  readonly #axes: readonly number[];
  readonly #offset: Float64Array;
  readonly #rate: Float64Array;
  readonly #told: Float64Array;
  readonly #at: { readonly mode: number; readonly q: number; readonly qd: number };
  #disturbance: Disturbance | null = null;

  /** `index`: of the device in the robot file. */
  constructor(device: LockstepDevice, robot: RobotSpec, index: number) {
    super(device);
    const names = robot.devices[index]!.axes;
    this.#axes = names.map((name) => robot.axes.findIndex((a) => a.name === name));
    this.#offset = new Float64Array(robot.axes.length);
    this.#rate = new Float64Array(robot.axes.length);
    const layout = commandLayout(names.length);
    this.#told = new Float64Array(layout.size);
    this.#at = { mode: layout.at('mode'), q: layout.at('q'), qd: layout.at('qd') };
  }

  /** From the next command on; null for none. */
  disturb(disturbance: Disturbance | null): void {
    this.#disturbance = disturbance;
  }

  override write(command: Float64Array, time: number, sent: Float64Array): void {
    const pushed =
      this.#disturbance !== null &&
      command[this.#at.mode] === CommandMode.position &&
      this.#disturbance.at(time, this.#offset, this.#rate);
    if (!pushed) {
      this.device.write(command, time, sent);
      return;
    }
    this.#told.set(command);
    for (let i = 0; i < this.#axes.length; i++) {
      const axis = this.#axes[i]!;
      this.#told[this.#at.q + i]! += this.#offset[axis]!;
      this.#told[this.#at.qd + i]! += this.#rate[axis]!;
    }
    this.device.write(this.#told, time, sent);
  }
}
