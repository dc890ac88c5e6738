import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { allocRows, expand, heap } from '../../../src/plan/memory.ts';
import type { Problem } from '../../../src/plan/problem.ts';
import { rolloutControls } from '../../../src/plan/shooting/forward.ts';
import { backward } from '../../../src/plan/shooting/gradient/backward.ts';
import { GRADIENT_DEFAULTS } from '../../../src/plan/shooting/gradient/settings.ts';
import { adam } from '../../../src/plan/shooting/gradient/step.ts';
import { gradientWorkspace } from '../../../src/plan/shooting/gradient/workspace.ts';
import { GradientShooting } from '../../../src/plan/shooting/index.ts';
import { circlePendulum, fragile, pendulum, quadratic, totalCost } from './problems.ts';

const METHODS = ['descent', 'adam'] as const;

/** Problem whose derivatives come all at once, as a model in WebAssembly gives them. */
function bulk(problem: Problem): Problem {
  const { nx, ndx, nu, horizon } = problem;
  return {
    ...problem,
    dynamicsDerivatives: () => assert.fail('stages are not asked for one by one'),
    trajectoryDerivatives(xs, us, fx, fu) {
      for (let t = 0; t < horizon; t++) {
        problem.dynamicsDerivatives(
          xs.subarray(t * nx, (t + 1) * nx),
          us.subarray(t * nu, (t + 1) * nu),
          t,
          fx.subarray(t * ndx * ndx, (t + 1) * ndx * ndx),
          fu.subarray(t * ndx * nu, (t + 1) * ndx * nu),
        );
      }
    },
  };
}

/** Gradient and costates at controls. */
function gradientAt(problem: Problem, us: Float64Array): { gradient: Float64Array; lambda: Float64Array } {
  const w = gradientWorkspace(problem, GRADIENT_DEFAULTS);
  const lambda = allocRows(heap, problem.horizon + 1, problem.ndx);
  const { fx, fu, lx, lu } = w.expansion;
  for (const part of [w.gradient, lambda.flat, fx.flat, fu.flat, lx.flat, lu.flat]) part.fill(Number.NaN);
  w.iterate.us.flat.set(us);
  assert.ok(rolloutControls(problem, w.iterate, { what: '', stage: 0, value: 0 }));
  expand(problem, w.iterate, w.expansion);
  assert.equal(backward(w.expansion, w.gradient, lambda), -1);
  return { gradient: w.gradient, lambda: lambda.flat };
}

/**
 * Central difference of `f` at 0 with the error that it may have: truncation from two step sizes (the error of the finer
 * one is a third of their difference, all of it is allowed), rounding as 2 ε |f| per term of the sum over the step.
 */
function difference(f: (h: number) => number, h: number, terms: number): [number, number] {
  const at = (step: number): number => (f(step) - f(-step)) / (2 * step);
  const [fine, coarse] = [at(h), at(2 * h)];
  return [fine, Math.abs(coarse - fine) + (2 * terms * Number.EPSILON * Math.abs(f(0))) / h];
}

const problems = {
  quadratic: quadratic(1, 4, 2, 10).problem,
  pendulum: pendulum(30),
  'circle pendulum': circlePendulum(),
  'in bulk': bulk(pendulum(12)),
};

