/**
 * What twist and pose share: a tool velocity, smoothed, becomes joint commands one period on from the guard's last
 * command. Memory: limited twist 6, smoothed twist 6, ideal tool pose 7.
 */
import { poseError, poseIntegrate } from '../math/se3.ts';
import { Reason } from '../robot/tick.ts';
import type { ControllerContext } from './controller.ts';
import { TeleopScale } from './operator.ts';
import { approachVelocity } from './profile.ts';
import { TickSlots } from './slots.ts';
import { TwistSolver } from './twist-solver.ts';

const LIMITED = 0;
const SMOOTH = 6;
/** The pose that the tool would have if every joint step were exact; the gap is closed with GAIN. */
const IDEAL = 12;
const GAIN = 8;
/** A gap larger than this (m, rad) means that the guard holds the arm back: start anew from where it is. */
const GAP_LINEAR = 0.003;
const GAP_ANGULAR = 0.02;
/** Share of full-scale speed from which the posture pull and the gap feedback work in full. */
const ACTIVE = 0.2;

export class CartesianMotion {
  static readonly memorySize = 19;
  readonly at: TickSlots;
  readonly scale: TeleopScale;
  readonly solver: TwistSolver;
  /** Pose of the tool at the guard's last command: valid after `locate`. */
  readonly pose = new Float64Array(7);
  readonly #model: ControllerContext['model'];
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #q: Float64Array;
  readonly #qd: Float64Array;
  readonly #twist = new Float64Array(6);
  readonly #gap = new Float64Array(6);

  constructor({ spec, tick, model }: ControllerContext) {
    this.at = new TickSlots(spec, tick);
    this.scale = new TeleopScale(spec, this.at.period);
    this.solver = new TwistSolver(spec, model);
    this.#model = model;
    this.#min = Float64Array.from(spec.axes, (a) => a.min);
    this.#max = Float64Array.from(spec.axes, (a) => a.max);
    this.#q = new Float64Array(spec.axes.length);
    this.#qd = new Float64Array(spec.axes.length);
  }

  /** Begins with the tool velocity and acceleration of the guard's last command: taking over is smooth. */
  reset(tick: Float64Array, memory: Float64Array, m: number): void {
    const at = this.at;
    const n = at.axes;
    for (let k = 0; k < n; k++) this.#q[k] = tick[at.cmdQ + k]!;
    // The limited twist leads the smoothed one by what the low-pass lags behind at the present acceleration.
    const { linearProfile, angularProfile } = this.scale;
    this.solver.twistOf(this.#q, tick, at.cmdQd, this.#twist);
    this.solver.twistOf(this.#q, tick, at.cmdQdd, this.#gap);
    for (let i = 0; i < 6; i++) {
      const profile = i < 3 ? linearProfile : angularProfile;
      memory[m + SMOOTH + i] = this.#twist[i]!;
      memory[m + LIMITED + i] = this.#twist[i]! + (this.#gap[i]! * at.period) / profile[2]!;
    }
    this.#model.pose(this.#q, this.#model.tool, memory, m + IDEAL);
  }

  /** Reads the guard's last command and where its tool is. */
  locate(tick: Float64Array): void {
    for (let k = 0; k < this.at.axes; k++) this.#q[k] = tick[this.at.cmdQ + k]!;
    this.#model.pose(this.#q, this.#model.tool, this.pose);
  }

  /** Moves towards the wanted twist (base frame, m/s and rad/s). After `locate`. Writes the arm's requests. */
  step(tick: Float64Array, memory: Float64Array, m: number, wanted: Float64Array): void {
    const at = this.at;
    const s = this.scale;
    approachVelocity(memory, m + LIMITED, SMOOTH, wanted, 0, s.linearProfile);
    approachVelocity(memory, m + LIMITED + 3, SMOOTH, wanted, 3, s.angularProfile);
    const twist = this.#twist;
    const v = m + SMOOTH;
    const effort = Math.sqrt(square(memory, v) / s.linear ** 2 + square(memory, v + 3) / s.angular ** 2);
    const activity = Math.min(1, effort / ACTIVE);
    this.#closeGap(tick, memory, m, activity);
    for (let i = 0; i < 6; i++) twist[i] = memory[v + i]! + this.#gap[i]!;
    this.solver.solve(this.#q, twist, activity, this.#qd);
    const { singularScale, limitScale, limitAxis, limitReason } = this.solver;
    // The ideal pose must not run ahead of an arm that is slowed.
    const applied = singularScale * limitScale;
    for (let i = 0; i < 6; i++) twist[i] = applied * memory[v + i]!;
    poseIntegrate(memory, m + IDEAL, twist, 0, at.period);

    for (let k = 0; k < this.solver.arm; k++) {
      const q = this.#q[k]!;
      const next = Math.max(this.#min[k]!, Math.min(this.#max[k]!, q + this.#qd[k]! * at.period));
      at.want(tick, k, next, (next - q) / at.period);
    }
    tick[at.manipulability] = this.solver.manipulability;
    if (singularScale < 1 && effort > 0) at.flagAll(tick, Reason.singularity);
    if (limitScale < 1 && limitAxis >= 0) at.flag(tick, limitAxis, limitReason);
  }

  /** Velocity that closes the gap between the ideal pose and the commanded one. */
  #closeGap(tick: Float64Array, memory: Float64Array, m: number, activity: number): void {
    const gap = this.#gap;
    poseError(gap, 0, this.pose, 0, memory, m + IDEAL);
    if (activity > 0 && square(gap, 0) < GAP_LINEAR ** 2 && square(gap, 3) < GAP_ANGULAR ** 2) {
      for (let i = 0; i < 6; i++) gap[i]! *= GAIN * activity;
      return;
    }
    // At rest, or held back by the guard: from there on with the speed that the arm really has.
    if (activity > 0) this.reset(tick, memory, m);
    for (let i = 0; i < 7; i++) memory[m + IDEAL + i] = this.pose[i]!;
    for (let i = 0; i < 6; i++) gap[i] = 0;
  }
}

/** Squared length of a 3-vector: one expression, so that it is inlined and its result never boxed. */
const square = (a: Float64Array, i: number): number =>
  a[i]! * a[i]! + a[i + 1]! * a[i + 1]! + a[i + 2]! * a[i + 2]!;
