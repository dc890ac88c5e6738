import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { Arena } from '../../src/model/code/arena.ts';
import { createRiccati, type Riccati } from '../../src/plan/kernels/riccati.ts';
import { allocExpansion, allocFeedback, type Expansion, type Feedback } from '../../src/plan/memory.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { allClose } from '../support/close.ts';

const sizes = (n: number, m: number, horizon: number): Problem =>
  ({ nx: n, ndx: n, nu: m, horizon }) as Problem;

/** Random stages with a convex cost; poisons what the recursion is to write. */
function fill(rng: Rng, n: number, m: number, e: Expansion, f: Feedback): void {
  const random = (a: Float64Array): void => {
    for (let i = 0; i < a.length; i++) a[i] = rng.normal();
  };
  for (const rows of [e.fx, e.fu, e.lx, e.lu]) random(rows.flat);
  const N = n + m;
  const T = e.fx.rows.length;
  for (let t = 0; t <= T; t++) {
    const b = new Float64Array(N * N);
    random(b);
    const h = (i: number, j: number): number => {
      let s = i === j ? 1 : 0;
      for (let k = 0; k < N; k++) s += (b[i * N + k]! * b[j * N + k]!) / N;
      return s;
    };
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) e.lxx.rows[t]![i * n + j] = h(i, j);
    if (t === T) break;
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) e.lux.rows[t]![i * n + j] = h(n + i, j);
    for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) e.luu.rows[t]![i * m + j] = h(n + i, n + j);
  }
  for (const rows of [f.K, f.k, f.Vx, f.Vxx]) rows.flat.fill(Number.NaN);
  f.Vx.rows[T]!.set(e.lx.rows[T]!);
  f.Vxx.rows[T]!.set(e.lxx.rows[T]!);
}

function sweep(kernel: Riccati, f: Feedback, T: number, rho: number, mu: number): void {
  kernel.begin(rho, mu);
  for (let t = T - 1; t >= 0; t--) {
    kernel.expand(f, t);
    assert.ok(kernel.solve(f, t), `stage ${t}`);
  }
}

test('both forms of the Riccati stage satisfy its equations, for every size', () => {
  for (const [n, m] of [
    [14, 7],
    [2, 1],
    [4, 1],
    [4, 2],
    [4, 3],
    [6, 6],
    [12, 9],
    [22, 8],
    [3, 2],
    [1, 1],
  ] as const) {
    for (const form of ['auto', 'script'] as const) {
      const rng = new Rng(n * 100 + m);
      const arena = new Arena(1 << 20);
      const p = sizes(n, m, 4);
      const e = allocExpansion(arena, p);
      const f = allocFeedback(arena, p);
      fill(rng, n, m, e, f);
      const kernel = createRiccati(arena, n, m, e, { form });
      assert.equal(kernel.form, form === 'auto' && n % 2 === 0 ? 'wasm' : 'script');
      const [rho, mu] = [0.3, 0.2];
      sweep(kernel, f, 4, rho, mu);
      for (let t = 3; t >= 0; t--)
        checkStage(e, f, n, m, t, rho, mu, `${kernel.form} ${n} × ${m}, stage ${t}`);
    }
  }
});

