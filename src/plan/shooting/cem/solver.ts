/**
 * Cross-entropy method: draw N sequences from a diagonal normal distribution, refit it to the M cheapest, repeat.
 * Rubinstein & Kroese 2004; with coloured noise and kept elites it is iCEM (Pinneri et al. 2020).
 */
import type { Rng } from '../../../math/rng.ts';
import { controlsOf } from '../draw.ts';
import { SamplingSolver } from '../solver.ts';
import type { SamplingWorkspace } from '../workspace.ts';
import { refit, selectElites } from './refit.ts';
import { CEM_DEFAULTS, type CemSettings, checkCem } from './settings.ts';

export class Cem extends SamplingSolver {
  readonly name = 'cem';
  readonly #settings: CemSettings;
  readonly #elites: Int32Array;
  /** Most elites that stay. */
  readonly #most: number;
  /** θ of the elites that go into the next iteration, and how many there are. */
  #kept = new Float64Array(0);
  #keep = 0;

  /** Throws PLAN_SETTING_INVALID. */
  constructor(settings: Partial<CemSettings> = {}) {
    const all = { ...CEM_DEFAULTS, ...settings };
    super(all);
    checkCem(all);
    this.#settings = all;
    this.#elites = new Int32Array(Math.max(1, Math.round(all.elites * all.samples)));
    this.#most = Math.round(all.keep * this.#elites.length);
  }

  protected override take(w: SamplingWorkspace): void {
    this.#kept = new Float64Array(this.#most * w.size);
  }

  protected override begin(): void {
    this.#keep = 0;
  }

  protected override draw(w: SamplingWorkspace, rng: Rng, from: number, count: number): void {
    const kept = Math.min(Math.max(this.#keep - from, 0), count);
    if (kept > 0) {
      for (let p = 0; p < kept * w.size; p++) w.thetas[from * w.size + p] = this.#kept[from * w.size + p]!;
      for (let i = from; i < from + kept; i++) controlsOf(w, i);
    }
    super.draw(w, rng, from + kept, count - kept);
  }

  protected update(w: SamplingWorkspace): void {
    const { momentum, floor } = this.#settings;
    const found = selectElites(w.costs, this.#elites);
    refit(w.thetas, this.#elites, found, momentum, floor, w.sigma0, w.mean, w.sigma);
    this.#keep = Math.min(this.#most, found);
    for (let e = 0; e < this.#keep; e++) {
      const at = this.#elites[e]! * w.size;
      for (let p = 0; p < w.size; p++) this.#kept[e * w.size + p] = w.thetas[at + p]!;
    }
  }
}
