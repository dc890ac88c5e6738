import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SceneProblem } from '../../../src/plan/mpc/scene-problem.ts';
import { PlanProblem } from '../../../src/robot/plan.ts';
import type { ScenePlant, SceneSight } from '../../../src/robot/plant.ts';
import { HOME } from '../../support/bench-arm.ts';
import { allClose } from '../../support/close.ts';
import { limits, N, toolView } from '../../support/mpc-arm.ts';

/** A block that is dragged by the arm's first two joints: smooth, so that differences have a slope to find. */
const drag: ScenePlant = {
  joints: N,
  rest: 2,
  grip: 0,
  steps: new Float64Array(2 * N + 2).fill(1e-6),
  terms: [
    { name: 'block', size: 2, weight: 5, final: 7, smooth: 0.3 },
    { name: 'hand', size: 1, weight: 2, final: 1 },
  ],
  observe: (sight, _time, rest) => {
    const body = sight.pose('block');
    if (body === null) return false;
    rest[0] = body[0]!;
    rest[1] = 0;
    return true;
  },
  advance: (x, h, out) => {
    const pull = Math.sin(x[0]!) * x[N]! + 0.3 * x[1]! * x[2 * N]! + x[N + 1]! ** 2;
    out[1] = 0.9 * x[2 * N + 1]! + h * pull;
    out[0] = x[2 * N]! + h * out[1]!;
  },
  residuals: (x, out) => {
    out[0] = x[2 * N]! - 0.4;
    out[1] = Math.sin(x[2 * N + 1]!);
    out[2] = Math.cos(x[2]!) * x[2 * N]!;
  },
  dispose: () => {},
};

const sight = (pose: Float64Array | null): SceneSight => ({ pose: () => pose, tool: new Float64Array(7) });

const problem = (pose: Float64Array | null = null): SceneProblem =>
  new SceneProblem({
    plant: drag,
    sight: sight(pose),
    view: toolView(),
    limits,
    terms: [
      { name: 'speed', kind: 'speed', weight: 0.5, final: 1 },
      { name: 'effort', kind: 'effort', weight: 0.1, final: 0 },
      { name: 'range', kind: 'range', weight: 3, final: 3, margin: 3 },
    ],
    horizon: 4,
    dt: 0.05,
  });

const x = new Float64Array(2 * N + 2);
for (let i = 0; i < N; i++) {
  x[i] = HOME[i]! + 0.1 * i + 0.05;
  x[N + i] = 0.3 - 0.1 * i;
}
x[2 * N] = 0.7;
x[2 * N + 1] = -0.4;
const u = Float64Array.from({ length: N }, (_, i) => 1 - 0.4 * i);

test('derivatives of dynamics and cost: central differences of the problem itself', () => {
  const p = problem();
  const { nx, nu } = p;
  const poison = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);
  const [fx, fu] = [poison(nx * nx), poison(nx * nu)];
  const [lx, lu, lxx, lux, luu] = [poison(nx), poison(nu), poison(nx * nx), poison(nu * nx), poison(nu * nu)];
  p.dynamicsDerivatives(x, u, 0, fx, fu);
  p.costDerivatives(x, u, 0, lx, lu, lxx, lux, luu);
  const h = 1e-5;
  const [up, down] = [new Float64Array(nx), new Float64Array(nx)];
  for (let j = 0; j < nx + nu; j++) {
    const at = (d: number): [Float64Array, Float64Array] => {
      const [a, b] = [x.slice(), u.slice()];
      if (j < nx) a[j]! += d;
      else b[j - nx]! += d;
      return [a, b];
    };
    p.dynamics(...at(h), 0, up);
    p.dynamics(...at(-h), 0, down);
    for (let i = 0; i < nx; i++) {
      const got = j < nx ? fx[i * nx + j]! : fu[i * nu + j - nx]!;
      // Forward differences of step 1e-6 in the problem: half the second derivative times that.
      assert.ok(Math.abs(got - (up[i]! - down[i]!) / (2 * h)) < 1e-5, `f ${i} by ${j}`);
    }
    const slope = (p.cost(...at(h), 0) - p.cost(...at(-h), 0)) / (2 * h);
    allClose([j < nx ? lx[j]! : lu[j - nx]!], [slope], { atol: 2e-5 });
  }
  for (let i = 0; i < nx; i++)
    for (let j = 0; j < i; j++) allClose([lxx[i * nx + j]!], [lxx[j * nx + i]!], { atol: 1e-12 });
});

test('what is seen goes into the state behind the arm, and what is missing is said', () => {
  const state = new Float64Array(2 * N + 2).fill(9);
  assert.equal(problem(Float64Array.of(0.3, 0, 0, 0, 0, 0, 1)).observe(1, state), PlanProblem.none);
  assert.deepEqual([...state.subarray(2 * N)], [0.3, 0]);
  assert.equal(state[0], 9);
  assert.equal(problem(null).observe(1, state), PlanProblem.noTarget);
});

test('costs of the terms add up, scene terms first', () => {
  const p = problem();
  const xs = new Float64Array(5 * p.nx);
  const us = new Float64Array(4 * p.nu);
  let total = 0;
  for (let t = 0; t <= 4; t++) {
    const at = x.map((v, i) => v + 0.01 * t * i);
    xs.set(at, t * p.nx);
    if (t < 4) us.set(u, t * p.nu);
    total += t < 4 ? p.cost(at, u, t) : p.terminalCost(at);
  }
  const costs = new Float64Array(p.terms.length);
  p.report(xs, us, costs, new Float64Array(15));
  assert.deepEqual(
    p.terms.map((t) => t.name),
    ['block', 'hand', 'speed', 'effort', 'range'],
  );
  allClose([costs.reduce((a, b) => a + b, 0)], [total], { rtol: 1e-12 });
});
