/**
 * Second derivatives of forward dynamics, contracted with a vector, on symbolic scalars.
 *
 * With a(z) solving τ = ID(q, v, a), λ = M⁻¹ w and φ(q, v, a) = λᵀ ID with λ held fixed, differentiating twice gives
 *
 *     Σ_k w_k ∂²a_k/∂z² = −Zᵀ (∇²φ) Z,   Z = ∂(q, v, a)/∂z,
 *
 * and of ∇²φ the blocks qq, qv, vv and qa are not zero. The gradient of φ is one reverse sweep over inverse dynamics, its
 * derivatives are forward ones in the graph; in v it is of degree two, so that the block vv is the gradient at unit speeds.
 */
import type { Canonical } from './canonical.ts';
import { Chain } from './chain.ts';
import { forwardDerivative, reverseDerivative } from './differentiate.ts';
import type { Expr, Graph } from './expression.ts';
import { rigidInverse } from './trace-dynamics.ts';
import { forwardDerivatives } from './trace-forward.ts';

/** 3n × 3n, z = (q, v, τ). */
export function forwardHessian(
  g: Graph,
  model: Canonical,
  q: readonly Expr[],
  v: readonly Expr[],
  tau: readonly Expr[],
  w: readonly Expr[],
): Expr[] {
  const { n } = model;
  const first = forwardDerivatives(g, model, q, v, tau);
  const row = (m: readonly Expr[], i: number): readonly Expr[] => m.slice(i * n, (i + 1) * n);
  const lambda = w.map((_, i) => g.dot(row(first.dtau, i), w));
  // What is taken as independent, in differentiating φ.
  const held = [...first.a, ...lambda];
  const none = held.map(() => g.zero);
  const gradient = (speed: readonly Expr[], wrt: readonly Expr[]): Expr[] => {
    const effort = rigidInverse(new Chain(g, model, q), speed, first.a);
    return reverseDerivative(g, effort, lambda, [...wrt, ...first.a]);
  };
  const g0 = gradient(v, [...q, ...v]);
  const along = (j: number): Expr[] =>
    forwardDerivative(g, g0, [...q, ...held], [...q.map((_, k) => (k === j ? g.one : g.zero)), ...none]);
  const columns = q.map((_, j) => along(j));
  const qq = (i: number, j: number): Expr => columns[j]![i]!;
  const vq = (i: number, j: number): Expr => columns[j]![n + i]!;
  const aq = (i: number, j: number): Expr => columns[j]![2 * n + i]!;
  // ∂φ/∂v is linear in v apart from friction: its matrix, by forward derivatives.
  const vvColumns = v.map((_, j) =>
    forwardDerivative(
      g,
      g0.slice(n, 2 * n),
      [...v, ...held],
      [...v.map((_, k) => (k === j ? g.one : g.zero)), ...none],
    ),
  );
  const friction = frictionCurvature(g, model, v, lambda);
  const vv = (i: number, j: number): Expr =>
    i === j ? g.add(vvColumns[j]![i]!, friction[i]!) : vvColumns[j]![i]!;

  // a_z, n × 3n, and W = (qa) a_z, n × 3n.
  const az = (k: number, j: number): Expr =>
    [first.dq, first.dv, first.dtau][Math.floor(j / n)]![k * n + (j % n)]!;
  const m = 3 * n;
  const wide = q.map((_, i) =>
    Array.from({ length: m }, (_, j) => {
      let sum = g.zero;
      for (let k = 0; k < n; k++) sum = g.add(sum, g.mul(aq(k, i), az(k, j)));
      return sum;
    }),
  );
  const out: Expr[] = new Array(m * m).fill(g.zero);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = g.zero;
      if (i < n) sum = qq(i, j);
      else if (i < 2 * n) sum = j < n ? vq(i - n, j) : vv(i - n, j - n);
      if (i < n) sum = g.add(sum, wide[i]![j]!);
      if (j < n) sum = g.add(sum, wide[j]![i]!);
      const entry = g.neg(sum);
      out[i * m + j] = entry;
      out[j * m + i] = entry;
    }
  }
  return out;
}

/** λ_i ∂²/∂v_i² of F tanh(v / eps). */
function frictionCurvature(g: Graph, model: Canonical, v: readonly Expr[], lambda: readonly Expr[]): Expr[] {
  return v.map((x, i) => {
    if (model.friction[i] === 0) return g.zero;
    const t = g.tanh(g.scale(1 / model.frictionEps, x));
    const rate = g.mul(t, g.sub(g.one, g.square(t)));
    return g.mul(lambda[i]!, g.scale((-2 * model.friction[i]!) / model.frictionEps ** 2, rate));
  });
}
