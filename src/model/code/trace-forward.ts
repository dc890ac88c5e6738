/** Forward dynamics and its derivatives on symbolic scalars: a = M⁻¹ (τ − bias). */
import type { Canonical } from './canonical.ts';
import { Chain } from './chain.ts';
import type { Expr, Graph } from './expression.ts';
import { type Factors, factor, invert, solve } from './linear.ts';
import { DerivativeTrace } from './trace-derivatives.ts';
import { inverse, losses, lossRates, mass, motion, weights, wrenches } from './trace-dynamics.ts';

export interface ForwardDerivatives {
  readonly a: readonly Expr[];
  readonly dq: readonly Expr[];
  readonly dv: readonly Expr[];
  readonly dtau: readonly Expr[];
}

/** Acceleration per dof. */
export function forward(
  g: Graph,
  model: Canonical,
  q: readonly Expr[],
  v: readonly Expr[],
  tau: readonly Expr[],
): Expr[] {
  const chain = new Chain(g, model, q);
  const still = v.map(() => g.zero);
  const bias = inverse(chain, v, still);
  const factors = factor(g, model.n, mass(chain, chain.composites()));
  return solve(
    g,
    factors,
    tau.map((x, i) => g.sub(x, bias[i]!)),
  );
}

/** ∂τ/∂q and ∂τ/∂v of inverse dynamics, all terms. */
export function inverseDerivatives(
  g: Graph,
  model: Canonical,
  q: readonly Expr[],
  v: readonly Expr[],
  a: readonly Expr[],
): { readonly dq: Expr[]; readonly dv: Expr[] } {
  const chain = new Chain(g, model, q);
  const m = motion(chain, chain.perLink(v), chain.perLink(a));
  const trace = new DerivativeTrace(chain, chain.composites(), m.w, chain.perLink(v));
  const dv = onDiagonal(g, model.n, trace.velocity(), lossRates(chain, v));
  return { dq: trace.position(m, wrenches(chain, m)), dv };
}

/**
 * ∂a/∂q = −M⁻¹ ∂τ/∂q, ∂a/∂v = −M⁻¹ ∂τ/∂v, ∂a/∂τ = M⁻¹, with τ of inverse dynamics at the a that follows. Velocity
 * efforts are homogeneous of degree two in v, so they are half of (∂τ/∂v) v, which is there already.
 */
export function forwardDerivatives(
  g: Graph,
  model: Canonical,
  q: readonly Expr[],
  v: readonly Expr[],
  tau: readonly Expr[],
): ForwardDerivatives {
  const { n } = model;
  const chain = new Chain(g, model, q);
  const still = v.map(() => g.zero);
  const composites = chain.composites();
  const rates = motion(chain, chain.perLink(v), chain.perLink(still));
  const trace = new DerivativeTrace(chain, composites, rates.w, chain.perLink(v));
  const rigid = trace.velocity();
  const weight = weights(chain, composites);
  const lost = losses(chain, v);
  const bias = weight.map((x, i) =>
    g.sum(x, g.scale(0.5, g.dot(rigid.slice(i * n, (i + 1) * n), v)), lost[i]!),
  );
  const factors: Factors = factor(g, n, mass(chain, composites));
  const a = solve(
    g,
    factors,
    tau.map((x, i) => g.sub(x, bias[i]!)),
  );
  const m = motion(chain, chain.perLink(v), chain.perLink(a));
  const position = trace.position(m, wrenches(chain, m));
  const velocity = onDiagonal(g, n, rigid, lossRates(chain, v));
  const inverseMass = invert(g, factors);
  return {
    a,
    dq: minus(g, n, inverseMass, position),
    dv: minus(g, n, inverseMass, velocity),
    dtau: inverseMass,
  };
}

function onDiagonal(g: Graph, n: number, matrix: readonly Expr[], diagonal: readonly Expr[]): Expr[] {
  return matrix.map((x, at) => (at % (n + 1) === 0 ? g.add(x, diagonal[at / (n + 1)]!) : x));
}

/** −A B of n × n. */
function minus(g: Graph, n: number, a: readonly Expr[], b: readonly Expr[]): Expr[] {
  return Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = g.zero;
    for (let k = 0; k < n; k++) sum = g.sub(sum, g.mul(a[i * n + k]!, b[k * n + j]!));
    return sum;
  });
}
