/** The optimum of the bench's reach against Crocoddyl's BoxFDDP: same dynamics, costs and limits, other code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crocoddyl } from '../../bench/ilqr-peer.ts';
import { REACH, reachProblem } from '../../bench/ilqr-problem.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { allClose } from '../support/close.ts';
import { PANDA7 } from '../support/panda.ts';
import { findPython } from '../support/python.ts';

const { python, skip } = findPython(['crocoddyl', 'pinocchio', 'numpy']);

test('iLQR and FDDP find the optimum that Crocoddyl finds', { skip }, async () => {
  const setting = { ...REACH, model: PANDA7 };
  const { problem, target, hold } = reachProblem(setting);
  const shared = { target: [...target], hold: [...hold], stop: 1e-13, regularisation: 1 };
  using peer = await Crocoddyl.open(python, { ...setting, ...shared });
  const theirs = await peer.solve();
  assert.ok(theirs.converged);
  const us = Float64Array.from({ length: 7 * problem.horizon }, (_, i) => hold[i % 7]!);
  for (const Kind of [IlqrSolver, FddpSolver]) {
    const solver = new Kind({ tolerance: 1e-13, maxIterations: 200 });
    solver.allocate(problem);
    const result = solver.solve({ us });
    assert.equal(result.status, 'converged');
    assert.ok(Math.abs(result.cost - theirs.cost) <= 1e-9 * theirs.cost, `${result.cost}, ${theirs.cost}`);
    // Costs agree to 1e-13 of what a step saves; controls to its root, some 1e-6 of the torques, over the curvature.
    allClose(result.us, theirs.us, { atol: 2e-2, what: 'torques' });
    const held = result.us.filter((u, i) => Math.abs(u) === setting.torque[i % 7]).length;
    assert.ok(held >= 20, `${held} torques at their limit`);
  }
});
