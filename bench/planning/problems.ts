/** The problems on which planners are compared: each seed is an instance of its own, the same for all of them. */
import { join } from 'node:path';
import { Rng } from '../../src/math/rng.ts';
import { Arena } from '../../src/model/code/arena.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import { type GeneratedDynamics, generateDynamics } from '../../src/model/generated.ts';
import { readTree } from '../../src/model/load.ts';
import { JointResidual } from '../../src/plan/cost/arm.ts';
import { FramePose, FrameView } from '../../src/plan/cost/frame.ts';
import { CostProblem } from '../../src/plan/cost/problem.ts';
import { RigidSystem } from '../../src/plan/dynamics/rigid.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { packageRoot } from '../../src/root.ts';
import { pendulum } from './pendulum.ts';

export interface Instance {
  readonly problem: Problem;
  /** Where every solver starts from. */
  readonly us: Float64Array;
  /** A guess at the states, which multiple shooting alone can use. */
  readonly xs?: Float64Array;
}

export interface Task {
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  readonly about: string;
  /** Seconds that a solver has, and where the plot begins. */
  readonly budget: number;
  readonly first: number;
  /** Noise of sampling planners: sigma as a share of the range of a control, and knots of its spline. */
  readonly sigma: number;
  readonly knots: number;
  readonly instance: (seed: number) => Instance;
}

const ARM = Array.from({ length: 7 }, (_, i) => `joint${i + 1}`);
const HOME = [0, 0.16, 0, -2.1, 0, 2.26, 0.785];
const STAGES = 50;
const STEP_S = 0.01;

/** Weights of ½ |r|², running ones per second. Rotations (rad) count a fifth of as many metres. */
const POSE = { weight: 100, final: 400, weights: [1, 1, 1, 0.2, 0.2, 0.2] };
const SPEED = { weight: 0.02, final: 0.5 };
const EFFORT = { weight: 0.02 };

/** The arm of panda.xml with its hand, the fingers held open, and the arena that it and all solvers work in. */
let arm: { readonly model: GeneratedDynamics; readonly arena: Arena } | null = null;

function panda(): NonNullable<typeof arm> {
  if (arm !== null) return arm;
  const tree = dynamicTree(readTree(join(packageRoot(), 'sim', 'models', 'panda.xml')), {
    axes: ARM.map((name) => ({ name, joints: [{ name, ratio: 1 }] })),
    locked: { finger_joint1: 0.04, finger_joint2: 0.04 },
  });
  const arena = new Arena(2 ** 27);
  arm = { model: generateDynamics(tree, { arena }), arena };
  return arm;
}

/** From near home, at rest, to the pose that other joint angles have, some 0.3 to 0.7 m away, within half a second. */
function reach(seed: number): Instance {
  const { model, arena } = panda();
  const n = model.n;
  const rng = new Rng(seed, 1);
  const near = (size: number): Float64Array =>
    Float64Array.from(HOME, (v, i) => {
      const [low, high] = model.joints[i]!.range!;
      return Math.min(high - 0.1, Math.max(low + 0.1, v + rng.uniform(-size, size)));
    });
  const start = near(0.2);
  const target = new Float64Array(7);
  model.pose(near(0.6), model.frame('tool'), target);
  const effort = Float64Array.from(model.joints, (j) => j.effort![1]);
  // FCI limits of the Panda: 2.175 rad/s of joints 1 to 4, 2.61 of the others.
  const speed = Float64Array.from({ length: n }, (_, i) => 1 / (i < 4 ? 2.175 : 2.61));
  const x0 = new Float64Array(2 * n);
  x0.set(start);
  const pose = new FramePose(new FrameView(model, 'tool', arena), target, POSE.weights);
  const problem = new CostProblem({
    system: new RigidSystem({ model, dt: STEP_S, arena }),
    terms: [
      { residual: pose, weight: POSE.weight, final: POSE.final },
      { residual: new JointResidual('v', n, { scale: speed }), ...SPEED },
      { residual: new JointResidual('u', n, { scale: effort.map((v) => 1 / v) }), ...EFFORT },
    ],
    horizon: STAGES,
    dt: STEP_S,
    x0,
    lower: effort.map((v) => -v),
    upper: effort,
  });
  const weight = new Float64Array(n);
  model.gravity(start, weight);
  const us = Float64Array.from({ length: STAGES * n }, (_, i) => weight[i % n]!);
  return { problem, us };
}

export const TASKS: readonly Task[] = [
  {
    name: 'pendulum',
    title: 'Pendulum swing-up',
    about: 'torque for 41 % of its weight, 60 stages of 50 ms, 1 control',
    budget: 0.3,
    first: 2e-5,
    sigma: 1 / 4,
    knots: 20,
    instance: (seed) => {
      const rng = new Rng(seed, 2);
      const problem = pendulum(rng.uniform(-0.3, 0.3), rng.uniform(-0.5, 0.5));
      const stages = problem.horizon;
      // Hanging still is a saddle, where gradients vanish: all begin with the same small push.
      const us = Float64Array.from({ length: stages }, (_, t) => 0.1 * Math.sin(t / 4));
      // Straight up, as if there were no limits.
      const xs = new Float64Array(2 * (stages + 1));
      for (let t = 0; t <= stages; t++) {
        const share = t / stages;
        xs[2 * t] = (1 - share) * problem.x0[0]! + share * Math.PI;
        xs[2 * t + 1] = (1 - share) * problem.x0[1]!;
      }
      return { problem, us, xs };
    },
  },
  {
    name: 'panda',
    title: 'Panda reach',
    about:
      'to a pose in half a second under its torque limits, 50 stages of 10 ms, 7 controls, full dynamics',
    budget: 1,
    first: 5e-4,
    sigma: 1 / 32,
    knots: 6,
    instance: reach,
  },
];
