/**
 * An arm that acts on a scene, as a system: its command as in CommandSystem, the rest of the state as a ScenePlant has it go, by
 * forward differences with the plant's own steps. The plant's arm goes on with v' through a stage, so that u acts through v'
 * alone, and a stage costs 1 + 2n + rest calls of the plant where DifferenceSystem would take 1 + 3n + rest.
 */
import type { ScenePlant } from '../../robot/plant.ts';
import { CommandSystem } from './command.ts';
import type { TimedSystem } from './system.ts';

export class SceneSystem implements TimedSystem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly dt: number;
  readonly #plant: ScenePlant;
  readonly #arm: CommandSystem;
  /** What the plant is given: the state, with the speeds of the end of the stage. */
  readonly #z: Float64Array;
  readonly #base: Float64Array;
  readonly #next: Float64Array;
  readonly #fx: Float64Array;
  readonly #fu: Float64Array;

  /** `dt`: length of a stage, s. Throws PLAN_PROBLEM_INVALID. */
  constructor(plant: ScenePlant, dt: number) {
    const { joints: n, rest } = plant;
    const nx = 2 * n + rest;
    this.nx = nx;
    this.ndx = nx;
    this.nu = n;
    this.dt = dt;
    this.#plant = plant;
    this.#arm = new CommandSystem(n, dt);
    this.#z = new Float64Array(nx);
    this.#base = new Float64Array(rest);
    this.#next = new Float64Array(rest);
    this.#fx = new Float64Array(4 * n * n);
    this.#fu = new Float64Array(2 * n * n);
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.step(x, u, this.dt, out);
  }

  step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    const { nu: n, nx } = this;
    this.#arm.step(x, u, h, out);
    for (let i = 0; i < nx; i++) this.#z[i] = i >= n && i < 2 * n ? out[i]! : x[i]!;
    this.#plant.advance(this.#z, h, this.#next);
    for (let i = 0; i < this.#next.length; i++) out[2 * n + i] = this.#next[i]!;
  }

  dynamicsDerivatives(x: Float64Array, u: Float64Array, t: number, fx: Float64Array, fu: Float64Array): void {
    const { nx, nu: n, dt } = this;
    const rest = nx - 2 * n;
    fx.fill(0);
    fu.fill(0);
    this.#arm.dynamicsDerivatives(x, u, t, this.#fx, this.#fu);
    for (let i = 0; i < 2 * n; i++) {
      for (let j = 0; j < 2 * n; j++) fx[i * nx + j] = this.#fx[i * 2 * n + j]!;
      for (let j = 0; j < n; j++) fu[i * n + j] = this.#fu[i * n + j]!;
    }
    const z = this.#z;
    for (let i = 0; i < nx; i++) z[i] = x[i]!;
    for (let i = 0; i < n; i++) z[n + i]! += dt * u[i]!;
    this.#plant.advance(z, dt, this.#base);
    for (let j = 0; j < nx; j++) {
      const step = this.#plant.steps[j]!;
      const before = z[j]!;
      z[j] = before + step;
      this.#plant.advance(z, dt, this.#next);
      z[j] = before;
      for (let i = 0; i < rest; i++) {
        const d = (this.#next[i]! - this.#base[i]!) / step;
        fx[(2 * n + i) * nx + j] = d;
        if (j >= n && j < 2 * n) fu[(2 * n + i) * n + j - n] = dt * d;
      }
    }
  }
}
