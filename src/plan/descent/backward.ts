/**
 * The backward pass: Riccati stages from the last to the first. Where the unconstrained step would leave the limits, the
 * stage's step is the solution of a box QP and the feedback rows of controls held at a limit are 0 (control-limited
 * DDP: Tassa, Mansard and Todorov 2014).
 */
import type { Feedback, Rows } from '../memory.ts';
import type { PassSums, Workspace } from './workspace.ts';

export interface PassOptions {
  /** Adds Σ_k Vx'_k ∂²f_k to the Q terms. */
  readonly secondOrder: boolean;
  /** Solves box QPs where the problem has limits; without it steps and gains are unconstrained. */
  readonly limits: boolean;
  /** f_t = f(x_{t-1}, u_{t-1}) ⊖ x_t (and x0 ⊖ x_0), (T + 1) × ndx, or null when there are none. */
  readonly gaps: Rows | null;
  readonly mu: number;
  readonly rho: number;
}

/**
 * Fills ws.spare, and ws.sums. Returns -1, or the stage at which Quu + μI was not positive definite or not a number
 * (T: at the terminal cost). With gaps, Vx is the gradient at the far side: Vx + Vxx f_t.
 */
export function backward(ws: Workspace, options: PassOptions): number {
  const { problem, current, expansion, riccati, sums, spare: out } = ws;
  const T = problem.horizon;
  const { lower, upper } = problem;
  sums.slope = 0;
  sums.curvature = 0;
  sums.gradient = 0;
  riccati.begin(options.rho, options.mu);
  out.Vx.rows[T]!.set(expansion.lx.rows[T]!);
  out.Vxx.rows[T]!.set(expansion.lxx.rows[T]!);
  if (options.gaps !== null) shift(out, options.gaps, T);
  for (let t = T - 1; t >= 0; t--) {
    riccati.expand(out, t);
    if (options.secondOrder) addHessian(ws, out, t);
    if (!riccati.solve(out, t)) return t;
    const u = current.us.rows[t]!;
    const k = out.k.rows[t]!;
    if (options.limits && leaves(k, u, lower, upper)) {
      if (!boxStage(ws, out, t, options)) return t;
    } else {
      addFree(ws, k, u, options, sums);
    }
    if (options.gaps !== null) shift(out, options.gaps, t);
  }
  return Number.isFinite(sums.slope) && Number.isFinite(sums.curvature) ? -1 : 0;
}

/** Vx += Vxx f_t. */
function shift({ Vx, Vxx }: Feedback, gaps: Rows, t: number): void {
  const f = gaps.rows[t]!;
  const vx = Vx.rows[t]!;
  const vxx = Vxx.rows[t]!;
  const n = f.length;
  for (let i = 0; i < n; i++) {
    let s = vx[i]!;
    for (let j = 0; j < n; j++) s += vxx[i * n + j]! * f[j]!;
    vx[i] = s;
  }
}

function addHessian(ws: Workspace, out: Feedback, t: number): void {
  const { problem, current, hessian, riccati } = ws;
  const { xx, ux, uu } = hessian;
  const { q } = riccati;
  const { n, m } = q;
  xx.fill(0);
  ux.fill(0);
  uu.fill(0);
  problem.dynamicsHessian!(current.xs.rows[t]!, current.us.rows[t]!, t, out.Vx.rows[t + 1]!, xx, ux, uu);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) q.xx[i * q.xStride + j]! += xx[i * n + j]!;
  for (let i = 0; i < m; i++) {
    const at = i * q.uStride;
    for (let j = i; j < m; j++) q.rows[at + j]! += uu[i * m + j]!;
    for (let j = 0; j < n; j++) q.rows[at + q.ux + j]! += ux[i * n + j]!;
  }
}

