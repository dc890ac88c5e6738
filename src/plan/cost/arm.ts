/** Residuals of an arm's joints: x = (q, v), u, n joints. */
import { ArmloopError } from '../../errors.ts';
import { type ArmPart, type Residual, spanOf } from './residual.ts';

/** r_i = scale_i (z_i - target_i): posture (q, rad), velocity (v, rad/s) or control (u, N·m). */
export class JointResidual implements Residual {
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly count: number;
  readonly diagonal = true;
  /** May be rewritten between solves. */
  readonly target: Float64Array;
  readonly scale: Float64Array;
  readonly #fromX: boolean;

  /** `target` default 0, `scale` default 1 for each joint. */
  constructor(
    part: ArmPart,
    joints: number,
    { target, scale }: { readonly target?: Float64Array; readonly scale?: Float64Array } = {},
  ) {
    const { at, count } = spanOf(part, joints);
    this.name = part === 'q' ? 'posture' : part === 'v' ? 'velocity' : 'control';
    this.size = joints;
    this.at = at;
    this.count = count;
    this.target = sized(`the target of ${this.name}`, target ?? new Float64Array(joints), joints);
    this.scale = sized(`the scale of ${this.name}`, scale ?? new Float64Array(joints).fill(1), joints);
    this.#fromX = part !== 'u';
  }

  evaluate(x: Float64Array, u: Float64Array, _t: number, r: Float64Array): void {
    if (this.#fromX) {
      for (let i = 0; i < this.size; i++) r[i] = this.scale[i]! * (x[this.at + i]! - this.target[i]!);
    } else {
      for (let i = 0; i < this.size; i++) r[i] = this.scale[i]! * (u[i]! - this.target[i]!);
    }
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.evaluate(x, u, t, r);
    for (let i = 0; i < this.size; i++) J[i] = this.scale[i]!;
  }
}

/**
 * Joint limits as r ≤ 0: for each joint the greater of q - upper and lower - q (rad), which of the two by the nearer limit.
 * With `hinge` what is over costs; with `RelaxedBarrier` nearing does.
 */
export class LimitResidual implements Residual {
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly count: number;
  readonly diagonal = true;
  readonly #lower: Float64Array;
  readonly #upper: Float64Array;

  constructor(part: 'q' | 'v', lower: Float64Array, upper: Float64Array) {
    const { at, count } = spanOf(part, lower.length);
    this.name = part === 'q' ? 'joint-limits' : 'velocity-limits';
    this.size = count;
    this.at = at;
    this.count = count;
    this.#lower = lower;
    this.#upper = sized('the upper limits', upper, lower.length);
  }

  evaluate(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const z = x[this.at + i]!;
      r[i] = Math.max(z - this.#upper[i]!, this.#lower[i]! - z);
    }
  }

  linearise(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array, J: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const z = x[this.at + i]!;
      const over = z - this.#upper[i]!;
      const under = this.#lower[i]! - z;
      r[i] = Math.max(over, under);
      J[i] = over >= under ? 1 : -1;
    }
  }
}

function sized(what: string, array: Float64Array, want: number): Float64Array {
  if (array.length !== want) throw new ArmloopError('LENGTH_MISMATCH', { what, got: array.length, want });
  return array;
}
