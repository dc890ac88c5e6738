/**
 * The random numbers of a network. Noise is an input of the graph, so whatever needs some asks for it here by name;
 * a dry run of the building code then lists what one step needs, and nothing states a shape twice.
 */
import type { NoiseSpec } from '../noise.ts';
import { dropout } from '../ops.ts';
import type { Tensor } from '../tensor.ts';

export class Draws {
  readonly #supply: (spec: NoiseSpec) => Tensor;
  readonly #training: boolean;
  readonly #specs = new Map<string, NoiseSpec>();

  /** `supply` gives the graph input of a spec. Without training, dropout is off. */
  constructor(mode: 'training' | 'acting', supply: (spec: NoiseSpec) => Tensor) {
    this.#supply = supply;
    this.#training = mode === 'training';
  }

  /** What was asked for so far, in order. */
  get specs(): readonly NoiseSpec[] {
    return [...this.#specs.values()];
  }

  /** Standard normal numbers. */
  normal(name: string, shape: readonly number[]): Tensor {
    return this.#ask({ name, shape, distribution: 'normal' });
  }

  /** Uniform numbers in [0, 1). */
  uniform(name: string, shape: readonly number[]): Tensor {
    return this.#ask({ name, shape, distribution: 'uniform' });
  }

  /** Drops a share `rate` of x while training and scales the rest up; x itself otherwise (Srivastava et al. 2014). */
  dropout(x: Tensor, rate: number): Tensor {
    if (!this.#training || rate === 0) return x;
    const name = `noise.keep${this.#specs.size}`;
    return dropout(
      x,
      this.#ask({ name, shape: x.shape, distribution: 'bernoulli', probability: 1 - rate }),
      rate,
    );
  }

  #ask(spec: NoiseSpec): Tensor {
    this.#specs.set(spec.name, spec);
    return this.#supply(spec);
  }
}
