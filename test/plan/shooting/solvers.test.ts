/** Random shooting, CEM and MPPI as solvers: known optima within what chance allows, limits, failures, seeds, time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { symmetricEigen } from '../../../src/math/linalg.ts';
import { shiftTrajectory, trajectory } from '../../../src/plan/mpc/shift.ts';
import type { Problem } from '../../../src/plan/problem.ts';
import {
  Cem,
  GradientShooting,
  Mppi,
  type NoiseShape,
  RandomShooting,
  type SamplingSettings,
} from '../../../src/plan/shooting/index.ts';
import { fragile, pendulum, quadratic, totalCost } from './problems.ts';

const SOLVERS = {
  random: (s: Partial<SamplingSettings>) => new RandomShooting(s),
  predictive: (s: Partial<SamplingSettings>) => new RandomShooting({ ...s, around: 'best' }),
  cem: (s: Partial<SamplingSettings>) => new Cem(s),
  mppi: (s: Partial<SamplingSettings>) => new Mppi(s),
};
const SHAPES: readonly NoiseShape[] = [
  { kind: 'white' },
  { kind: 'knots', count: 5, spline: 'zero' },
  { kind: 'knots', count: 5, spline: 'linear' },
  { kind: 'knots', count: 5, spline: 'cubic' },
  { kind: 'coloured', exponent: 1.5 },
];
const limits = { lower: new Float64Array(2).fill(-0.3), upper: new Float64Array(2).fill(0.4) };

function solved(solver: Cem | Mppi | RandomShooting, problem: Problem, us?: Float64Array) {
  solver.allocate(problem);
  return solver.solve(us === undefined ? undefined : { us });
}

describe('on a quadratic problem', () => {
  it('random shooting is as near as the best of its samples can be expected', () => {
    const { problem, H, optimum, optimalCost } = quadratic(5, 2, 1, 2);
    const [samples, maxIterations, sigma] = [200, 20, 1.5];
    const solver = new RandomShooting({
      samples,
      maxIterations,
      sigma,
      shape: { kind: 'white' },
      tolerance: 0,
    });
    const { cost } = solved(solver, problem);
    // In the disc of radius r about u* the density is at least that at its far edge, so a sample falls there with
    // p ≥ πr² φ(far); with (1 − p)^N ≤ 1e-6 the best costs at most ½ L r² more than u*.
    const far = Math.hypot(...optimum) + 0.2;
    const density = Math.exp(-0.5 * (far / sigma) ** 2) / (2 * Math.PI * sigma ** 2);
    const p = 1 - 1e-6 ** (1 / (samples * maxIterations));
    const r = Math.sqrt(p / (Math.PI * density));
    assert.ok(r < 0.2);
    const values = new Float64Array(2);
    symmetricEigen(Float64Array.from(H), 2, values, null);
    const allowed = 0.5 * Math.max(...values) * r * r;
    assert.ok(cost - optimalCost <= allowed, `${cost - optimalCost}, allowed ${allowed}`);
    assert.ok(cost >= optimalCost);
    assert.ok(allowed < 0.1 * (totalCost(problem, new Float64Array(2)) - optimalCost), 'and that is near');
  });

  it('CEM and MPPI end nearer than one draw from their last distribution', () => {
    // A draw from N(u*, s²I) costs ½ s² tr H more than u*, on average; a mean of many draws, and the best, cost less.
    for (const seed of [1, 2, 3]) {
      const { problem, H, optimalCost } = quadratic(seed, 4, 2, 8);
      const n = 16;
      let trace = 0;
      for (let i = 0; i < n; i++) trace += H[i * n + i]!;
      const common = { seed, shape: { kind: 'white' }, sigma: 1, tolerance: 0, maxIterations: 100 } as const;
      const cem = solved(new Cem({ ...common, samples: 200, elites: 0.1, floor: 0.01 }), problem);
      const mppi = solved(new Mppi({ ...common, samples: 200, anneal: 0.01 ** (1 / 100) }), problem);
      const allowed = 0.5 * 0.01 ** 2 * trace;
      for (const [name, { cost }] of Object.entries({ cem, mppi })) {
        assert.ok(cost - optimalCost < allowed, `${name}, seed ${seed}: ${cost - optimalCost} > ${allowed}`);
        assert.ok(cost >= optimalCost - 1e-12);
      }
      assert.ok(allowed < 0.01 * (totalCost(problem, new Float64Array(n)) - optimalCost));
    }
  });

  it('MPPI with its control cost is drawn to the optimum of cost + λ/2 uᵀΣ⁻¹u', () => {
    const { problem, minimiser, optimum } = quadratic(5, 2, 1, 2);
    const [lambda, sigma] = [4, 1];
    const priced = minimiser(lambda / sigma ** 2);
    const distance = (us: Float64Array, to: Float64Array): number =>
      Math.hypot(...us.map((u, i) => u - to[i]!));
    for (const shape of [{ kind: 'white' }, { kind: 'knots', count: 2, spline: 'linear' }] as const) {
      // One iteration from the priced optimum: the mean stays there, as any other start is drawn to it. The plan is the
      // cheapest seen, so what tells is the cost of the mean, in the log.
      const solver = new Mppi({ samples: 20_000, sigma, lambda, shape, controlCost: 1, maxIterations: 1 });
      const { log } = solved(solver, problem, Float64Array.of(0.8, -0.3));
      const mean = log.data[log.columns.indexOf('mean')]!;
      const effective = log.data[log.columns.indexOf('effective')]!;
      const want = totalCost(problem, priced);
      // Mean within 5 σ/√effective of the priced optimum; the cost there moves by its gradient λ/σ²·u times that.
      const reach = (5 * sigma) / Math.sqrt(effective);
      const allowed = (lambda / sigma ** 2) * Math.hypot(...priced) * reach + 20 * reach ** 2;
      assert.ok(Math.abs(mean - want) < allowed, `${mean}, want ${want} ± ${allowed}`);
      assert.ok(want - totalCost(problem, optimum) > 2 * allowed, 'which is not the optimum without it');
      assert.ok(distance(priced, optimum) > 0.1);
    }
  });
});

for (const [name, make] of Object.entries(SOLVERS)) {
  describe(name, () => {
    for (const shape of SHAPES) {
      const label = shape.kind === 'knots' ? `${shape.spline} spline` : shape.kind;
      it(`${label}: inside the limits, better than its start, the cost is that of the controls`, () => {
        const { problem } = quadratic(2, 4, 2, 10, limits);
        const us = Float64Array.from({ length: 20 }, (_, i) => (i % 3) - 1);
        const { cost, us: plan, xs, valid, status } = solved(make({ shape, maxIterations: 15 }), problem, us);
        assert.ok(valid && status !== 'failed');
        assert.ok(plan.every((u) => u >= -0.3 && u <= 0.4));
        const held = us.map((u) => Math.min(0.4, Math.max(-0.3, u)));
        assert.ok(cost < totalCost(problem, held));
        assert.ok(Math.abs(cost - totalCost(problem, plan)) < 1e-12 * Math.abs(cost));
        const x = Float64Array.from(problem.x0);
        const next = new Float64Array(4);
        for (let t = 0; t < 10; t++) {
          assert.deepEqual([...xs.subarray(t * 4, t * 4 + 4)], [...x]);
          problem.dynamics(x, plan.slice(2 * t, 2 * t + 2), t, next);
          x.set(next);
        }
      });
    }

    it('same seed, same plan; another seed, another; a second solve draws anew', () => {
      const { problem } = quadratic(2, 4, 2, 10, limits);
      const run = (seed: number) => {
        const solver = make({ seed, maxIterations: 4, shape: { kind: 'coloured', exponent: 1 } });
        const first = [...solved(solver, problem).us];
        return { first, second: [...solver.solve().us], log: [...solver.result.log.data] };
      };
      const [a, b, c] = [run(1), run(1), run(2)];
      assert.deepEqual(a.first, b.first);
      assert.deepEqual(a.second, b.second);
      assert.notDeepEqual(a.first, c.first);
      assert.notDeepEqual(a.first, a.second);
    });

    it('samples that blow up have no say', () => {
      const problem = fragile(1.2);
      const solver = make({ sigma: 0.5, samples: 64, maxIterations: 20, shape: { kind: 'white' } });
      const { cost, us, log } = solved(solver, problem);
      const failed = log.columns.indexOf('failed');
      assert.ok(log.data[failed]! > 0, 'some did');
      assert.ok(cost < totalCost(problem, new Float64Array(20)) && Number.isFinite(totalCost(problem, us)));
    });

    it('fails by name when all samples blow up, and keeps the start as the plan', () => {
      const solver = make({ sigma: 1, samples: 20 });
      const problem = fragile(1e-9);
      const { status, failure, cost, valid, us } = solved(solver, problem);
      assert.equal(status, 'failed');
      assert.equal(failure?.code, 'PLAN_SAMPLES_FAILED');
      assert.match(failure.message, /all 20 sequences/);
      assert.ok(valid && us.every((u) => u === 0) && cost === totalCost(problem, us));
      assert.equal(solver.iterate(), 'failed', 'calls after the end change nothing');
    });

    it('fails by name when the start blows up, and keeps the plan of the solve before', () => {
      const solver = make({ sigma: 0.1, samples: 20, maxIterations: 3 });
      const before = [...solved(solver, fragile(0.5)).us];
      const { status, failure, us } = solver.solve({ us: new Float64Array(20).fill(1) });
      assert.equal(status, 'failed');
      assert.equal(failure?.code, 'PLAN_NOT_FINITE');
      assert.match(failure.message, /the dynamics at stage 0 gave NaN/);
      assert.deepEqual([...us], before);
    });

    it('stops in time, with a plan', () => {
      const problem = pendulum();
      const slow: Problem = {
        ...problem,
        terminalCost(x) {
          const until = performance.now() + 1;
          while (performance.now() < until);
          return problem.terminalCost(x);
        },
      };
      const solver = make({ maxTime: 0.04, tolerance: 0, maxIterations: 1000 });
      const { status, time, valid, cost } = solved(solver, slow);
      assert.equal(status, 'max-time');
      // 16 rollouts of 1 ms lie between two looks at the clock, and up to two more make a sample the plan.
      assert.ok(time >= 0.04 && time < 0.04 + 0.2, `${time} s`);
      assert.ok(valid && cost <= totalCost(problem, new Float64Array(60)));
    });

    it('asks the problem for whole batches where it has them', () => {
      const problem = pendulum();
      let asked = 0;
      const batched: Problem = {
        ...problem,
        rolloutCosts(controls, count, costs) {
          asked += count;
          assert.equal(controls.length, count * 60);
          for (let i = 0; i < count; i++) {
            assert.ok(controls.subarray(i * 60, (i + 1) * 60).every((u) => Math.abs(u) <= 4));
            costs[i] = totalCost(problem, controls.slice(i * 60, (i + 1) * 60));
          }
          if (asked === count) costs[0] = Number.NaN;
          if (asked === count) costs[1] = Number.NEGATIVE_INFINITY;
        },
      };
      const result = solved(make({ maxIterations: 5, samples: 40, tolerance: 0 }), batched);
      assert.equal(asked, 200);
      assert.equal(result.log.data[result.log.columns.indexOf('failed')], 2);
      assert.ok(Math.abs(result.cost - totalCost(problem, result.us)) < 1e-12);
    });

    it('follows the gains of a warm start from a state that it was not made for', () => {
      const { problem } = quadratic(2, 2, 1, 3);
      const solver = make({ sigma: 0, samples: 2, maxIterations: 1 });
      const us = Float64Array.of(0.1, 0.2, 0.3);
      const xs = new Float64Array(8);
      const gains = Float64Array.of(0.5, 0, 0, 0, 0, 0);
      solver.allocate(problem);
      solver.solve({ us, xs, gains });
      assert.deepEqual([...solver.result.us], [0.1 + 0.5 * problem.x0[0]!, 0.2, 0.3]);
    });
  });
}

describe('what they can do', () => {
  it('predictive sampling, CEM and MPPI swing the pendulum up, with every seed', () => {
    const problem = pendulum();
    const gradient = new GradientShooting();
    gradient.allocate(problem);
    const us = new Float64Array(60).map((_, t) => 0.1 * Math.sin(t / 4));
    const local = gradient.solve({ us }).cost;
    assert.ok(Math.abs(gradient.result.xs[2 * 60]! - Math.PI) < 0.25, 'it stands');
    const start = totalCost(problem, new Float64Array(60));
    for (const name of ['predictive', 'cem', 'mppi'] as const) {
      for (const seed of [1, 2, 3, 4, 5]) {
        const settings = {
          seed,
          maxIterations: 60,
          shape: { kind: 'knots', count: 12, spline: 'cubic' },
        } as const;
        const { cost } = solved(SOLVERS[name](settings), problem);
        // Of what a minimum leaves to gain, from hanging, all but a few hundredths.
        assert.ok(cost < local + 0.03 * (start - local), `${name}, seed ${seed}: ${cost}, gradient ${local}`);
      }
    }
  });

  it('a plan shifted by a stage warms the next solve: it begins no worse than the plan ended', () => {
    const problem = pendulum();
    const solver = new Cem({ maxIterations: 40 });
    solver.allocate(problem);
    solver.solve();
    const left = solver.result.cost - problem.cost(problem.x0, solver.result.us.subarray(0, 1), 0);
    problem.x0.set(solver.result.xs.subarray(2, 4));
    const warm = trajectory(problem);
    shiftTrajectory(problem, solver.result, 1, warm);
    solver.reset(warm);
    // One stage more of standing near the top: its cost, and that the end moves a step.
    assert.ok(solver.result.cost < left + 0.5, `${solver.result.cost}, ${left} was left`);
    assert.ok(solver.solve(warm).cost <= left + 0.5);
  });
});

describe('settings', () => {
  it('are refused by name, value and rule', () => {
    const bad: readonly [() => unknown, RegExp][] = [
      [() => new Cem({ samples: 1 }), /samples of the solver is 1, but it must be a whole number ≥ 2/],
      [() => new Cem({ elites: 1 }), /elites .* 1, but it must lie in 0\.\.0\.9/],
      [() => new Cem({ keep: -1 }), /keep/],
      [() => new Cem({ momentum: 1 }), /momentum/],
      [() => new Mppi({ lambda: 0 }), /lambda .* 0, but it must be above 0/],
      [() => new Mppi({ controlCost: 2 }), /controlCost/],
      [() => new Mppi({ shape: { kind: 'knots', count: 0, spline: 'cubic' } }), /shape\.count/],
      [() => new Mppi({ shape: { kind: 'coloured', exponent: -1 } }), /shape\.exponent/],
      [() => new RandomShooting({ sigma: Number.NaN }), /sigma/],
      [() => new RandomShooting({ maxTime: 0 }), /maxTime/],
      [() => new RandomShooting({ distribution: 'uniform', around: 'best' }), /around/],
      [() => new GradientShooting({ rate: 0 }), /rate/],
      [() => new GradientShooting({ scale: [1, 0] }), /scale/],
    ];
    for (const [make, message] of bad) assert.throws(make, { code: 'PLAN_SETTING_INVALID', message });
    const { problem } = quadratic(1, 3, 2, 5);
    for (const [solver, message] of [
      [new Cem(), /control 0 has no limits/],
      [new Cem({ sigma: [1, 1, 1] }), /length of sigma .* 3, but controls have 2/],
      [new GradientShooting({ scale: [1] }), /length of scale .* 1/],
    ] as const)
      assert.throws(() => solver.allocate(problem), { code: 'PLAN_SETTING_INVALID', message });
    const uniform = new RandomShooting({ distribution: 'uniform' });
    uniform.allocate(problem);
    assert.throws(() => uniform.reset(), { code: 'PLAN_PROBLEM_INVALID', message: /range of control 0/ });
  });

  it('uniform samples fill the range between the limits', () => {
    const { problem } = quadratic(2, 4, 2, 10, limits);
    const solver = new RandomShooting({
      distribution: 'uniform',
      shape: { kind: 'white' },
      maxIterations: 2,
    });
    const { cost, us } = solved(solver, problem);
    assert.ok(us.every((u) => u >= -0.3 && u <= 0.4));
    assert.ok(cost < totalCost(problem, new Float64Array(20)));
    assert.ok(new Set(us).size > 10);
  });
});
