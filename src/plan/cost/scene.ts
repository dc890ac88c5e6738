/** The terms of a scene's own: groups of the residuals of a ScenePlant, Jacobians by forward differences. */
import type { PlantTerm, ScenePlant } from '../../robot/plant.ts';
import type { CostTerm } from './cost.ts';
import { smoothed } from './norm.ts';
import type { Residual } from './residual.ts';

/** Residuals are smooth: steps of differences are this share of those over a contact. */
const SHARE = 1e-3;

/** All residuals of a plant, and their Jacobian, at the state that was looked at last: its groups share one. */
class PlantView {
  readonly nx: number;
  readonly r: Float64Array;
  /** rows × nx. */
  readonly J: Float64Array;
  readonly #plant: ScenePlant;
  readonly #x: Float64Array;
  readonly #varied: Float64Array;
  #differentiated = false;
  #known = false;

  constructor(plant: ScenePlant) {
    this.#plant = plant;
    this.nx = 2 * plant.joints + plant.rest;
    const rows = plant.terms.reduce((sum, t) => sum + t.size, 0);
    this.r = new Float64Array(rows);
    this.J = new Float64Array(rows * this.nx);
    this.#x = new Float64Array(this.nx);
    this.#varied = new Float64Array(rows);
  }

  /** The plant aims elsewhere from now on. */
  forget(): void {
    this.#known = false;
  }

  look(x: Float64Array): void {
    let same = this.#known;
    for (let i = 0; i < this.nx; i++) {
      if (this.#x[i] === x[i]) continue;
      this.#x[i] = x[i]!;
      same = false;
    }
    if (same) return;
    this.#known = true;
    this.#differentiated = false;
    this.#plant.residuals(this.#x, this.r);
  }

  differentiate(x: Float64Array): void {
    this.look(x);
    if (this.#differentiated) return;
    this.#differentiated = true;
    const { nx, r, J } = this;
    const z = this.#x;
    for (let j = 0; j < nx; j++) {
      const step = SHARE * this.#plant.steps[j]!;
      const before = z[j]!;
      z[j] = before + step;
      this.#plant.residuals(z, this.#varied);
      z[j] = before;
      for (let i = 0; i < r.length; i++) J[i * nx + j] = (this.#varied[i]! - r[i]!) / step;
    }
  }
}

class SceneResidual implements Residual {
  readonly name: string;
  readonly size: number;
  readonly at = 0;
  readonly count: number;
  readonly diagonal = false;
  readonly #view: PlantView;
  /** First row of this group. */
  readonly #row: number;

  constructor(view: PlantView, { name, size }: PlantTerm, row: number) {
    this.name = name;
    this.size = size;
    this.count = view.nx;
    this.#view = view;
    this.#row = row;
  }

  evaluate(x: Float64Array, _u: Float64Array, _t: number, r: Float64Array): void {
    this.#view.look(x);
    for (let i = 0; i < this.size; i++) r[i] = this.#view.r[this.#row + i]!;
  }

  linearise(x: Float64Array, u: Float64Array, t: number, r: Float64Array, J: Float64Array): void {
    this.#view.differentiate(x);
    this.evaluate(x, u, t, r);
    const first = this.#row * this.count;
    for (let i = 0; i < J.length; i++) J[i] = this.#view.J[first + i]!;
  }
}

/** The terms of a plant, and what to call when it has taken in where things are: its residuals mean something else then. */
export function sceneTerms(plant: ScenePlant): { readonly terms: readonly CostTerm[]; forget(): void } {
  const view = new PlantView(plant);
  let row = 0;
  const terms = plant.terms.map((term): CostTerm => {
    const residual = new SceneResidual(view, term, row);
    row += term.size;
    const { smooth = 0, weight, final } = term;
    return { residual, norm: smoothed(smooth), weight, final };
  });
  return { terms, forget: () => view.forget() };
}
