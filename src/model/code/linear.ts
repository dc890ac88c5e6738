/**
 * Small symmetric positive definite systems on symbolic scalars. M = Lᵀ D L is factored from the last joint to the first
 * (Featherstone 2008, §6.5), which keeps the zeros between branches of a tree; zeros of M cost nothing.
 */
import type { Expr, Graph } from './expression.ts';

export interface Factors {
  readonly n: number;
  /** L below its unit diagonal: l[i·n + j], j < i. */
  readonly l: readonly Expr[];
  /** 1 / D. */
  readonly inverse: readonly Expr[];
}

export function factor(g: Graph, n: number, matrix: readonly Expr[]): Factors {
  const m = [...matrix];
  const l: Expr[] = new Array(n * n).fill(g.zero);
  const inverse: Expr[] = new Array(n).fill(g.zero);
  for (let k = n - 1; k >= 0; k--) {
    inverse[k] = g.div(g.one, m[k * n + k]!);
    for (let i = k - 1; i >= 0; i--) l[k * n + i] = g.mul(m[k * n + i]!, inverse[k]!);
    for (let i = k - 1; i >= 0; i--) {
      for (let j = i; j >= 0; j--) {
        m[i * n + j] = g.sub(m[i * n + j]!, g.mul(l[k * n + i]!, m[k * n + j]!));
      }
    }
  }
  return { n, l, inverse };
}

/** M⁻¹ b. */
export function solve(g: Graph, { n, l, inverse }: Factors, b: readonly Expr[]): Expr[] {
  const x = [...b];
  for (let i = n - 1; i >= 0; i--) {
    for (let j = 0; j < i; j++) x[j] = g.sub(x[j]!, g.mul(l[i * n + j]!, x[i]!));
  }
  for (let i = 0; i < n; i++) {
    x[i] = g.mul(x[i]!, inverse[i]!);
    for (let j = 0; j < i; j++) x[i] = g.sub(x[i]!, g.mul(l[i * n + j]!, x[j]!));
  }
  return x;
}

/** M⁻¹ = L⁻¹ D⁻¹ L⁻ᵀ, n × n, both triangles. */
export function invert(g: Graph, { n, l, inverse }: Factors): Expr[] {
  // W = L⁻¹, lower triangular with unit diagonal.
  const w: Expr[] = new Array(n * n).fill(g.zero);
  for (let j = 0; j < n; j++) {
    w[j * n + j] = g.one;
    for (let i = j + 1; i < n; i++) {
      let sum = l[i * n + j]!;
      for (let k = j + 1; k < i; k++) sum = g.add(sum, g.mul(l[i * n + k]!, w[k * n + j]!));
      w[i * n + j] = g.neg(sum);
    }
  }
  const out: Expr[] = new Array(n * n).fill(g.zero);
  for (let i = 0; i < n; i++) {
    const scaled = Array.from({ length: i + 1 }, (_, k) => g.mul(w[i * n + k]!, inverse[k]!));
    for (let j = 0; j <= i; j++) {
      let sum = g.zero;
      for (let k = 0; k <= j; k++) sum = g.add(sum, g.mul(scaled[k]!, w[j * n + k]!));
      out[i * n + j] = sum;
      out[j * n + i] = sum;
    }
  }
  return out;
}
