/**
 * A teacher: turns the phases of a task (src/robot/task.ts) into one smooth motion of the tool, through inverse
 * kinematics into waypoints of the trajectory controller. The motion is a sum of minimum-jerk submovements that overlap
 * in time, as people's reaching is described (Flash & Hogan 1985; Flash & Henis 1991): it is C², never stops between
 * phases, and a correction is one more submovement.
 *
 * Demonstrations vary as drawn from a seed: speed, ways beside the straight one, targets that are missed a little and
 * made up for by the next phase. What was drawn comes back by name.
 */

import { ArmloopError } from '../errors.ts';
import { dampedLeastSquares } from '../math/linalg.ts';
import { quatConj, quatExp, quatHeading, quatLog, quatMul } from '../math/quat.ts';
import type { Rng } from '../math/rng.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { TaskPhase } from '../robot/task.ts';
import { IkSolver } from './ik.ts';
import { mostTimedWaypoints } from './trajectory.ts';

export interface TeacherOptions {
  /** Scales everything that varies; 0: the same motion each time. Default 1. */
  readonly variation?: number;
  /** Share of demonstrations that begin as after a missed grasp, see `missedGrasp`. Default 0. */
  readonly recover?: number;
  /** `push`: moments in which the arm is to be pushed off its way, see `Push`. Default none. */
  readonly disturb?: 'none' | 'push';
}

/**
 * Phases that end as a grasp that missed does: beside the object, fingers closed on nothing, low or lifted already. What
 * a demonstration that begins there teaches is to open and try again.
 */
export function missedGrasp(phases: readonly TaskPhase[], rng: Rng): TaskPhase[] {
  const { at } = phases[0]!;
  const closed = Math.min(...phases.map((p) => p.opening));
  const away = rng.uniform(0.045, 0.14);
  const angle = rng.uniform(-Math.PI, Math.PI);
  const [x, y] = [away * Math.cos(angle), away * Math.sin(angle)];
  const height = 0.01 + 0.24 * rng.uniform() ** 1.5;
  const move = { at, turn: 'keep', seconds: 0.8, spread: { turn: 0.6 }, free: false } as const;
  return [
    { ...move, name: 'over', offset: [x, y, 0.2], opening: closed },
    { ...move, name: 'missed', offset: [x, y, height], opening: closed },
  ];
}

export interface TeacherScene {
  /** Axis vector from which the arm starts. */
  readonly q: Float64Array;
  /** Pose of a body (p x y z, quaternion x y z w); null when the scene has none of that name. */
  pose(body: string): Float64Array | null;
}

/** A push: an offset on the axes that comes and goes, b(s) = 16 s² (1 − s)², s the share of its duration. */
export interface Push {
  /** s from the start of the motion. */
  readonly start: number;
  readonly duration: number;
  /** Largest offset, per axis. */
  readonly axes: Float64Array;
}

export interface TeacherPlan {
  /** Axis vectors at `times` (s from the start), samples of one smooth path. */
  readonly waypoints: readonly Float64Array[];
  readonly times: readonly number[];
  readonly phases: readonly { readonly name: string; readonly start: number; readonly end: number }[];
  readonly pushes: readonly Push[];
  readonly drawn: Readonly<Record<string, number>>;
}

/** Speed of long ways, m/s and rad/s on average. */
const LINEAR = 0.42;
const ANGULAR = 1.6;
/** Distance between samples, s, where they fit into one request. */
const SAMPLE = 0.06;
/** A miss is made up for within this part of the next phase: before the fingers are beside the object. */
const CORRECTION = 0.6;
/** Largest push, m, rad, and its duration, s. */
const PUSH = { level: 0.04, up: 0.02, turn: 0.3, duration: [0.5, 0.9] } as const;

/** x, y, z (m), turn about the vertical (rad) and opening (m). */
type Point = readonly [number, number, number, number, number];

interface Submovement {
  readonly start: number;
  readonly duration: number;
  readonly delta: Point;
}