/** The equations of riccati.ts, by the book: plain loops and full matrices. */
function checkStage(
  e: Expansion,
  f: Feedback,
  n: number,
  m: number,
  t: number,
  rho: number,
  mu: number,
  what: string,
): void {
  const N = n + m;
  const F = (k: number, z: number): number =>
    z < n ? e.fx.rows[t]![k * n + z]! : e.fu.rows[t]![k * m + z - n]!;
  const V = (i: number, j: number): number => f.Vxx.rows[t + 1]![i * n + j]! + (i === j ? rho : 0);
  const L = (a: number, b: number): number => {
    if (a < n && b < n) return e.lxx.rows[t]![a * n + b]!;
    if (a >= n && b >= n) return e.luu.rows[t]![(a - n) * m + b - n]!;
    return a >= n ? e.lux.rows[t]![(a - n) * n + b]! : e.lux.rows[t]![(b - n) * n + a]!;
  };
  const Q = new Float64Array(N * N);
  const q = new Float64Array(N);
  for (let a = 0; a < N; a++) {
    q[a] = a < n ? e.lx.rows[t]![a]! : e.lu.rows[t]![a - n]!;
    for (let k = 0; k < n; k++) q[a]! += F(k, a) * f.Vx.rows[t + 1]![k]!;
    for (let b = 0; b < N; b++) {
      let s = L(a, b);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) s += F(i, a) * V(i, j) * F(j, b);
      Q[a * N + b] = s;
    }
  }
  for (let i = 0; i < m; i++) Q[(n + i) * N + n + i]! += mu;
  const K = f.K.rows[t]!;
  const k = f.k.rows[t]!;
  const scale = Math.max(...Q.map(Math.abs), ...q.map(Math.abs));
  // Quu K + Qux = 0 and Quu k + Qu = 0.
  const residual: number[] = [];
  for (let i = 0; i < m; i++) {
    let r = q[n + i]!;
    for (let j = 0; j < m; j++) r += Q[(n + i) * N + n + j]! * k[j]!;
    residual.push(r);
    for (let c = 0; c < n; c++) {
      let s = Q[(n + i) * N + c]!;
      for (let j = 0; j < m; j++) s += Q[(n + i) * N + n + j]! * K[j * n + c]!;
      residual.push(s);
    }
  }
  allClose(residual, new Float64Array(residual.length), { atol: 1e-12 * scale, what: `${what}: gains` });
  // Vxx = Qxx + Qxu K and Vx = Qx + Qxu k, symmetric to the bit.
  const vxx: number[] = [];
  const vx: number[] = [];
  for (let a = 0; a < n; a++) {
    let s = q[a]!;
    for (let j = 0; j < m; j++) s += Q[a * N + n + j]! * k[j]!;
    vx.push(s);
    for (let b = 0; b < n; b++) {
      let v = Q[a * N + b]!;
      for (let j = 0; j < m; j++) v += Q[a * N + n + j]! * K[j * n + b]!;
      vxx.push(v);
      assert.equal(f.Vxx.rows[t]![a * n + b], f.Vxx.rows[t]![b * n + a], `${what}: symmetry`);
    }
  }
  allClose(f.Vxx.rows[t]!, vxx, { atol: 1e-12 * scale, what: `${what}: Vxx` });
  allClose(f.Vx.rows[t]!, vx, { atol: 1e-12 * scale, what: `${what}: Vx` });
}

test("what q' = q + dt v' saves changes nothing", () => {
  const dt = 0.1;
  for (const [n, m] of [
    [14, 7],
    [2, 1],
    [4, 2],
    [6, 4],
    [12, 3],
  ] as const) {
    const arena = new Arena(1 << 20);
    const p = sizes(n, m, 4);
    const e = allocExpansion(arena, p);
    const f = allocFeedback(arena, p);
    fill(new Rng(n), n, m, e, f);
    const half = n / 2;
    for (let t = 0; t < 4; t++) {
      for (let i = 0; i < half; i++) {
        for (let j = 0; j < n; j++) {
          e.fx.rows[t]![i * n + j] = (i === j ? 1 : 0) + dt * e.fx.rows[t]![(half + i) * n + j]!;
        }
        for (let j = 0; j < m; j++) e.fu.rows[t]![i * m + j] = dt * e.fu.rows[t]![(half + i) * m + j]!;
      }
    }
    const kernel = createRiccati(arena, n, m, e, { dt });
    assert.equal(kernel.form, 'wasm');
    sweep(kernel, f, 4, 0.3, 0.2);
    for (let t = 3; t >= 0; t--) checkStage(e, f, n, m, t, 0.3, 0.2, `${n} × ${m}, stage ${t}`);
  }
});

test('a Hessian that is not positive definite, or not a number, is refused by both forms', () => {
  for (const form of ['auto', 'script'] as const) {
    for (const value of [-1e6, Number.NaN]) {
      const arena = new Arena(1 << 20);
      const p = sizes(4, 3, 1);
      const e = allocExpansion(arena, p);
      const f = allocFeedback(arena, p);
      fill(new Rng(5), 4, 3, e, f);
      const kernel = createRiccati(arena, 4, 3, e, { form });
      e.luu.rows[0]![8] = value;
      kernel.begin(0, 0);
      kernel.expand(f, 0);
      assert.equal(kernel.solve(f, 0), false);
      kernel.begin(0, 1e7);
      assert.equal(kernel.solve(f, 0), Number.isFinite(value), 'regularisation mends what is indefinite');
    }
  }
});
