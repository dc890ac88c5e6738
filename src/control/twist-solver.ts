/**
 * Joint velocities for a tool twist: qd = Jᵀ(J Jᵀ + λ²I)⁻¹ V + N z, with N z the part of a pull to the home posture
 * that does not move the tool. Everything that must slow the arm scales all joints alike, so that the tool keeps its
 * direction: nearness of a singularity (condition number of J: slower from 17, no further at 30, the numbers of
 * moveit_servo's servo_parameters.yaml, BSD-3), joint speed limits, joint ends. Keeps no state.
 */
import {
  addDiagonal,
  cholesky,
  choleskySolve,
  gram,
  mul,
  mulTransposed,
  singularRange,
  symmetricEigen,
} from '../math/linalg.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { RobotSpec } from '../robot/spec.ts';
import { Reason } from '../robot/tick.ts';
import { brakingSpeed } from './profile.ts';

/** Condition number from which the arm is slowed, and at which it goes no further towards the singularity. */
export const CONDITION_SLOW = 17;
export const CONDITION_STOP = 30;
/** Away from a singularity the range is twice as wide and a fifth of the speed always remains, so one gets out. */
const LEAVING_WIDTH = 2;
const LEAVING_FLOOR = 0.2;
/** Relative growth of the condition number per radian of joint motion at which a motion counts fully as approaching. */
const GROWTH = 1;
/** Joint-space length of the probe that tells approaching from leaving, rad. */
const PROBE = 0.01;
/** Below this singular value (mixed m and rad per rad) the inverse is damped. */
const DAMP_BELOW = 0.05;
const DAMP_MOST = 0.03;
/** Pull to the home posture, 1/s, and its largest speed, rad/s. */
const POSTURE_GAIN = 1;
const POSTURE_SPEED = 0.4;
/** Share of an axis's speed and acceleration limit that Cartesian motion uses. */
const SPEED_SHARE = 0.9;
const BRAKE_SHARE = 0.4;
const END_GAIN = 8;

export class TwistSolver {
  /** Axes of the arm chain. */
  readonly arm: number;
  /** After `solve`: by how much singularity, and by how much limits, have scaled the motion (0..1). */
  singularScale = 1;
  limitScale = 1;
  /** After `solve`: the axis whose limit scaled most, or -1; smallest / largest singular value of J. */
  limitAxis = -1;
  limitReason: number = Reason.position;
  manipulability = 0;

  readonly #model: KinematicModel;
  readonly #axes: number;
  readonly #speed: Float64Array;
  readonly #brake: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #home: Float64Array;
  readonly #full: Float64Array;
  readonly #jacobian: Float64Array;
  readonly #gram = new Float64Array(36);
  readonly #eigen = new Float64Array(6);
  readonly #y = new Float64Array(6);
  readonly #v = new Float64Array(6);
  readonly #range = new Float64Array(2);
  readonly #pull: Float64Array;
  readonly #back: Float64Array;
  readonly #probe: Float64Array;

  constructor(spec: RobotSpec, model: KinematicModel) {
    const n = spec.axes.length;
    const arm = spec.armAxes;
    this.arm = arm;
    this.#model = model;
    this.#axes = n;
    this.#speed = Float64Array.from(spec.axes, (a) => SPEED_SHARE * a.velocity);
    this.#brake = Float64Array.from(spec.axes, (a) => BRAKE_SHARE * a.acceleration);
    this.#min = Float64Array.from(spec.axes, (a) => a.min);
    this.#max = Float64Array.from(spec.axes, (a) => a.max);
    this.#home = Float64Array.from(spec.axes, (a) => a.home);
    this.#full = new Float64Array(6 * n);
    this.#jacobian = new Float64Array(6 * arm);
    this.#pull = new Float64Array(arm);
    this.#back = new Float64Array(arm);
    this.#probe = new Float64Array(n);
  }

