/**
 * Child of garbage.test.ts, run with --expose-gc: prints bytes per iteration of one case, and with one array added. A case
 * has a process of its own, as a planner has: with problems of several kinds V8 would put the costs they return on the heap.
 */

import { resolve } from 'node:path';
import { loadRobot } from '../../src/config.ts';
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
import { openPilot } from '../../src/plan/mpc/open.ts';
import { createSolver } from '../../src/plan/mpc/solver.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Solver, WarmStart } from '../../src/plan/solver.ts';
import { PlanProblem, planLayout } from '../../src/robot/plan.ts';
import { packageRoot } from '../../src/root.ts';
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

/** An iteration of a solver; begins anew when it ends, so that the beginning is measured too. */
function iteration([solver, problem, warm]: [Solver, Problem, WarmStart]): () => void {
  solver.allocate(problem);
  solver.reset(warm);
  return () => {
    if (solver.iterate() !== 'running') solver.reset(warm);
  };
}

/** A plan of a planner by torque: prediction, time shift, an iteration, and the block for the loop. */
function plan(): () => void {
  const spec = loadRobot(resolve(packageRoot(), 'robots', 'panda-sim.yaml'));
  const target = { kind: 'pose' as const, pose: [0.5, 0.2, 0.35, 1, 0, 0, 0] };
  const choice = { task: 'reach', drive: 'torque' as const, target, horizon: T };
  const { engine } = openPilot({ spec, choice, scene: null, plant: null, solver: createSolver() });
  const block = new Float64Array(planLayout(spec.armAxes).size);
  engine.begin(0);
  engine.predictor.rest(Float64Array.from(spec.axes, (a) => a.home));
  return () => {
    if (engine.attempt(0.01) !== PlanProblem.none) throw new Error(engine.failure);
    engine.write(block);
  };
}

const name = process.argv[2]!;
const round = name === 'planner of an arm' ? plan() : iteration(cases[name]!);
const kept: Float64Array[] = [us];
const spoil = (): void => {
  round();
  kept[0] = us.subarray(1);
};
const [rounds, warmUp] = name.endsWith('arm') ? [200, 12000] : [400, 6000];
const clean = bytesPerRound(round, rounds, warmUp, 12);
console.log(JSON.stringify({ clean, spoilt: bytesPerRound(spoil, rounds, warmUp, 12) }));