/** Throws TEACHER_NO_PLAN when a phase names no body of the scene or lies out of reach. */
export function planDemonstration(
  spec: RobotSpec,
  model: KinematicModel,
  phases: readonly TaskPhase[],
  scene: TeacherScene,
  rng: Rng,
  options: TeacherOptions = {},
): TeacherPlan {
  const start = startOf(spec, model, scene.q);
  const motion = new Motion(start.point, gripSpeed(spec), rng, options.variation ?? 1);
  for (const phase of phases) {
    const body = scene.pose(phase.at);
    if (body === null)
      throw new ArmloopError('TEACHER_NO_PLAN', { phase: phase.name, reason: `there is no ${phase.at}` });
    motion.add(phase, body);
  }
  const { waypoints, times } = solve(spec, model, scene.q, motion, start.tilt);
  const pushes = options.disturb === 'push' ? drawPushes(spec, model, motion, waypoints, times, rng) : [];
  const drawn = { ...motion.drawn, ...pushNotes(pushes, options) };
  return { waypoints, times, phases: motion.phases, pushes, drawn };
}

/** A share of the limit: sampled ways are a little faster between samples. */
const gripSpeed = (spec: RobotSpec): number =>
  0.8 * (spec.axes[spec.gripperAxis]?.velocity ?? Number.POSITIVE_INFINITY);

/** The tool at the start: where it is, how it is turned, and by which rotation vector it leans from straight down. */
function startOf(
  spec: RobotSpec,
  model: KinematicModel,
  q: Float64Array,
): { point: Point; tilt: Float64Array } {
  const pose = new Float64Array(7);
  model.pose(q, model.tool, pose);
  const turn = quatHeading(pose, 3);
  const down = new Float64Array(4);
  const tilt = new Float64Array(4);
  pointingDown(turn, down);
  quatConj(down, 0, down, 0);
  quatMul(tilt, 0, pose, 3, down, 0);
  quatLog(tilt, 0, tilt, 0);
  const opening = spec.gripperAxis < 0 ? 0 : q[spec.gripperAxis]!;
  return { point: [pose[0]!, pose[1]!, pose[2]!, turn, opening], tilt };
}

/** Half a turn about x points the tool down; then `turn` about z. */
function pointingDown(turn: number, out: Float64Array): void {
  out[0] = Math.cos(turn / 2);
  out[1] = Math.sin(turn / 2);
  out[2] = 0;
  out[3] = 0;
}

/** The sum of submovements, built up phase by phase. */
class Motion {
  readonly phases: { name: string; start: number; end: number; free: boolean }[] = [];
  readonly drawn: Record<string, number> = {};
  readonly #from: Point;
  /** Fastest opening and closing, m/s. */
  readonly #gripSpeed: number;
  readonly #rng: Rng;
  readonly #variation: number;
  readonly #pace: number;
  readonly #moves: Submovement[] = [];
  /** Where the phases so far lead, and by how much that misses what was aimed at. */
  #here: Point;
  #miss: Point = [0, 0, 0, 0, 0];
  /** End of the motion so far, and whether the next phase must wait for it. */
  #end = 0;
  #wait = false;
  /** Duration of the phase before: overlaps are shares of the shorter one. */
  #before = 0;

  constructor(from: Point, gripSpeed: number, rng: Rng, variation: number) {
    this.#gripSpeed = gripSpeed;
    this.#from = from;
    this.#here = from;
    this.#rng = rng;
    this.#variation = variation;
    this.#pace = 2 ** this.#vary('teacher.pace', -0.3, 0.3);
  }

  get duration(): number {
    return this.#end;
  }

