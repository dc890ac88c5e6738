/** Problems for tests of shooting: linear-quadratic with its optimum in closed form, a pendulum, and ones that blow up. */
import { luFactor, luSolve } from '../../../src/math/linalg.ts';
import { Rng } from '../../../src/math/rng.ts';
import type { Problem } from '../../../src/plan/problem.ts';

type Limits = Pick<Problem, 'lower' | 'upper'>;
const FREE: Limits = { lower: null, upper: null };

/** x' = A x + B u with cost ½ Σ (xᵀQx + uᵀRu) + ½ x_TᵀQx_T about a target, and the quadratic form of its cost in U. */
export interface Quadratic {
  readonly problem: Problem;
  /** J(U) = ½ UᵀHU + gᵀU + c, U = (u_0 … u_{T−1}), size n = T·nu. */
  readonly H: Float64Array;
  readonly g: Float64Array;
  readonly optimum: Float64Array;
  readonly optimalCost: number;
  /** Solves (H + D) U = −g for a diagonal D: the optimum when controls cost ½ uᵀDu more. */
  readonly minimiser: (extra: number) => Float64Array;
}

export function quadratic(seed: number, nx: number, nu: number, horizon: number, limits = FREE): Quadratic {
  const rng = new Rng(seed);
  const numbers = (n: number, size: number): Float64Array =>
    Float64Array.from({ length: n }, () => rng.normal(size));
  const A = numbers(nx * nx, 0.3 / Math.sqrt(nx));
  for (let i = 0; i < nx; i++) A[i * nx + i]! += 0.8;
  const B = numbers(nx * nu, 0.5);
  const target = numbers(nx, 1);
  const q = Float64Array.from({ length: nx }, () => rng.uniform(0.5, 2));
  const r = Float64Array.from({ length: nu }, () => rng.uniform(0.2, 1));
  const x0 = numbers(nx, 1);
  const stateCost = (x: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < nx; i++) sum += 0.5 * q[i]! * (x[i]! - target[i]!) ** 2;
    return sum;
  };
  const stateDerivatives = (x: Float64Array, lx: Float64Array, lxx: Float64Array): void => {
    lxx.fill(0);
    for (let i = 0; i < nx; i++) {
      lx[i] = q[i]! * (x[i]! - target[i]!);
      lxx[i * nx + i] = q[i]!;
    }
  };
  const problem: Problem = {
    nx,
    ndx: nx,
    nu,
    horizon,
    x0,
    ...limits,
    dynamics(x, u, _t, out) {
      for (let i = 0; i < nx; i++) {
        let sum = 0;
        for (let k = 0; k < nx; k++) sum += A[i * nx + k]! * x[k]!;
        for (let k = 0; k < nu; k++) sum += B[i * nu + k]! * u[k]!;
        out[i] = sum;
      }
    },
    dynamicsDerivatives(_x, _u, _t, fx, fu) {
      fx.set(A);
      fu.set(B);
    },
    cost(x, u) {
      let sum = stateCost(x);
      for (let j = 0; j < nu; j++) sum += 0.5 * r[j]! * u[j]! ** 2;
      return sum;
    },
    terminalCost: stateCost,
    costDerivatives(x, u, _t, lx, lu, lxx, lux, luu) {
      stateDerivatives(x, lx, lxx);
      lux.fill(0);
      luu.fill(0);
      for (let j = 0; j < nu; j++) {
        lu[j] = r[j]! * u[j]!;
        luu[j * nu + j] = r[j]!;
      }
    },
    terminalDerivatives: stateDerivatives,
  };
  // J is a quadratic form: its coefficients are exact differences of J itself.
  const n = horizon * nu;
  const at = (i: number, j: number): Float64Array => {
    const U = new Float64Array(n);
    if (i >= 0) U[i]! += 1;
    if (j >= 0) U[j]! += 1;
    return U;
  };
  const zero = totalCost(problem, at(-1, -1));
  const one = Float64Array.from({ length: n }, (_, i) => totalCost(problem, at(i, -1)) - zero);
  const H = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) H[i * n + j] = totalCost(problem, at(i, j)) - zero - one[i]! - one[j]!;
  const g = one.map((v, i) => v - 0.5 * H[i * n + i]!);
  const minimiser = (extra: number): Float64Array => {
    const matrix = Float64Array.from(H);
    for (let i = 0; i < n; i++) matrix[i * n + i]! += extra;
    const pivot = new Int32Array(n);
    luFactor(matrix, n, pivot);
    const out = g.map((v) => -v);
    luSolve(matrix, n, pivot, out, out);
    return out;
  };
  const optimum = minimiser(0);
  return { problem, H, g, optimum, optimalCost: totalCost(problem, optimum), minimiser };
}

