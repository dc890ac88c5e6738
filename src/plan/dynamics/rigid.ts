/**
 * An arm with torques as a system: x = (q, v), u = τ, semi-implicit Euler as simulators do it,
 *
 *     a = forward(q, v, τ)    v' = v + dt a    q' = q + dt v'
 *
 * Whether gravity is the planner's or the device's business is an option of the model.
 */
import type { Arena } from '../../model/code/arena.ts';
import type { DynamicsModel } from '../../model/dynamics.ts';
import { GeneratedDynamics } from '../../model/generated.ts';
import type { TrajectoryFunctions } from '../../model/generated-trajectory.ts';
import { invalid } from '../check.ts';
import { heap } from '../memory.ts';
import type { PlanMemory } from '../problem.ts';
import { semiImplicit } from './command.ts';
import type { TimedSystem } from './system.ts';

export interface RigidOptions {
  readonly model: DynamicsModel;
  /** Length of a stage, s. */
  readonly dt: number;
  /**
   * The arena that a generated WebAssembly model works in: trajectories then lie in it, and derivatives of all stages are
   * one call. Needs room for what solvers take (`workspaceBytes`).
   */
  readonly arena?: Arena;
}

export class RigidSystem implements TimedSystem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly memory?: PlanMemory;
  readonly semiImplicitStep: number;
  readonly dt: number;
  readonly trajectoryDerivatives?: NonNullable<TimedSystem['trajectoryDerivatives']>;
  readonly model: DynamicsModel;
  readonly #q: Float64Array;
  readonly #v: Float64Array;
  readonly #tau: Float64Array;
  readonly #a: Float64Array;
  readonly #dq: Float64Array;
  readonly #dv: Float64Array;
  readonly #dtau: Float64Array;
  readonly #hessian: Float64Array;

  constructor({ model, dt, arena }: RigidOptions) {
    if (!(dt > 0 && Number.isFinite(dt)))
      throw invalid('dt', dt, 'a stage lasts a positive number of seconds');
    const { n } = model;
    this.model = model;
    this.nx = 2 * n;
    this.ndx = 2 * n;
    this.nu = n;
    this.semiImplicitStep = dt;
    this.dt = dt;
    if (arena !== undefined) this.memory = arena;
    const memory = arena ?? heap;
    this.#q = memory.alloc(n);
    this.#v = memory.alloc(n);
    this.#tau = memory.alloc(n);
    this.#a = memory.alloc(n);
    this.#dq = memory.alloc(n * n);
    this.#dv = memory.alloc(n * n);
    this.#dtau = memory.alloc(n * n);
    this.#hessian = memory.alloc(9 * n * n);
    if (arena !== undefined && model instanceof GeneratedDynamics && model.form === 'wasm') {
      const all: TrajectoryFunctions = model.trajectories('semi-implicit');
      this.trajectoryDerivatives = (xs, us, fx, fu) => all.derivatives(us.length / n, xs, us, dt, fx, fu);
    }
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.step(x, u, this.dt, out);
  }

  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    this.#split(x, u);
    this.model.forward(this.#q, this.#v, this.#tau, this.#a);
    semiImplicit(x, this.#a, this.nu, h, out);
  }

  dynamicsDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    this.#split(x, u);
    this.model.forwardDerivatives(this.#q, this.#v, this.#tau, this.#dq, this.#dv, this.#dtau);
    const n = this.nu;
    const { dt } = this;
    for (let i = 0; i < n; i++) {
      const top = 2 * i * n;
      const low = 2 * (n + i) * n;
      for (let j = 0; j < n; j++) {
        const same = i === j ? 1 : 0;
        const vq = dt * this.#dq[i * n + j]!;
        const vv = same + dt * this.#dv[i * n + j]!;
        const vu = dt * this.#dtau[i * n + j]!;
        fx[low + j] = vq;
        fx[low + n + j] = vv;
        fx[top + j] = same + dt * vq;
        fx[top + n + j] = dt * vv;
        fu[(n + i) * n + j] = vu;
        fu[i * n + j] = dt * vu;
      }
    }
  }

  /** Only accelerations bend: Σ_k (dt² v_k + dt v_{n+k}) ∂²a_k. */
  dynamicsHessian(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    v: Float64Array,
    xx: Float64Array,
    ux: Float64Array,
    uu: Float64Array,
  ): void {
    this.#split(x, u);
    const n = this.nu;
    const { dt } = this;
    for (let k = 0; k < n; k++) this.#a[k] = dt * (dt * v[k]! + v[n + k]!);
    const h = this.#hessian;
    this.model.forwardHessian(this.#q, this.#v, this.#tau, this.#a, h);
    const m = 3 * n;
    const s = 2 * n;
    for (let i = 0; i < s; i++) for (let j = 0; j < s; j++) xx[i * s + j]! += h[i * m + j]!;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < s; j++) ux[i * s + j]! += h[(s + i) * m + j]!;
      for (let j = 0; j < n; j++) uu[i * n + j]! += h[(s + i) * m + s + j]!;
    }
  }

  #split(x: Float64Array, u: Float64Array): void {
    const n = this.nu;
    for (let i = 0; i < n; i++) {
      this.#q[i] = x[i]!;
      this.#v[i] = x[n + i]!;
      this.#tau[i] = u[i]!;
    }
  }
}
