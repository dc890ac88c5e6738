/** Sums of weighted norms of residuals as the cost of a stage: l = Σ_i w_i φ_i(r_i(x, u, t)). */
import { invalid } from '../check.ts';
import { type Norm, quadratic } from './norm.ts';
import type { Residual } from './residual.ts';

export interface CostTerm {
  readonly residual: Residual;
  /** For people. Default the residual's. */
  readonly name?: string;
  /** Default quadratic. */
  readonly norm?: Norm;
  /** In running stages, per second (it is multiplied by dt). Default 0. */
  readonly weight?: number;
  /** At the last state. Default 0. Residuals of controls have none there. */
  readonly final?: number;
}

/** A term with its memory. Weights may be changed between solves. */
export class Term {
  readonly name: string;
  readonly residual: Residual;
  readonly norm: Norm;
  weight: number;
  final: number;
  /** What `addTerm` multiplies by, and where `evaluate` leaves φ: no argument or result, for it would be put on the heap. */
  scale = 0;
  readonly phi = new Float64Array(1);
  readonly r: Float64Array;
  readonly g: Float64Array;
  readonly h: Float64Array;
  /** Jacobian over the span (or its diagonal), and the norm's Hessian times it. */
  readonly J: Float64Array;
  readonly HJ: Float64Array;
  readonly curved: Float64Array;

  constructor(term: CostTerm) {
    const { residual } = term;
    this.residual = residual;
    this.name = term.name ?? residual.name;
    this.norm = term.norm ?? quadratic;
    this.weight = term.weight ?? 0;
    this.final = term.final ?? 0;
    for (const [name, w] of Object.entries({ weight: this.weight, 'final weight': this.final })) {
      if (!(w >= 0 && Number.isFinite(w)))
        throw invalid(`the ${name} of ${this.name}`, w, 'it is at least 0');
    }
    const { size, count } = residual;
    this.r = new Float64Array(size);
    this.g = new Float64Array(size);
    this.h = new Float64Array(size + 1);
    this.J = new Float64Array(residual.diagonal ? size : size * count);
    this.HJ = new Float64Array(residual.diagonal ? 0 : size * count);
    this.curved = new Float64Array(residual.hessian === undefined ? 0 : count * count);
  }

  /** phi = φ(r(x, u, t)). */
  evaluate(x: Float64Array, u: Float64Array, t: number): void {
    this.residual.evaluate(x, u, t, this.r);
    if (this.norm.stage !== undefined) this.norm.stage(t);
    this.norm.value(this.r, this.phi);
  }
}

/** The Hessian that a stage asks for: lxx and, in running stages, luu and lux. */
export interface Target {
  readonly n: number;
  readonly m: number;
  readonly lx: Float64Array;
  readonly lu: Float64Array;
  readonly lxx: Float64Array;
  readonly lux: Float64Array;
  readonly luu: Float64Array;
}

/**
 * Adds `scale` times gradient Jᵀ g and Hessian Jᵀ (diag(h) + c r rᵀ) J of a term, and Σ g_i ∂²r_i where the residual has it
 * and `exact` asks for it.
 */
export function addTerm(
  term: Term,
  x: Float64Array,
  u: Float64Array,
  t: number,
  to: Target,
  exact: boolean,
): void {
  const { residual, r, J, g, h } = term;
  residual.linearise(x, u, t, r, J);
  if (term.norm.stage !== undefined) term.norm.stage(t);
  term.norm.derivatives(r, g, h);
  if (residual.diagonal) addDiagonal(term, to);
  else addDense(term, to);
  if (!exact || residual.hessian === undefined) return;
  const { count, at } = residual;
  term.curved.fill(0);
  residual.hessian(x, u, t, g, term.curved);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) addHessian(to, at + i, at + j, term.scale * term.curved[i * count + j]!);
  }
}

function addDiagonal({ residual, r, J, g, h, scale: w }: Term, to: Target): void {
  const c = h[residual.size]!;
  const { n, m, lx, lu, lxx, luu } = to;
  const { size, at } = residual;
  // The block of the Hessian that the span lies in.
  const ofControl = at >= n;
  const first = ofControl ? at - n : at;
  const width = ofControl ? m : n;
  const gradient = ofControl ? lu : lx;
  const hessian = ofControl ? luu : lxx;
  for (let i = 0; i < size; i++) {
    const k = first + i;
    gradient[k]! += w * J[i]! * g[i]!;
    hessian[k * width + k]! += w * J[i]! * J[i]! * h[i]!;
  }
  if (c === 0) return;
  for (let i = 0; i < size; i++) {
    const a = J[i]! * r[i]!;
    for (let j = 0; j <= i; j++) {
      const v = w * c * (a * (J[j]! * r[j]!));
      hessian[(first + i) * width + first + j]! += v;
      if (j !== i) hessian[(first + j) * width + first + i]! += v;
    }
  }
}

function addDense({ residual, r, J, HJ, g, h, scale: w }: Term, to: Target): void {
  const c = w * h[residual.size]!;
  const { size, count, at } = residual;
  const { n, lx, lu, lxx } = to;
  // Column by column of J: HJ = w (diag(h) + c r rᵀ) J, and the gradient.
  for (let j = 0; j < count; j++) {
    let slope = 0;
    let along = 0;
    for (let i = 0; i < size; i++) {
      const a = J[i * count + j]!;
      slope += a * g[i]!;
      along += a * r[i]!;
      HJ[i * count + j] = w * h[i]! * a;
    }
    if (c !== 0) for (let i = 0; i < size; i++) HJ[i * count + j]! += c * along * r[i]!;
    const z = at + j;
    if (z < n) lx[z]! += w * slope;
    else lu[z - n]! += w * slope;
  }
  // A span within x: the usual case, straight into its block.
  const inside = at + count <= n;
  for (let j = 0; j < count; j++) {
    const z = at + j;
    for (let k = 0; k <= j; k++) {
      let s = 0;
      for (let i = 0; i < size; i++) s += J[i * count + j]! * HJ[i * count + k]!;
      if (inside) {
        lxx[z * n + at + k]! += s;
        if (k !== j) lxx[(at + k) * n + z]! += s;
      } else {
        addHessian(to, z, at + k, s);
        if (k !== j) addHessian(to, at + k, z, s);
      }
    }
  }
}

/** Adds to entry (i, j) of the Hessian over z = (x, u), of which lux holds the lower left. */
function addHessian({ n, m, lxx, lux, luu }: Target, i: number, j: number, v: number): void {
  if (i < n) {
    if (j < n) lxx[i * n + j]! += v;
  } else if (j < n) lux[(i - n) * n + j]! += v;
  else luu[(i - n) * m + j - n]! += v;
}
