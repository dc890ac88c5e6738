/**
 * Inverse kinematics to convergence, for planning and for checking targets: Levenberg–Marquardt steps
 * dq = Jᵀ(J Jᵀ + λ²I)⁻¹ e with λ² following the remaining error (Sugihara 2011), joints held to their ranges, a pull to
 * the seed's posture in the null space, and seeded restarts when it settles elsewhere. Same inputs, same answer.
 */
import { addDiagonal, cholesky, choleskySolve, gram, mul, mulTransposed } from '../math/linalg.ts';
import { Rng } from '../math/rng.ts';
import { poseError } from '../math/se3.ts';
import { norm, norm3 } from '../math/vec.ts';
import type { KinematicModel } from '../model/kinematics.ts';
import type { RobotSpec } from '../robot/spec.ts';

export interface IkOptions {
  /** Position and orientation error that counts as solved, m and rad. */
  readonly linear?: number;
  readonly angular?: number;
  /** Steps per start. */
  readonly iterations?: number;
  /** Random starts after the seed. */
  readonly restarts?: number;
  /** Distance that solutions keep from joint ends, rad. */
  readonly margin?: number;
}

export interface IkResult {
  readonly solved: boolean;
  /** Remaining errors of the answer: m and rad. */
  readonly linear: number;
  readonly angular: number;
  /** Steps over all starts. */
  readonly iterations: number;
}

/** Weight of the error in the damping: λ² = LAMBDA · ½|e|² + LAMBDA_MIN. */
const LAMBDA = 1e-2;
const LAMBDA_MIN = 1e-8;
/** Largest joint step, rad: the linearisation holds within it. */
const STEP = 0.5;
/** Share of the way back to the posture per step, faded out as the error vanishes. */
const POSTURE = 0.1;

export class IkSolver {
  readonly #spec: RobotSpec;
  readonly #model: KinematicModel;
  readonly #frame: number;
  readonly #arm: number;
  readonly #pose = new Float64Array(7);
  readonly #e = new Float64Array(6);
  readonly #y = new Float64Array(6);
  readonly #gram = new Float64Array(36);
  readonly #full: Float64Array;
  readonly #jacobian: Float64Array;
  readonly #dq: Float64Array;
  readonly #z: Float64Array;
  readonly #back: Float64Array;
  readonly #q: Float64Array;
  readonly #best: Float64Array;

  /** `frame` defaults to the tool. */
  constructor(spec: RobotSpec, model: KinematicModel, frame = model.tool) {
    const n = spec.axes.length;
    this.#spec = spec;
    this.#model = model;
    this.#frame = frame;
    this.#arm = spec.armAxes;
    this.#full = new Float64Array(6 * n);
    this.#jacobian = new Float64Array(6 * spec.armAxes);
    this.#dq = new Float64Array(spec.armAxes);
    this.#z = new Float64Array(spec.armAxes);
    this.#back = new Float64Array(spec.armAxes);
    this.#q = new Float64Array(n);
    this.#best = new Float64Array(n);
  }

  /**
   * Axis vector that puts the frame at `target` (p x y z, quaternion x y z w, base), near `seed` where it can be. Axes
   * outside the arm stay as in the seed. Writes the best found to `out` also when not solved.
   */
  solve(target: Float64Array, seed: Float64Array, out: Float64Array, options: IkOptions = {}): IkResult {
    const { linear = 1e-6, angular = 1e-6, iterations = 80, restarts = 30, margin = 0.01 } = options;
    const rng = new Rng(0x1c);
    let best = Number.POSITIVE_INFINITY;
    let total = 0;
    let bestLinear = Number.POSITIVE_INFINITY;
    let bestAngular = Number.POSITIVE_INFINITY;
    for (let start = 0; start <= restarts; start++) {
      this.#begin(seed, start, rng, margin);
      for (let i = 0; i < iterations; i++) {
        this.#model.pose(this.#q, this.#frame, this.#pose);
        poseError(this.#e, 0, this.#pose, 0, target, 0);
        const errorLinear = norm3(this.#e, 0);
        const errorAngular = norm3(this.#e, 3);
        const error = Math.max(errorLinear / linear, errorAngular / angular);
        if (error < best) {
          best = error;
          bestLinear = errorLinear;
          bestAngular = errorAngular;
          this.#best.set(this.#q);
        }
        if (best <= 1) break;
        total++;
        this.#step(seed, margin);
      }
      if (best <= 1) break;
    }
    out.set(this.#best);
    return { solved: best <= 1, linear: bestLinear, angular: bestAngular, iterations: total };
  }

  #begin(seed: Float64Array, start: number, rng: Rng, margin: number): void {
    this.#q.set(seed);
    for (let k = 0; k < this.#arm; k++) {
      const { min, max } = this.#spec.axes[k]!;
      if (start > 0) this.#q[k] = rng.uniform(min, max);
      this.#q[k] = Math.max(min + margin, Math.min(max - margin, this.#q[k]!));
    }
  }

  #step(seed: Float64Array, margin: number): void {
    const arm = this.#arm;
    const n = this.#spec.axes.length;
    const j = this.#jacobian;
    this.#model.jacobian(this.#q, this.#frame, this.#full);
    for (let r = 0; r < 6; r++) for (let k = 0; k < arm; k++) j[r * arm + k] = this.#full[r * n + k]!;
    const size = norm(this.#e);
    gram(j, 6, arm, this.#gram);
    addDiagonal(this.#gram, 6, LAMBDA * 0.5 * size * size + LAMBDA_MIN);
    if (!cholesky(this.#gram, 6)) return;
    choleskySolve(this.#gram, 6, this.#e, this.#y);
    mulTransposed(j, 6, arm, this.#y, this.#dq);
    const pull = POSTURE * Math.min(1, size);
    for (let k = 0; k < arm; k++) this.#z[k] = pull * (seed[k]! - this.#q[k]!);
    mul(j, 6, arm, this.#z, this.#y);
    choleskySolve(this.#gram, 6, this.#y, this.#y);
    mulTransposed(j, 6, arm, this.#y, this.#back);
    let largest = 0;
    for (let k = 0; k < arm; k++) {
      this.#dq[k]! += this.#z[k]! - this.#back[k]!;
      largest = Math.max(largest, Math.abs(this.#dq[k]!));
    }
    const scale = largest > STEP ? STEP / largest : 1;
    for (let k = 0; k < arm; k++) {
      const { min, max } = this.#spec.axes[k]!;
      const next = this.#q[k]! + scale * this.#dq[k]!;
      this.#q[k] = Math.max(min + margin, Math.min(max - margin, next));
    }
  }
}
