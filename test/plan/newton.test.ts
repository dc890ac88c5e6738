/** iLQR, DDP and multiple shooting on problems that are not linear. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quatMul, quatNormalize } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { DdpSolver } from '../../src/plan/ddp/solver.ts';
import type { DescentSolver } from '../../src/plan/descent/solver.ts';
import { DifferenceSystem } from '../../src/plan/dynamics/differences.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { logTable, logValue } from '../../src/plan/log.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { allClose } from '../support/close.ts';
import { denseKkt, Pendulum, rollOut } from './problems.ts';

const kinds = { ilqr: IlqrSolver, ddp: DdpSolver, fddp: FddpSolver } as const;

/** The gradient of the cost with respect to the controls, by the adjoint equation. */
function gradient(problem: Pendulum, us: Float64Array): Float64Array {
  const T = problem.horizon;
  const { xs } = rollOut(problem, us);
  const out = new Float64Array(T);
  const fx = new Float64Array(4);
  const fu = new Float64Array(2);
  const lx = new Float64Array(2);
  const lu = new Float64Array(1);
  const rest = new Float64Array(4);
  const p = new Float64Array(2);
  problem.terminalDerivatives(xs.slice(2 * T), p, rest);
  for (let t = T - 1; t >= 0; t--) {
    const x = xs.slice(2 * t, 2 * t + 2);
    const u = us.slice(t, t + 1);
    problem.dynamicsDerivatives(x, u, t, fx, fu);
    problem.costDerivatives(x, u, t, lx, lu, rest, new Float64Array(2), new Float64Array(1));
    out[t] = lu[0]! + fu[0]! * p[0]! + fu[1]! * p[1]!;
    const [a, b] = p;
    p[0] = lx[0]! + fx[0]! * a! + fx[2]! * b!;
    p[1] = lx[1]! + fx[1]! * a! + fx[3]! * b!;
  }
  return out;
}

const costs = (solver: DescentSolver): number[] =>
  Array.from({ length: solver.result.log.rows }, (_, r) => logValue(solver.result.log, r, 'cost'));

describe('swinging a pendulum up', () => {
  for (const [name, Kind] of Object.entries(kinds)) {
    it(`${name} reaches a stationary point, each step lowering the cost`, () => {
      const problem = new Pendulum(60);
      const solver = new Kind({ maxIterations: 300 });
      solver.allocate(problem);
      const result = solver.solve({ us: new Float64Array(60).fill(0.5) });
      assert.equal(result.status, 'converged', logTable(result.log));
      assert.ok(Math.abs(result.xs[120]! - Math.PI) < 0.2, `it ends at ${result.xs[120]} rad`);
      const us = result.us.slice();
      assert.ok(Math.max(...gradient(problem, us).map(Math.abs)) < 1e-4);
      const list = costs(solver);
      assert.ok(list.length > 3);
      list.forEach((c, i) => {
        assert.ok(i === 0 || c <= list[i - 1]!, `row ${i}: ${c} after ${list[i - 1]}`);
      });
      const own = rollOut(problem, us);
      allClose([result.cost], [own.cost], { rtol: 1e-13 });
      assert.deepEqual([...result.xs], [...own.xs]);
    });

    it(`${name} under torque limits satisfies the conditions of optimality`, () => {
      const problem = new Pendulum(80, 4);
      const solver = new Kind({ maxIterations: 500 });
      solver.allocate(problem);
      const rng = new Rng(3);
      const result = solver.solve({ us: Float64Array.from({ length: 80 }, () => rng.normal()) });
      assert.equal(result.status, 'converged', logTable(result.log));
      const us = result.us.slice();
      const g = gradient(problem, us);
      let held = 0;
      us.forEach((u, t) => {
        assert.ok(Math.abs(u) <= 4, `u[${t}] = ${u}`);
        if (u > -4) assert.ok(g[t]! < 1e-4, `u[${t}] could go down`);
        if (u < 4) assert.ok(g[t]! > -1e-4, `u[${t}] could go up`);
        if (Math.abs(u) < 4) return;
        held++;
        assert.equal(
          Math.abs(result.gains[2 * t]!) + Math.abs(result.gains[2 * t + 1]!),
          0,
          'no feedback at a limit',
        );
      });
      assert.ok(held > 5 && held < 80, `${held} stages at a limit`);
    });
  }

  it('DDP converges quadratically where iLQR is linear', () => {
    const solve = (Kind: typeof IlqrSolver) => {
      const problem = new Pendulum(60);
      const solver = new Kind({ tolerance: 0, maxIterations: 200 });
      solver.allocate(problem);
      // Near the optimum, but not at it.
      const near = new IlqrSolver({ maxIterations: 300, tolerance: 1e-6 });
      near.allocate(problem);
      const us = near.solve({ us: new Float64Array(60).fill(0.5) }).us.map((u, t) => u + 0.05 * Math.sin(t));
      const best = new DdpSolver({ tolerance: 0, maxIterations: 200 });
      best.allocate(problem);
      const optimum = best.solve({ us }).us.slice();
      const errors: number[] = [];
      assert.ok(solver.reset({ us }));
      const note = (): void => {
        errors.push(Math.sqrt(solver.result.us.reduce((s, u, t) => s + (u - optimum[t]!) ** 2, 0)));
      };
      note();
      while (solver.iterate() === 'running') note();
      return errors;
    };
    const ddp = solve(DdpSolver);
    const ilqr = solve(IlqrSolver);
    // e' ≤ C e² with the C of the first step, until rounding.
    const steps = ddp.filter((e) => e > 1e-9);
    assert.ok(steps.length >= 3, `errors ${ddp}`);
    for (let i = 1; i + 1 < steps.length; i++) {
      const order = Math.log(steps[i + 1]! / steps[i]!) / Math.log(steps[i]! / steps[i - 1]!);
      assert.ok(order > 1.6, `order ${order} at step ${i}: ${ddp}`);
    }
    const rates = ilqr.filter((e) => e > 1e-7).map((e, i, all) => (i === 0 ? 0 : e / all[i - 1]!));
    assert.ok(rates.length > steps.length + 2, `iLQR: ${ilqr}`);
    assert.ok(
      rates.slice(-3).every((r) => r > 0.01 && r < 0.95),
      `linear: ${rates}`,
    );
  });
});

