/** Residuals of an arm's joints: x = (q, v), u, n joints. */
import { ArmloopError } from '../../errors.ts';
import { type ArmPart, type Residual, spanOf, strideOf } from './residual.ts';

/** r_i = scale_i (z_i - target_i): posture (q, rad), velocity (v, rad/s) or control (u, N·m or rad/s²). */
export class JointResidual implements Residual {
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly count: number;
  readonly diagonal = true;
  /** One row for all stages, or one for each; may be rewritten between solves. */
  readonly target: Float64Array;
  readonly scale: Float64Array;
  readonly #fromX: boolean;
  /** From one stage's row to the next. */
  readonly #stride: number;

  /** `target` (n, or (T + 1) × n) default 0, `scale` default 1 for each joint, `ndx` (entries of x) 2n. */
  constructor(
    part: ArmPart,
    joints: number,
    {
      target,
      scale,
      ndx,
    }: { readonly target?: Float64Array; readonly scale?: Float64Array; readonly ndx?: number } = {},
  ) {
    const { at, count } = spanOf(part, joints, ndx);
    this.name = part === 'q' ? 'posture' : part === 'v' ? 'velocity' : 'control';
    this.size = joints;
    this.at = at;
    this.count = count;
    this.target = target ?? new Float64Array(joints);
    this.#stride = strideOf(`the target of ${this.name}`, this.target, joints);
    this.scale = sized(`the scale of ${this.name}`, scale ?? new Float64Array(joints).fill(1), joints);
    this.#fromX = part !== 'u';
  }

  evaluate(x: Float64Array, u: Float64Array, t: number, r: Float64Array): void {
    const row = t * this.#stride;
    if (this.#fromX) {
      for (let i = 0; i < this.size; i++) r[i] = this.scale[i]! * (x[this.at + i]! - this.target[row + i]!);
    } else {
      for (let i = 0; i < this.size; i++) r[i] = this.scale[i]! * (u[i]! - this.target[row + i]!);
    }
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.evaluate(x, u, t, r);
    for (let i = 0; i < this.size; i++) J[i] = this.scale[i]!;
  }
}

/**
 * Joint limits as r ≤ 0: for each joint the greater of z - upper and lower - z (rad or rad/s), times scale (default 1), which of
 * the two by the nearer limit. With `hinge` what is over costs; with `RelaxedBarrier` nearing does.
 */
export class LimitResidual implements Residual {
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly count: number;
  readonly diagonal = true;
  readonly #lower: Float64Array;
  readonly #upper: Float64Array;
  readonly #scale: Float64Array;

  constructor(part: 'q' | 'v', lower: Float64Array, upper: Float64Array, scale?: Float64Array) {
    const { at, count } = spanOf(part, lower.length);
    this.name = part === 'q' ? 'joint-limits' : 'velocity-limits';
    this.size = count;
    this.at = at;
    this.count = count;
    this.#lower = lower;
    this.#upper = sized('the upper limits', upper, lower.length);
    this.#scale = sized('the scale of limits', scale ?? new Float64Array(lower.length).fill(1), lower.length);
  }

  evaluate(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const z = x[this.at + i]!;
      r[i] = this.#scale[i]! * Math.max(z - this.#upper[i]!, this.#lower[i]! - z);
    }
  }

  linearise(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array, J: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const z = x[this.at + i]!;
      const over = z - this.#upper[i]!;
      const under = this.#lower[i]! - z;
      const scale = this.#scale[i]!;
      r[i] = scale * Math.max(over, under);
      J[i] = over >= under ? scale : -scale;
    }
  }
}

function sized(what: string, array: Float64Array, want: number): Float64Array {
  if (array.length !== want) throw new ArmloopError('LENGTH_MISMATCH', { what, got: array.length, want });
  return array;
}