describe('the adjoint recursion', () => {
  for (const [name, problem] of Object.entries(problems)) {
    it(`${name}: gradient by every control as by finite differences`, () => {
      const rng = new Rng(3);
      const us = Float64Array.from({ length: problem.horizon * problem.nu }, () => rng.normal());
      const { gradient } = gradientAt(problem, us);
      for (let i = 0; i < us.length; i++) {
        const moved = (h: number): number => {
          const other = us.slice();
          other[i]! += h;
          return totalCost(problem, other);
        };
        const [want, allowed] = difference(moved, 1e-4, problem.horizon);
        assert.ok(Math.abs(gradient[i]! - want) <= allowed, `u[${i}]: ${gradient[i]}, ${want} ± ${allowed}`);
        assert.ok(allowed < 1e-3 * (1 + Math.abs(want)), `u[${i}]: the tolerance ${allowed} says something`);
      }
    });

    it(`${name}: the costate is the gradient by the first state`, () => {
      const rng = new Rng(5);
      const us = Float64Array.from({ length: problem.horizon * problem.nu }, () => rng.normal());
      const { lambda } = gradientAt(problem, us);
      const dx = new Float64Array(problem.ndx);
      for (let i = 0; i < problem.ndx; i++) {
        const moved = (h: number): number => {
          dx.fill(0);
          dx[i] = h;
          const x0 = problem.x0.map((v, k) => v + (problem.ndx === problem.nx ? dx[k]! : 0));
          problem.integrate?.(problem.x0, dx, x0);
          return totalCost({ ...problem, x0 }, us);
        };
        const [want, allowed] = difference(moved, 1e-4, problem.horizon);
        assert.ok(Math.abs(lambda[i]! - want) <= allowed, `λ_0[${i}]: ${lambda[i]}, ${want} ± ${allowed}`);
      }
    });
  }

  it('names the stage whose derivatives are not finite', () => {
    const { problem } = quadratic(1, 3, 2, 6);
    const broken: Problem = {
      ...problem,
      dynamicsDerivatives(x, u, t, fx, fu) {
        problem.dynamicsDerivatives(x, u, t, fx, fu);
        if (t === 4) fu[1] = Number.NaN;
      },
    };
    const solver = new GradientShooting();
    solver.allocate(broken);
    const { status, failure, valid } = solver.solve();
    assert.equal(status, 'failed');
    assert.equal(failure?.code, 'PLAN_NOT_FINITE');
    assert.match(failure.message, /the derivatives at stage 4/);
    assert.ok(valid, 'the start stays the plan');
  });
});

describe('Adam', () => {
  it('takes the steps of the paper: by hand', () => {
    const { problem } = quadratic(1, 1, 1, 2);
    const w = gradientWorkspace(problem, { ...GRADIENT_DEFAULTS, scale: 2 });
    w.low.fill(Number.NEGATIVE_INFINITY);
    w.high.fill(Number.POSITIVE_INFINITY);
    w.iterate.us.flat.set([1, 1]);
    w.gradient.set([3, -0.5]);
    const trial = new Float64Array(2);
    adam(w, 1, 0.1, 0.9, 0.99, trial);
    // First step: m̂ = g, √v̂ = |g|, so rate · scale against the sign of the gradient, whatever its size.
    for (const [i, want] of [0.8, 1.2].entries()) assert.ok(Math.abs(trial[i]! - want) < 1e-7);
    w.iterate.us.flat.set([0, 0]);
    w.gradient.set([-1, -0.5]);
    adam(w, 2, 0.1, 0.9, 0.99, trial);
    // g = 2·(3, then −1): m = 0.9·0.6 + 0.1·(−2) = 0.34, v = 0.99·0.36 + 0.01·4 = 0.3964.
    const want = (-0.1 * 2 * (0.34 / (1 - 0.81))) / Math.sqrt(0.3964 / (1 - 0.9801));
    assert.ok(Math.abs(trial[0]! - want) < 1e-6 * Math.abs(want), `${trial[0]}, want ${want}`);
  });
});

