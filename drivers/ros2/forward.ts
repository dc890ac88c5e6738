/** Arrays of numbers for forward command controllers: positions, velocities, efforts. */
import { COMMAND_QOS, type RosGraph, type RosPublisher } from './graph.ts';
import type { RosJoint } from './joints.ts';
import { float64, float64MultiArray } from './messages.ts';
import type { CommandOptions } from './options.ts';
import type { Outlet, Setpoint } from './outlet.ts';

const clamp = (value: number, most: number): number => Math.min(Math.max(value, -most), most);

type Values = (joint: RosJoint, setpoint: Setpoint) => number;

/** The controller keeps the last position: silence holds it there. */
export const positions: Values = ({ ratio, index }, { q }) => ratio * q[index]!;

/**
 * Speed of the command plus `gain` · (q − measured), within the limit of the axis; 0 when nothing is known of the arm. The
 * controller keeps the last speed, so the robot must stop by itself without commands.
 */
export const velocities =
  (gain: number): Values =>
  ({ axis, ratio, index }, { q, qd, measured }) =>
    measured === null
      ? 0
      : ratio * clamp(qd[index]! + gain * (q[index]! - measured.q[index]!), axis.velocity);

/**
 * tau + kp (q − measured) + kd (qd − measured), within the limit of the axis; 0 when nothing is known of the arm. Writes
 * what goes out into `tau`.
 */
export const efforts: Values = ({ axis, effort, index }, { q, qd, tau, kp, kd, measured }) => {
  if (measured === null) return 0;
  const spring = kp[index]! * (q[index]! - measured.q[index]!);
  const damper = kd[index]! * (qd[index]! - measured.qd[index]!);
  tau[index] = clamp(tau[index]! + spring + damper, axis.effort);
  return tau[index]! / effort;
};

export class Forward implements Outlet {
  readonly #joints: readonly RosJoint[];
  readonly #values: Values;
  readonly #topics: readonly string[];
  readonly #publishers: readonly RosPublisher[];
  /** What ends a motion by itself: all zeros, or nothing. */
  readonly #zeros: boolean;
  readonly #apart: boolean;

  /** One array for all, or one number for each topic of the options. */
  constructor(graph: RosGraph, joints: readonly RosJoint[], options: CommandOptions, values: Values) {
    this.#joints = joints;
    this.#values = values;
    this.#zeros = options.interface !== 'position';
    this.#topics = options.topics ?? [`${options.controller}/commands`];
    this.#apart = options.topics !== undefined;
    const { name } = this.#apart ? float64 : float64MultiArray;
    this.#publishers = this.#topics.map((topic) => graph.publisher(name, topic, COMMAND_QOS));
  }

  missing(): string {
    const unread = this.#topics.find((_, i) => this.#publishers[i]!.readers === 0);
    return unread === undefined ? '' : `nobody reads ${unread}: is that controller active?`;
  }

  send(setpoint: Setpoint): void {
    this.#publish(this.#joints.map((joint) => this.#values(joint, setpoint)));
  }

  rest(): void {
    if (this.#zeros) this.#publish(this.#joints.map(() => 0));
  }

  close(): void {
    for (const publisher of this.#publishers) publisher.close();
  }

  #publish(data: readonly number[]): void {
    if (this.#apart) {
      for (const [i, publisher] of this.#publishers.entries())
        publisher.publish(float64.encode({ data: data[i]! }));
    } else {
      const layout = { dim: [], data_offset: 0 };
      this.#publishers[0]!.publish(float64MultiArray.encode({ layout, data }));
    }
  }
}