/** Cost of controls, written as plainly as it can be: what rollouts are compared with. */
export function totalCost(problem: Problem, us: Float64Array): number {
  let x = Float64Array.from(problem.x0);
  let sum = 0;
  for (let t = 0; t < problem.horizon; t++) {
    const u = us.slice(t * problem.nu, (t + 1) * problem.nu);
    sum += problem.cost(x, u, t);
    const next = new Float64Array(problem.nx);
    problem.dynamics(x, u, t, next);
    x = next;
  }
  return sum + problem.terminalCost(x);
}

/** A pendulum that hangs down and shall stand, with torque for less than half of its weight. */
export function pendulum(horizon = 60): Problem {
  const dt = 0.05;
  const weight = 9.81;
  const wanted = Math.PI;
  return {
    nx: 2,
    ndx: 2,
    nu: 1,
    horizon,
    x0: new Float64Array(2),
    lower: Float64Array.of(-4),
    upper: Float64Array.of(4),
    dynamics(x, u, _t, out) {
      const v = x[1]! + dt * (u[0]! - weight * Math.sin(x[0]!) - 0.1 * x[1]!);
      out[1] = v;
      out[0] = x[0]! + dt * v;
    },
    dynamicsDerivatives(x, _u, _t, fx, fu) {
      const dv = -dt * weight * Math.cos(x[0]!);
      const vv = 1 - 0.1 * dt;
      fx[2] = dv;
      fx[3] = vv;
      fx[0] = 1 + dt * dv;
      fx[1] = dt * vv;
      fu[1] = dt;
      fu[0] = dt * dt;
    },
    cost: (x, u) => dt * (1 + Math.cos(x[0]!) + 0.01 * x[1]! ** 2 + 0.01 * u[0]! ** 2),
    terminalCost: (x) => 10 * (x[0]! - wanted) ** 2 + x[1]! ** 2,
    costDerivatives(x, u, _t, lx, lu, lxx, lux, luu) {
      lx[0] = -dt * Math.sin(x[0]!);
      lx[1] = 0.02 * dt * x[1]!;
      lu[0] = 0.02 * dt * u[0]!;
      lxx.fill(0);
      lxx[0] = -dt * Math.cos(x[0]!);
      lxx[3] = 0.02 * dt;
      lux.fill(0);
      luu[0] = 0.02 * dt;
    },
    terminalDerivatives(x, lx, lxx) {
      lx[0] = 20 * (x[0]! - wanted);
      lx[1] = 2 * x[1]!;
      lxx.fill(0);
      lxx[0] = 20;
      lxx[3] = 2;
    },
  };
}

/** The pendulum with its angle as a point on the circle: nx = 3 (cos, sin, speed), ndx = 2. */
export function circlePendulum(horizon = 20): Problem {
  const flat = pendulum(horizon);
  const angle = new Float64Array(2);
  const stepped = new Float64Array(2);
  const read = (x: Float64Array): Float64Array => {
    angle[0] = Math.atan2(x[1]!, x[0]!);
    angle[1] = x[2]!;
    return angle;
  };
  const write = (theta: number, speed: number, out: Float64Array): void => {
    out[0] = Math.cos(theta);
    out[1] = Math.sin(theta);
    out[2] = speed;
  };
  const wrap = (a: number): number => a - 2 * Math.PI * Math.round(a / (2 * Math.PI));
  return {
    ...flat,
    nx: 3,
    x0: Float64Array.of(1, 0, 0.3),
    dynamics(x, u, t, out) {
      flat.dynamics(read(x), u, t, stepped);
      write(stepped[0]!, stepped[1]!, out);
    },
    dynamicsDerivatives: (x, u, t, fx, fu) => flat.dynamicsDerivatives(read(x), u, t, fx, fu),
    cost: (x, u, t) => flat.cost(read(x), u, t),
    costDerivatives: (x, u, t, lx, lu, lxx, lux, luu) =>
      flat.costDerivatives(read(x), u, t, lx, lu, lxx, lux, luu),
    terminalCost: (x) => 10 * (1 + x[0]!) + x[2]! ** 2,
    terminalDerivatives(x, lx, lxx) {
      lx[0] = -10 * x[1]!;
      lx[1] = 2 * x[2]!;
      lxx.fill(0);
      lxx[0] = -10 * x[0]!;
      lxx[3] = 2;
    },
    difference(a, b, out) {
      out[0] = wrap(Math.atan2(b[1]!, b[0]!) - Math.atan2(a[1]!, a[0]!));
      out[1] = b[2]! - a[2]!;
    },
    integrate: (x, dx, out) => write(Math.atan2(x[1]!, x[0]!) + dx[0]!, x[2]! + dx[1]!, out),
  };
}

/** The quadratic problem, whose model has no answer where a control exceeds `most` (0: nowhere but at the start). */
export function fragile(most: number, horizon = 10): Problem {
  const { problem } = quadratic(3, 3, 2, horizon);
  return {
    ...problem,
    dynamics(x, u, t, out) {
      problem.dynamics(x, u, t, out);
      for (let j = 0; j < u.length; j++) if (Math.abs(u[j]!) > most) out[0] = Number.NaN;
    },
  };
}