/** Whether u + k is outside the limits. */
function leaves(
  k: Float64Array,
  u: Float64Array,
  lower: Float64Array | null,
  upper: Float64Array | null,
): boolean {
  for (let i = 0; i < k.length; i++) {
    const to = u[i]! + k[i]!;
    if ((lower !== null && to < lower[i]!) || (upper !== null && to > upper[i]!)) return true;
  }
  return false;
}

/** With k = -(Quu + μI)⁻¹ Qu: slope Quᵀk, curvature kᵀ Quu k = -Quᵀk - μ kᵀk. */
function addFree(ws: Workspace, k: Float64Array, u: Float64Array, { mu }: PassOptions, sums: PassSums): void {
  const { q } = ws.riccati;
  const { lower, upper } = ws.problem;
  let slope = 0;
  let square = 0;
  for (let i = 0; i < q.m; i++) {
    const g = q.rows[i * q.uStride + q.u]!;
    slope += g * k[i]!;
    square += k[i]! * k[i]!;
    if (!pushedOut(g, u[i]!, lower, upper, i)) sums.gradient = Math.max(sums.gradient, Math.abs(g));
  }
  sums.slope += slope;
  sums.curvature -= slope + mu * square;
}

/** Whether descending along the gradient leaves the limit that u is at. */
function pushedOut(
  g: number,
  u: number,
  lower: Float64Array | null,
  upper: Float64Array | null,
  i: number,
): boolean {
  return (lower !== null && u <= lower[i]! && g > 0) || (upper !== null && u >= upper[i]! && g < 0);
}

/**
 * The stage with limits. With k_c the steps of the controls that the QP holds at a limit, the free ones are the solution
 * of a stage with Qu_f + Quu_fc k_c for a gradient, Qx + Qux_cᵀ k_c, and no rows c: so the kernel solves it.
 */
function boxStage(ws: Workspace, out: Feedback, t: number, { mu }: PassOptions): boolean {
  const { problem, current, riccati, box, sums } = ws;
  const { q } = riccati;
  const { m, n, rows, uStride } = q;
  const { qp, h, g } = box;
  const u = current.us.rows[t]!;
  const k = out.k.rows[t]!;
  for (let i = 0; i < m; i++) {
    for (let j = i; j < m; j++) {
      const v = rows[i * uStride + j]!;
      h[i * m + j] = v;
      h[j * m + i] = v;
    }
    h[i * m + i]! += mu;
    g[i] = rows[i * uStride + q.u]!;
    box.lower[i] = problem.lower === null ? Number.NEGATIVE_INFINITY : problem.lower[i]! - u[i]!;
    box.upper[i] = problem.upper === null ? Number.POSITIVE_INFINITY : problem.upper[i]! - u[i]!;
    qp.x[i] = k[i]!;
  }
  if (qp.solve(h, g, box.lower, box.upper) === 'indefinite') return false;
  const { x, free } = qp;
  for (let i = 0; i < m; i++) {
    let s = -mu * x[i]!;
    for (let j = 0; j < m; j++) s += h[i * m + j]! * x[j]!;
    sums.slope += g[i]! * x[i]!;
    sums.curvature += s * x[i]!;
    if (!pushedOut(g[i]!, u[i]!, problem.lower, problem.upper, i)) {
      sums.gradient = Math.max(sums.gradient, Math.abs(g[i]!));
    }
  }
  for (let c = 0; c < m; c++) {
    if (free[c] === 1) continue;
    const at = c * uStride;
    for (let j = 0; j < n; j++) {
      q.x[j]! += rows[at + q.ux + j]! * x[c]!;
      rows[at + q.ux + j] = 0;
    }
    for (let f = 0; f < m; f++) {
      if (free[f] === 1) rows[f * uStride + q.u]! += h[f * m + c]! * x[c]!;
      rows[Math.min(f, c) * uStride + Math.max(f, c)] = 0;
    }
    rows[at + c] = 1;
    rows[at + q.u] = 0;
  }
  if (!riccati.solve(out, t)) return false;
  for (let c = 0; c < m; c++) if (free[c] === 0) k[c] = x[c]!;
  return true;
}
