/**
 * Model-predictive path integral control: every sample has a say, by the exponential of its cost.
 *
 *     θ_i = mean + ε_i,  ε ~ N(0, Σ),  mean ← mean + Σ_i w_i ε_i,  w_i ∝ exp(−(S_i − min S)/λ)
 *
 * Williams et al., "Information theoretic MPC for model-based reinforcement learning", ICRA 2017. Samples are held to the
 * limits before they are weighed, so that the mean, which lies between them, keeps to the limits too.
 */
import { choleskySolve } from '../../../math/linalg.ts';
import { SAMPLING_COLUMNS, SamplingSolver } from '../solver.ts';
import type { SamplingWorkspace } from '../workspace.ts';
import { checkMppi, MPPI_DEFAULTS, type MppiSettings } from './settings.ts';
import { controlRatios, lambdaFor, mppiWeights, weightedMean } from './weights.ts';

export class Mppi extends SamplingSolver {
  readonly name = 'mppi';
  protected override readonly columns = [...SAMPLING_COLUMNS, 'lambda', 'effective'];
  readonly #settings: MppiSettings;
  readonly #weights: Float64Array;
  /** Log ratios of densities; zero without a control cost. */
  readonly #ratios: Float64Array;
  /** Parameters that stand for u = 0, Σ⁻¹ (mean − passive), and one control's sequence of it. */
  #passive = new Float64Array(0);
  #y = new Float64Array(0);
  #sequence = new Float64Array(0);
  /** Factor of the noise's correlation in time, where it has one. */
  #factor: Float64Array | null = null;

  /** Throws PLAN_SETTING_INVALID. */
  constructor(settings: Partial<MppiSettings> = {}) {
    const all = { ...MPPI_DEFAULTS, ...settings };
    super(all);
    checkMppi(all);
    this.#settings = all;
    this.#weights = new Float64Array(all.samples);
    this.#ratios = new Float64Array(all.samples);
  }

  protected override take(w: SamplingWorkspace): void {
    this.#passive = new Float64Array(w.size);
    this.#y = new Float64Array(w.size);
    this.#sequence = new Float64Array(w.basis.knots);
    this.#factor = this.#settings.controlCost > 0 ? (w.noise?.factor() ?? null) : null;
  }

  protected override begin(w: SamplingWorkspace): void {
    w.basis.project(w.base, this.#passive);
    for (let p = 0; p < w.size; p++) this.#passive[p] = -this.#passive[p]!;
  }

  protected update(w: SamplingWorkspace, _best: number, data: Float64Array, row: number): void {
    const { lambda, effective, controlCost, anneal, samples } = this.#settings;
    if (controlCost > 0) {
      this.#solve(w);
      controlRatios(w.thetas, w.mean, this.#y, controlCost, this.#ratios);
    }
    const used = lambda ?? lambdaFor(w.costs, this.#ratios, effective * samples, this.#weights);
    const count = mppiWeights(w.costs, this.#ratios, used, this.#weights);
    weightedMean(w.thetas, this.#weights, w.mean);
    if (anneal < 1) for (let p = 0; p < w.size; p++) w.sigma[p]! *= anneal;
    data[row] = used;
    data[row + 1] = count;
  }

  /** y = Σ⁻¹ (mean − passive); a control without noise has no part in it. */
  #solve(w: SamplingWorkspace): void {
    const nu = w.basis.nu;
    const y = this.#y;
    for (let p = 0; p < w.size; p++) {
      const variance = w.sigma[p]! ** 2;
      y[p] = variance > 0 ? (w.mean[p]! - this.#passive[p]!) / variance : 0;
    }
    if (this.#factor === null) return;
    const sequence = this.#sequence;
    for (let j = 0; j < nu; j++) {
      for (let t = 0; t < sequence.length; t++) sequence[t] = y[t * nu + j]!;
      choleskySolve(this.#factor, sequence.length, sequence, sequence);
      for (let t = 0; t < sequence.length; t++) y[t * nu + j] = sequence[t]!;
    }
  }
}
