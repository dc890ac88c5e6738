/** Derivatives on the graph: forward (one input, many outputs) and reverse (one output, many inputs). */
import { type Expr, type Graph, OP } from './expression.ts';

/**
 * Directional derivative of expressions: Σ_i ∂outputs/∂wrt[i] · seeds[i]. New nodes go to the same graph, where they
 * share what they can with the functions themselves.
 */
export function forwardDerivative(
  graph: Graph,
  outputs: readonly Expr[],
  wrt: readonly Expr[],
  seeds: readonly Expr[],
): Expr[] {
  const last = outputs.reduce((m, e) => Math.max(m, e), -1);
  const tangent: Expr[] = new Array(last + 1).fill(graph.zero);
  const seeded = new Map(wrt.map((w, i) => [w as number, seeds[i]!]));
  for (let i = 0; i <= last; i++) {
    const seed = seeded.get(i);
    if (seed !== undefined) {
      tangent[i] = seed;
      continue;
    }
    const [x, y, z] = [graph.a[i]! as Expr, graph.b[i]! as Expr, graph.c[i]! as Expr];
    const [dx, dy, dz] = [x, y, z].map((e) => (e < 0 ? graph.zero : tangent[e]!)) as [Expr, Expr, Expr];
    if (dx === graph.zero && dy === graph.zero && dz === graph.zero) continue;
    if (graph.ops[i] === OP.select) {
      tangent[i] = graph.select(x, dy, dz);
      continue;
    }
    const [px, py] = partials(graph, i as Expr);
    tangent[i] = graph.add(graph.mul(px, dx), graph.mul(py, dy));
  }
  return outputs.map((e) => tangent[e]!);
}

/** Gradient of one expression with respect to some nodes (inputs, or any nodes taken as independent). */
export function gradient(graph: Graph, output: Expr, wrt: readonly Expr[]): Expr[] {
  return reverseDerivative(graph, [output], [graph.one], wrt);
}

/** Σ_k weights[k] ∂outputs[k]/∂wrt, for each of wrt. */
export function reverseDerivative(
  graph: Graph,
  outputs: readonly Expr[],
  weights: readonly Expr[],
  wrt: readonly Expr[],
): Expr[] {
  const last = outputs.reduce((m, e) => Math.max(m, e), -1);
  // Only what depends on wrt is walked.
  const depends = new Uint8Array(last + 1);
  for (const w of wrt) if (w <= last) depends[w] = 1;
  const independent = new Set<number>(wrt);
  for (let i = 0; i <= last; i++) {
    for (const e of [graph.a[i]!, graph.b[i]!, graph.c[i]!]) if (e >= 0 && depends[e] === 1) depends[i] = 1;
  }
  const adjoint = new Map<number, Expr>();
  const give = (e: Expr, amount: Expr): void => {
    if (e < 0 || depends[e] === 0 || amount === graph.zero) return;
    adjoint.set(e, graph.add(adjoint.get(e) ?? graph.zero, amount));
  };
  outputs.forEach((e, k) => {
    give(e, weights[k]!);
  });
  for (let i = last; i >= 0; i--) {
    const bar = adjoint.get(i);
    if (bar === undefined || independent.has(i)) continue;
    const [x, y, z] = [graph.a[i]! as Expr, graph.b[i]! as Expr, graph.c[i]! as Expr];
    if (graph.ops[i] === OP.select) {
      give(y, graph.select(x, bar, graph.zero));
      give(z, graph.select(x, graph.zero, bar));
      continue;
    }
    const [px, py] = partials(graph, i as Expr);
    give(x, graph.mul(px, bar));
    if (y >= 0) give(y, graph.mul(py, bar));
  }
  return wrt.map((e) => adjoint.get(e) ?? graph.zero);
}

/** ∂node/∂a and ∂node/∂b. At kinks (abs, min, max) the derivative is that of one side. */
function partials(graph: Graph, i: Expr): [Expr, Expr] {
  const x = graph.a[i]! as Expr;
  const y = graph.b[i]! as Expr;
  const { zero, one } = graph;
  switch (graph.ops[i]!) {
    case OP.add:
      return [one, one];
    case OP.sub:
      return [one, graph.constant(-1)];
    case OP.mul:
      return [y, x];
    case OP.div: {
      const inverse = graph.div(one, y);
      return [inverse, graph.neg(graph.mul(i, inverse))];
    }
    case OP.neg:
      return [graph.constant(-1), zero];
    case OP.sin:
      return [graph.cos(x), zero];
    case OP.cos:
      return [graph.neg(graph.sin(x)), zero];
    case OP.sqrt:
      return [graph.div(graph.constant(0.5), i), zero];
    case OP.abs:
      return [graph.select(x, one, graph.constant(-1)), zero];
    case OP.exp:
      return [i, zero];
    case OP.log:
      return [graph.div(one, x), zero];
    case OP.tanh:
      return [graph.sub(one, graph.square(i)), zero];
    case OP.min:
      return [graph.select(graph.sub(y, x), one, zero), graph.select(graph.sub(y, x), zero, one)];
    case OP.max:
      return [graph.select(graph.sub(x, y), one, zero), graph.select(graph.sub(x, y), zero, one)];
    case OP.copysign: {
      const same = graph.mul(graph.copysign(one, x), graph.copysign(one, y));
      return [same, zero];
    }
    case OP.constant:
    case OP.input:
    case OP.select:
      return [zero, zero];
  }
}
