/**
 * A plain iterative LQR for tests of what stands around a solver: no speed, no box-QP (controls are clamped as they are
 * rolled out, and the gains of clamped ones are zeroed).
 */
import { checkProblem, checkWarmStart, noDescent, notFinite } from '../../src/plan/check.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Solver, SolverResult, SolverStatus, WarmStart } from '../../src/plan/solver.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class SmallIlqr implements Solver {
  readonly name = 'small-ilqr';
  result!: Mutable<SolverResult>;
  #p!: Problem;
  #mu = 1e-6;
  #u!: Float64Array;
  #x!: Float64Array;

  allocate(p: Problem): void {
    checkProblem(p);
    this.#p = p;
    const { nx, ndx, nu, horizon: T } = p;
    const f = (n: number): Float64Array => new Float64Array(n);
    this.#u = f(T * nu);
    this.#x = f((T + 1) * nx);
    this.result = {
      status: 'running',
      failure: null,
      iterations: 0,
      time: 0,
      cost: Number.POSITIVE_INFINITY,
      valid: false,
      xs: f((T + 1) * nx),
      us: f(T * nu),
      gains: f(T * nu * ndx),
      steps: f(T * nu),
      Vx: f((T + 1) * ndx),
      Vxx: f((T + 1) * ndx * ndx),
      log: { columns: [], rows: 0, data: f(0) },
    };
  }

  reset(warm?: WarmStart): boolean {
    const p = this.#p;
    const r = this.result;
    checkProblem(p);
    if (warm !== undefined) checkWarmStart(p, warm);
    r.iterations = 0;
    r.failure = null;
    r.status = 'running';
    const us = warm?.us ?? new Float64Array(p.horizon * p.nu);
    const cost = this.#roll(warm?.xs ?? null, us, warm?.gains ?? null, null, 0);
    if (!Number.isFinite(cost)) {
      r.failure = notFinite('the rollout', 0, cost);
      r.status = 'failed';
      return false;
    }
    this.#accept(cost);
    if (warm?.gains !== undefined) r.gains.set(warm.gains);
    return true;
  }

  iterate(): SolverStatus {
    const r = this.result;
    if (r.status !== 'running') return r.status;
    const K = r.gains.slice();
    for (; this.#mu < 1e9; this.#mu = Math.max(1e-6, this.#mu * 10)) {
      if (!this.#backward(K)) continue;
      for (let alpha = 1; alpha > 1e-3; alpha /= 2) {
        const cost = this.#roll(r.xs, r.us, K, r.steps, alpha);
        if (!(cost < r.cost)) continue;
        const gain = r.cost - cost;
        this.#accept(cost);
        r.gains.set(K);
        this.#mu = Math.max(1e-9, this.#mu / 10);
        r.iterations++;
        if (gain < 1e-9 * Math.abs(cost)) r.status = 'converged';
        return r.status;
      }
      const largest = Math.max(...r.steps.map(Math.abs));
      if (largest < 1e-6) {
        r.gains.set(K);
        r.status = 'converged';
        return r.status;
      }
    }
    this.#mu = 1e-6;
    r.failure = noDescent(1e9, r.cost);
    r.status = 'failed';
    return r.status;
  }

  solve(warm?: WarmStart): SolverResult {
    if (this.reset(warm)) for (let i = 0; i < 100 && this.iterate() === 'running'; i++);
    return this.result;
  }

  #accept(cost: number): void {
    this.result.xs.set(this.#x);
    this.result.us.set(this.#u);
    this.result.cost = cost;
    this.result.valid = true;
  }

  #roll(
    xs: Float64Array | null,
    us: Float64Array,
    K: Float64Array | null,
    k: Float64Array | null,
    alpha: number,
  ): number {
    const p = this.#p;
    const { nx, nu, horizon: T } = p;
    this.#x.set(p.x0);
    let cost = 0;
    for (let t = 0; t < T; t++) {
      const x = this.#x.subarray(t * nx, (t + 1) * nx);
      const u = this.#u.subarray(t * nu, (t + 1) * nu);
      for (let i = 0; i < nu; i++) {
        let v = us[t * nu + i]! + (k === null ? 0 : alpha * k[t * nu + i]!);
        if (xs !== null && K !== null) {
          for (let j = 0; j < nx; j++) v += K[(t * nu + i) * nx + j]! * (x[j]! - xs[t * nx + j]!);
        }
        u[i] = Math.min(p.upper?.[i] ?? v, Math.max(p.lower?.[i] ?? v, v));
      }
      cost += p.cost(x, u, t);
      p.dynamics(x, u, t, this.#x.subarray((t + 1) * nx, (t + 2) * nx));
    }
    return cost + p.terminalCost(this.#x.subarray(T * nx));
  }

  #backward(K: Float64Array): boolean {
    const p = this.#p;
    const { nx, nu, horizon: T } = p;
    const { xs, us, steps } = this.result;
    const m = (n: number): Float64Array => new Float64Array(n);
    const [A, B, lx, lu] = [m(nx * nx), m(nx * nu), m(nx), m(nu)];
    const [lxx, lux, luu] = [m(nx * nx), m(nu * nx), m(nu * nu)];
    let [Vx, V] = [m(nx), m(nx * nx)];
    p.terminalDerivatives(xs.subarray(T * nx), Vx, V);
    for (let t = T - 1; t >= 0; t--) {
      const x = xs.subarray(t * nx, (t + 1) * nx);
      const u = us.subarray(t * nu, (t + 1) * nu);
      p.dynamicsDerivatives(x, u, t, A, B);
      p.costDerivatives(x, u, t, lx, lu, lxx, lux, luu);
      const VA = product(V, A, nx, nx, nx);
      const VB = product(V, B, nx, nx, nu);
      const Qx = lx.map((v, i) => v + columnDot(A, i, nx, Vx));
      const Qu = lu.map((v, i) => v + columnDot(B, i, nu, Vx));
      const Qxx = lxx.map((v, i) => v + crossDot(A, Math.floor(i / nx), nx, VA, i % nx, nx, nx));
      const Qux = lux.map((v, i) => v + crossDot(B, Math.floor(i / nx), nu, VA, i % nx, nx, nx));
      const Quu = luu.map((v, i) => v + crossDot(B, Math.floor(i / nu), nu, VB, i % nu, nu, nx));
      for (let i = 0; i < nu; i++) Quu[i * nu + i]! += this.#mu;
      const inverse = invert(Quu, nu);
      if (inverse === null) return false;
      const k = inverse.slice(0, nu).map((_, i) => -rowDot(inverse, i, nu, Qu));
      const gain = m(nu * nx);
      for (let i = 0; i < nu; i++) {
        const held =
          us[t * nu + i]! + k[i]! > (p.upper?.[i] ?? Number.POSITIVE_INFINITY) ||
          us[t * nu + i]! + k[i]! < (p.lower?.[i] ?? Number.NEGATIVE_INFINITY);
        for (let j = 0; j < nx && !held; j++) {
          let v = 0;
          for (let l = 0; l < nu; l++) v -= inverse[i * nu + l]! * Qux[l * nx + j]!;
          gain[i * nx + j] = v;
        }
      }
      K.set(gain, t * nu * nx);
      steps.set(k, t * nu);
      const nextV = m(nx * nx);
      const nextVx = m(nx);
      for (let i = 0; i < nx; i++) {
        let g = Qx[i]!;
        for (let a = 0; a < nu; a++) {
          g += Qux[a * nx + i]! * k[a]! + gain[a * nx + i]! * Qu[a]!;
          for (let b = 0; b < nu; b++) g += gain[a * nx + i]! * Quu[a * nu + b]! * k[b]!;
        }
        nextVx[i] = g;
        for (let j = 0; j < nx; j++) {
          let v = Qxx[i * nx + j]!;
          for (let a = 0; a < nu; a++) {
            v += gain[a * nx + i]! * Qux[a * nx + j]! + Qux[a * nx + i]! * gain[a * nx + j]!;
            for (let b = 0; b < nu; b++) v += gain[a * nx + i]! * Quu[a * nu + b]! * gain[b * nx + j]!;
          }
          nextV[i * nx + j] = v;
        }
      }
      for (let i = 0; i < nx; i++) {
        for (let j = 0; j < i; j++) {
          const v = (nextV[i * nx + j]! + nextV[j * nx + i]!) / 2;
          nextV[i * nx + j] = v;
          nextV[j * nx + i] = v;
        }
      }
      [Vx, V] = [nextVx, nextV];
    }
    return Vx.every(Number.isFinite);
  }
}

function product(a: Float64Array, b: Float64Array, n: number, k: number, m: number): Float64Array {
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++)
    for (let l = 0; l < k; l++) {
      const v = a[i * k + l]!;
      if (v !== 0) for (let j = 0; j < m; j++) out[i * m + j]! += v * b[l * m + j]!;
    }
  return out;
}
function columnDot(a: Float64Array, column: number, width: number, v: Float64Array): number {
  let s = 0;
  for (let i = 0; i < v.length; i++) s += a[i * width + column]! * v[i]!;
  return s;
}
function rowDot(a: Float64Array, row: number, width: number, v: Float64Array): number {
  let s = 0;
  for (let i = 0; i < width; i++) s += a[row * width + i]! * v[i]!;
  return s;
}
function crossDot(
  a: Float64Array,
  ca: number,
  wa: number,
  b: Float64Array,
  cb: number,
  wb: number,
  rows: number,
): number {
  let s = 0;
  for (let i = 0; i < rows; i++) s += a[i * wa + ca]! * b[i * wb + cb]!;
  return s;
}
/** Gauss–Jordan; null unless positive pivots. */
function invert(a: Float64Array, n: number): Float64Array | null {
  const m = a.slice();
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  for (let c = 0; c < n; c++) {
    const pivot = m[c * n + c]!;
    if (!(pivot > 1e-14)) return null;
    for (let j = 0; j < n; j++) {
      m[c * n + j]! /= pivot;
      out[c * n + j]! /= pivot;
    }
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const f = m[r * n + c]!;
      if (f === 0) continue;
      for (let j = 0; j < n; j++) {
        m[r * n + j]! -= f * m[c * n + j]!;
        out[r * n + j]! -= f * out[c * n + j]!;
      }
    }
  }
  return out;
}