  add(phase: TaskPhase, body: Float64Array): void {
    const { name, spread = {} } = phase;
    const aim = this.#aim(phase, body);
    const miss: Point = [...this.#level(name, spread.level ?? 0), ...this.#rest(name, spread), 0];
    const to = sum(aim, miss);
    const made = this.#miss;
    const way = difference(difference(to, this.#here), negative(made));
    const grips = Math.abs(aim[4] - this.#here[4]) > 1e-6;
    const free = Math.max(phase.seconds, length(way) / LINEAR, Math.abs(way[3]) / ANGULAR) / this.#pace;
    const duration = Math.max(free, (Math.abs(aim[4] - this.#here[4]) / this.#gripSpeed) * GRIP_PEAK);
    const start = this.#begin(name, duration, grips);
    this.#moves.push({ start, duration, delta: way });
    // The part of the way that only makes up for the miss before goes first.
    this.#moves.push({ start, duration: CORRECTION * duration, delta: negative(made) });
    if (phase.free && length(way) > 0.15) this.#detour(name, start, duration, way);
    this.phases.push({ name, start, end: start + duration, free: phase.free });
    this.#here = to;
    this.#miss = miss;
    this.#end = start + duration;
    this.#wait = grips;
    this.#before = duration;
  }

  /** Position, turn and opening at time t into `out`. */
  at(t: number, out: Float64Array): void {
    for (let i = 0; i < 5; i++) out[i] = this.#from[i]!;
    for (const { start, duration, delta } of this.#moves) {
      const share = minimumJerk((t - start) / duration);
      for (let i = 0; i < 4; i++) out[i]! += share * delta[i]!;
      out[4]! += gripShare((t - start) / duration) * delta[4];
    }
  }

  /** What is left at time t of the lean that the start had. */
  lean(t: number): number {
    const first = this.#moves[0];
    return first === undefined ? 1 : 1 - minimumJerk((t - first.start) / (0.8 * first.duration));
  }

  #aim(phase: TaskPhase, body: Float64Array): Point {
    let turn = this.#here[3] - this.#miss[3];
    if (phase.turn !== 'keep') {
      // Nearest to how the tool is turned by then, not to how it should be: that is what can be seen.
      const step = (2 * Math.PI) / phase.turn;
      const yaw = 2 * Math.atan2(body[5]!, body[6]!);
      turn = yaw - step * Math.round((yaw - this.#here[3]) / step);
    }
    const [x, y, z] = phase.offset;
    return [body[0]! + x, body[1]! + y, body[2]! + z, turn, phase.opening];
  }

  #begin(name: string, duration: number, grips: boolean): number {
    if (this.phases.length === 0) return 0;
    if (grips || this.#wait) return this.#end;
    return this.#end - this.#vary(`${name}.overlap`, 0.15, 0.35) * Math.min(duration, this.#before);
  }

  /** A way beside the straight one: out and back again. */
  #detour(name: string, start: number, duration: number, way: Point): void {
    const side = this.#vary(`${name}.side`, -0.05, 0.05);
    const up = this.#vary(`${name}.up`, 0, 0.04);
    const level = Math.hypot(way[0], way[1]);
    const [nx, ny] = level > 1e-3 ? [-way[1] / level, way[0] / level] : [1, 0];
    const delta: Point = [side * nx, side * ny, up, 0, 0];
    this.#moves.push({ start, duration: 0.55 * duration, delta });
    this.#moves.push({ start: start + 0.45 * duration, duration: 0.55 * duration, delta: negative(delta) });
  }

  /** Uniform over a disc. */
  #level(name: string, radius: number): [number, number] {
    if (radius === 0) return [0, 0];
    const r = radius * Math.sqrt(this.#rng.uniform()) * this.#variation;
    const angle = this.#rng.uniform(-Math.PI, Math.PI);
    this.drawn[`${name}.x`] = r * Math.cos(angle);
    this.drawn[`${name}.y`] = r * Math.sin(angle);
    return [this.drawn[`${name}.x`]!, this.drawn[`${name}.y`]!];
  }

  #rest(name: string, { height = 0, turn = 0 }: { height?: number; turn?: number }): [number, number] {
    const z = height === 0 ? 0 : this.#vary(`${name}.z`, -height, height);
    return [z, turn === 0 ? 0 : this.#vary(`${name}.turn`, -turn, turn)];
  }

  /** Drawn between two values, about their middle; without variation the middle itself. */
  #vary(name: string, low: number, high: number): number {
    const middle = (low + high) / 2;
    const value = middle + (this.#rng.uniform(low, high) - middle) * this.#variation;
    this.drawn[name] = value;
    return value;
  }
}

/** Minimum-jerk share of a way (Flash & Hogan 1985): 10 s³ − 15 s⁴ + 6 s⁵. */
function minimumJerk(s: number): number {
  if (s <= 0) return 0;
  if (s >= 1) return 1;
  return s * s * s * (10 + s * (6 * s - 15));
}

/**
 * Share of a gripper's way: constant speed between parabolic ends that take a fifth of the time each. Its peak speed is
 * 1.25 times the mean, against 1.875 of minimum jerk: grippers are slow.
 */
function gripShare(s: number): number {
  if (s <= 0) return 0;
  if (s >= 1) return 1;
  if (s < GRIP_END) return (s * s) / (2 * GRIP_END * (1 - GRIP_END));
  if (s > 1 - GRIP_END) return 1 - ((1 - s) * (1 - s)) / (2 * GRIP_END * (1 - GRIP_END));
  return (s - GRIP_END / 2) / (1 - GRIP_END);
}
const GRIP_END = 0.2;
/** Peak ÷ mean speed of a gripper's way. */
const GRIP_PEAK = 1 / (1 - GRIP_END);

const sum = (a: Point, b: Point): Point => [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4]];
const negative = (a: Point): Point => [-a[0], -a[1], -a[2], -a[3], -a[4]];
const difference = (a: Point, b: Point): Point => sum(a, negative(b));
const length = (a: Point): number => Math.hypot(a[0], a[1], a[2]);

/** Axis vectors along the motion. */
function solve(
  spec: RobotSpec,
  model: KinematicModel,
  q0: Float64Array,
  motion: Motion,
  tilt: Float64Array,
): { waypoints: Float64Array[]; times: number[] } {
  const count = Math.min(mostTimedWaypoints(spec.axes.length), Math.ceil(motion.duration / SAMPLE));
  const ik = new IkSolver(spec, model);
  const point = new Float64Array(5);
  const target = new Float64Array(7);
  const lean = new Float64Array(4);
  const waypoints: Float64Array[] = [];
  const times: number[] = [];
  let before = q0;
  for (let k = 1; k <= count; k++) {
    const t = (k / count) * motion.duration;
    motion.at(t, point);
    target.set(point.subarray(0, 3));
    pointingDown(point[3]!, target.subarray(3));
    quatExp(lean, 0, tilt, 0, motion.lean(t));
    quatMul(target, 3, lean, 0, target, 3);
    const q = new Float64Array(spec.axes.length);
    const found = ik.solve(target, before, q, { linear: 1e-5, angular: 1e-4, restarts: 0 });
    if (!found.solved) {
      const name = motion.phases.find((p) => t <= p.end)?.name ?? '';
      const reason = `the arm comes no nearer than ${(found.linear * 1000).toFixed(1)} mm`;
      throw new ArmloopError('TEACHER_NO_PLAN', { phase: name, reason });
    }
    if (spec.gripperAxis >= 0) {
      const { min, max } = spec.axes[spec.gripperAxis]!;
      q[spec.gripperAxis] = Math.max(min, Math.min(max, point[4]!));
    }
    waypoints.push(q);
    times.push(t);
    before = q;
  }
  return { waypoints, times };
}

/** One or two pushes in the free phases, each over before its phase is. */
function drawPushes(
  spec: RobotSpec,
  model: KinematicModel,
  motion: Motion,
  waypoints: readonly Float64Array[],
  times: readonly number[],
  rng: Rng,
): Push[] {
  const pushes: Push[] = [];
  for (const { start, end, free } of motion.phases) {
    const duration = rng.uniform(...PUSH.duration);
    const at = rng.uniform(start + 0.1, Math.max(start + 0.1, end - duration));
    const level = PUSH.level * Math.sqrt(rng.uniform(0.1, 1));
    const direction = rng.uniform(-Math.PI, Math.PI);
    const up = rng.uniform(0, PUSH.up);
    const turn = rng.uniform(-PUSH.turn, PUSH.turn);
    if (!free || at + duration > end || pushes.some((p) => p.start + p.duration > at)) continue;
    const middle = times.findIndex((t) => t >= at + duration / 2);
    const twist = Float64Array.of(level * Math.cos(direction), level * Math.sin(direction), up, 0, 0, turn);
    pushes.push({ start: at, duration, axes: jointOffset(spec, model, waypoints[middle]!, twist) });
  }
  return pushes;
}

/** The axis offset that moves the tool by a small twist (m, rad). */
function jointOffset(
  spec: RobotSpec,
  model: KinematicModel,
  q: Float64Array,
  twist: Float64Array,
): Float64Array {
  const n = spec.axes.length;
  const full = new Float64Array(6 * n);
  model.jacobian(q, model.tool, full);
  const arm = spec.armAxes;
  const jacobian = new Float64Array(6 * arm);
  for (let r = 0; r < 6; r++) for (let k = 0; k < arm; k++) jacobian[r * arm + k] = full[r * n + k]!;
  const offset = new Float64Array(n);
  dampedLeastSquares(jacobian, 6, arm, 1e-4, twist, offset);
  return offset;
}

function pushNotes(pushes: readonly Push[], options: TeacherOptions): Record<string, number> {
  if ((options.disturb ?? 'none') === 'none') return {};
  return {
    'push.count': pushes.length,
    ...Object.fromEntries(pushes.map((p, i) => [`push${i + 1}.start`, p.start])),
  };
}