describe('multiple shooting', () => {
  it('closes the gaps of a warm start that no rollout gives, where rolling it out is worse', () => {
    const problem = new Pendulum(60, 30);
    const T = 60;
    // The motion one would like, with no thought of torque.
    const xs = Float64Array.from({ length: 2 * (T + 1) }, (_, i) =>
      i % 2 === 0 ? (Math.PI * (i >> 1)) / T : Math.PI / (T * 0.05),
    );
    const us = new Float64Array(T);
    const open = new FddpSolver({ maxIterations: 200 });
    open.allocate(problem);
    const result = open.solve({ us, xs });
    assert.equal(result.status, 'converged', logTable(result.log));
    assert.ok(result.valid && result.gap === 0);
    assert.deepEqual([...result.xs], [...rollOut(problem, result.us).xs]);
    assert.ok(logValue(result.log, 0, 'gap') > 0.05);
    const left = denseKkt(problem, result.xs, result.us);
    assert.ok(Math.max(...left.du.map(Math.abs)) < 1e-3);
    const shot = new IlqrSolver({ maxIterations: 200 });
    shot.allocate(problem);
    const single = shot.solve({ us });
    assert.ok(result.iterations < single.iterations || result.cost < single.cost - 1e-6);
  });

  it('gaps shrink by the step, and only a full step closes them', () => {
    const problem = new Pendulum(40, 6);
    const rng = new Rng(5);
    const xs = Float64Array.from({ length: 82 }, () => 2 * rng.normal());
    const solver = new FddpSolver({ maxIterations: 200 });
    solver.allocate(problem);
    const result = solver.solve({ us: new Float64Array(40), xs });
    assert.ok(result.valid, logTable(result.log));
    const { log } = result;
    for (let r = 1; r < log.rows; r++) {
      const before = logValue(log, r - 1, 'gap');
      const step = logValue(log, r - 1, 'step');
      const after = logValue(log, r, 'gap');
      const want = before * (1 - step);
      assert.ok(Math.abs(after - want) <= 1e-12 * before, `row ${r}: ${after}, not ${want}`);
    }
    assert.equal(logValue(log, log.rows - 1, 'gap'), 0);
  });

  it('keeps the last good plan while gaps are open', () => {
    const problem = new Pendulum(40, 6);
    const solver = new FddpSolver({ maxIterations: 100 });
    solver.allocate(problem);
    const good = solver.solve({ us: new Float64Array(40).fill(1) });
    const [us, gains, cost] = [good.us.slice(), good.gains.slice(), good.cost];
    const rng = new Rng(6);
    const xs = Float64Array.from({ length: 82 }, () => 30 * rng.normal());
    assert.ok(solver.reset({ us: new Float64Array(40), xs }));
    assert.ok(solver.result.valid);
    assert.deepEqual([...solver.result.us], [...us]);
    assert.deepEqual([...solver.result.gains], [...gains]);
    // Then a start that cannot be rolled out at all: still the good one.
    xs[3] = Number.NaN;
    assert.equal(solver.reset({ us: new Float64Array(40), xs }), false);
    assert.equal(solver.result.failure?.code, 'PLAN_NOT_FINITE');
    assert.ok(solver.result.valid);
    assert.equal(solver.result.cost, cost);
    assert.deepEqual([...solver.result.us], [...us]);
  });
});

