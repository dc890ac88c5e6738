/** MuJoCo as the model of any solver of src/plan: the contract of the solvers on a problem of contact, and states with quaternions. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createStepModel } from '../../sim/index.ts';
import type { MujocoStepModel } from '../../sim/step-model.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import type { Residual } from '../../src/plan/cost/residual.ts';
import { DifferenceSystem } from '../../src/plan/dynamics/differences.ts';
import { SOLVERS, type SolverName } from '../../src/plan/index.ts';
import { rollOut } from '../plan/problems.ts';
import { allClose } from '../support/close.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-step-model-'));
const models: MujocoStepModel[] = [];
after(() => {
  for (const model of models) model.dispose();
  rmSync(folder, { recursive: true });
});

async function open(name: string, xml: string, seconds: number): Promise<MujocoStepModel> {
  const file = join(folder, `${name}.xml`);
  writeFileSync(file, xml);
  const model = await createStepModel({ file, seconds });
  models.push(model);
  return model;
}

/** A tip that is driven pushes a puck that rubs, both on a line, 2 cm apart. x = (tip, puck, their speeds), u the force. */
const LINE = `<mujoco><option timestep="0.005" gravity="0 0 0"/>
  <worldbody>
    <body><joint name="tip" type="slide" axis="1 0 0" damping="1"/><geom type="sphere" size="0.02" mass="0.5"/></body>
    <body pos="0.06 0 0"><joint type="slide" axis="1 0 0" damping="0.5" frictionloss="0.3"/>
      <geom type="sphere" size="0.02" mass="0.2"/></body>
  </worldbody>
  <actuator><motor joint="tip"/></actuator>
</mujoco>`;
const T = 30;
const GOAL = 0.1;

/** weight · (x or u)_i − goal. */
const entry = (name: string, at: number, goal: number): Residual => ({
  name,
  size: 1,
  at,
  count: 1,
  diagonal: true,
  evaluate: (x, u, _t, r) => {
    r[0] = (at < 4 ? x[at]! : u[at - 4]!) - goal;
  },
  linearise: (x, u, _t, r, J) => {
    r[0] = (at < 4 ? x[at]! : u[at - 4]!) - goal;
    J[0] = 1;
  },
});

/** Brings the puck to the goal and to rest. */
async function pushing(limits: boolean): Promise<CostProblem> {
  const model = await open('line', LINE, 0.02);
  return new CostProblem({
    system: new DifferenceSystem(model, { step: 1e-4 }),
    terms: [
      { residual: entry('puck', 1, GOAL), weight: 2, final: 400 },
      { residual: entry('puck speed', 3, 0), final: 4 },
      { residual: entry('force', 4, 0), weight: 1e-3 },
    ],
    horizon: T,
    x0: model.start(),
    lower: limits ? Float64Array.of(-4) : null,
    upper: limits ? Float64Array.of(4) : null,
  });
}

describe('every solver plans through contact', () => {
  // From no force nothing touches and no derivative tells of the puck.
  const us = Float64Array.from({ length: T }, (_, t) => (t < 10 ? 1 : 0));
  for (const name of Object.keys(SOLVERS) as SolverName[]) {
    const registered = SOLVERS[name];
    it(name, async () => {
      const problem = await pushing(registered.limits);
      const solver = registered.create({ maxIterations: 60 });
      if (name === 'ddp') {
        // Second derivatives of a contact are none to take differences of.
        assert.throws(() => solver.allocate(problem), { code: 'PLAN_PROBLEM_INVALID' });
        return;
      }
      solver.allocate(problem);
      const before = rollOut(problem, us);
      const result = solver.solve({ us });
      assert.ok(result.valid);
      // Plain gradients end at a kink of the contact: said by name, with the plan that led there.
      if (name === 'gradient' && result.failure !== null) assert.equal(result.failure.code, 'PLAN_NO_STEP');
      else assert.equal(result.failure, null);
      for (const u of result.us) assert.ok(!registered.limits || Math.abs(u) <= 4);
      const own = rollOut(problem, result.us);
      allClose([result.cost], [own.cost], { rtol: 1e-12 });
      allClose(result.xs, own.xs, { atol: 1e-12 });
      assert.equal(
        result.gains.some((k) => k !== 0),
        registered.feedback,
      );
      // LQR takes one step of the linear model, without a line search: a plan, not a better one.
      if (name === 'lqr') return;
      assert.ok(result.cost < 0.2 * before.cost, `${before.cost} became ${result.cost}`);
      const puck = result.xs[4 * T + 1]!;
      assert.ok(Math.abs(puck - GOAL) < 0.02, `the puck ends at ${puck}, began at 0`);
    });
  }
});

