/** Residuals of a frame of the arm: its position, its orientation, and both. */
import { poseError, rotationError } from '../../math/se3.ts';
import type { DynamicsModel } from '../../model/dynamics.ts';
import { heap } from '../memory.ts';
import type { PlanMemory } from '../problem.ts';
import { type Residual, strideOf } from './residual.ts';

export type FrameModel = Pick<DynamicsModel, 'n' | 'frame' | 'pose' | 'jacobian'>;

/**
 * Pose and Jacobian of one frame at the state that was looked at last. Residuals of the same frame share a view, so that a state
 * costs the kinematics once, however many terms speak of it.
 */
export class FrameView {
  readonly n: number;
  /** p x y z, quaternion x y z w, in the base. */
  readonly pose: Float64Array;
  /** 6 × n: vx vy vz wx wy wz, in the base. */
  readonly jacobian: Float64Array;
  readonly #model: FrameModel;
  readonly #frame: number;
  readonly #q: Float64Array;
  #differentiated = false;

  /** `memory`: the arena of a generated model, so that nothing is copied. Throws MODEL_UNKNOWN_FRAME. */
  constructor(model: FrameModel, frame: string, memory: PlanMemory = heap) {
    this.n = model.n;
    this.#model = model;
    this.#frame = model.frame(frame);
    this.#q = memory.alloc(model.n).fill(Number.NaN);
    this.pose = memory.alloc(7);
    this.jacobian = memory.alloc(6 * model.n);
  }

  /** `pose` at the state x, which begins with q. */
  look(x: Float64Array): void {
    const q = this.#q;
    let same = true;
    for (let i = 0; i < this.n; i++) {
      if (q[i] === x[i]) continue;
      q[i] = x[i]!;
      same = false;
    }
    if (same) return;
    this.#differentiated = false;
    this.#model.pose(q, this.#frame, this.pose);
  }

  /** `pose` and `jacobian` at the state x. */
  differentiate(x: Float64Array): void {
    this.look(x);
    if (this.#differentiated) return;
    this.#model.jacobian(this.#q, this.#frame, this.jacobian);
    this.#differentiated = true;
  }
}

abstract class FrameResidual implements Residual {
  abstract readonly name: string;
  abstract readonly size: number;
  readonly at = 0;
  readonly count: number;
  readonly diagonal = false;
  /** p x y z, quaternion x y z w: one for all stages, or one for each; may be rewritten between solves. */
  readonly target: Float64Array;
  protected readonly view: FrameView;
  /** From one stage's target to the next. */
  protected readonly stride: number;

  /** A Float64Array is kept, not copied: residuals may share their target. Throws LENGTH_MISMATCH. */
  constructor(view: FrameView, target: ArrayLike<number>) {
    this.view = view;
    this.count = view.n;
    this.target = target instanceof Float64Array ? target : Float64Array.from(target);
    this.stride = strideOf("a frame's target", this.target, 7);
  }

  abstract evaluate(x: Float64Array, u: Float64Array, t: number, r: Float64Array): void;
  abstract linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void;
}

/** r = p - p_target, m, in the base. */
export class FramePosition extends FrameResidual {
  readonly name = 'frame-position';
  readonly size = 3;

  evaluate(x: Float64Array, _u: Float64Array, t: number, r: Float64Array): void {
    this.view.look(x);
    const { pose } = this.view;
    const goal = t * this.stride;
    for (let i = 0; i < 3; i++) r[i] = pose[i]! - this.target[goal + i]!;
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.view.differentiate(x);
    this.evaluate(x, u, t, r);
    const { jacobian } = this.view;
    for (let i = 0; i < J.length; i++) J[i] = jacobian[i]!;
  }
}

/**
 * r = ω with exp[ω] = R R_targetᵀ: the rotation vector (rad) that turns the wanted orientation into the frame's, in the base.
 * With J_w the angular part of the geometric Jacobian, ∂ω/∂q = J_l(ω)⁻¹ J_w,
 * J_l⁻¹(ω) = I - ½[ω] + (1/θ² - (1 + cos θ) / (2 θ sin θ)) [ω]² (Solà et al. 2018, 146).
 */
export class FrameOrientation extends FrameResidual {
  readonly name = 'frame-orientation';
  readonly size = 3;
  readonly #inverse = new Float64Array(9);

