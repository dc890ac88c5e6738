/**
 * Child of garbage.test.ts, run with --expose-gc: prints bytes per iteration of one case, and with one array added. A case
 * has a process of its own, as a planner has: with problems of several kinds V8 would put the costs they return on the heap.
 */

import { Arena } from '../../src/model/code/arena.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { generateDynamics } from '../../src/model/generated.ts';
import { readTree } from '../../src/model/load.ts';
import { JointResidual } from '../../src/plan/cost/arm.ts';
import { FramePose, FrameView } from '../../src/plan/cost/frame.ts';
import { Huber, Length } from '../../src/plan/cost/norm.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import { DdpSolver } from '../../src/plan/ddp/solver.ts';
import { RigidSystem } from '../../src/plan/dynamics/rigid.ts';
import { FddpSolver } from '../../src/plan/fddp/solver.ts';
import { IlqrSolver } from '../../src/plan/ilqr/solver.ts';
import { LqrSolver } from '../../src/plan/lqr/solver.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Solver, WarmStart } from '../../src/plan/solver.ts';
import { bytesPerRound } from '../support/garbage.ts';
import { PANDA7 } from '../support/panda.ts';
import { HeldPendulum, Pendulum } from './problems.ts';

const T = 12;

function arm(): Problem {
  const arena = new Arena(1 << 22);
  const model = generateDynamics(dynamicTree(readTree(PANDA7)), { arena });
  const pose = new FramePose(new FrameView(model, 'link7', arena), [0.5, 0.2, 0.5, 1, 0, 0, 0]);
  const limit = new Float64Array(7).fill(20);
  return new CostProblem({
    system: new RigidSystem({ model, dt: 0.01, arena }),
    horizon: T,
    dt: 0.01,
    terms: [
      { residual: pose, norm: new Length(0.1), weight: 1, final: 100 },
      { residual: new JointResidual('v', 7), norm: new Huber(0.5), weight: 0.1 },
      { residual: new JointResidual('u', 7), weight: 1e-3 },
    ],
    lower: limit.map((v) => -v),
    upper: limit,
  });
}

const us = Float64Array.from({ length: T }, (_, t) => 4 * Math.sin(t));
const xs = Float64Array.from({ length: 2 * (T + 1) }, (_, i) => Math.sin(i));
const torques = Float64Array.from({ length: 7 * T }, (_, t) => 10 * Math.sin(t));
const options = { tolerance: 1e-12, maxIterations: 30 } as const;
const cases: Record<string, [Solver, Problem, WarmStart]> = {
  lqr: [new LqrSolver(), new HeldPendulum(T), { us }],
  ilqr: [new IlqrSolver(options), new Pendulum(T, 3), { us }],
  'ilqr in JavaScript': [new IlqrSolver({ ...options, kernel: 'script' }), new Pendulum(T, 3), { us }],
  ddp: [new DdpSolver(options), new Pendulum(T, 3), { us }],
  'fddp with gaps': [new FddpSolver(options), new Pendulum(T, 3), { us, xs }],
  'ilqr of an arm': [new IlqrSolver(options), arm(), { us: torques }],
};
const name = process.argv[2]!;
const [solver, problem, warm] = cases[name]!;
solver.allocate(problem);
solver.reset(warm);
// Begins anew when it ends, so that the beginning is measured too.
const round = (): void => {
  if (solver.iterate() !== 'running') solver.reset(warm);
};
const kept: Float64Array[] = [us];
const spoil = (): void => {
  round();
  kept[0] = us.subarray(1);
};
const [rounds, warmUp] = name.endsWith('arm') ? [200, 12000] : [400, 6000];
const clean = bytesPerRound(round, rounds, warmUp, 12);
console.log(JSON.stringify({ clean, spoilt: bytesPerRound(spoil, rounds, warmUp, 12) }));
