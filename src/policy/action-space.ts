/**
 * Command ↔ action vector, both directions in one place: `encode` makes the labels that a policy is trained on, `decode`
 * turns what it answers into what the arm is to do. Pure, allocates nothing once made.
 *
 * joint: positions of all rig axes in order (rad, m).
 * tool: the tool's pose as pose9 (m and 1), then the gripper opening (m) on rigs that have one.
 * absolute: joint angles, or the tool in the base. observed: differences to the measured joints at the observation, or
 * T_obs⁻¹ T for the tool. level (tool only): L⁻¹ T, with L at the place of the tool at the observation, turned about the
 * vertical as the tool is: moves are relative as with `observed`, but a lean is a lean in the base, and does not add up
 * from chunk to chunk. The opening is always absolute: a gripper that slips must not carry its error on.
 */
import { quatFromMatrix, quatHeading } from '../math/quat.ts';
import { POSE, poseInverse, poseMul } from '../math/se3.ts';
import type { Layout } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { type Numbers, POSE9, poseToPose9 } from './features.ts';
import type { ActionOutput } from './manifest.ts';

/** Shortest column that still tells a direction. */
const SHORT = 1e-6;
const matrix = new Float64Array(9);

/**
 * Pose (7 values at out[oi..]) of a pose9 at from[at..at+9) that need not be a rotation: Gram–Schmidt on its two columns,
 * the third by the cross product (Zhou et al. 2019). False, with `out` untouched, when a value is not finite or the
 * columns tell no rotation (shorter than 1e-6, or parallel).
 */
export function pose9ToPose(out: Float64Array, oi: number, from: Numbers, at: number): boolean {
  let ax = from[at + 3]!;
  let ay = from[at + 4]!;
  let az = from[at + 5]!;
  const a = Math.sqrt(ax * ax + ay * ay + az * az);
  if (!(a > SHORT)) return false;
  ax /= a;
  ay /= a;
  az /= a;
  let bx = from[at + 6]!;
  let by = from[at + 7]!;
  let bz = from[at + 8]!;
  const dot = ax * bx + ay * by + az * bz;
  bx -= dot * ax;
  by -= dot * ay;
  bz -= dot * az;
  const b = Math.sqrt(bx * bx + by * by + bz * bz);
  const sum = from[at]! + from[at + 1]! + from[at + 2]! + a + b;
  if (!(b > SHORT) || !Number.isFinite(sum)) return false;
  bx /= b;
  by /= b;
  bz /= b;
  matrix[0] = ax;
  matrix[3] = ay;
  matrix[6] = az;
  matrix[1] = bx;
  matrix[4] = by;
  matrix[7] = bz;
  matrix[2] = ay * bz - az * by;
  matrix[5] = az * bx - ax * bz;
  matrix[8] = ax * by - ay * bx;
  out[oi] = from[at]!;
  out[oi + 1] = from[at + 1]!;
  out[oi + 2] = from[at + 2]!;
  quatFromMatrix(out, oi + 3, matrix, 0);
  return true;
}

/** The level frame of a pose: its place, z up, turned about z by the heading of the pose's x axis. */
function levelOf(out: Float64Array, pose: Float64Array, pi: number): void {
  const heading = quatHeading(pose, pi + 3);
  out[0] = pose[pi]!;
  out[1] = pose[pi + 1]!;
  out[2] = pose[pi + 2]!;
  out[3] = 0;
  out[4] = 0;
  out[5] = Math.sin(heading / 2);
  out[6] = Math.cos(heading / 2);
}

/** Length A of an action vector, and the unit of each value. */
export function actionUnits(spec: RobotSpec, space: ActionOutput['space']): string[] {
  if (space === 'joint') return spec.axes.map((a) => (a.type === 'revolute' ? 'rad' : 'm'));
  const pose = ['m', 'm', 'm', '1', '1', '1', '1', '1', '1'];
  return spec.gripperAxis < 0 ? pose : [...pose, 'm'];
}