  /** The arm's columns of the tool Jacobian at q, into #jacobian. */
  #arms(q: Float64Array): void {
    this.#model.jacobian(q, this.#model.tool, this.#full);
    for (let r = 0; r < 6; r++) {
      for (let k = 0; k < this.arm; k++) this.#jacobian[r * this.arm + k] = this.#full[r * this.#axes + k]!;
    }
  }

  /** The tool twist of joint velocities tick[at..]: out = J qd, at q (axis vector). */
  twistOf(q: Float64Array, tick: Float64Array, at: number, out: Float64Array): void {
    this.#arms(q);
    for (let r = 0; r < 6; r++) {
      let s = 0;
      for (let k = 0; k < this.arm; k++) s += this.#jacobian[r * this.arm + k]! * tick[at + k]!;
      out[r] = s;
    }
  }

  /** Smallest / largest singular value of the tool Jacobian at q (axis vector). */
  manipulabilityAt(q: Float64Array): number {
    this.#arms(q);
    singularRange(this.#jacobian, 6, this.arm, this.#range);
    return this.#range[0]! / this.#range[1]!;
  }

  /**
   * `q`: axis vector; `twist`: vx vy vz wx wy wz of the tool in the base; `posture` 0..1: how much of the pull to the
   * home posture to apply (0 at rest, so that a resting arm rests). Writes qd[0..arm), rad/s. Allocates nothing.
   */
  solve(q: Float64Array, twist: Float64Array, posture: number, qd: Float64Array): void {
    const arm = this.arm;
    const j = this.#jacobian;
    this.#arms(q);
    gram(j, 6, arm, this.#gram);
    symmetricEigen(this.#gram, 6, this.#eigen, null);
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (let i = 0; i < 6; i++) {
      low = Math.min(low, this.#eigen[i]!);
      high = Math.max(high, this.#eigen[i]!);
    }
    const smallest = Math.sqrt(Math.max(0, low));
    const largest = Math.sqrt(high);
    this.manipulability = smallest / largest;
    const near = smallest / DAMP_BELOW;
    const lambda2 = near < 1 ? DAMP_MOST * DAMP_MOST * (1 - near * near) : 0;
    gram(j, 6, arm, this.#gram);
    addDiagonal(this.#gram, 6, lambda2);
    if (!cholesky(this.#gram, 6)) {
      // Undamped and exactly singular cannot be: λ² > 0 there. Only a NaN comes here.
      for (let k = 0; k < arm; k++) qd[k] = 0;
      this.singularScale = 0;
      return;
    }
    choleskySolve(this.#gram, 6, twist, this.#y);
    mulTransposed(j, 6, arm, this.#y, qd);
    if (posture > 0) this.#addPosture(q, posture, qd);

    this.singularScale = 1;
    const condition = largest / Math.max(smallest, 1e-12);
    if (condition > CONDITION_SLOW) this.singularScale = this.#slowDown(q, qd, condition);
    this.#limits(q, qd);
    const scale = this.singularScale * this.limitScale;
    for (let k = 0; k < arm; k++) qd[k]! *= scale;
  }

  /** Adds N z, N = I - Jᵀ(J Jᵀ + λ²I)⁻¹J, z = the pull to home. */
  #addPosture(q: Float64Array, weight: number, qd: Float64Array): void {
    const arm = this.arm;
    const z = this.#pull;
    for (let k = 0; k < arm; k++) {
      const pull = POSTURE_GAIN * (this.#home[k]! - q[k]!);
      z[k] = weight * Math.max(-POSTURE_SPEED, Math.min(POSTURE_SPEED, pull));
    }
    mul(this.#jacobian, 6, arm, z, this.#v);
    choleskySolve(this.#gram, 6, this.#v, this.#v);
    mulTransposed(this.#jacobian, 6, arm, this.#v, this.#back);
    for (let k = 0; k < arm; k++) qd[k]! += z[k]! - this.#back[k]!;
  }

  /**
   * How much of the speed remains near a singularity. Approaching and leaving blend over the growth of the condition
   * number along the motion, so that a motion along a level line does not chatter between them.
   */
  #slowDown(q: Float64Array, qd: Float64Array, condition: number): number {
    let size = 0;
    for (let k = 0; k < this.arm; k++) size += qd[k]! * qd[k]!;
    size = Math.sqrt(size);
    if (!(size > 1e-12)) return 1;
    const probe = this.#probe;
    for (let k = 0; k < this.#axes; k++) probe[k] = q[k]! + (k < this.arm ? (PROBE / size) * qd[k]! : 0);
    const ahead = 1 / Math.max(this.manipulabilityAt(probe), 1e-12);
    const growth = (ahead - condition) / (condition * PROBE);
    const towards = Math.max(0, 1 - (condition - CONDITION_SLOW) / (CONDITION_STOP - CONDITION_SLOW));
    const width = LEAVING_WIDTH * (CONDITION_STOP - CONDITION_SLOW);
    const leaving = Math.max(LEAVING_FLOOR, 1 - (condition - CONDITION_SLOW) / width);
    const w = Math.max(0, Math.min(1, 0.5 + growth / (2 * GROWTH)));
    return w * towards + (1 - w) * leaving;
  }

  /** Scale for joint speed limits, and for joint ends: each axis may still brake before its end. */
  #limits(q: Float64Array, qd: Float64Array): void {
    this.limitScale = 1;
    this.limitAxis = -1;
    for (let k = 0; k < this.arm; k++) {
      const speed = Math.abs(qd[k]!);
      if (!(speed > 0)) continue;
      const room = qd[k]! > 0 ? this.#max[k]! - q[k]! : q[k]! - this.#min[k]!;
      const brake = brakingSpeed(room, this.#brake[k]!, END_GAIN);
      const allowed = Math.min(this.#speed[k]!, brake);
      if (speed * this.singularScale * this.limitScale > allowed) {
        this.limitScale = allowed / (speed * this.singularScale);
        this.limitAxis = k;
        this.limitReason = brake < this.#speed[k]! ? Reason.position : Reason.velocity;
      }
    }
  }
}
