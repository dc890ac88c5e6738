/**
 * Trajectories for a joint_trajectory_controller, as messages and as goals. Each one is short and ends at rest: first the
 * commanded point, then the way that braking from there takes. The next one replaces it long before; when none comes the
 * controller brakes along the rest of the one it has, and holds. So silence stops the arm, whoever fell silent.
 */
import type { Now } from '../../src/robot/device.ts';
import {
  COMMAND_QOS,
  type RosActionClient,
  type RosGoal,
  type RosGraph,
  type RosPublisher,
} from './graph.ts';
import type { RosJoint } from './joints.ts';
import {
  FOLLOW_JOINT_TRAJECTORY,
  followGoal,
  followResult,
  type JointTolerance,
  type JointTrajectory,
  jointTrajectory,
  NO_HEADER,
  type TrajectoryPoint,
  timeOf,
} from './messages.ts';
import type { CommandOptions } from './options.ts';
import type { Outlet, OutletEvents, Setpoint } from './outlet.ts';

/** Slower than this (axis units/s) is at rest: one point is enough. */
const REST = 1e-4;
/** Braking is never asked for in less than this, s: the controller needs points that are apart. */
const LEAST_BRAKE_S = 0.02;
/** A goal without an answer for this long: the action server does not take them, s. */
const ANSWER_S = 1;

/**
 * The trajectory of a setpoint: q with qd after `leadS`, then constant deceleration to rest, all joints in the same time T =
 * max |qd| / acceleration, so by q + qd T/2. A cubic between those points with those speeds is that motion exactly, and it
 * stays inside the limits because the guard only allows what can be stopped inside them. Starts when it arrives.
 */
export function trajectoryOf(
  joints: readonly RosJoint[],
  { q, qd }: Setpoint,
  leadS: number,
): JointTrajectory {
  let brake = 0;
  let moving = false;
  for (const { axis, index } of joints) {
    brake = Math.max(brake, Math.abs(qd[index]!) / axis.acceleration);
    moving ||= Math.abs(qd[index]!) > REST;
  }
  const points = [point(joints, (i) => q[i]!, moving ? (i) => qd[i]! : () => 0, leadS)];
  if (moving) {
    const T = Math.max(brake, LEAST_BRAKE_S);
    const end = (i: number, { axis }: RosJoint): number =>
      Math.min(Math.max(q[i]! + (qd[i]! * T) / 2, axis.min), axis.max);
    points.push(point(joints, end, () => 0, leadS + T));
  }
  return { header: NO_HEADER, joint_names: joints.map((j) => j.name), points };
}

function point(
  joints: readonly RosJoint[],
  q: (index: number, joint: RosJoint) => number,
  qd: (index: number) => number,
  time: number,
): TrajectoryPoint {
  return {
    positions: joints.map((j) => j.ratio * q(j.index, j)),
    velocities: joints.map((j) => j.ratio * qd(j.index)),
    accelerations: [],
    effort: [],
    time_from_start: timeOf(time),
  };
}

/** To the topic of the controller, which answers nothing. */
export class TrajectoryTopic implements Outlet {
  readonly #joints: readonly RosJoint[];
  readonly #leadS: number;
  readonly #topic: string;
  readonly #publisher: RosPublisher;

  constructor(graph: RosGraph, joints: readonly RosJoint[], { controller }: CommandOptions, leadS: number) {
    this.#joints = joints;
    this.#leadS = leadS;
    this.#topic = `${controller}/joint_trajectory`;
    this.#publisher = graph.publisher(jointTrajectory.name, this.#topic, COMMAND_QOS);
  }

  missing(): string {
    return this.#publisher.readers > 0 ? '' : `nobody reads ${this.#topic}: is that controller active?`;
  }

  send(setpoint: Setpoint): void {
    this.#publisher.publish(jointTrajectory.encode(trajectoryOf(this.#joints, setpoint, this.#leadS)));
  }

  /** What it has ends at rest by itself. */
  rest(): void {}

  close(): void {
    this.#publisher.close();
  }
}

/** What a result of FollowJointTrajectory means (control_msgs/action/FollowJointTrajectory.action). */
const CODES: ReadonlyMap<number, string> = new Map([
  [-1, 'the goal is not valid'],
  [-2, 'its joints are others'],
  [-3, 'the trajectory lies in the past'],
  [-4, 'the arm strayed from the path by more than its tolerance'],
  [-5, 'the arm did not reach the end within its tolerance'],
]);
const INVALID_GOAL = -1;

