/** The constraint u = π(x) of guided policy search: what the policy would do, subtracted from what is done. */
import type { Residual } from './residual.ts';

export interface PolicyModel {
  readonly ndx: number;
  readonly nu: number;
  /** out (nu) = π(x, t). */
  action(x: Float64Array, t: number, out: Float64Array): void;
  /** out (nu × ndx) = ∂π/∂x. */
  jacobian(x: Float64Array, t: number, out: Float64Array): void;
}

/** r = u - π(x, t). */
export class PolicyResidual implements Residual {
  readonly name = 'policy';
  readonly size: number;
  readonly at = 0;
  readonly count: number;
  readonly diagonal = false;
  readonly #policy: PolicyModel;
  readonly #jacobian: Float64Array;

  constructor(policy: PolicyModel) {
    this.#policy = policy;
    this.size = policy.nu;
    this.count = policy.ndx + policy.nu;
    this.#jacobian = new Float64Array(policy.nu * policy.ndx);
  }

  evaluate(x: Float64Array, u: Float64Array, t: number, r: Float64Array): void {
    this.#policy.action(x, t, r);
    for (let i = 0; i < this.size; i++) r[i] = u[i]! - r[i]!;
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.evaluate(x, u, t, r);
    this.#policy.jacobian(x, t, this.#jacobian);
    const n = this.#policy.ndx;
    for (let i = 0; i < this.size; i++) {
      const row = i * this.count;
      for (let j = 0; j < n; j++) J[row + j] = -this.#jacobian[i * n + j]!;
      for (let j = 0; j < this.size; j++) J[row + n + j] = i === j ? 1 : 0;
    }
  }
}
