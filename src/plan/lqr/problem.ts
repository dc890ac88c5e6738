/**
 * Linear dynamics and quadratic costs as a `Problem`:
 *
 *     x' = A_t x + B_t u + c_t
 *     l_t = ½ xᵀ Q_t x + uᵀ S_t x + ½ uᵀ R_t u + q_tᵀ x + r_tᵀ u      l_T = ½ xᵀ Q_T x + q_Tᵀ x
 */
import { invalid } from '../check.ts';
import type { Problem } from '../problem.ts';

export interface LinearStage {
  /** nx × nx, nx × nu, nx. */
  readonly A: Float64Array;
  readonly B: Float64Array;
  readonly c?: Float64Array;
  /** nx × nx symmetric, nu × nu symmetric, nu × nx. */
  readonly Q: Float64Array;
  readonly R: Float64Array;
  readonly S?: Float64Array;
  readonly q?: Float64Array;
  readonly r?: Float64Array;
}

export interface FinalStage {
  readonly Q: Float64Array;
  readonly q?: Float64Array;
}

export class LinearQuadratic implements Problem {
  readonly nx: number;
  readonly ndx: number;
  readonly nu: number;
  readonly horizon: number;
  readonly x0: Float64Array;
  readonly lower: Float64Array | null;
  readonly upper: Float64Array | null;
  readonly #stages: readonly LinearStage[];
  readonly #final: FinalStage;

  /** Throws PLAN_PROBLEM_INVALID when a matrix has the wrong size. */
  constructor(
    x0: Float64Array,
    nu: number,
    stages: readonly LinearStage[],
    final: FinalStage,
    limits: { readonly lower?: Float64Array; readonly upper?: Float64Array } = {},
  ) {
    const n = x0.length;
    this.nx = n;
    this.ndx = n;
    this.nu = nu;
    this.horizon = stages.length;
    this.x0 = x0;
    this.lower = limits.lower ?? null;
    this.upper = limits.upper ?? null;
    this.#stages = stages;
    this.#final = final;
    const check = (name: string, a: Float64Array | undefined, size: number): void => {
      if (a !== undefined && a.length !== size) {
        throw invalid(`the length of ${name}`, a.length, `it must be ${size}`);
      }
    };
    stages.forEach((s, t) => {
      const sizes = { A: n * n, B: n * nu, c: n, Q: n * n, R: nu * nu, S: nu * n, q: n, r: nu };
      for (const [name, size] of Object.entries(sizes))
        check(`${name}[${t}]`, s[name as keyof LinearStage], size);
    });
    check('the last Q', final.Q, n * n);
    check('the last q', final.q, n);
  }

  /** Follows a reference: l = ½ (x - x̄_t)ᵀ Q (x - x̄_t) + ½ (u - ū_t)ᵀ R (u - ū_t), up to a constant. */
  static tracking(
    x0: Float64Array,
    model: Pick<LinearStage, 'A' | 'B' | 'c'>,
    weights: { readonly Q: Float64Array; readonly R: Float64Array; readonly final: Float64Array },
    xs: readonly Float64Array[],
    us: readonly Float64Array[],
  ): LinearQuadratic {
    const { Q, R, final } = weights;
    const stages = us.map((u, t) => ({ ...model, Q, R, q: negated(Q, xs[t]!), r: negated(R, u) }));
    return new LinearQuadratic(x0, us[0]?.length ?? 0, stages, {
      Q: final,
      q: negated(final, xs[us.length]!),
    });
  }

  dynamics(x: Float64Array, u: Float64Array, t: number, out: Float64Array): void {
    const { A, B, c } = this.#stages[t]!;
    const { nx: n, nu: m } = this;
    for (let i = 0; i < n; i++) {
      let s = c === undefined ? 0 : c[i]!;
      for (let j = 0; j < n; j++) s += A[i * n + j]! * x[j]!;
      for (let j = 0; j < m; j++) s += B[i * m + j]! * u[j]!;
      out[i] = s;
    }
  }

  dynamicsDerivatives(
    _x: Float64Array,
    _u: Float64Array,
    t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    fx.set(this.#stages[t]!.A);
    fu.set(this.#stages[t]!.B);
  }

  /** There are none: adds nothing. */
  dynamicsHessian(): void {}

  cost(x: Float64Array, u: Float64Array, t: number): number {
    const { Q, R, S, q, r } = this.#stages[t]!;
    const { nx: n, nu: m } = this;
    let sum = quadratic(Q, q, x) + quadratic(R, r, u);
    if (S !== undefined)
      for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) sum += u[i]! * S[i * n + j]! * x[j]!;
    return sum;
  }

  terminalCost(x: Float64Array): number {
    return quadratic(this.#final.Q, this.#final.q, x);
  }

  costDerivatives(
    x: Float64Array,
    u: Float64Array,
    t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void {
    const { Q, R, S, q, r } = this.#stages[t]!;
    const { nx: n, nu: m } = this;
    gradient(Q, q, x, lx);
    gradient(R, r, u, lu);
    lxx.set(Q);
    luu.set(R);
    lux.fill(0);
    if (S === undefined) return;
    lux.set(S);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        lu[i]! += S[i * n + j]! * x[j]!;
        lx[j]! += S[i * n + j]! * u[i]!;
      }
    }
  }

  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    gradient(this.#final.Q, this.#final.q, x, lx);
    lxx.set(this.#final.Q);
  }
}

function negated(Q: Float64Array, x: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  gradient(Q, undefined, x, out);
  return out.map((v) => -v);
}

/** ½ xᵀ Q x + qᵀ x. */
function quadratic(Q: Float64Array, q: Float64Array | undefined, x: Float64Array): number {
  const n = x.length;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let s = q === undefined ? 0 : q[i]!;
    for (let j = 0; j < n; j++) s += 0.5 * Q[i * n + j]! * x[j]!;
    sum += s * x[i]!;
  }
  return sum;
}

/** out = Q x + q. */
function gradient(Q: Float64Array, q: Float64Array | undefined, x: Float64Array, out: Float64Array): void {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    let s = q === undefined ? 0 : q[i]!;
    for (let j = 0; j < n; j++) s += Q[i * n + j]! * x[j]!;
    out[i] = s;
  }
}
