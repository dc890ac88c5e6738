/** Which samples a batch holds: a function of (seed, step) alone. */
import { Rng } from '../../math/rng.ts';

export interface SampleOrder {
  /** Number of the sample at place `slot` of batch `step`, and whether it counts. */
  sample(step: number, slot: number): number;
  counts(step: number): number;
}

/**
 * Training: pass after pass over all samples, each in an order of its own (Fisher–Yates, drawn from seed and pass).
 * Passes run into each other, so every batch is full and every sample comes once a pass.
 */
export class ShuffledOrder implements SampleOrder {
  readonly #samples: number;
  readonly #batch: number;
  readonly #seed: number;
  /** The newest permutations by pass: a batch may lie in two. */
  readonly #passes = new Map<number, Uint32Array>();

  constructor(samples: number, batch: number, seed: number) {
    this.#samples = samples;
    this.#batch = batch;
    this.#seed = seed;
  }

  sample(step: number, slot: number): number {
    const position = step * this.#batch + slot;
    return this.#pass(Math.floor(position / this.#samples))[position % this.#samples]!;
  }

  counts(): number {
    return this.#batch;
  }

  #pass(pass: number): Uint32Array {
    const known = this.#passes.get(pass);
    if (known !== undefined) return known;
    const order = permutation(this.#samples, this.#seed, pass);
    if (this.#passes.size >= 2) this.#passes.delete(Math.min(...this.#passes.keys()));
    this.#passes.set(pass, order);
    return order;
  }
}

/** 0..n in an order drawn from seed and pass. */
export function permutation(n: number, seed: number, pass: number): Uint32Array {
  const rng = new Rng(seed, pass);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}

/** Validation: the same samples in the same order each pass, spread evenly when there are more than may be looked at. */
export class FixedOrder implements SampleOrder {
  readonly perPass: number;
  readonly #samples: number;
  readonly #taken: number;
  readonly #batch: number;

  constructor(samples: number, batch: number, limit = Number.POSITIVE_INFINITY) {
    this.#samples = samples;
    this.#batch = batch;
    this.#taken = Math.min(samples, limit * batch);
    this.perPass = Math.ceil(this.#taken / batch);
  }

  sample(step: number, slot: number): number {
    const i = Math.min(this.#taken - 1, (step % this.perPass) * this.#batch + slot);
    return Math.floor((i * this.#samples) / this.#taken);
  }

  counts(step: number): number {
    return Math.min(this.#batch, this.#taken - (step % this.perPass) * this.#batch);
  }
}
