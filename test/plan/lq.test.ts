/** Every solver with feedback against the dense solution of its LQ problem, and LQR against what is known in closed form. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../src/math/rng.ts';
import { DdpSolver } from '../../src/plan/ddp/solver.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { LinearQuadratic } from '../../src/plan/lqr/problem.ts';
import { LqrSolver } from '../../src/plan/lqr/solver.ts';
import type { Solver } from '../../src/plan/solver.ts';
import { allClose } from '../support/close.ts';
import { denseKkt, randomLq, rollOut } from './problems.ts';

const T = 10;
/** No regularisation, so that one step is the whole step. */
const exact = { regularisation: { initial: 0, min: 0 } } as const;
const solvers: Record<string, (kernel: 'auto' | 'script') => Solver> = {
  lqr: (kernel) => new LqrSolver({ kernel }),
  ilqr: (kernel) => new IlqrSolver({ ...exact, kernel }),
  ddp: (kernel) => new DdpSolver({ ...exact, kernel }),
  fddp: (kernel) => new FddpSolver({ ...exact, kernel }),
};

describe('against a dense KKT solve', () => {
  for (const [name, create] of Object.entries(solvers)) {
    for (const kernel of ['auto', 'script'] as const) {
      it(`${name} (${kernel}) takes its step and ends at its optimum`, () => {
        for (const [n, m] of [
          [4, 2],
          [14, 7],
          [3, 2],
        ] as const) {
          const problem = randomLq(10 * n + m, n, m, T);
          const rng = new Rng(3);
          const us = Float64Array.from({ length: T * m }, () => rng.normal());
          const { xs } = rollOut(problem, us);
          const { du, dx, multipliers } = denseKkt(problem, xs, us);
          const solver = create(kernel);
          solver.allocate(problem);
          const { result } = solver;
          assert.ok(solver.reset({ us }));
          solver.iterate();
          allClose(
            result.us,
            us.map((u, i) => u + du[i]!),
            { atol: 1e-9, what: `${name} ${n} × ${m}: us` },
          );
          allClose(
            result.xs,
            xs.map((x, i) => x + dx[i]!),
            { atol: 1e-9, what: `${name} ${n} × ${m}: xs` },
          );
          while (solver.iterate() === 'running');
          assert.equal(result.status, 'converged');
          assert.ok(result.iterations <= 2);
          // At the optimum the value's gradient is the multiplier of the state's equation, with the sign of the cost.
          const end = denseKkt(problem, result.xs, result.us);
          allClose(end.du, new Float64Array(T * m), { atol: 1e-9, what: 'what is left' });
          if (name !== 'lqr')
            allClose(
              result.Vx,
              multipliers.map((v) => -v),
              { atol: 1e-8, what: 'Vx' },
            );
          assert.ok(
            Math.abs(result.cost - rollOut(problem, result.us).cost) <= 1e-9 * (1 + Math.abs(result.cost)),
          );
        }
      });
    }
  }

  it('FDDP takes the dense step from states that are no rollout, and closes the gaps', () => {
    for (const kernel of ['auto', 'script'] as const) {
      const problem = randomLq(77, 6, 3, T);
      const rng = new Rng(4);
      const us = Float64Array.from({ length: T * 3 }, () => rng.normal());
      const xs = Float64Array.from({ length: (T + 1) * 6 }, () => rng.normal());
      const { du, dx } = denseKkt(problem, xs, us);
      const solver = new FddpSolver({ ...exact, kernel });
      solver.allocate(problem);
      assert.ok(solver.reset({ us, xs }));
      assert.ok(solver.result.gap > 0.1 && !solver.result.valid);
      solver.iterate();
      assert.ok(solver.result.valid && solver.result.gap === 0);
      const want = us.map((u, i) => u + du[i]!);
      allClose(solver.result.us, want, { atol: 1e-9, what: 'us' });
      allClose(
        solver.result.xs,
        xs.map((x, i) => x + dx[i]!),
        { atol: 1e-9, what: 'xs' },
      );
      assert.equal(solver.iterate(), 'converged');
    }
  });

  it('feedback is the derivative of the optimum with respect to the state it starts from', () => {
    const problem = randomLq(5, 4, 2, T);
    const solver = new IlqrSolver(exact);
    solver.allocate(problem);
    const { us, gains } = solver.solve();
    const first = us.slice(0, 2);
    const K = gains.slice(0, 8);
    const moved = Float64Array.of(0.3, -0.2, 0.1, 0.4);
    for (let i = 0; i < 4; i++) problem.x0[i]! += moved[i]!;
    const again = solver.solve().us;
    const want = first.map((u, i) => u + [0, 1, 2, 3].reduce((s, j) => s + K[i * 4 + j]! * moved[j]!, 0));
    allClose(again.slice(0, 2), want, { atol: 1e-9 });
  });
});

