/** Constraints by augmented Lagrangian: against problems whose constrained optimum is known. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AugmentedLagrangian, ConstrainedProblem } from '../../src/plan/augmented/solver.ts';
import { JointResidual } from '../../src/plan/cost/arm.ts';
import { RelaxedBarrier } from '../../src/plan/cost/norm.ts';
import { PolicyResidual } from '../../src/plan/cost/policy.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import type { Residual } from '../../src/plan/cost/residual.ts';
import type { System } from '../../src/plan/dynamics/system.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { allClose } from '../support/close.ts';

const dt = 0.05;
const T = 40;
/** A mass on a line pushed by u: x = (q, v). */
const mass: System = {
  nx: 2,
  ndx: 2,
  nu: 1,
  semiImplicitStep: dt,
  dynamics: (x, u, _t, out) => {
    out[1] = x[1]! + dt * u[0]!;
    out[0] = x[0]! + dt * out[1]!;
  },
  dynamicsDerivatives: (_x, _u, _t, fx, fu) => {
    fx.set([1, dt, 0, 1]);
    fu.set([dt * dt, dt]);
  },
  dynamicsHessian: () => {},
};
const control = { residual: new JointResidual('u', 1), weight: 1 };

/** r = x_i - c at stages that `on` picks, else a constant that holds. */
const pinned = (i: number, c: number, sign: number, on: (t: number) => boolean): Residual => ({
  name: 'pinned',
  size: 1,
  at: i,
  count: 1,
  diagonal: true,
  evaluate: (x, _u, t, r) => {
    r[0] = on(t) ? sign * (x[i]! - c) : sign > 0 ? 0 : -1;
  },
  linearise(x, u, t, r, J) {
    this.evaluate(x, u, t, r);
    J[0] = on(t) ? sign : 0;
  },
});

