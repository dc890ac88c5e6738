/** Problems for the tests of derivative-based solvers, and their LQ subproblem solved densely. */
import { luFactor, luSolve } from '../../src/math/linalg.ts';
import { Rng } from '../../src/math/rng.ts';
import { LinearQuadratic, type LinearStage } from '../../src/plan/lqr/problem.ts';
import { allocExpansion, allocTrajectory, difference, expand, heap } from '../../src/plan/memory.ts';
import type { Problem } from '../../src/plan/problem.ts';

export interface Limits {
  readonly lower?: Float64Array;
  readonly upper?: Float64Array;
}

/** Random stages with cross terms, offsets and a convex cost. */
export function randomLq(
  seed: number,
  n: number,
  m: number,
  T: number,
  limits: Limits = {},
): LinearQuadratic {
  const rng = new Rng(seed);
  const numbers = (count: number, scale: number): Float64Array =>
    Float64Array.from({ length: count }, () => scale * rng.normal());
  const convex = (size: number): Float64Array => {
    const b = numbers(size * size, 1);
    return Float64Array.from({ length: size * size }, (_, k) => {
      const [i, j] = [Math.floor(k / size), k % size];
      let s = i === j ? 0.5 : 0;
      for (let c = 0; c < size; c++) s += (b[i * size + c]! * b[j * size + c]!) / size;
      return s;
    });
  };
  const stages: LinearStage[] = Array.from({ length: T }, () => {
    const z = convex(n + m);
    const part = (rows: number, columns: number, r0: number, c0: number): Float64Array =>
      Float64Array.from(
        { length: rows * columns },
        (_, k) => z[(r0 + Math.floor(k / columns)) * (n + m) + c0 + (k % columns)]!,
      );
    const A = numbers(n * n, 0.4 / Math.sqrt(n));
    for (let i = 0; i < n; i++) A[i * n + i]! += 0.7;
    return {
      A,
      B: numbers(n * m, 0.5),
      c: numbers(n, 0.3),
      Q: part(n, n, 0, 0),
      R: part(m, m, n, n),
      S: part(m, n, n, 0),
      q: numbers(n, 1),
      r: numbers(m, 1),
    };
  });
  return new LinearQuadratic(numbers(n, 1), m, stages, { Q: convex(n), q: numbers(n, 1) }, limits);
}

/** A step of the LQ subproblem. */
export interface Step {
  readonly dx: Float64Array;
  readonly du: Float64Array;
  /** Multipliers of dx_0 = f_0 and dx' = fx dx + fu du + f', (T + 1) × ndx. */
  readonly multipliers: Float64Array;
}

/**
 * The LQ subproblem about (xs, us), gaps included, as one system of equations:
 * min Σ l_z·dz + ½ dzᵀ l_zz dz with dx_0 = x0 ⊖ xs_0 and dx' = fx dx + fu du + (f(x, u) ⊖ x').
 */
export function denseKkt(problem: Problem, xs: Float64Array, us: Float64Array): Step {
  const { ndx: n, nu: m, horizon: T } = problem;
  const at = allocTrajectory(heap, problem);
  at.xs.flat.set(xs);
  at.us.flat.set(us);
  const e = allocExpansion(heap, problem);
  expand(problem, at, e);
  const states = (T + 1) * n;
  const primal = states + T * m;
  const N = primal + states;
  const a = new Float64Array(N * N);
  const b = new Float64Array(N);
  const add = (i: number, j: number, v: number): void => {
    a[i * N + j]! += v;
  };
  const X = (t: number, i: number): number => t * n + i;
  const U = (t: number, i: number): number => states + t * m + i;
  const L = (t: number, i: number): number => primal + t * n + i;
  const next = new Float64Array(problem.nx);
  const gap = new Float64Array(n);
  for (let t = 0; t <= T; t++) {
    for (let i = 0; i < n; i++) {
      b[X(t, i)] = -e.lx.rows[t]![i]!;
      for (let j = 0; j < n; j++) add(X(t, i), X(t, j), e.lxx.rows[t]![i * n + j]!);
      // Constraint t: dx_t - (fx dx + fu du) of the stage before = f_t.
      add(L(t, i), X(t, i), 1);
      add(X(t, i), L(t, i), 1);
    }
    if (t === 0) difference(problem, at.xs.rows[0]!, problem.x0, gap);
    else {
      problem.dynamics(at.xs.rows[t - 1]!, at.us.rows[t - 1]!, t - 1, next);
      difference(problem, at.xs.rows[t]!, next, gap);
    }
    for (let i = 0; i < n; i++) b[L(t, i)] = gap[i]!;
    if (t === T) break;
    for (let i = 0; i < m; i++) {
      b[U(t, i)] = -e.lu.rows[t]![i]!;
      for (let j = 0; j < m; j++) add(U(t, i), U(t, j), e.luu.rows[t]![i * m + j]!);
      for (let j = 0; j < n; j++) {
        add(U(t, i), X(t, j), e.lux.rows[t]![i * n + j]!);
        add(X(t, j), U(t, i), e.lux.rows[t]![i * n + j]!);
      }
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        add(L(t + 1, i), X(t, j), -e.fx.rows[t]![i * n + j]!);
        add(X(t, j), L(t + 1, i), -e.fx.rows[t]![i * n + j]!);
      }
      for (let j = 0; j < m; j++) {
        add(L(t + 1, i), U(t, j), -e.fu.rows[t]![i * m + j]!);
        add(U(t, j), L(t + 1, i), -e.fu.rows[t]![i * m + j]!);
      }
    }
  }
  const pivot = new Int32Array(N);
  if (!luFactor(a, N, pivot)) throw new Error('the KKT matrix is singular');
  const z = new Float64Array(N);
  luSolve(a, N, pivot, b, z);
  return { dx: z.slice(0, states), du: z.slice(states, primal), multipliers: z.slice(primal) };
}

