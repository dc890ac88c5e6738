/**
 * The workspace box of the tool, in two parts that act on the arm's next accelerations:
 *
 * 1. A barrier that lets people slide along a wall: the tool's speed towards a wall at distance d is held below
 *    κ d by taking the part along the wall's normal out of the joint velocities (v -= nᵀJ scaled, Gauss–Seidel over
 *    the walls that bind).
 * 2. The invariant: a step is taken only if the soonest stop after it leaves the tool inside. As that held after the
 *    step before, stopping is always a way out. The stop's path is looked at in its middle and at its end.
 *
 * Bound: joint-space stops bend, and only two points of the path are looked at, so the tool may pass a wall by up to
 * WORKSPACE_OVERSHOOT. A tool that begins outside finds the wall where it is, and takes it along inward.
 */
import type { KinematicModel } from '../model/kinematics.ts';
import type { FieldSpec } from '../robot/layout.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { type AxisLimits, X } from './limits.ts';

/** How far, in m, the tool may at most pass a wall of its workspace box. Proven by test over random drives. */
export const WORKSPACE_OVERSHOOT = 0.005;

/** Wall speed gain κ, 1/s: at d from a wall the tool may approach it at κ d. */
const BARRIER = 4;
/** Slack of the stop check, m: the predicted and the driven stop differ by some v dt / 2. */
const SLACK = 1e-4;

export const workspaceFields: readonly FieldSpec[] = [
  { name: 'guard.box', length: 6, unit: 'm', doc: 'walls in force: low x y z, high x y z' },
  { name: 'guard.tool', length: 7, unit: 'm|1', doc: 'tool pose of the command' },
];

export class Workspace {
  readonly #model: KinematicModel;
  readonly #limits: readonly AxisLimits[];
  readonly #arm: number;
  readonly #axes: number;
  readonly #wanted: Float64Array;
  /** Upper bound on the distance of the tool from any arm joint, m: how far a rad can move it. */
  readonly #reach: number;
  readonly #box: Float64Array;
  readonly #tool: Float64Array;
  // Scratch, written before it is read.
  readonly #jacobian: Float64Array;
  readonly #v: Float64Array;
  readonly #q: Float64Array;
  readonly #pose = new Float64Array(7);
  readonly #stop: Float64Array;
  readonly #try: Float64Array;
  /** Room to the nearest wall; time at which a stop is looked at. Floats between calls go through here, unboxed. */
  readonly #room = new Float64Array(1);
  readonly #time = new Float64Array(1);

  constructor(
    spec: RobotSpec,
    model: KinematicModel,
    limits: readonly AxisLimits[],
    box: Float64Array,
    tool: Float64Array,
  ) {
    const n = spec.axes.length;
    this.#model = model;
    this.#limits = limits;
    this.#arm = spec.armAxes;
    this.#axes = n;
    this.#wanted = Float64Array.of(...spec.workspace.min, ...spec.workspace.max);
    this.#reach = reach(spec, model);
    this.#box = box;
    this.#tool = tool;
    this.#jacobian = new Float64Array(6 * n);
    this.#v = new Float64Array(n);
    this.#q = new Float64Array(n);
    this.#stop = new Float64Array(n);
    this.#try = new Float64Array(n);
  }

  /** The command begins anew at q: walls that the tool is beyond move out to it. */
  reset(q: Float64Array): void {
    this.#model.pose(q, this.#model.tool, this.#tool, 0);
    for (let k = 0; k < 3; k++) {
      this.#box[k] = Math.min(this.#wanted[k]!, this.#tool[k]!);
      this.#box[3 + k] = Math.max(this.#wanted[3 + k]!, this.#tool[k]!);
    }
  }

  /** After the step to q: the tool's pose, and walls that had moved out follow the tool back in. */
  moved(q: Float64Array): void {
    this.#model.pose(q, this.#model.tool, this.#tool, 0);
    for (let k = 0; k < 3; k++) {
      if (this.#box[k]! < this.#wanted[k]!) {
        this.#box[k] = Math.min(this.#wanted[k]!, Math.max(this.#box[k]!, this.#tool[k]!));
      }
      if (this.#box[3 + k]! > this.#wanted[3 + k]!) {
        this.#box[3 + k] = Math.max(this.#wanted[3 + k]!, Math.min(this.#box[3 + k]!, this.#tool[k]!));
      }
    }
  }

  /**
   * Changes `next` (accelerations, inside [low, high] per axis) so that the tool stays in the box. True when it had to.
   * Allocates nothing.
   */
  limit(
    p: Float64Array,
    v: Float64Array,
    next: Float64Array,
    low: Float64Array,
    high: Float64Array,
  ): boolean {
    let travel = 0;
    let speed = 0;
    for (let i = 0; i < this.#arm; i++) {
      const limits = this.#limits[i]!;
      const x = limits.x;
      const w = v[i]! + next[i]! * limits.x[X.dt]!;
      x[X.p] = 0;
      x[X.v] = w;
      x[X.a] = next[i]!;
      limits.stopTime();
      limits.stopPosition();
      travel += Math.abs(w * limits.x[X.dt]!) + Math.abs(x[X.position]!);
      speed += Math.abs(w);
    }
    this.#lookForRoom();
    const room = this.#room[0]!;
    if (room > travel * this.#reach + SLACK && room * BARRIER > speed * this.#reach) return false;
    const slid = this.#slide(p, v, next, low, high);
    const braked = this.#brake(p, v, next, low, high);
    return slid || braked;
  }

  /** Distance to the nearest wall, m; negative outside. */
  #lookForRoom(): void {
    let room = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 3; k++) {
      room = Math.min(room, this.#tool[k]! - this.#box[k]!, this.#box[3 + k]! - this.#tool[k]!);
    }
    this.#room[0] = room;
  }

