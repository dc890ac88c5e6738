/**
 * The command of an arm whose own servos follow positions, as a system: x = (q, v) of n joints, u = the command's acceleration,
 *
 *     v' = v + dt u    q' = q + dt v'
 */
import { invalid } from '../check.ts';
import type { PlanMemory } from '../problem.ts';
import type { TimedSystem } from './system.ts';

export class CommandSystem implements TimedSystem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly dt: number;
  readonly semiImplicitStep: number;
  readonly memory?: PlanMemory;

  /** `dt`: length of a stage, s. `memory`: the arena in which the arm's kinematics work. Throws PLAN_PROBLEM_INVALID. */
  constructor(joints: number, dt: number, memory?: PlanMemory) {
    if (!(dt > 0 && Number.isFinite(dt)))
      throw invalid('dt', dt, 'a stage lasts a positive number of seconds');
    this.nx = 2 * joints;
    this.ndx = 2 * joints;
    this.nu = joints;
    this.dt = dt;
    this.semiImplicitStep = dt;
    if (memory !== undefined) this.memory = memory;
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.step(x, u, this.dt, out);
  }

  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    semiImplicit(x, u, this.nu, h, out);
  }

  dynamicsDerivatives(
    _x: Float64Array,
    _u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    const { nx, nu: n, dt } = this;
    fx.fill(0);
    fu.fill(0);
    for (let i = 0; i < n; i++) {
      fx[i * nx + i] = 1;
      fx[i * nx + n + i] = dt;
      fx[(n + i) * nx + n + i] = 1;
      fu[i * n + i] = dt * dt;
      fu[(n + i) * n + i] = dt;
    }
  }

  /** Nothing bends. */
  dynamicsHessian(): void {}
}

/** The first 2n entries of out = (q + h v', v') with v' = v + h a: a step of semi-implicit Euler of x = (q, v, …), a (n). */
export function semiImplicit(
  x: Float64Array,
  a: Float64Array,
  n: number,
  h: number,
  out: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    const v = x[n + i]! + h * a[i]!;
    out[n + i] = v;
    out[i] = x[i]! + h * v;
  }
}
