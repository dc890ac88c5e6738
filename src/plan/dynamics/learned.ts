/** A learned model as a system: batches of states and controls in, next states and Jacobians out. */
import type { System } from './system.ts';

/** Rows of a batch follow each other; matrices are row-major. Runs when called: solvers do not wait. */
export interface LearnedModel {
  readonly nx: number;
  readonly nu: number;
  /** Largest batch in one call. */
  readonly batch: number;
  /** out (count × nx) = f(xs (count × nx), us (count × nu)), count ≤ batch. */
  evaluate(count: number, xs: Float64Array, us: Float64Array, out: Float64Array): void;
  /** fx count × nx × nx, fu count × nx × nu. */
  jacobian(count: number, xs: Float64Array, us: Float64Array, fx: Float64Array, fu: Float64Array): void;
}

export class LearnedSystem implements System {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly model: LearnedModel;

  constructor(model: LearnedModel) {
    this.model = model;
    this.nx = model.nx;
    this.ndx = model.nx;
    this.nu = model.nu;
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.model.evaluate(1, x, u, out);
  }

  dynamicsDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    this.model.jacobian(1, x, u, fx, fu);
  }

  /** All stages in as few batches as the model takes. */
  trajectoryDerivatives(xs: Float64Array, us: Float64Array, fx: Float64Array, fu: Float64Array): void {
    const { nx, nu, batch } = this.model;
    const stages = us.length / nu;
    if (stages <= batch) {
      this.model.jacobian(stages, xs, us, fx, fu);
      return;
    }
    for (let t = 0; t < stages; t += batch) {
      const end = Math.min(stages, t + batch);
      this.model.jacobian(
        end - t,
        xs.subarray(t * nx, end * nx),
        us.subarray(t * nu, end * nu),
        fx.subarray(t * nx * nx, end * nx * nx),
        fu.subarray(t * nx * nu, end * nx * nu),
      );
    }
  }
}