  evaluate(x: Float64Array, _u: Float64Array, t: number, r: Float64Array): void {
    this.view.look(x);
    rotationError(r, 0, this.target, t * this.stride + 3, this.view.pose, 3);
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.view.differentiate(x);
    this.evaluate(x, u, t, r);
    leftJacobianInverse(r, 0, this.#inverse);
    turnRows(this.#inverse, this.view, J, 0);
  }
}

/** r = (p - p_target, ω): position and orientation in one, entries weighted by `weights`. */
export class FramePose extends FrameResidual {
  readonly name = 'frame-pose';
  readonly size = 6;
  readonly weights: Float64Array;
  readonly #inverse = new Float64Array(9);

  constructor(view: FrameView, target: ArrayLike<number>, weights: ArrayLike<number> = [1, 1, 1, 1, 1, 1]) {
    super(view, target);
    this.weights = Float64Array.from(weights);
  }

  evaluate(x: Float64Array, _u: Float64Array, t: number, r: Float64Array): void {
    this.view.look(x);
    poseError(r, 0, this.target, t * this.stride, this.view.pose, 0);
    for (let i = 0; i < 6; i++) r[i]! *= this.weights[i]!;
  }

  linearise(x: Float64Array, _u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.view.differentiate(x);
    poseError(r, 0, this.target, t * this.stride, this.view.pose, 0);
    const n = this.count;
    const { jacobian } = this.view;
    const w = this.weights;
    for (let i = 0; i < 3 * n; i++) J[i] = jacobian[i]!;
    leftJacobianInverse(r, 3, this.#inverse);
    turnRows(this.#inverse, this.view, J, 3);
    for (let i = 0; i < 6; i++) {
      r[i]! *= w[i]!;
      if (w[i] !== 1) for (let j = 0; j < n; j++) J[i * n + j]! *= w[i]!;
    }
  }
}

/** Rows `row` to `row` + 2 of J = m (3 × 3) times the angular part of the Jacobian. */
function turnRows(m: Float64Array, { n, jacobian }: FrameView, J: Float64Array, row: number): void {
  const at = row * n;
  for (let j = 0; j < n; j++) {
    const a = jacobian[3 * n + j]!;
    const b = jacobian[4 * n + j]!;
    const c = jacobian[5 * n + j]!;
    J[at + j] = m[0]! * a + m[1]! * b + m[2]! * c;
    J[at + n + j] = m[3]! * a + m[4]! * b + m[5]! * c;
    J[at + 2 * n + j] = m[6]! * a + m[7]! * b + m[8]! * c;
  }
}

/** out (3 × 3) = J_l(ω)⁻¹ of the ω at `at` of r. */
function leftJacobianInverse(r: Float64Array, at: number, out: Float64Array): void {
  const x = r[at]!;
  const y = r[at + 1]!;
  const z = r[at + 2]!;
  const square = x * x + y * y + z * z;
  const angle = Math.sqrt(square);
  // 1/θ² - (1 + cos θ) / (2 θ sin θ) = 1/θ² - cot(θ/2) / 2θ = 1/12 + θ²/720 + θ⁴/30240 …
  const c =
    angle < 0.05
      ? 1 / 12 + square * (1 / 720 + square / 30240)
      : 1 / square - 1 / (2 * angle * Math.tan(0.5 * angle));
  out[0] = 1 - c * (y * y + z * z);
  out[1] = 0.5 * z + c * x * y;
  out[2] = -0.5 * y + c * x * z;
  out[3] = -0.5 * z + c * x * y;
  out[4] = 1 - c * (x * x + z * z);
  out[5] = 0.5 * x + c * y * z;
  out[6] = 0.5 * y + c * x * z;
  out[7] = -0.5 * x + c * y * z;
  out[8] = 1 - c * (x * x + y * y);
}