describe('states with quaternions', () => {
  /** A body that is turned by torques: x = (quaternion x y z w, ω), tangent (rotation vector, ω) in the base. */
  const dt = 0.05;
  const turn = (q: Float64Array, w: Float64Array, at: number, scale: number, out: Float64Array): void => {
    const [a, b, c] = [w[at]! * scale, w[at + 1]! * scale, w[at + 2]! * scale];
    const angle = Math.hypot(a, b, c);
    const s = angle < 1e-12 ? 0.5 : Math.sin(angle / 2) / angle;
    quatMul(out, 0, Float64Array.of(a * s, b * s, c * s, Math.cos(angle / 2)), 0, q, 0);
    quatNormalize(out, 0);
  };
  const between = (a: Float64Array, b: Float64Array, out: Float64Array): void => {
    const d = new Float64Array(4);
    quatMul(d, 0, b, 0, Float64Array.of(-a[0]!, -a[1]!, -a[2]!, a[3]!), 0);
    if (d[3]! < 0) for (let i = 0; i < 4; i++) d[i]! *= -1;
    const sine = Math.hypot(d[0]!, d[1]!, d[2]!);
    const scale = sine < 1e-12 ? 2 : (2 * Math.atan2(sine, d[3]!)) / sine;
    for (let i = 0; i < 3; i++) out[i] = d[i]! * scale;
  };
  const body = new DifferenceSystem({
    nx: 7,
    ndx: 6,
    nu: 3,
    step: (x, u, out) => {
      for (let i = 0; i < 3; i++) out[4 + i] = x[4 + i]! + dt * u[i]!;
      turn(x, out, 4, dt, out);
    },
    integrate: (x, dx, out) => {
      for (let i = 0; i < 3; i++) out[4 + i] = x[4 + i]! + dx[3 + i]!;
      turn(x, dx, 0, 1, out);
    },
    difference: (a, b, out) => {
      between(a, b, out);
      for (let i = 0; i < 3; i++) out[3 + i] = b[4 + i]! - a[4 + i]!;
    },
  });
  // Half of Σ |u|² and, at the end, of the turn that is left and the speed. ∂ of the turn is taken as the identity's: it is
  // near where the cost matters, at the target.
  const target = Float64Array.of(Math.sin(0.6), 0, 0, Math.cos(0.6));
  const left = new Float64Array(3);
  const problem: Problem = {
    nx: 7,
    ndx: 6,
    nu: 3,
    horizon: 30,
    x0: Float64Array.of(0, 0, 0, 1, 0, 0, 0),
    lower: new Float64Array(3).fill(-2),
    upper: new Float64Array(3).fill(2),
    dynamics: (x, u, t, out) => body.dynamics(x, u, t, out),
    dynamicsDerivatives: (x, u, t, fx, fu) => body.dynamicsDerivatives(x, u, t, fx, fu),
    difference: (a, b, out) => body.difference!(a, b, out),
    integrate: (x, dx, out) => body.integrate!(x, dx, out),
    cost: (_x, u) => 0.005 * (u[0]! ** 2 + u[1]! ** 2 + u[2]! ** 2),
    terminalCost: (x) => {
      between(target, x, left);
      return (
        50 * (left[0]! ** 2 + left[1]! ** 2 + left[2]! ** 2) + 5 * (x[4]! ** 2 + x[5]! ** 2 + x[6]! ** 2)
      );
    },
    costDerivatives: (_x, u, _t, lx, lu, lxx, lux, luu) => {
      lx.fill(0);
      lxx.fill(0);
      lux.fill(0);
      luu.fill(0);
      for (let i = 0; i < 3; i++) {
        lu[i] = 0.01 * u[i]!;
        luu[4 * i] = 0.01;
      }
    },
    terminalDerivatives: (x, lx, lxx) => {
      between(target, x, left);
      lxx.fill(0);
      for (let i = 0; i < 3; i++) {
        lx[i] = 100 * left[i]!;
        lx[3 + i] = 10 * x[4 + i]!;
        lxx[7 * i] = 100;
        lxx[7 * (3 + i)] = 10;
      }
    },
  };

  it('are turned along their tangent, by single and by multiple shooting', () => {
    const T = problem.horizon;
    const solutions = [IlqrSolver, FddpSolver].map((Kind) => {
      const solver = new Kind();
      solver.allocate(problem);
      const xs = Float64Array.from({ length: 7 * (T + 1) }, (_, k) => {
        const angle = (0.6 * Math.floor(k / 7)) / T;
        return k % 7 === 0 ? Math.sin(angle) : k % 7 === 3 ? Math.cos(angle) : 0;
      });
      const result = Kind === FddpSolver ? solver.solve({ us: new Float64Array(3 * T), xs }) : solver.solve();
      assert.equal(result.status, 'converged', logTable(result.log));
      assert.equal(result.gains.length, T * 3 * 6);
      between(target, result.xs.slice(7 * T, 7 * T + 4), left);
      assert.ok(Math.hypot(...left) < 0.05, `${left} is left`);
      for (let t = 0; t <= T; t++) {
        const q = result.xs.slice(7 * t, 7 * t + 4);
        assert.ok(Math.abs(Math.hypot(...q) - 1) < 1e-12, 'unit quaternions');
      }
      return result.us.slice();
    });
    allClose(solutions[1]!, solutions[0]!, { atol: 1e-3, what: 'both find the same' });
  });
});
