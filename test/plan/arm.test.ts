/** A Panda-class arm that reaches a pose with limited torques: the problem of `bench ilqr`, by every solver that takes limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REACH, reachProblem } from '../../bench/ilqr-problem.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { readTree } from '../../src/model/load.ts';
import { TreeDynamics } from '../../src/model/tree-dynamics.ts';
import { JointResidual } from '../../src/plan/cost/arm.ts';
import { FramePose, FrameView } from '../../src/plan/cost/frame.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import { DdpSolver } from '../../src/plan/ddp/solver.ts';
import { RigidSystem } from '../../src/plan/dynamics/rigid.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { logTable } from '../../src/plan/log.ts';
import { allClose } from '../support/close.ts';
import { PANDA7 } from '../support/panda.ts';

const { problem, hold, target } = reachProblem({ ...REACH, model: PANDA7 });
const T = problem.horizon;
const still = Float64Array.from({ length: 7 * T }, (_, i) => hold[i % 7]!);

test('iLQR, DDP and FDDP end at the same optimum, and the tool at the target', () => {
  const costs = [IlqrSolver, DdpSolver, FddpSolver].map((Kind) => {
    const solver = new Kind({ maxIterations: 200 });
    solver.allocate(problem);
    const result = solver.solve({ us: still });
    assert.equal(result.status, 'converged', logTable(result.log));
    const last = result.xs.slice(14 * T);
    const error = new Float64Array(6);
    const term = problem.terms[0]!.residual as FramePose;
    term.evaluate(last, still, T, error);
    assert.ok(
      Math.hypot(...error.subarray(0, 3)) < 5e-3 && Math.hypot(...error.subarray(3)) < 2e-2,
      `${error}`,
    );
    return result.cost;
  });
  allClose(costs, [costs[0]!, costs[0]!, costs[0]!], { rtol: 1e-8 });
});

test('FDDP finds it from standing still with no torque, where rolling that out is a fall', () => {
  const xs = new Float64Array(14 * (T + 1));
  for (let t = 0; t <= T; t++) xs.set(problem.x0, 14 * t);
  const warm = { us: new Float64Array(7 * T), xs };
  const solver = new FddpSolver({ maxIterations: 200 });
  solver.allocate(problem);
  const result = solver.solve(warm);
  assert.equal(result.status, 'converged', logTable(result.log));
  assert.equal(result.gap, 0);
  const [cost, iterations] = [result.cost, result.iterations];
  const best = new IlqrSolver();
  best.allocate(problem);
  allClose([cost], [best.solve({ us: still }).cost], { rtol: 1e-8 });
  const falling = new IlqrSolver({ maxIterations: iterations });
  falling.allocate(problem);
  assert.ok(falling.solve({ us: warm.us }).cost > 1.1 * cost);
});

test('plain loops and the kernel in JavaScript plan what generated code plans', () => {
  const { weights: w, dt, start } = REACH;
  const model = new TreeDynamics(
    dynamicTree({
      ...readTree(PANDA7),
      bodies: readTree(PANDA7).bodies.map((b) => ({
        ...b,
        joints: b.joints.map((j) => ({ ...j, damping: 0 })),
      })),
    }),
  );
  const plain = new CostProblem({
    system: new RigidSystem({ model, dt }),
    terms: [
      {
        residual: new FramePose(new FrameView(model, REACH.frame), target),
        weight: w.pose,
        final: w.finalPose,
      },
      { residual: new JointResidual('q', 7, { target: Float64Array.from(start) }), weight: w.posture },
      { residual: new JointResidual('v', 7), weight: w.velocity, final: w.finalVelocity },
      { residual: new JointResidual('u', 7), weight: w.control },
    ],
    horizon: T,
    dt,
    x0: problem.x0,
    lower: problem.lower,
    upper: problem.upper,
  });
  const options = { maxIterations: 4 } as const;
  const fast = new IlqrSolver(options);
  fast.allocate(problem);
  const slow = new IlqrSolver({ ...options, kernel: 'script' });
  slow.allocate(plain);
  const [a, b] = [fast.solve({ us: still }), slow.solve({ us: still })];
  allClose(a.us, b.us, { atol: 1e-6, what: 'us' });
  allClose([a.cost], [b.cost], { rtol: 1e-9 });
  allClose(a.gains, b.gains, { rtol: 1e-6, atol: 1e-4, what: 'gains' });
});
