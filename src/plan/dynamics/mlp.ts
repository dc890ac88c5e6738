/**
 * A multi-layer perceptron as a learned model, evaluated in place: what a trained dynamics network becomes for a solver
 * that cannot wait for a runtime. x' = x + s_y ⊙ g((z - m) ⊘ s) + m_y with z = (x, u) and g the layers.
 */
import { ArmloopError } from '../../errors.ts';
import { invalid } from '../check.ts';
import type { LearnedModel } from './learned.ts';

export type Activation = 'tanh' | 'relu' | 'silu';

export interface MlpLayer {
  /** outputs × inputs, row-major. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

export interface MlpOptions {
  readonly nx: number;
  readonly nu: number;
  /** From (x, u) to nx; the activation stands between layers, not after the last. */
  readonly layers: readonly MlpLayer[];
  readonly activation: Activation;
  /** Mean and spread of (x, u), nx + nu each; default 0 and 1. */
  readonly input?: { readonly mean: Float64Array; readonly scale: Float64Array };
  /** Mean and spread of x' - x, nx each; default 0 and 1. */
  readonly output?: { readonly mean: Float64Array; readonly scale: Float64Array };
}

export class MlpModel implements LearnedModel {
  readonly nx: number;
  readonly nu: number;
  readonly batch = Number.MAX_SAFE_INTEGER;
  readonly #layers: readonly MlpLayer[];
  readonly #activation: Activation;
  readonly #mean: Float64Array;
  readonly #scale: Float64Array;
  readonly #outMean: Float64Array;
  readonly #outScale: Float64Array;
  /** Per layer its input; per hidden layer the slope of its activation. */
  readonly #inputs: readonly Float64Array[];
  readonly #slopes: readonly Float64Array[];
  readonly #last: Float64Array;
  /** Two Jacobians to take turns, nx × the widest layer. */
  readonly #j: readonly [Float64Array, Float64Array];

  /** Throws PLAN_PROBLEM_INVALID or LENGTH_MISMATCH when the layers do not fit each other. */
  constructor({ nx, nu, layers, activation, input, output }: MlpOptions) {
    this.nx = nx;
    this.nu = nu;
    this.#layers = layers;
    this.#activation = activation;
    if (layers.length === 0) throw invalid('the number of layers', 0, 'a network has at least one');
    const sizes = [nx + nu, ...layers.map((l) => l.bias.length)];
    if (sizes.at(-1) !== nx)
      throw invalid('the width of the last layer', sizes.at(-1)!, `it gives nx = ${nx} numbers`);
    layers.forEach(({ weight, bias }, i) => {
      const want = sizes[i]! * bias.length;
      if (weight.length !== want) {
        throw new ArmloopError('LENGTH_MISMATCH', {
          what: `the weight of layer ${i}`,
          got: weight.length,
          want,
        });
      }
    });
    this.#mean = input?.mean ?? new Float64Array(nx + nu);
    this.#scale = input?.scale ?? new Float64Array(nx + nu).fill(1);
    this.#outMean = output?.mean ?? new Float64Array(nx);
    this.#outScale = output?.scale ?? new Float64Array(nx).fill(1);
    this.#inputs = layers.map((_, i) => new Float64Array(sizes[i]!));
    this.#slopes = layers.slice(0, -1).map((l) => new Float64Array(l.bias.length));
    this.#last = new Float64Array(nx);
    const widest = nx * Math.max(...sizes);
    this.#j = [new Float64Array(widest), new Float64Array(widest)];
  }

  evaluate(count: number, xs: Float64Array, us: Float64Array, out: Float64Array): void {
    const { nx, nu } = this;
    for (let b = 0; b < count; b++) {
      this.#run(xs, b * nx, us, b * nu);
      for (let i = 0; i < nx; i++) {
        out[b * nx + i] = xs[b * nx + i]! + this.#outMean[i]! + this.#outScale[i]! * this.#last[i]!;
      }
    }
  }

  jacobian(count: number, xs: Float64Array, us: Float64Array, fx: Float64Array, fu: Float64Array): void {
    const { nx, nu } = this;
    for (let b = 0; b < count; b++) {
      this.#run(xs, b * nx, us, b * nu);
      const j = this.#back();
      const columns = nx + nu;
      for (let i = 0; i < nx; i++) {
        const s = this.#outScale[i]!;
        for (let k = 0; k < nx; k++) {
          fx[(b * nx + i) * nx + k] = (i === k ? 1 : 0) + (s * j[i * columns + k]!) / this.#scale[k]!;
        }
        for (let k = 0; k < nu; k++) {
          fu[(b * nx + i) * nu + k] = (s * j[i * columns + nx + k]!) / this.#scale[nx + k]!;
        }
      }
    }
  }

  #run(xs: Float64Array, xi: number, us: Float64Array, ui: number): void {
    const first = this.#inputs[0]!;
    for (let i = 0; i < this.nx; i++) first[i] = (xs[xi + i]! - this.#mean[i]!) / this.#scale[i]!;
    for (let i = 0; i < this.nu; i++) {
      const at = this.nx + i;
      first[at] = (us[ui + i]! - this.#mean[at]!) / this.#scale[at]!;
    }
    const end = this.#layers.length - 1;
    for (let l = 0; l <= end; l++) {
      const { weight, bias } = this.#layers[l]!;
      const from = this.#inputs[l]!;
      const to = l === end ? this.#last : this.#inputs[l + 1]!;
      for (let i = 0; i < bias.length; i++) {
        let s = bias[i]!;
        for (let k = 0; k < from.length; k++) s += weight[i * from.length + k]! * from[k]!;
        to[i] = s;
      }
      if (l < end) activate(this.#activation, to, this.#slopes[l]!);
    }
  }

  /** ∂g/∂input as nx × (nx + nu), from the last layer back. */
  #back(): Float64Array {
    const { nx } = this;
    let [from, to] = this.#j;
    from.set(this.#layers.at(-1)!.weight);
    for (let l = this.#layers.length - 2; l >= 0; l--) {
      const { weight, bias } = this.#layers[l]!;
      const width = this.#inputs[l]!.length;
      const slope = this.#slopes[l]!;
      for (let i = 0; i < nx; i++) {
        for (let k = 0; k < width; k++) to[i * width + k] = 0;
        for (let h = 0; h < bias.length; h++) {
          const s = from[i * bias.length + h]! * slope[h]!;
          if (s === 0) continue;
          for (let k = 0; k < width; k++) to[i * width + k]! += s * weight[h * width + k]!;
        }
      }
      const swap = from;
      from = to;
      to = swap;
    }
    return from;
  }
}

/** y = σ(y) in place, slope = σ'. */
function activate(kind: Activation, y: Float64Array, slope: Float64Array): void {
  for (let i = 0; i < y.length; i++) {
    const z = y[i]!;
    if (kind === 'tanh') {
      const v = Math.tanh(z);
      y[i] = v;
      slope[i] = 1 - v * v;
    } else if (kind === 'relu') {
      y[i] = z > 0 ? z : 0;
      slope[i] = z > 0 ? 1 : 0;
    } else {
      const s = 1 / (1 + Math.exp(-z));
      y[i] = z * s;
      slope[i] = s * (1 + z * (1 - s));
    }
  }
}
