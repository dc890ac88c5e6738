/** Any model that can step, as a system: derivatives by finite differences. */
import type { StepModel } from '../../robot/plant.ts';
import { invalid } from '../check.ts';
import type { System } from './system.ts';

export interface DifferenceOptions {
  /** `centred` costs twice and errs by h² instead of h. Default centred. */
  readonly kind?: 'centred' | 'one-sided';
  /**
   * h, absolute. Default by the balance of truncation and rounding (Nocedal and Wright 2006, 8.1): ε^(1/3) centred,
   * ε^(1/2) one-sided. Simulators with contacts want more, 1e-6 to 1e-4.
   */
  readonly step?: number;
}

export class DifferenceSystem implements System {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly difference?: NonNullable<System['difference']>;
  readonly integrate?: NonNullable<System['integrate']>;
  readonly #model: StepModel;
  readonly #h: number;
  readonly #centred: boolean;
  readonly #x: Float64Array;
  readonly #u: Float64Array;
  readonly #dx: Float64Array;
  readonly #plus: Float64Array;
  readonly #minus: Float64Array;
  readonly #column: Float64Array;

  constructor(model: StepModel, options: DifferenceOptions = {}) {
    this.#model = model;
    this.#centred = (options.kind ?? 'centred') === 'centred';
    this.#h = options.step ?? Number.EPSILON ** (this.#centred ? 1 / 3 : 1 / 2);
    if (!(this.#h > 0)) throw invalid('the step of finite differences', this.#h, 'it must be above 0');
    this.nx = model.nx;
    this.nu = model.nu;
    this.ndx = model.ndx ?? model.nx;
    if (this.ndx !== this.nx) {
      const { difference, integrate } = model;
      if (difference === undefined || integrate === undefined) {
        throw invalid(
          'ndx',
          this.ndx,
          'a model whose tangent differs from its state has difference() and integrate()',
        );
      }
      this.difference = (a, b, out) => model.difference!(a, b, out);
      this.integrate = (x, dx, out) => model.integrate!(x, dx, out);
    }
    this.#x = new Float64Array(this.nx);
    this.#u = new Float64Array(this.nu);
    this.#dx = new Float64Array(this.ndx);
    this.#plus = new Float64Array(this.nx);
    this.#minus = new Float64Array(this.nx);
    this.#column = new Float64Array(this.ndx);
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.#model.step(x, u, out);
  }

  dynamicsDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    if (!this.#centred) this.#model.step(x, u, this.#minus);
    this.#u.set(u);
    for (let j = 0; j < this.ndx; j++) {
      this.#move(x, j, this.#h);
      this.#model.step(this.#x, u, this.#plus);
      if (this.#centred) {
        this.#move(x, j, -this.#h);
        this.#model.step(this.#x, u, this.#minus);
      }
      this.#write(fx, this.ndx, j);
    }
    for (let j = 0; j < this.nu; j++) {
      this.#u[j] = u[j]! + this.#h;
      this.#model.step(x, this.#u, this.#plus);
      if (this.#centred) {
        this.#u[j] = u[j]! - this.#h;
        this.#model.step(x, this.#u, this.#minus);
      }
      this.#u[j] = u[j]!;
      this.#write(fu, this.nu, j);
    }
  }

  /** #x = x ⊕ h e_j. */
  #move(x: Float64Array, j: number, h: number): void {
    if (this.integrate === undefined) {
      this.#x.set(x);
      this.#x[j]! += h;
      return;
    }
    this.#dx.fill(0);
    this.#dx[j] = h;
    this.integrate(x, this.#dx, this.#x);
  }

  /** Column j = (plus ⊖ minus) over the distance. */
  #write(out: Float64Array, columns: number, j: number): void {
    const scale = 1 / (this.#centred ? 2 * this.#h : this.#h);
    const d = this.#column;
    if (this.difference === undefined) {
      for (let i = 0; i < this.ndx; i++) d[i] = this.#plus[i]! - this.#minus[i]!;
    } else {
      this.difference(this.#minus, this.#plus, d);
    }
    for (let i = 0; i < this.ndx; i++) out[i * columns + j] = d[i]! * scale;
  }
}