  #slide(
    p: Float64Array,
    v: Float64Array,
    next: Float64Array,
    low: Float64Array,
    high: Float64Array,
  ): boolean {
    const n = this.#axes;
    const J = this.#jacobian;
    const w = this.#v;
    this.#model.jacobian(p, this.#model.tool, J);
    for (let i = 0; i < this.#arm; i++) w[i] = v[i]! + next[i]! * this.#limits[i]!.x[X.dt]!;
    let changed = false;
    for (let round = 0; round < 3; round++) {
      for (let wall = 0; wall < 6; wall++) {
        const k = wall < 3 ? wall : wall - 3;
        const side = wall < 3 ? -1 : 1;
        const distance = (this.#box[wall]! - this.#tool[k]!) * side;
        let towards = 0;
        let square = 0;
        for (let i = 0; i < this.#arm; i++) {
          const j = J[k * n + i]!;
          towards += j * w[i]!;
          square += j * j;
        }
        const excess = towards * side - BARRIER * Math.max(0, distance);
        if (excess <= 1e-9 || square < 1e-6) continue;
        for (let i = 0; i < this.#arm; i++) w[i] = w[i]! - (J[k * n + i]! * side * excess) / square;
        changed = true;
      }
    }
    if (!changed) return false;
    for (let i = 0; i < this.#arm; i++) {
      const limits = this.#limits[i]!;
      limits.x[X.v] = v[i]!;
      limits.x[X.target] = w[i]!;
      limits.towards();
      next[i] = Math.min(high[i]!, Math.max(low[i]!, limits.x[X.next]!));
    }
    return true;
  }

  #brake(
    p: Float64Array,
    v: Float64Array,
    next: Float64Array,
    low: Float64Array,
    high: Float64Array,
  ): boolean {
    if (this.#stopsInside(p, v, next)) return false;
    const stop = this.#stop;
    for (let i = 0; i < this.#arm; i++) {
      const limits = this.#limits[i]!;
      limits.x[X.v] = v[i]!;
      limits.x[X.target] = 0;
      limits.towards();
      stop[i] = Math.min(high[i]!, Math.max(low[i]!, limits.x[X.next]!));
    }
    // The largest part of the wanted step that still stops inside, to an eighth: full braking only where it is needed.
    let part = 0;
    for (let size = 0.5; size >= 0.125; size /= 2) {
      for (let i = 0; i < this.#arm; i++) this.#try[i] = stop[i]! + (part + size) * (next[i]! - stop[i]!);
      if (this.#stopsInside(p, v, this.#try)) part += size;
    }
    for (let i = 0; i < this.#arm; i++) next[i] = stop[i]! + part * (next[i]! - stop[i]!);
    return true;
  }

  #stopsInside(p: Float64Array, v: Float64Array, next: Float64Array): boolean {
    let time = 0;
    for (let i = 0; i < this.#arm; i++) {
      const limits = this.#limits[i]!;
      limits.x[X.v] = v[i]! + next[i]! * limits.x[X.dt]!;
      limits.x[X.a] = next[i]!;
      limits.stopTime();
      time = Math.max(time, limits.x[X.time]!);
    }
    this.#time[0] = time;
    if (!this.#inside(p, v, next)) return false;
    this.#time[0] = time / 2;
    return this.#inside(p, v, next);
  }

  #inside(p: Float64Array, v: Float64Array, next: Float64Array): boolean {
    const q = this.#q;
    for (let i = 0; i < this.#axes; i++) {
      const limits = this.#limits[i]!;
      const x = limits.x;
      q[i] = p[i]!;
      if (i >= this.#arm) continue;
      x[X.v] = v[i]! + next[i]! * limits.x[X.dt]!;
      x[X.p] = p[i]! + x[X.v]! * limits.x[X.dt]!;
      x[X.a] = next[i]!;
      x[X.time] = this.#time[0]!;
      limits.stopPosition();
      q[i] = x[X.position]!;
    }
    this.#model.pose(q, this.#model.tool, this.#pose, 0);
    for (let k = 0; k < 3; k++) {
      if (this.#pose[k]! < this.#box[k]! - SLACK || this.#pose[k]! > this.#box[3 + k]! + SLACK) return false;
    }
    return true;
  }
}

/** Sum of the lengths of all links and of the tool's offset: no pose brings the tool further from a joint. */
function reach(spec: RobotSpec, model: KinematicModel): number {
  const home = Float64Array.from(spec.axes, (axis) => axis.home);
  const poses = new Float64Array(model.bodies.length * 7);
  const tool = new Float64Array(7);
  model.bodyPoses(home, poses);
  model.pose(home, model.tool, tool, 0);
  let sum = 0;
  let nearest = Number.POSITIVE_INFINITY;
  model.bodies.forEach((body, i) => {
    if (body.parent < 0) return;
    const at = i * 7;
    const from = body.parent * 7;
    sum += Math.hypot(
      poses[at]! - poses[from]!,
      poses[at + 1]! - poses[from + 1]!,
      poses[at + 2]! - poses[from + 2]!,
    );
    nearest = Math.min(
      nearest,
      Math.hypot(tool[0]! - poses[at]!, tool[1]! - poses[at + 1]!, tool[2]! - poses[at + 2]!),
    );
  });
  return sum + nearest;
}
