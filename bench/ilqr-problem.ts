/** The problem of `bench ilqr`: a Panda-class arm reaches a pose within one second, torques limited. */
import { Arena } from '../src/model/code/arena.ts';
import { dynamicTree } from '../src/model/dynamic-tree.ts';
import { generateDynamics } from '../src/model/generated.ts';
import { readTree } from '../src/model/load.ts';
import { JointResidual } from '../src/plan/cost/arm.ts';
import { FramePose, FrameView } from '../src/plan/cost/frame.ts';
import { CostProblem } from '../src/plan/cost/problem.ts';
import { RigidSystem } from '../src/plan/dynamics/rigid.ts';

/** Everything that both sides must agree on, as numbers. Weights are those of ½ |r|²: running ones per second. */
export interface ReachSetting {
  readonly model: string;
  readonly frame: string;
  readonly horizon: number;
  readonly dt: number;
  readonly start: readonly number[];
  /** Displacement of the frame (m, in the base) and rotation vector (rad, in the base) from where it starts. */
  readonly shift: readonly number[];
  readonly turn: readonly number[];
  readonly torque: readonly number[];
  readonly weights: {
    readonly pose: number;
    readonly posture: number;
    readonly velocity: number;
    readonly control: number;
    readonly finalPose: number;
    readonly finalVelocity: number;
  };
}

export const REACH: Omit<ReachSetting, 'model'> = {
  frame: 'link7',
  horizon: 100,
  dt: 0.01,
  start: [0, 0, 0, -1.57079, 0, 1.57079, -0.7853],
  shift: [-0.15, 0.45, -0.25],
  turn: [0, 0.3, 0.6],
  torque: [87, 87, 87, 87, 12, 12, 12],
  weights: { pose: 100, posture: 1e-2, velocity: 1e-2, control: 1e-4, finalPose: 1e4, finalVelocity: 1e1 },
};

/** Target pose p, q (x y z w) of a setting: the frame's start, moved and turned. */
export function reachTarget(
  pose: Float64Array,
  { shift, turn }: Pick<ReachSetting, 'shift' | 'turn'>,
): Float64Array {
  const out = Float64Array.from(pose);
  for (let i = 0; i < 3; i++) out[i]! += shift[i]!;
  const angle = Math.hypot(...turn);
  const s = angle === 0 ? 0 : Math.sin(angle / 2) / angle;
  const [a, b, c] = turn.map((v) => v * s) as [number, number, number];
  const w = Math.cos(angle / 2);
  const [x, y, z, v] = [pose[3]!, pose[4]!, pose[5]!, pose[6]!];
  out[3] = w * x + a * v + b * z - c * y;
  out[4] = w * y - a * z + b * v + c * x;
  out[5] = w * z + a * y - b * x + c * v;
  out[6] = w * v - a * x - b * y - c * z;
  return out;
}

export interface Reach {
  readonly problem: CostProblem;
  readonly target: Float64Array;
  /** Torques that hold the arm where it starts. */
  readonly hold: Float64Array;
}

/** The problem, all of it in one arena. Joint damping is left out: Crocoddyl's dynamics have none. */
export function reachProblem(setting: ReachSetting): Reach {
  const arena = new Arena(8 << 20);
  const tree = dynamicTree(readTree(setting.model));
  const free = { ...tree, joints: tree.joints.map((j) => ({ ...j, damping: 0, frictionloss: 0 })) };
  const model = generateDynamics(free, { arena });
  const n = model.n;
  const { horizon, dt, weights } = setting;
  const x0 = new Float64Array(2 * n);
  x0.set(setting.start);
  const pose = arena.alloc(7);
  model.pose(Float64Array.from(setting.start), model.frame(setting.frame), pose);
  const target = reachTarget(pose, setting);
  const upper = Float64Array.from(setting.torque);
  const problem = new CostProblem({
    system: new RigidSystem({ model, dt, arena }),
    terms: [
      {
        residual: new FramePose(new FrameView(model, setting.frame, arena), target),
        weight: weights.pose,
        final: weights.finalPose,
      },
      {
        residual: new JointResidual('q', n, { target: Float64Array.from(setting.start) }),
        weight: weights.posture,
      },
      { residual: new JointResidual('v', n), weight: weights.velocity, final: weights.finalVelocity },
      { residual: new JointResidual('u', n), weight: weights.control },
    ],
    horizon,
    dt,
    x0,
    lower: upper.map((v) => -v),
    upper,
  });
  const hold = new Float64Array(n);
  model.gravity(Float64Array.from(setting.start), hold);
  return { problem, target, hold };
}