const BODY = `<mujoco><option timestep="0.002"/>
  <worldbody>
    <geom type="plane" size="1 1 0.1"/>
    <body pos="0 0 0.05"><freejoint/><geom type="box" size="0.05 0.04 0.03" mass="1"/>
      <body pos="0 0 0.1"><joint name="hinge" axis="0 1 0" damping="0.1"/><geom type="capsule" size="0.01 0.05" mass="0.2"/></body>
    </body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>`;

describe('a state with a quaternion', () => {
  it('has a tangent: what leads from a to b, added to a, is b', async () => {
    const model = await open('body', BODY, 0.02);
    assert.deepEqual([model.nx, model.ndx, model.nu], [15, 14, 1]);
    const [a, b] = [model.start(), model.start()];
    const half = 0.35;
    b.set([0.1, -0.2, 0.4, Math.cos(half), 0, Math.sin(half), 0, 0.7], 0);
    for (let i = 8; i < 15; i++) b[i] = 0.1 * i;
    const d = new Float64Array(14);
    const c = new Float64Array(15);
    model.difference!(a, b, d);
    allClose(d.subarray(0, 7), [0.1, -0.2, 0.35, 0, 2 * half, 0, 0.7], { atol: 1e-12 });
    model.integrate!(a, d, c);
    allClose(c, b, { atol: 1e-12 });
  });

  it('its velocities are those of the tangent: a short step from rest in the air turns it by ω h', async () => {
    const model = await open('short', BODY, 0.002);
    const x = model.start();
    x[2] = 0.5;
    x.set([0.3, -0.1, 0, 0.5, -0.4, 0.8, 0], 8);
    const next = new Float64Array(15);
    model.step(x, new Float64Array(1), next);
    const d = new Float64Array(14);
    model.difference!(x, next, d);
    // Semi-implicit: by the velocities of the end of the step.
    for (let i = 0; i < 7; i++) allClose([d[i]!], [0.002 * next[8 + i]!], { atol: 1e-9 });
  });

  it('its derivatives are those of the step: a small change in the tangent, rolled out', async () => {
    const model = await open('derivatives', BODY, 0.02);
    const system = new DifferenceSystem(model, { step: 1e-6 });
    const x = model.start();
    x[2] = 0.5;
    for (let i = 8; i < 15; i++) x[i] = 0.2 - 0.05 * (i - 8);
    const u = Float64Array.of(0.05);
    const [fx, fu] = [new Float64Array(14 * 14), new Float64Array(14)];
    system.dynamicsDerivatives(x, u, 0, fx, fu);
    const way = Float64Array.from({ length: 14 }, (_, i) => Math.sin(i + 1));
    const moved = (h: number): Float64Array => {
      const [at, out] = [new Float64Array(15), new Float64Array(15)];
      model.integrate!(
        x,
        way.map((v) => h * v),
        at,
      );
      system.dynamics(at, Float64Array.of(u[0]! + h), 0, out);
      return out;
    };
    const d = new Float64Array(14);
    model.difference!(moved(-1e-5), moved(1e-5), d);
    for (let i = 0; i < 14; i++) {
      let want = fu[i]!;
      for (let j = 0; j < 14; j++) want += fx[i * 14 + j]! * way[j]!;
      allClose([d[i]! / 2e-5], [want], { atol: 1e-5 });
    }
  });

  it('the same state gives the same step to the last bit, and what is not finite gives NaN and is forgotten', async () => {
    const model = await open('again', BODY, 0.02);
    const x = model.start();
    const u = Float64Array.of(0.3);
    const [a, b] = [new Float64Array(15), new Float64Array(15)];
    model.step(x, u, a);
    x[9] = 3;
    model.step(x, u, b);
    assert.notDeepEqual(a, b);
    x[9] = Number.NaN;
    model.step(x, u, b);
    assert.ok(b.every(Number.isNaN));
    x[9] = 0;
    model.step(x, u, b);
    assert.deepEqual(a, b);
  });
});

it('actuators that remember are refused: the state of a plan would not be all there is', async () => {
  const xml = LINE.replace('<motor joint="tip"/>', '<intvelocity joint="tip" actrange="-1 1"/>');
  await assert.rejects(open('memory', xml, 0.02), { code: 'SIM_MODEL_INVALID' });
  await assert.rejects(open('short stage', LINE, 0), { code: 'SIM_MODEL_INVALID' });
});
