/**
 * sensor_msgs/JointState as the state of a device: names in any order and among others, some of the joints in one message and
 * some in another, velocities and efforts or none. What is no such message changes nothing.
 */
import type { RosJoint } from './joints.ts';
import { type JointState, seconds } from './messages.ts';

export class JointStates {
  /** Per axis of the device, SI. */
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly tau: Float64Array;
  readonly #joints: readonly RosJoint[];
  /** Stamp of the newest message that had the axis, s; NaN before the first. */
  readonly #stamps: Float64Array;
  #names: readonly string[] = [];
  /** For each axis where it is in the message; −1: not there. */
  readonly #places: Int32Array;

  constructor(joints: readonly RosJoint[]) {
    const n = joints.length;
    this.#joints = joints;
    this.q = new Float64Array(n);
    this.qd = new Float64Array(n);
    this.tau = new Float64Array(n);
    this.#stamps = new Float64Array(n).fill(Number.NaN);
    this.#places = new Int32Array(n).fill(-1);
  }

  /** The next messages are on another clock. */
  forget(): void {
    this.#stamps.fill(Number.NaN);
  }

  /** Joints that no message had yet, by name. */
  get missing(): string[] {
    return this.#joints.filter((_, i) => Number.isNaN(this.#stamps[i]!)).map((j) => j.name);
  }

  /** Stamp of the oldest axis, s: the whole is not newer. NaN while one is missing. */
  get stamp(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const stamp of this.#stamps) {
      if (Number.isNaN(stamp)) return Number.NaN;
      oldest = Math.min(oldest, stamp);
    }
    return oldest;
  }

  /** What is wrong with a message, in words, or ''. Only joints that are wanted are looked at closely. */
  problem(message: JointState): string {
    const { name, position, velocity, effort } = message;
    const n = name.length;
    if (position.length !== n) return `${n} names, but ${position.length} positions`;
    if (velocity.length !== 0 && velocity.length !== n)
      return `${n} names, but ${velocity.length} velocities`;
    if (effort.length !== 0 && effort.length !== n) return `${n} names, but ${effort.length} efforts`;
    if (!sameNames(name, this.#names)) {
      this.#names = [...name];
      for (const { name: wanted, index } of this.#joints) this.#places[index] = name.indexOf(wanted);
    }
    for (const { name: wanted, index } of this.#joints) {
      const at = this.#places[index]!;
      if (at < 0) continue;
      if (name.indexOf(wanted, at + 1) >= 0) return `the joint ${wanted} twice`;
      if (!Number.isFinite(position[at]!)) return `the position ${position[at]} of ${wanted}`;
      if (velocity.length > 0 && !Number.isFinite(velocity[at]!))
        return `the velocity ${velocity[at]} of ${wanted}`;
    }
    return '';
  }

  /** Takes a message without a problem. False when it has none of the joints. */
  take(message: JointState): boolean {
    const { position, velocity, effort, header } = message;
    const stamp = seconds(header.stamp);
    let found = false;
    for (const { index, ratio, effort: share } of this.#joints) {
      const at = this.#places[index]!;
      if (at < 0) continue;
      found = true;
      const q = position[at]! / ratio;
      const dt = stamp - this.#stamps[index]!;
      if (velocity.length > 0) this.qd[index] = velocity[at]! / ratio;
      else if (dt > 0) this.qd[index] = (q - this.q[index]!) / dt;
      // An effort that is not known is NaN with some drivers: nothing stops for it.
      const tau = effort.length > 0 ? effort[at]! * share : 0;
      this.tau[index] = Number.isFinite(tau) ? tau : 0;
      this.q[index] = q;
      this.#stamps[index] = stamp;
    }
    return found;
  }

  /** True when a message has one of the joints. Only after `problem` of it. */
  get concerned(): boolean {
    return this.#places.some((at) => at >= 0);
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