/** As goals of the action, of which a new one replaces the one before. */
export class TrajectoryAction implements Outlet {
  readonly #joints: readonly RosJoint[];
  readonly #options: CommandOptions;
  readonly #leadS: number;
  readonly #now: Now;
  readonly #events: OutletEvents;
  readonly #name: string;
  readonly #client: RosActionClient;
  readonly #tolerances: {
    readonly path: readonly JointTolerance[];
    readonly goal: readonly JointTolerance[];
  };
  #sent = 0;
  /** When the oldest goal without an answer was sent; NaN: all are answered. */
  #waiting = Number.NaN;
  #unanswered = 0;
  #closed = false;
  /** Where the goal sent last ends at rest at once, and what became of it. While it stands there is nothing new to say. */
  readonly #held: Float64Array;
  #standing: 'no' | 'asked' | 'taken' = 'no';

  constructor(
    graph: RosGraph,
    joints: readonly RosJoint[],
    options: CommandOptions,
    leadS: number,
    now: Now,
    events: OutletEvents,
  ) {
    this.#joints = joints;
    this.#options = options;
    this.#leadS = leadS;
    this.#now = now;
    this.#events = events;
    this.#name = `${options.controller}/follow_joint_trajectory`;
    this.#held = new Float64Array(joints.length);
    this.#client = graph.actionClient(FOLLOW_JOINT_TRAJECTORY, this.#name);
    const all = (position: number | undefined): JointTolerance[] =>
      position === undefined
        ? []
        : joints.map(({ name, ratio }) => ({
            name,
            position: position * Math.abs(ratio),
            velocity: 0,
            acceleration: 0,
          }));
    this.#tolerances = { path: all(options.pathTolerance), goal: all(options.goalTolerance) };
  }

  missing(): string {
    return this.#client.ready() ? '' : `nobody serves ${this.#name}: is that controller active?`;
  }

  /** A goal that ends where the arm already is to be is not sent again: so it can come to its end, and be judged there. */
  send(setpoint: Setpoint): void {
    if (this.#stands(setpoint)) {
      const { tick } = setpoint;
      // The controller has said so already; but the command is only on record when this has returned.
      if (this.#standing === 'taken') queueMicrotask(() => this.#events.accepted(tick));
      return;
    }
    if (this.#now() - this.#waiting > ANSWER_S) {
      this.#waiting = Number.NaN;
      this.#events.fault(`${this.#name} has answered no goal for ${ANSWER_S} s`);
      return;
    }
    const goal = followGoal.encode({
      trajectory: trajectoryOf(this.#joints, setpoint, this.#leadS),
      multi_dof_trajectory: { header: NO_HEADER, joint_names: [], points: [] },
      path_tolerance: this.#tolerances.path,
      component_path_tolerance: [],
      goal_tolerance: this.#tolerances.goal,
      component_goal_tolerance: [],
      goal_time_tolerance: timeOf(this.#options.goalTimeMs / 1000),
    });
    const number = ++this.#sent;
    this.#standing = 'asked';
    this.#joints.forEach((joint, i) => {
      this.#held[i] = Math.abs(setpoint.qd[joint.index]!) > REST ? Number.NaN : setpoint.q[joint.index]!;
    });
    if (this.#unanswered++ === 0) this.#waiting = this.#now();
    void this.#follow(this.#client.send(goal), number, setpoint.tick);
  }

  #stands({ q, qd }: Setpoint): boolean {
    if (this.#standing === 'no') return false;
    return this.#joints.every(({ index }, i) => this.#held[i] === q[index] && Math.abs(qd[index]!) <= REST);
  }

  #failed(message: string): void {
    this.#standing = 'no';
    this.#events.fault(message);
  }

  async #follow(sending: Promise<RosGoal | null>, number: number, tick: number): Promise<void> {
    try {
      const goal = await sending;
      this.#unanswered--;
      this.#waiting = this.#unanswered === 0 ? Number.NaN : this.#now();
      if (this.#closed) return;
      if (goal === null) {
        this.#failed(
          `${this.#name} refused a goal: the controller is not active, or its joints are not ${this.#joints.map((j) => j.name).join(', ')}`,
        );
        return;
      }
      if (number === this.#sent) this.#standing = 'taken';
      this.#events.accepted(tick);
      const { end, result } = await goal.result;
      if (end === 'succeeded' || this.#closed) return;
      const { error_code: code, error_string: text } = followResult.decode(result);
      // A goal that another one has replaced ends as canceled, or with some servers as not valid any more.
      const replaced = number < this.#sent && (end === 'canceled' || code === INVALID_GOAL || code === 0);
      if (replaced) return;
      const words = CODES.get(code) ?? (code === 0 ? 'no reason is given' : `error ${code}`);
      this.#failed(`${this.#name} ${end} the motion: ${words}${text === '' ? '' : ` (“${text}”)`}`);
    } catch (error) {
      if (!this.#closed) this.#failed(`${this.#name} failed: ${(error as Error).message}`);
    }
  }

  /** What it has ends at rest by itself. */
  rest(): void {
    this.#standing = 'no';
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}