describe('augmented Lagrangian', () => {
  it('reaches a state exactly, at the least effort in closed form', () => {
    const problem = new ConstrainedProblem({ system: mass, horizon: T, dt, terms: [control] }, [
      { residual: pinned(0, 1, 1, (t) => t === T), kind: 'zero', final: true },
      { residual: pinned(1, 0, 1, (t) => t === T), kind: 'zero', final: true },
    ]);
    const solver = new AugmentedLagrangian(new IlqrSolver({ tolerance: 1e-14 }), { tolerance: 1e-9 });
    solver.allocate(problem);
    const result = solver.solve();
    assert.ok(result.converged, `${result.violations}`);
    allClose(result.inner.xs.slice(2 * T), [1, 0], { atol: 1e-9 });
    // Least |u|² with Σ dt (T - t) dt u_t = 1 and Σ dt u_t = 0: u = α (T - t) + β, two equations.
    const s = [0, 0, 0];
    for (let t = 0; t < T; t++) {
      const w = T - t;
      s[0]! += 1;
      s[1]! += w;
      s[2]! += w * w;
    }
    const alpha = 1 / (dt * dt * (s[2]! - (s[1]! * s[1]!) / s[0]!));
    const beta = (-alpha * s[1]!) / s[0]!;
    allClose(
      result.inner.us,
      Array.from({ length: T }, (_, t) => alpha * (T - t) + beta),
      { atol: 1e-6 },
    );
  });

  it('keeps a speed limit, active where it must be and free elsewhere', () => {
    for (const inner of [new IlqrSolver({ tolerance: 1e-13 }), new FddpSolver({ tolerance: 1e-13 })]) {
      const limit = 0.7;
      const problem = new ConstrainedProblem(
        {
          system: mass,
          horizon: T,
          dt,
          terms: [
            control,
            { residual: new JointResidual('q', 1, { target: Float64Array.of(1) }), final: 1e4 },
          ],
        },
        [{ residual: pinned(1, limit, 1, () => true), kind: 'below' }],
      );
      const solver = new AugmentedLagrangian(inner, { tolerance: 1e-7, maxRounds: 40 });
      solver.allocate(problem);
      const free = new CostProblem({
        system: mass,
        horizon: T,
        dt,
        terms: [control, { residual: new JointResidual('q', 1, { target: Float64Array.of(1) }), final: 1e4 }],
      });
      const unlimited = new IlqrSolver();
      unlimited.allocate(free);
      const without = unlimited.solve();
      const speeds = (xs: Float64Array): number[] => Array.from({ length: T }, (_, t) => xs[2 * t + 1]!);
      assert.ok(Math.max(...speeds(without.xs)) > limit + 0.03, 'the limit must matter');
      const result = solver.solve();
      assert.ok(result.converged, `${result.violations}`);
      const got = speeds(result.inner.xs);
      assert.ok(Math.max(...got) <= limit + 1e-7);
      assert.ok(got.filter((v) => v > limit - 1e-5).length >= 3, `${got}`);
      const { multipliers } = problem.norms[0]!;
      for (let t = 0; t < T; t++) {
        assert.ok(multipliers[t]! >= 0);
        if (got[t]! < limit - 1e-3) assert.equal(multipliers[t], 0, `stage ${t} is free`);
      }
    }
  });

  it('holds a plan to a policy: u = π(x)', () => {
    const policy = {
      ndx: 2,
      nu: 1,
      action: (x: Float64Array, _t: number, out: Float64Array): void => {
        out[0] = -4 * (x[0]! - 1) - 3 * x[1]!;
      },
      jacobian: (_x: Float64Array, _t: number, out: Float64Array): void => {
        out.set([-4, -3]);
      },
    };
    const problem = new ConstrainedProblem({ system: mass, horizon: T, dt, terms: [control] }, [
      { residual: new PolicyResidual(policy), kind: 'zero' },
    ]);
    const solver = new AugmentedLagrangian(new IlqrSolver({ tolerance: 1e-13 }), { tolerance: 1e-8 });
    solver.allocate(problem);
    const result = solver.solve();
    assert.ok(result.converged, `${result.violations}`);
    // Where the plan must obey the policy everywhere, it is the policy's own rollout.
    const x = Float64Array.of(0, 0);
    const [u, next] = [new Float64Array(1), new Float64Array(2)];
    for (let t = 0; t < T; t++) {
      policy.action(x, t, u);
      allClose([result.inner.us[t]!], [u[0]!], { atol: 1e-6, what: `u[${t}]` });
      mass.dynamics(x, u, t, next);
      x.set(next);
    }
    const violation = result.violations;
    assert.ok(violation.at(-1)! < violation[0]! / 100, `${violation}`);
  });

  it('says when it did not converge, and refuses a problem without constraints', () => {
    // Two constraints that contradict each other.
    const problem = new ConstrainedProblem({ system: mass, horizon: 5, dt, terms: [control] }, [
      { residual: pinned(0, 1, 1, (t) => t === 3), kind: 'zero' },
      { residual: pinned(0, -1, 1, (t) => t === 3), kind: 'zero' },
    ]);
    const solver = new AugmentedLagrangian(new IlqrSolver(), { maxRounds: 6 });
    solver.allocate(problem);
    const result = solver.solve();
    assert.equal(result.converged, false);
    assert.ok(result.violations.at(-1)! > 0.9);
    const plain = new ConstrainedProblem({ system: mass, horizon: 5, dt, terms: [control] }, []);
    assert.throws(() => solver.allocate(plain), { code: 'PLAN_PROBLEM_INVALID' });
  });
});

describe('relaxed barrier', () => {
  it('keeps away from a limit, the nearer the smaller its weight', () => {
    const limit = 0.7;
    const peak = (weight: number): number => {
      const problem = new CostProblem({
        system: mass,
        horizon: T,
        dt,
        terms: [
          control,
          { residual: new JointResidual('q', 1, { target: Float64Array.of(1) }), final: 1e4 },
          { residual: pinned(1, limit, 1, () => true), norm: new RelaxedBarrier(1e-3), weight },
        ],
      });
      const solver = new IlqrSolver({ maxIterations: 300 });
      solver.allocate(problem);
      const result = solver.solve();
      assert.equal(result.status, 'converged');
      return Math.max(...Array.from({ length: T }, (_, t) => result.xs[2 * t + 1]!));
    };
    const [strong, weak] = [peak(0.1), peak(1e-3)];
    assert.ok(strong < weak && weak < limit, `${strong}, ${weak}`);
  });
});