export class ActionSpace {
  readonly space: ActionOutput['space'];
  readonly reference: ActionOutput['reference'];
  /** Values per action: A. */
  readonly size: number;
  /** Values per decoded command: all axes (joint), or a pose and the opening (tool): 8, or 7 without gripper. */
  readonly commandSize: number;
  readonly #axes: number;
  readonly #gripper: number;
  // Offsets in Tick blocks.
  readonly #measuredQ: number;
  readonly #measuredTool: number;
  readonly #commandQ: number;
  readonly #commandTool: number;
  readonly #inverse = new Float64Array(POSE);
  readonly #frame = new Float64Array(POSE);
  readonly #pose = new Float64Array(POSE);

  /** `layout`: of the Tick blocks (or of records that begin with one). Throws LAYOUT_UNKNOWN_FIELD. */
  constructor(spec: RobotSpec, layout: Layout, action: Pick<ActionOutput, 'space' | 'reference'>) {
    this.space = action.space;
    this.reference = action.reference;
    this.size = actionUnits(spec, action.space).length;
    this.#axes = spec.axes.length;
    this.#gripper = spec.gripperAxis;
    this.commandSize = action.space === 'joint' ? this.#axes : POSE + (this.#gripper < 0 ? 0 : 1);
    this.#measuredQ = layout.at('in.q');
    this.#measuredTool = layout.at('out.tool');
    this.#commandQ = layout.at('out.q');
    this.#commandTool = layout.at('out.toolCmd');
  }

  /**
   * The action that says what the tick `command` sent (what left the guard: out.q, out.toolCmd), as seen from the tick
   * `observed`, to out[at..at+size).
   */
  encode(command: Float64Array, observed: Float64Array, out: Numbers, at = 0): void {
    const relative = this.reference !== 'absolute';
    if (this.space === 'joint') {
      for (let a = 0; a < this.#axes; a++) {
        const from = relative && a !== this.#gripper ? observed[this.#measuredQ + a]! : 0;
        out[at + a] = command[this.#commandQ + a]! - from;
      }
      return;
    }
    if (relative) {
      this.#refer(observed);
      poseInverse(this.#inverse, 0, this.#frame, 0);
      poseMul(this.#pose, 0, this.#inverse, 0, command, this.#commandTool);
      poseToPose9(out, at, this.#pose, 0);
    } else poseToPose9(out, at, command, this.#commandTool);
    if (this.#gripper >= 0) out[at + POSE9] = command[this.#commandQ + this.#gripper]!;
  }

  /**
   * What the action at action[at..at+size) asks for, to out[oi..oi+commandSize): axis positions (joint), or the tool's
   * pose in the base and the opening (tool). False when a value is not finite or tells no rotation.
   */
  decode(action: Numbers, at: number, observed: Float64Array, out: Float64Array, oi = 0): boolean {
    const relative = this.reference !== 'absolute';
    if (this.space === 'joint') {
      for (let a = 0; a < this.#axes; a++) {
        const from = relative && a !== this.#gripper ? observed[this.#measuredQ + a]! : 0;
        const q = action[at + a]! + from;
        if (!Number.isFinite(q)) return false;
        out[oi + a] = q;
      }
      return true;
    }
    if (!pose9ToPose(this.#pose, 0, action, at)) return false;
    if (relative) {
      this.#refer(observed);
      poseMul(out, oi, this.#frame, 0, this.#pose, 0);
    } else for (let i = 0; i < POSE; i++) out[oi + i] = this.#pose[i]!;
    if (this.#gripper < 0) return true;
    out[oi + POSE] = action[at + POSE9]!;
    return Number.isFinite(out[oi + POSE]!);
  }

  /** The frame that tool actions are relative to. */
  #refer(observed: Float64Array): void {
    if (this.reference === 'level') levelOf(this.#frame, observed, this.#measuredTool);
    else for (let i = 0; i < POSE; i++) this.#frame[i] = observed[this.#measuredTool + i]!;
  }
}
