/**
 * Random shooting: A_i ~ p(A), keep argmin_i Σ_t l(x_t, u_t) + l_T(x_T). The baseline of every sampling method, and with
 * `around: best` predictive sampling, which is a local search that no bad sample can mislead.
 */
import type { Rng } from '../../../math/rng.ts';
import { drawUniform } from '../draw.ts';
import { SamplingSolver } from '../solver.ts';
import type { SamplingWorkspace } from '../workspace.ts';
import { checkRandom, RANDOM_DEFAULTS, type RandomSettings } from './settings.ts';

export class RandomShooting extends SamplingSolver {
  readonly name = 'random';
  protected override readonly needs: 'any' | 'finite';
  readonly #settings: RandomSettings;
  #least = Number.POSITIVE_INFINITY;

  /** Throws PLAN_SETTING_INVALID. */
  constructor(settings: Partial<RandomSettings> = {}) {
    const all = { ...RANDOM_DEFAULTS, ...settings };
    super(all.distribution === 'uniform' ? { ...all, sigma: all.sigma ?? 0 } : all);
    checkRandom(all);
    this.#settings = all;
    this.needs = all.distribution === 'uniform' ? 'finite' : 'any';
  }

  protected override begin(): void {
    this.#least = this.result.cost;
  }

  protected override draw(w: SamplingWorkspace, rng: Rng, from: number, count: number): void {
    if (this.#settings.distribution === 'uniform') drawUniform(w, rng, from, count);
    else super.draw(w, rng, from, count);
  }

  protected update(w: SamplingWorkspace, best: number): void {
    if (this.#settings.around === 'start' || !(w.costs[best]! < this.#least)) return;
    this.#least = w.costs[best]!;
    for (let p = 0; p < w.size; p++) w.mean[p] = w.thetas[best * w.size + p]!;
  }
}