describe('LQR in closed form', () => {
  const one = (v: number): Float64Array => Float64Array.of(v);
  /** x' = a x + b u, cost ½ Σ q x² + r u², as long as it takes for the gain to settle. */
  const scalar = (a: number, b: number, q: number, r: number, horizon: number): LinearQuadratic =>
    new LinearQuadratic(
      one(2),
      1,
      Array.from({ length: horizon }, () => ({ A: one(a), B: one(b), Q: one(q), R: one(r) })),
      { Q: one(q) },
    );

  it('a long horizon gives the gain and value of the algebraic Riccati equation', () => {
    for (const [a, b, q, r] of [
      [1, 1, 1, 1],
      [1.2, 0.5, 2, 0.1],
      [0.7, -0.4, 0.3, 5],
    ] as const) {
      // p = q + a²p - a²b²p²/(r + b²p), a quadratic equation for p.
      const B = r - a * a * r - q * b * b;
      const p = (-B + Math.sqrt(B * B + 4 * b * b * q * r)) / (2 * b * b);
      const k = -(a * b * p) / (r + b * b * p);
      const solver = new LqrSolver();
      solver.allocate(scalar(a, b, q, r, 100));
      // Twice: the rollout of no control grows by 1.2¹⁰⁰, and its digits are lost.
      const result = solver.solve({ us: solver.solve().us.slice() });
      allClose([result.Vxx[0]!, result.gains[0]!], [p, k], { rtol: 1e-12 });
      allClose([result.cost], [0.5 * p * 4], { rtol: 1e-12, what: 'cost from x0 = 2' });
    }
  });

  it('one stage by hand', () => {
    // min ½·3·(x+u)² + ½·2·u² + u from x = 2: 3(2 + u) + 2u + 1 = 0.
    const stage = { A: one(1), B: one(1), Q: one(0), R: one(2), r: one(1) };
    const solver = new LqrSolver();
    solver.allocate(new LinearQuadratic(one(2), 1, [stage], { Q: one(3) }));
    const result = solver.solve();
    allClose([...result.us, ...result.gains], [-1.4, -0.6], { atol: 1e-15 });
  });

  it('noise leaves gains and plan as they are, spreads the states and raises the cost as simulated', () => {
    const problem = randomLq(8, 2, 1, 12);
    const noise = Float64Array.of(0.04, 0.01, 0.01, 0.09);
    const initial = Float64Array.of(0.25, 0, 0, 0.16);
    const quiet = new LqrSolver();
    quiet.allocate(problem);
    const without = quiet.solve();
    const solver = new LqrSolver({ noise, initial });
    solver.allocate(problem);
    const result = solver.solve();
    assert.deepEqual([...result.gains], [...without.gains]);
    assert.deepEqual([...result.us], [...without.us]);
    assert.equal(without.offset, 0);

    // 40000 closed-loop rollouts, noise drawn by its Cholesky factor.
    const rng = new Rng(21);
    const N = 40_000;
    let cost = 0;
    let square = 0;
    const moments = [0, 0, 0];
    const next = new Float64Array(2);
    for (let s = 0; s < N; s++) {
      let x = Float64Array.of(problem.x0[0]! + 0.5 * rng.normal(), problem.x0[1]! + 0.4 * rng.normal());
      let sum = 0;
      for (let t = 0; t < 12; t++) {
        const u = Float64Array.of(
          result.us[t]! +
            result.gains[2 * t]! * (x[0]! - result.xs[2 * t]!) +
            result.gains[2 * t + 1]! * (x[1]! - result.xs[2 * t + 1]!),
        );
        sum += problem.cost(x, u, t);
        problem.dynamics(x, u, t, next);
        const [a, b] = [rng.normal(), rng.normal()];
        x = Float64Array.of(next[0]! + 0.2 * a, next[1]! + 0.05 * a + Math.sqrt(0.09 - 0.0025) * b);
      }
      sum += problem.terminalCost(x);
      cost += sum / N;
      square += (sum * sum) / N;
      const d = [x[0]! - result.xs[24]!, x[1]! - result.xs[25]!];
      moments[0]! += (d[0]! * d[0]!) / N;
      moments[1]! += (d[0]! * d[1]!) / N;
      moments[2]! += (d[1]! * d[1]!) / N;
    }
    const spread = Math.sqrt((square - cost * cost) / N);
    assert.ok(
      Math.abs(cost - (result.cost + result.offset)) < 4 * spread,
      `simulated ${cost} ± ${spread}, expected ${result.cost} + ${result.offset}`,
    );
    assert.ok(result.offset > 10 * spread, 'the noise must matter for this to be a test');
    const last = result.covariance.subarray(12 * 4);
    // Standard error of a variance estimate: √(2 / N) of it.
    const tolerance = 4 * Math.sqrt(2 / N) * Math.max(last[0]!, last[3]!);
    allClose(moments, [last[0]!, last[1]!, last[3]!], { atol: tolerance, what: 'covariance at the end' });
  });

  it('tracks a reference that the dynamics can follow exactly', () => {
    const rng = new Rng(2);
    const A = Float64Array.of(1, 0.1, 0, 1);
    const B = Float64Array.of(0, 0.1);
    const us = Array.from({ length: 20 }, () => Float64Array.of(rng.normal()));
    const xs = [Float64Array.of(0.3, -0.1)];
    for (const u of us) {
      const x = xs.at(-1)!;
      xs.push(Float64Array.of(x[0]! + 0.1 * x[1]!, x[1]! + 0.1 * u[0]!));
    }
    const weights = { Q: Float64Array.of(3, 0, 0, 1), R: one(0.5), final: Float64Array.of(5, 0, 0, 5) };
    const solver = new LqrSolver();
    solver.allocate(LinearQuadratic.tracking(xs[0]!.slice(), { A, B }, weights, xs, us));
    const result = solver.solve();
    allClose(
      result.us,
      us.map((u) => u[0]!),
      { atol: 1e-12 },
    );
    allClose(
      result.xs,
      xs.flatMap((x) => [...x]),
      { atol: 1e-12 },
    );
  });

  it('refuses limits and covariances of the wrong size', () => {
    const problem = randomLq(1, 2, 1, 3, { lower: one(-1), upper: one(1) });
    assert.throws(() => new LqrSolver().allocate(problem), { code: 'PLAN_PROBLEM_INVALID' });
    assert.throws(() => new LqrSolver({ noise: one(1) }).allocate(randomLq(1, 2, 1, 3)), {
      code: 'PLAN_PROBLEM_INVALID',
    });
    assert.throws(
      () =>
        randomLq(1, 2, 1, 3, {}) &&
        new LinearQuadratic(one(1), 1, [{ A: one(1), B: one(1), Q: one(1), R: new Float64Array(2) }], {
          Q: one(1),
        }),
      {
        code: 'PLAN_PROBLEM_INVALID',
      },
    );
  });
});
