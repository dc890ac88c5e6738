/** What a step along the linear model with gaps should do to the cost. */
import type { Workspace } from '../descent/workspace.ts';
import { allocRows, heap, type Rows } from '../memory.ts';
import type { Problem } from '../problem.ts';
import type { Gaps } from './workspace.ts';

export interface LinearRollout {
  readonly dx: Rows;
  readonly du: Float64Array;
}

export function allocLinearRollout({ ndx, nu, horizon }: Problem): LinearRollout {
  return { dx: allocRows(heap, horizon + 1, ndx), du: new Float64Array(nu) };
}

/**
 * dx_0 = f_0; du = k + K dx, as far as the limits let it; dx' = fx dx + fu du + f'. Writes slope = Σ l_z·dz and
 * curvature = Σ dzᵀ l_zz dz with z = (x, u) into ws.sums: the quadratic model of the cost along step · (dx, du).
 */
export function expectation(ws: Workspace, gaps: Gaps, { dx: dxs, du }: LinearRollout): void {
  const { problem, expansion: e, current, feedback, sums } = ws;
  const { ndx: n, nu: m, horizon: T, lower, upper } = problem;
  let slope = 0;
  let curvature = 0;
  dxs.rows[0]!.set(gaps.f.rows[0]!);
  for (let t = 0; t <= T; t++) {
    const dx = dxs.rows[t]!;
    slope += inner(e.lx.rows[t]!, dx);
    curvature += form(dx, e.lxx.rows[t]!, dx);
    if (t === T) break;
    const u = current.us.rows[t]!;
    const k = feedback.k.rows[t]!;
    const K = feedback.K.rows[t]!;
    for (let i = 0; i < m; i++) {
      let s = k[i]!;
      for (let j = 0; j < n; j++) s += K[i * n + j]! * dx[j]!;
      if (lower !== null) s = Math.max(s, lower[i]! - u[i]!);
      if (upper !== null) s = Math.min(s, upper[i]! - u[i]!);
      du[i] = s;
    }
    slope += inner(e.lu.rows[t]!, du);
    curvature += 2 * form(du, e.lux.rows[t]!, dx) + form(du, e.luu.rows[t]!, du);
    const next = dxs.rows[t + 1]!;
    const f = gaps.f.rows[t + 1]!;
    const fx = e.fx.rows[t]!;
    const fu = e.fu.rows[t]!;
    for (let i = 0; i < n; i++) {
      let s = f[i]!;
      for (let j = 0; j < n; j++) s += fx[i * n + j]! * dx[j]!;
      for (let j = 0; j < m; j++) s += fu[i * m + j]! * du[j]!;
      next[i] = s;
    }
  }
  sums.slope = slope;
  sums.curvature = curvature;
}

function inner(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!;
  return s;
}

/** aᵀ M b. */
function form(a: Float64Array, M: Float64Array, b: Float64Array): number {
  const n = b.length;
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    let s = 0;
    for (let j = 0; j < n; j++) s += M[i * n + j]! * b[j]!;
    sum += a[i]! * s;
  }
  return sum;
}
