/** Residuals of a frame of the arm: its position, and its pose. */
import { poseError } from '../../math/se3.ts';
import type { DynamicsModel } from '../../model/dynamics.ts';
import { heap } from '../memory.ts';
import type { PlanMemory } from '../problem.ts';
import type { Residual } from './residual.ts';

export type FrameModel = Pick<DynamicsModel, 'n' | 'frame' | 'pose' | 'jacobian'>;

abstract class FrameBase {
  readonly at = 0;
  readonly count: number;
  readonly diagonal = false;
  protected readonly model: FrameModel;
  protected readonly frame: number;
  protected readonly q: Float64Array;
  protected readonly pose: Float64Array;
  protected readonly geometric: Float64Array;

  /** `memory`: the arena of a generated model, so that nothing is copied. Throws MODEL_UNKNOWN_FRAME. */
  constructor(model: FrameModel, frame: string, memory: PlanMemory = heap) {
    this.model = model;
    this.frame = model.frame(frame);
    this.count = model.n;
    this.q = memory.alloc(model.n);
    this.pose = memory.alloc(7);
    this.geometric = memory.alloc(6 * model.n);
  }

  protected look(x: Float64Array): void {
    for (let i = 0; i < this.count; i++) this.q[i] = x[i]!;
    this.model.pose(this.q, this.frame, this.pose);
  }
}

/** r = p - p_target, m, in the base. */
export class FramePosition extends FrameBase implements Residual {
  readonly name = 'frame-position';
  readonly size = 3;
  /** p x y z; may be rewritten between solves. */
  readonly target: Float64Array;

  constructor(model: FrameModel, frame: string, target: ArrayLike<number>, memory?: PlanMemory) {
    super(model, frame, memory);
    this.target = Float64Array.from(target).slice(0, 3);
  }

  evaluate(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array): void {
    this.look(x);
    for (let i = 0; i < 3; i++) r[i] = this.pose[i]! - this.target[i]!;
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.evaluate(x, u, t, r);
    this.model.jacobian(this.q, this.frame, this.geometric);
    for (let i = 0; i < J.length; i++) J[i] = this.geometric[i]!;
  }
}

/**
 * r = (p - p_target, ω) with exp[ω] = R R_targetᵀ: metres, and the rotation vector (rad) that turns the wanted orientation
 * into the frame's, in the base; entries weighted by `weights`. With J_w the angular part of the geometric Jacobian,
 * ∂ω/∂q = J_l(ω)⁻¹ J_w, J_l⁻¹(ω) = I - ½[ω] + (1/θ² - (1 + cos θ) / (2 θ sin θ)) [ω]² (Solà et al. 2018, 146).
 */
export class FramePose extends FrameBase implements Residual {
  readonly name = 'frame-pose';
  readonly size = 6;
  /** p x y z, quaternion x y z w; may be rewritten between solves. */
  readonly target: Float64Array;
  readonly weights: Float64Array;
  readonly #inverse = new Float64Array(9);

  constructor(
    model: FrameModel,
    frame: string,
    target: ArrayLike<number>,
    { weights, memory }: { readonly weights?: ArrayLike<number>; readonly memory?: PlanMemory } = {},
  ) {
    super(model, frame, memory);
    this.target = Float64Array.from(target).slice(0, 7);
    this.weights = Float64Array.from(weights ?? [1, 1, 1, 1, 1, 1]);
  }

  evaluate(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array): void {
    this.look(x);
    poseError(r, 0, this.target, 0, this.pose, 0);
    for (let i = 0; i < 6; i++) r[i]! *= this.weights[i]!;
  }

  linearise(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array, J: Float64Array): void {
    this.look(x);
    poseError(r, 0, this.target, 0, this.pose, 0);
    this.model.jacobian(this.q, this.frame, this.geometric);
    const n = this.count;
    const g = this.geometric;
    const w = this.weights;
    for (let i = 0; i < 3 * n; i++) J[i] = g[i]!;
    leftJacobianInverse(r[3]!, r[4]!, r[5]!, this.#inverse);
    const m = this.#inverse;
    for (let j = 0; j < n; j++) {
      const a = g[3 * n + j]!;
      const b = g[4 * n + j]!;
      const c = g[5 * n + j]!;
      J[3 * n + j] = m[0]! * a + m[1]! * b + m[2]! * c;
      J[4 * n + j] = m[3]! * a + m[4]! * b + m[5]! * c;
      J[5 * n + j] = m[6]! * a + m[7]! * b + m[8]! * c;
    }
    for (let i = 0; i < 6; i++) {
      r[i]! *= w[i]!;
      if (w[i] !== 1) for (let j = 0; j < n; j++) J[i * n + j]! *= w[i]!;
    }
  }
}

/** out (3 × 3) = J_l(ω)⁻¹. */
function leftJacobianInverse(x: number, y: number, z: number, out: Float64Array): void {
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
