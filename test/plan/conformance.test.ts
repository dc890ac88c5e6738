/** One suite over every registered solver: the contract of src/plan/solver.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SOLVERS, type SolverName } from '../../src/plan/index.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Solver } from '../../src/plan/solver.ts';
import { allClose } from '../support/close.ts';
import { HeldPendulum, Pendulum, randomLq, rollOut } from './problems.ts';

const names = Object.keys(SOLVERS) as SolverName[];
const T = 20;

/** What the solver can be asked: with limits where it takes them. */
function problemFor(name: SolverName): Pendulum {
  return SOLVERS[name].limits ? new Pendulum(T, 3) : new HeldPendulum(T);
}

function inLimits(us: Float64Array, problem: Problem): void {
  us.forEach((u, i) => {
    const { lower, upper, nu } = problem;
    assert.ok(u >= (lower?.[i % nu] ?? -Infinity) && u <= (upper?.[i % nu] ?? Infinity), `us[${i}] = ${u}`);
  });
}

/** A problem with one thing changed. */
const changed = (problem: Problem, change: Partial<Record<keyof Problem, unknown>>): Problem =>
  Object.assign(Object.create(problem) as object, change) as Problem;

for (const name of names) {
  const entry = SOLVERS[name];
  describe(name, () => {
    const start = (
      problem: Problem = problemFor(name),
      options = {},
    ): { solver: Solver; problem: Problem } => {
      const solver = entry.create({ maxIterations: 30, ...options });
      solver.allocate(problem);
      return { solver, problem };
    };
    const us = Float64Array.from({ length: T }, (_, t) => Math.sin(t));

    it('is named as it is registered, and has no plan before the first solve', () => {
      const solver = entry.create();
      assert.equal(solver.name, name);
      solver.allocate(problemFor(name));
      assert.equal(solver.result.valid, false);
      assert.equal(solver.result.status === 'converged', false);
    });

    it('refuses sizes, horizons and limits that make no sense', () => {
      const good = problemFor(name);
      const wrong: Partial<Record<keyof Problem, unknown>>[] = [
        { horizon: 0 },
        { horizon: 2.5 },
        { nu: 0 },
        { nx: 3 },
        { x0: new Float64Array(3) },
        { ndx: 3 },
        { ndx: 1 },
        { lower: Float64Array.of(1), upper: Float64Array.of(-1) },
        { lower: Float64Array.of(Number.NaN), upper: null },
        { lower: null, upper: new Float64Array(2) },
      ];
      for (const change of wrong) {
        const solver = entry.create();
        assert.throws(
          () => solver.allocate(changed(good, change)),
          { code: 'PLAN_PROBLEM_INVALID' },
          JSON.stringify(change),
        );
      }
    });

    it('refuses warm starts of another size, and keeps its plan', () => {
      const { solver } = start();
      solver.solve({ us });
      const kept = solver.result.us.slice();
      assert.throws(() => solver.reset({ us: new Float64Array(T + 1) }), { code: 'LENGTH_MISMATCH' });
      assert.throws(() => solver.reset({ us, xs: new Float64Array(3) }), { code: 'LENGTH_MISMATCH' });
      assert.throws(() => solver.reset({ us, gains: new Float64Array(3) }), { code: 'LENGTH_MISMATCH' });
      assert.deepEqual(solver.result.us, kept);
    });

    it('gives a plan that is its own rollout, within limits and no worse than the start', () => {
      const { solver, problem } = start();
      const result = solver.solve({ us });
      assert.ok(result.valid && result.failure === null);
      assert.ok(['converged', 'max-iterations'].includes(result.status), result.status);
      inLimits(result.us, problem);
      const own = rollOut(problem, result.us);
      allClose([result.cost], [own.cost], { rtol: 1e-12 });
      allClose(result.xs, own.xs, { atol: 1e-12 });
      // LQR takes its one step without a line search.
      if (name !== 'lqr') assert.ok(result.cost <= rollOut(problem, us).cost);
      assert.equal(result.gains.length, T * 2);
      assert.equal(result.steps.length, T);
      assert.equal(result.Vx.length, (T + 1) * 2);
      assert.equal(result.Vxx.length, (T + 1) * 4);
      for (const a of [result.gains, result.steps, result.Vx, result.Vxx])
        assert.ok(a.every(Number.isFinite));
      assert.equal(
        result.gains.some((k) => k !== 0),
        entry.feedback,
      );
      assert.ok(result.iterations >= 1 && result.log.rows >= 1 && result.time >= 0);
      assert.equal(result.log.data.length % result.log.columns.length, 0);
    });

    it('goes by hand as it goes alone, and ends where it ended', () => {
      const { solver } = start();
      const whole = solver.solve({ us }).us.slice();
      const other = start().solver;
      assert.ok(other.reset({ us }));
      let count = 0;
      while (other.iterate() === 'running') count++;
      assert.ok(count < 1000);
      allClose(other.result.us, whole, { atol: 0, rtol: 0 });
      const { status, iterations } = other.result;
      assert.equal(other.iterate(), status);
      assert.equal(other.result.iterations, iterations);
    });

    it('starts from zero controls, held to limits, without a warm start; holds a warm start to limits too', () => {
      if (!entry.limits) return assert.ok(start().solver.solve().valid);
      const problem = new Pendulum(T, 3);
      problem.lower![0] = 0.5;
      const { solver } = start(problem);
      assert.ok(solver.reset());
      assert.ok(solver.result.us.every((u) => u === 0.5));
      assert.ok(solver.reset({ us: new Float64Array(T).fill(100) }));
      assert.ok(solver.result.us.every((u) => u === 3));
      solver.solve();
      inLimits(solver.result.us, problem);
      // Limits that turned to nonsense between solves.
      problem.lower![0] = 4;
      assert.throws(() => solver.reset(), { code: 'PLAN_PROBLEM_INVALID' });
    });

    it('reads the state and the limits anew at each solve', () => {
      const { solver, problem } = start();
      solver.solve({ us });
      problem.x0.set([1, -0.5]);
      const result = solver.solve({ us: solver.result.us });
      allClose(result.xs.slice(0, 2), [1, -0.5], { atol: 0 });
      allClose(result.xs, rollOut(problem, result.us).xs, { atol: 1e-12 });
    });

    it('started at its own plan it does not get worse', () => {
      const { solver } = start();
      const first = solver.solve({ us });
      const cost = first.cost;
      const again = solver.solve({ us: first.us.slice() });
      if (name !== 'lqr') assert.ok(again.cost <= cost + 1e-12 * (1 + Math.abs(cost)));
    });

    it('fails by name when the start gives no number, and keeps the last good plan', () => {
      const { solver, problem } = start();
      solver.solve({ us });
      const kept = { us: solver.result.us.slice(), cost: solver.result.cost };
      (problem as Pendulum).breaksAt = 0;
      const result = solver.solve({ us });
      assert.equal(result.status, 'failed');
      assert.equal(result.failure?.code, 'PLAN_NOT_FINITE');
      assert.match(result.failure!.message, /stage 0/);
      assert.ok(result.valid);
      assert.deepEqual(result.us, kept.us);
      assert.equal(result.cost, kept.cost);
      (problem as Pendulum).breaksAt = Number.POSITIVE_INFINITY;
      assert.notEqual(solver.solve({ us }).status, 'failed', 'and it goes on when the model does');
      assert.equal(solver.result.failure, null);
    });

    it('steps round controls at which the model breaks', () => {
      const problem = problemFor(name);
      problem.breaksAt = 2.5;
      const { solver } = start(problem);
      const result = solver.solve({ us });
      // LQR has one step and no other, and descent along the gradient may end where the model breaks; the plan stays whole.
      if (name !== 'lqr' && entry.kind !== 'gradient') assert.equal(result.failure, null);
      assert.ok(result.valid && result.us.every((u) => Math.abs(u) < 2.5));
      assert.ok(result.xs.every(Number.isFinite));
    });

    it('ends at its time limit with the best plan so far', () => {
      let now = 0;
      const problem = problemFor(name);
      const { solver } = start(problem, { maxTime: 5, maxIterations: 1000, clock: () => now });
      const { dynamics } = problem;
      // A clock that runs with the model: a hundredth of a second per step.
      problem.dynamics = (x, u, t, out) => {
        now += 0.01;
        dynamics.call(problem, x, u, t, out);
      };
      assert.ok(solver.reset({ us }));
      now = 4.999;
      while (solver.iterate() === 'running');
      assert.ok(solver.result.valid);
      if (name !== 'lqr') assert.equal(solver.result.status, 'max-time');
      inLimits(solver.result.us, problem);
      allClose(solver.result.xs, rollOut(problem, solver.result.us).xs, { atol: 1e-12 });
    });

    if (entry.kind === 'newton') {
      it('finds the optimum of a linear-quadratic problem', () => {
        const problem = randomLq(31, 4, 2, 8);
        const solver = entry.create({ maxIterations: 60 });
        solver.allocate(problem);
        const result = solver.solve();
        assert.equal(result.status, 'converged');
        const exact = SOLVERS.lqr.create();
        exact.allocate(problem);
        const best = exact.solve();
        assert.ok(
          result.cost - best.cost <= 1e-8 * (1 + Math.abs(best.cost)),
          `${result.cost}, ${best.cost}`,
        );
      });

      it('fails by name when derivatives are no numbers, with the start for a plan', () => {
        const problem = problemFor(name);
        const { dynamicsDerivatives } = problem;
        problem.dynamicsDerivatives = (x, u, t, fx, fu) => {
          dynamicsDerivatives.call(problem, x, u, t, fx, fu);
          if (t === 7) fx[2] = Number.NaN;
        };
        const { solver } = start(problem);
        const result = solver.solve({ us });
        assert.equal(result.status, 'failed');
        assert.equal(result.failure?.code, 'PLAN_NOT_FINITE');
        assert.match(result.failure!.message, /stage 7/);
        assert.ok(result.valid);
        allClose(result.us, us, { atol: 0 });
      });
    }
  });
}
