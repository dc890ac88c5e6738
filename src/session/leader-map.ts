/**
 * From a leader's joints to what they ask of the arm, and back: position = sign · scale · joint + offset. A joint that
 * may be whole turns off (an encoder that forgot them without power) is taken on the turn that lies nearest to the
 * middle of its axis' range, once, when it is first seen.
 */
import type { LeaderReading } from '../robot/leader.ts';
import type { LeaderEntry, RobotSpec } from '../robot/spec.ts';

const TURN = 2 * Math.PI;

type Robot = Pick<RobotSpec, 'axes' | 'gripperAxis'>;

interface Led {
  /** Index of the axis, or -1 for a joint of the leader's own model. */
  readonly axis: number;
  readonly factor: number;
  readonly offset: number;
  /** Where it most likely is, and how far a whole turn of the joint takes it; 0 where turns do not count. */
  readonly middle: number;
  readonly turn: number;
}

export class LeaderMap {
  /** Per joint of the leader, what the axis is asked for (axis units), after `take`. */
  readonly asked: Float64Array;
  /** Index of the axis that each joint drives; -1 for none of the arm's. */
  readonly axes: readonly number[];
  readonly #led: readonly Led[];
  readonly #turns: Float64Array;
  readonly #trigger: LeaderEntry['trigger'];
  readonly #gripper: number;
  #known = false;
  #opening = Number.NaN;

  constructor(robot: Robot, entry: LeaderEntry) {
    this.#led = entry.joints.map(({ axis: name, sign, scale, offset }) => {
      const at = robot.axes.findIndex((a) => a.name === name);
      const axis = robot.axes[at];
      const own = entry.model !== null || axis === undefined;
      const turns = !own && axis.type === 'revolute';
      return {
        axis: own ? -1 : at,
        factor: sign * scale,
        offset,
        middle: own ? 0 : (axis.min + axis.max) / 2,
        turn: turns ? TURN * scale : 0,
      };
    });
    this.axes = this.#led.map((l) => l.axis);
    this.asked = new Float64Array(this.#led.length);
    this.#turns = new Float64Array(this.#led.length);
    this.#trigger = entry.trigger;
    this.#gripper = robot.gripperAxis;
  }

  /** Opening that the trigger asks for, m; NaN without one. */
  get opening(): number {
    return this.#opening;
  }

  /** The leader was away: it may have been turned. */
  forget(): void {
    this.#known = false;
  }

  /** Takes a reading in. Allocates nothing. */
  take({ q, trigger }: LeaderReading): void {
    for (let i = 0; i < this.#led.length; i++) {
      const { factor, offset, middle, turn } = this.#led[i]!;
      const bare = factor * q[i]! + offset;
      if (!this.#known) this.#turns[i] = turn === 0 ? 0 : turn * Math.round((middle - bare) / turn);
      this.asked[i] = bare + this.#turns[i]!;
    }
    this.#known = true;
    const t = this.#trigger;
    this.#opening =
      t === null ? Number.NaN : t.released + (t.squeezed - t.released) * Math.min(1, Math.max(0, trigger));
  }

  /** Writes what is asked for into `out`, by axis; axes that it does not drive keep what stands there. */
  write(out: Float64Array, at = 0): void {
    for (let i = 0; i < this.#led.length; i++) {
      const { axis } = this.#led[i]!;
      if (axis >= 0) out[at + axis] = this.asked[i]!;
    }
    if (this.#gripper >= 0 && this.#trigger !== null) out[at + this.#gripper] = this.#opening;
  }

  /** Joint positions of the leader at which it asks for `q` (by axis), in its own counting. */
  inverse(q: Float64Array): Float64Array {
    return Float64Array.from(
      this.#led,
      ({ axis, factor, offset }, i) => (q[axis]! - offset - this.#turns[i]!) / factor,
    );
  }
}