/** A pendulum that hangs down and shall stand up: ω' = ω + dt (u - g sin θ - b ω), θ' = θ + dt ω'. Second order included. */
export class Pendulum implements Problem {
  readonly nx = 2;
  readonly ndx = 2;
  readonly nu = 1;
  readonly horizon: number;
  readonly x0 = new Float64Array(2);
  readonly lower: Float64Array | null;
  readonly upper: Float64Array | null;
  readonly semiImplicitStep = 0.05;
  /** Torque at which the dynamics turn to NaN, for tests of failure. */
  breaksAt = Number.POSITIVE_INFINITY;
  calls = 0;

  constructor(horizon = 60, limit = Number.POSITIVE_INFINITY) {
    this.horizon = horizon;
    this.lower = Number.isFinite(limit) ? Float64Array.of(-limit) : null;
    this.upper = Number.isFinite(limit) ? Float64Array.of(limit) : null;
  }

  dynamics(x: Float64Array, u: Float64Array, _t: number, out: Float64Array): void {
    this.calls++;
    const dt = this.semiImplicitStep;
    const torque = Math.abs(u[0]!) >= this.breaksAt ? Number.NaN : u[0]!;
    const v = x[1]! + dt * (torque - 9.81 * Math.sin(x[0]!) - 0.1 * x[1]!);
    out[1] = v;
    out[0] = x[0]! + dt * v;
  }

  dynamicsDerivatives(
    x: Float64Array,
    _u: Float64Array,
    _t: number,
    fx: Float64Array,
    fu: Float64Array,
  ): void {
    const dt = this.semiImplicitStep;
    fx[2] = -dt * 9.81 * Math.cos(x[0]!);
    fx[3] = 1 - 0.1 * dt;
    fx[0] = 1 + dt * fx[2]!;
    fx[1] = dt * fx[3]!;
    fu[1] = dt;
    fu[0] = dt * dt;
  }

  dynamicsHessian(x: Float64Array, _u: Float64Array, _t: number, v: Float64Array, xx: Float64Array): void {
    const dt = this.semiImplicitStep;
    xx[0]! += (v[1]! + dt * v[0]!) * dt * 9.81 * Math.sin(x[0]!);
  }

  cost(x: Float64Array, u: Float64Array): number {
    return 0.05 * (0.5 * u[0]! * u[0]! * 0.1 + 1 + Math.cos(x[0]!) + 0.05 * x[1]! * x[1]!);
  }

  terminalCost(x: Float64Array): number {
    return 20 * (1 + Math.cos(x[0]!)) + 2 * x[1]! * x[1]!;
  }

  costDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void {
    lx[0] = -0.05 * Math.sin(x[0]!);
    lx[1] = 0.005 * x[1]!;
    lu[0] = 0.005 * u[0]!;
    lxx.fill(0);
    lxx[0] = -0.05 * Math.cos(x[0]!);
    lxx[3] = 0.005;
    lux.fill(0);
    luu[0] = 0.005;
  }

  terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    lx[0] = -20 * Math.sin(x[0]!);
    lx[1] = 4 * x[1]!;
    lxx.fill(0);
    lxx[0] = -20 * Math.cos(x[0]!);
    lxx[3] = 4;
  }
}

/** The same pendulum, to be held at 0.5 rad: its cost is quadratic. */
export class HeldPendulum extends Pendulum {
  override cost(x: Float64Array, u: Float64Array): number {
    return 0.5 * (0.01 * u[0]! ** 2 + (x[0]! - 0.5) ** 2 + 0.1 * x[1]! ** 2);
  }

  override terminalCost(x: Float64Array): number {
    return 0.5 * ((x[0]! - 0.5) ** 2 + 0.1 * x[1]! ** 2);
  }

  override costDerivatives(
    x: Float64Array,
    u: Float64Array,
    _t: number,
    lx: Float64Array,
    lu: Float64Array,
    lxx: Float64Array,
    lux: Float64Array,
    luu: Float64Array,
  ): void {
    this.terminalDerivatives(x, lx, lxx);
    lu[0] = 0.01 * u[0]!;
    lux.fill(0);
    luu[0] = 0.01;
  }

  override terminalDerivatives(x: Float64Array, lx: Float64Array, lxx: Float64Array): void {
    lx[0] = x[0]! - 0.5;
    lx[1] = 0.1 * x[1]!;
    lxx.fill(0);
    lxx[0] = 1;
    lxx[3] = 0.1;
  }
}

/** Cost and states of controls, as plainly as can be. */
export function rollOut(
  problem: Problem,
  us: Float64Array,
): { readonly cost: number; readonly xs: Float64Array } {
  const { nx, nu, horizon: T } = problem;
  const xs = new Float64Array((T + 1) * nx);
  xs.set(problem.x0);
  let cost = 0;
  for (let t = 0; t < T; t++) {
    const x = xs.slice(t * nx, (t + 1) * nx);
    const u = us.slice(t * nu, (t + 1) * nu);
    const next = new Float64Array(nx);
    cost += problem.cost(x, u, t);
    problem.dynamics(x, u, t, next);
    xs.set(next, (t + 1) * nx);
  }
  return { cost: cost + problem.terminalCost(xs.slice(T * nx)), xs };
}
