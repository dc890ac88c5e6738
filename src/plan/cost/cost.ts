/** Sums of weighted norms of residuals as the cost of a stage: l = Σ_i w_i φ_i(r_i(x, u, t)). */
import { invalid } from '../check.ts';
import { type Norm, quadratic } from './norm.ts';
import type { Residual } from './residual.ts';

export interface CostTerm {
  readonly residual: Residual;
  /** Default quadratic. */
  readonly norm?: Norm;
  /** In running stages, per second (it is multiplied by dt). Default 0. */
  readonly weight?: number;
  /** At the last state. Default 0. Residuals of controls have none there. */
  readonly final?: number;
}

/** A term with its memory. Weights may be changed between solves. */
export class Term {
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
  /** Jacobian over the span (or its diagonal), H J of it, and J of the norm's rank-one part. */
  readonly J: Float64Array;
  readonly HJ: Float64Array;
  readonly Jr: Float64Array;
  readonly curved: Float64Array;

  constructor(term: CostTerm) {
    const { residual } = term;
    this.residual = residual;
    this.norm = term.norm ?? quadratic;
    this.weight = term.weight ?? 0;
    this.final = term.final ?? 0;
    for (const [name, w] of Object.entries({ weight: this.weight, 'final weight': this.final })) {
      if (!(w >= 0 && Number.isFinite(w)))
        throw invalid(`the ${name} of ${residual.name}`, w, 'it is at least 0');
    }
    const { size, count } = residual;
    this.r = new Float64Array(size);
    this.g = new Float64Array(size);
    this.h = new Float64Array(size + 1);
    this.J = new Float64Array(residual.diagonal ? size : size * count);
    this.HJ = new Float64Array(residual.diagonal ? 0 : size * count);
    this.Jr = new Float64Array(count);
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
  if (at >= n) {
    for (let i = 0; i < size; i++) {
      const k = at - n + i;
      lu[k]! += w * J[i]! * g[i]!;
      luu[k * m + k]! += w * J[i]! * J[i]! * h[i]!;
    }
  } else {
    for (let i = 0; i < size; i++) {
      const k = at + i;
      lx[k]! += w * J[i]! * g[i]!;
      lxx[k * n + k]! += w * J[i]! * J[i]! * h[i]!;
    }
  }
  if (c === 0) return;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) addHessian(to, at + i, at + j, w * c * J[i]! * r[i]! * J[j]! * r[j]!);
  }
}

function addDense({ residual, r, J, HJ, Jr, g, h, scale: w }: Term, to: Target): void {
  const c = h[residual.size]!;
  const { size, count, at } = residual;
  for (let i = 0; i < size; i++) {
    const s = w * h[i]!;
    for (let j = 0; j < count; j++) HJ[i * count + j] = s * J[i * count + j]!;
  }
  const { n, lx, lu, lxx } = to;
  // A span within x: the usual case, straight into its block.
  const inside = at + count <= n;
  for (let j = 0; j < count; j++) {
    let slope = 0;
    for (let i = 0; i < size; i++) slope += J[i * count + j]! * g[i]!;
    const z = at + j;
    if (z < n) lx[z]! += w * slope;
    else lu[z - n]! += w * slope;
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
  if (c === 0) return;
  for (let j = 0; j < count; j++) {
    let s = 0;
    for (let i = 0; i < size; i++) s += J[i * count + j]! * r[i]!;
    Jr[j] = s;
  }
  for (let j = 0; j < count; j++) {
    for (let k = 0; k < count; k++) addHessian(to, at + j, at + k, w * c * Jr[j]! * Jr[k]!);
  }
}

/** Adds to entry (i, j) of the Hessian over z = (x, u), of which lux holds the lower left. */
function addHessian({ n, m, lxx, lux, luu }: Target, i: number, j: number, v: number): void {
  if (i < n) {
    if (j < n) lxx[i * n + j]! += v;
  } else if (j < n) lux[(i - n) * n + j]! += v;
  else luu[(i - n) * m + j - n]! += v;
}