describe('gradient shooting', () => {
  it('descent finds the optimum of a quadratic problem as near as its gradient says', () => {
    for (const seed of [1, 2, 3]) {
      const { problem, H, g, optimum } = quadratic(seed, 4, 2, 10);
      const solver = new GradientShooting({ gradientTolerance: 1e-8, tolerance: 0 });
      solver.allocate(problem);
      const { status, us, iterations, steps } = solver.solve();
      assert.equal(status, 'converged', `seed ${seed} after ${iterations}`);
      // ‖u − u*‖ ≤ ‖∇J‖ / μ; the control cost makes μ ≥ min r ≥ 0.2.
      const n = us.length;
      for (let i = 0; i < n; i++) {
        const bound = (Math.sqrt(n) * 1e-8) / 0.2 + 1e-12;
        assert.ok(Math.abs(us[i]! - optimum[i]!) <= bound, `seed ${seed}, u[${i}]: ${us[i]} ${optimum[i]}`);
        let slope = g[i]!;
        for (let k = 0; k < n; k++) slope += H[i * n + k]! * us[k]!;
        assert.ok(Math.abs(steps[i]! + slope) < 1e-12, 'steps are −gradient where nothing is limited');
      }
    }
  });

  it('with limits it ends where the projected gradient is zero', () => {
    const limits = { lower: new Float64Array(2).fill(-0.3), upper: new Float64Array(2).fill(0.4) };
    const { problem, H, g } = quadratic(6, 4, 2, 10, limits);
    const solver = new GradientShooting({ gradientTolerance: 1e-6, tolerance: 0, scale: 1 });
    solver.allocate(problem);
    const { status, us } = solver.solve();
    assert.equal(status, 'converged');
    const n = us.length;
    const at = { low: 0, free: 0, high: 0 };
    for (let i = 0; i < n; i++) {
      let slope = g[i]!;
      for (let k = 0; k < n; k++) slope += H[i * n + k]! * us[k]!;
      const where = us[i] === -0.3 ? 'low' : us[i] === 0.4 ? 'high' : 'free';
      at[where]++;
      if (where === 'free') assert.ok(Math.abs(slope) < 1e-6, `u[${i}] = ${us[i]}: ${slope}`);
      if (where === 'low') assert.ok(slope > -1e-6);
      if (where === 'high') assert.ok(slope < 1e-6);
    }
    assert.ok(at.low > 0 && at.free > 0 && at.high > 0, 'the problem has all three kinds');
  });

  it('Adam comes within its step of the optimum', () => {
    const { problem, optimalCost } = quadratic(1, 4, 2, 10);
    const solver = new GradientShooting({ method: 'adam', rate: 0.01, maxIterations: 3000, tolerance: 0 });
    solver.allocate(problem);
    const { cost } = solver.solve();
    // It ends in steps of about `rate` per control: J − J* ≤ ½ n L rate², L ≤ 40 for these problems.
    assert.ok(cost - optimalCost < 0.5 * 20 * 40 * 0.01 ** 2, `${cost - optimalCost} above the optimum`);
    assert.ok(cost >= optimalCost - 1e-12);
  });

  for (const method of METHODS) {
    it(`${method} lowers the cost of the swing-up inside its limits, and the plan's cost never rises`, () => {
      const problem = pendulum();
      const solver = new GradientShooting({ method, rate: 0.05 });
      solver.allocate(problem);
      // Hanging still is a saddle: a push breaks the symmetry.
      const us = new Float64Array(60).map((_, t) => Math.sin(t / 4));
      const before = totalCost(problem, us);
      const { cost, log, us: plan } = solver.solve({ us });
      assert.ok(cost < 0.2 * before, `${cost} from ${before}`);
      assert.ok(plan.every((u) => Math.abs(u) <= 4));
      assert.ok(log.rows > 5);
      for (let r = 1; r < log.rows; r++)
        assert.ok(log.data[r * log.columns.length + 1]! <= log.data[(r - 1) * log.columns.length + 1]!);
    });

    it(`${method} steps back from where the model has no answer`, () => {
      const problem = fragile(0.5);
      const solver = new GradientShooting({ method, rate: 0.5 });
      solver.allocate(problem);
      const { status, cost, us } = solver.solve();
      assert.ok(cost < totalCost(problem, new Float64Array(20)));
      assert.ok(Number.isFinite(totalCost(problem, us)), status);
    });
  }

  it('says so when no step helps: derivatives with the wrong sign', () => {
    const { problem } = quadratic(1, 3, 2, 6);
    const wrong: Problem = {
      ...problem,
      costDerivatives(x, u, t, lx, lu, lxx, lux, luu) {
        problem.costDerivatives(x, u, t, lx, lu, lxx, lux, luu);
        for (let j = 0; j < lu.length; j++) lu[j]! -= 100;
      },
    };
    const solver = new GradientShooting();
    solver.allocate(wrong);
    const { status, failure, us } = solver.solve();
    assert.equal(status, 'failed');
    assert.equal(failure?.code, 'PLAN_NO_STEP');
    assert.ok(us.every(Number.isFinite));
  });
});
