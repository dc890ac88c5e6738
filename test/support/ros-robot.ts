/**
 * A robot as ros2_control has it, on a played graph: a joint model, a joint_state_broadcaster, and one controller: a
 * joint_trajectory_controller with its topic, its action and its tolerances, or a forward command controller; and a gripper
 * with an action server. It behaves as their documentation says (control.ros.org; ros2_controllers, Apache-2.0). Its
 * clock is its own.
 */

import type { Qos, RosPublisher } from '../../drivers/ros2/graph.ts';
import * as m from '../../drivers/ros2/messages.ts';
import { GRIPPER_COMMAND, PARALLEL_GRIPPER } from '../../drivers/ros2/messages.ts';
import { PlayedGraph, type ServedGoal } from './ros-graph.ts';

export interface RobotJoint {
  readonly name: string;
  readonly start: number;
  readonly velocity: number;
}

export interface RobotOptions {
  readonly joints: readonly RobotJoint[];
  readonly controller: 'trajectory' | 'position' | 'velocity' | 'effort' | 'efforts apart' | 'none';
  readonly gripper?: {
    readonly joint: string;
    readonly start: number;
    readonly action: 'parallel' | 'command';
  };
  /** Joint states a second. */
  readonly rateHz?: number;
  /** What its clock shows at the rig's time 0, s, and how much faster it runs, parts per million. */
  readonly clockOffset?: number;
  readonly clockDriftPpm?: number;
  /** interpolate_from_desired_state of the joint_trajectory_controller. */
  readonly fromDesired?: boolean;
  readonly pathTolerance?: number;
  readonly goalTolerance?: number;
  readonly goalTimeS?: number;
  readonly stateQos?: Qos;
}

/** The seven joints of robots/panda-ros2.yaml, as they are called in ROS 2, at the home pose. */
export function pandaJoints(): RobotJoint[] {
  const home = [0, 0, 0, -1.57079, 0, 1.57079, -0.7853];
  return home.map((start, i) => ({ name: `panda_joint${i + 1}`, start, velocity: i < 4 ? 2.175 : 2.61 }));
}

const RELIABLE: Qos = { reliability: 'reliable', durability: 'volatile', depth: 10 };
/** Physics and controllers run at this period, s. */
const STEP = 0.001;

interface Point {
  readonly time: number;
  readonly q: readonly number[];
  readonly qd: readonly number[];
}
interface Motion {
  readonly points: readonly Point[];
  readonly goal: ServedGoal | null;
  readonly path: readonly number[];
  readonly end: readonly number[];
  readonly goalTime: number;
}

export class RosRobot implements AsyncDisposable {
  readonly graph: PlayedGraph;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  /** Joints that cannot move, by index. */
  readonly blocked = new Set<number>();
  /** Somebody takes hold of a joint when it comes below an angle: from then on it is blocked. */
  trap: { readonly index: number; readonly below: number } | null = null;
  /** Refuses goals, as an inactive controller does. */
  refuses = false;
  /** Says nothing any more. */
  silent = false;
  /** Added to stamps, s: the clock was set. */
  clockStep = 0;
  /** Leaves out what others leave out. */
  leaveOut: { velocity?: boolean; effort?: boolean; joints?: readonly string[] } = {};
  /** A thing between the fingers: the gripper closes no further. */
  thing = 0;
  /** Commands as they came last, by topic. */
  readonly received = new Map<string, number[]>();
  readonly #options: RobotOptions;
  readonly #now: () => number;
  readonly #ref: Float64Array;
  readonly #refd: Float64Array;
  readonly #command: Float64Array;
  readonly #member;
  readonly #states: RosPublisher;
  readonly #timer: NodeJS.Timeout;
  #commanded = false;
  #motion: Motion | null = null;
  #time: number;
  #next: number;
  #gripper = { q: 0, goal: Number.NaN, served: null as ServedGoal | null };
  #order = 0;

  constructor(options: RobotOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    const n = options.joints.length;
    this.q = Float64Array.from(options.joints, (j) => j.start);
    this.qd = new Float64Array(n);
    this.#ref = Float64Array.from(this.q);
    this.#refd = new Float64Array(n);
    this.#command = Float64Array.from(this.q);
    this.#time = now();
    this.#next = this.#time;
    this.graph = new PlayedGraph(() => m.timeOf(this.clock(now())));
    this.#member = this.graph.join();
    this.#states = this.#member.publisher(m.jointState.name, '/joint_states', options.stateQos ?? RELIABLE);
    this.#serve();
    this.#timer = setInterval(() => this.#run(), 2);
  }

  /** What its clock shows at a time of the rig. */
  clock(time: number): number {
    const { clockOffset = 1_764_000_000, clockDriftPpm = 0 } = this.#options;
    return time * (1 + clockDriftPpm * 1e-6) + clockOffset + this.clockStep;
  }

  get opening(): number {
    return this.#gripper.q;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#member[Symbol.asyncDispose]();
  }

  #serve(): void {
    const { controller, joints, gripper } = this.#options;
    const member = this.#member;
    if (controller === 'trajectory') {
      const name = '/joint_trajectory_controller';
      member.subscribe(m.jointTrajectory.name, `${name}/joint_trajectory`, RELIABLE, (bytes) => {
        const trajectory = m.jointTrajectory.decode(bytes);
        if (this.#problem(trajectory) === '') this.#start(trajectory, null, [], [], 0);
      });
      this.graph.serve(`${name}/follow_joint_trajectory`, {
        type: m.FOLLOW_JOINT_TRAJECTORY,
        accept: (served) => {
          const goal = m.followGoal.decode(served.goal);
          if (this.refuses || this.#problem(goal.trajectory) !== '') return false;
          const time = m.seconds(goal.goal_time_tolerance);
          this.#start(goal.trajectory, served, goal.path_tolerance, goal.goal_tolerance, time);
          return true;
        },
      });
    } else if (controller === 'efforts apart') {
      joints.forEach(({ name }, i) => {
        const topic = `/${name}/cmd_force`;
        member.subscribe(m.float64.name, topic, RELIABLE, (bytes) =>
          this.#forward(topic, [m.float64.decode(bytes).data], i),
        );
      });
    } else if (controller !== 'none') {
      const topic = `/forward_${controller}_controller/commands`;
      member.subscribe(m.float64MultiArray.name, topic, RELIABLE, (bytes) =>
        this.#forward(topic, [...m.float64MultiArray.decode(bytes).data], 0),
      );
    }
    if (gripper === undefined) return;
    this.#gripper.q = gripper.start;
    this.graph.serve('/gripper_controller/gripper_cmd', {
      type: gripper.action === 'parallel' ? PARALLEL_GRIPPER : GRIPPER_COMMAND,
      accept: (served) => {
        if (this.refuses) return false;
        const g = this.#gripper;
        if (g.served !== null) g.served.end('canceled', this.#gripperResult('moving'));
        g.served = served;
        g.goal =
          gripper.action === 'parallel'
            ? [...m.parallelGoal.decode(served.goal).command.position][0]!
            : m.gripperGoal.decode(served.goal).command.position;
        return true;
      },
    });
  }

  #forward(topic: string, values: number[], at: number): void {
    this.received.set(topic, values);
    this.#command.set(values, at);
    this.#commanded = true;
  }

  /** What a joint_trajectory_controller refuses: other joints, points out of order, an end that is not at rest. */
  #problem({ joint_names, points }: m.JointTrajectory): string {
    const own = this.#options.joints.map((j) => j.name);
    if ([...joint_names].sort().join() !== [...own].sort().join()) return 'joints';
    const last = points.at(-1);
    if (last === undefined) return 'empty';
    let before = 0;
    for (const p of points) {
      const time = m.seconds(p.time_from_start);
      if (time <= before || p.positions.length !== own.length) return 'points';
      before = time;
    }
    return [...last.velocities].every((v) => v === 0) ? '' : 'it ends in motion';
  }

  #start(
    trajectory: m.JointTrajectory,
    goal: ServedGoal | null,
    path: readonly m.JointTolerance[],
    end: readonly m.JointTolerance[],
    goalTime: number,
  ): void {
    const { joints, fromDesired = true, pathTolerance = 0, goalTolerance = 0, goalTimeS = 0 } = this.#options;
    const place = joints.map((j) => trajectory.joint_names.indexOf(j.name));
    this.#run();
    this.#finish('canceled', -1, 'Current goal cancelled due to new incoming action.');
    const from = fromDesired ? { q: this.#ref, qd: this.#refd } : { q: this.q, qd: this.qd };
    const points: Point[] = [{ time: this.#time, q: [...from.q], qd: [...from.qd] }];
    for (const p of trajectory.points) {
      const time = this.#time + m.seconds(p.time_from_start);
      points.push({ time, q: place.map((k) => p.positions[k]!), qd: place.map((k) => p.velocities[k]!) });
    }
    const tolerance = (own: number, given: readonly m.JointTolerance[]): number[] =>
      joints.map((j) => given.find((t) => t.name === j.name)?.position ?? own);
    this.#motion = {
      points,
      goal,
      path: tolerance(pathTolerance, path),
      end: tolerance(goalTolerance, end),
      goalTime: goalTime > 0 ? goalTime : goalTimeS,
    };
  }

  #finish(how: 'succeeded' | 'canceled' | 'aborted', error_code: number, error_string: string): void {
    this.#motion?.goal?.end(how, m.followResult.encode({ error_code, error_string }));
    this.#motion = null;
  }

  #run(): void {
    const now = this.#now();
    while (this.#time + STEP <= now) {
      this.#time += STEP;
      this.#step();
      if (this.#time < this.#next) continue;
      this.#next += 1 / (this.#options.rateHz ?? 100);
      this.#publish();
    }
  }

  #step(): void {
    const { controller, joints } = this.#options;
    if (this.#motion !== null) this.#sample(this.#motion);
    for (let i = 0; i < joints.length; i++) {
      const most = 1.2 * joints[i]!.velocity;
      if (
        !this.#commanded ||
        controller === 'trajectory' ||
        controller === 'position' ||
        controller === 'none'
      ) {
        if (controller === 'position' && this.#commanded) this.#ref[i] = this.#command[i]!;
        this.qd[i] = this.#refd[i]! + 60 * (this.#ref[i]! - this.q[i]!);
      } else if (controller === 'velocity')
        this.qd[i] = this.qd[i]! + 0.05 * (this.#command[i]! - this.qd[i]!);
      // A joint of 0.5 kg m² with a little friction.
      else this.qd[i] = this.qd[i]! + (STEP * (this.#command[i]! - 0.5 * this.qd[i]!)) / 0.5;
      this.qd[i] = this.blocked.has(i) ? 0 : Math.min(Math.max(this.qd[i]!, -most), most);
      this.q[i] = this.q[i]! + STEP * this.qd[i]!;
      if (this.trap?.index !== i || this.q[i]! >= this.trap.below) continue;
      this.blocked.add(i);
      this.trap = null;
    }
    this.#stepGripper();
  }

  #sample({ points, path, end, goalTime }: Motion): void {
    const t = this.#time;
    const k = points.findIndex((p) => p.time > t);
    const last = points.at(-1)!;
    for (let i = 0; i < this.q.length; i++) {
      if (k < 0) {
        this.#ref[i] = last.q[i]!;
        this.#refd[i] = 0;
        continue;
      }
      const [a, b] = [points[k - 1]!, points[k]!];
      const T = b.time - a.time;
      const s = (t - a.time) / T;
      const [p0, v0, p1, v1] = [a.q[i]!, a.qd[i]! * T, b.q[i]!, b.qd[i]! * T];
      // Cubic with the positions and speeds of both ends.
      const c2 = 3 * (p1 - p0) - 2 * v0 - v1;
      const c3 = 2 * (p0 - p1) + v0 + v1;
      this.#ref[i] = p0 + s * (v0 + s * (c2 + s * c3));
      this.#refd[i] = (v0 + s * (2 * c2 + 3 * s * c3)) / T;
    }
    const astray = (limits: readonly number[]): number =>
      limits.findIndex((limit, i) => limit > 0 && Math.abs(this.#ref[i]! - this.q[i]!) > limit);
    const name = (i: number): string => this.#options.joints[i]!.name;
    const off = astray(path);
    if (k >= 0 && off >= 0) {
      this.#finish('aborted', -4, `Aborted due to path tolerance violation: ${name(off)}`);
      this.#hold();
    } else if (k < 0 && astray(end) < 0) this.#finish('succeeded', 0, 'Goal successfully reached!');
    else if (k < 0 && t > last.time + goalTime) {
      this.#finish('aborted', -5, `Aborted due to goal_time_tolerance exceeding: ${name(astray(end))}`);
      this.#hold();
    }
  }

  /** After an abort the controller holds where the arm is. */
  #hold(): void {
    this.#ref.set(this.q);
    this.#refd.fill(0);
  }

  #stepGripper(): void {
    const g = this.#gripper;
    if (Number.isNaN(g.goal)) return;
    const way = g.goal - g.q;
    const to = g.q + Math.sign(way) * Math.min(Math.abs(way), 0.1 * STEP);
    const stalled = to < this.thing && g.goal < this.thing;
    if (!stalled) g.q = to;
    if (g.served === null || (!stalled && Math.abs(g.goal - g.q) > 1e-6)) return;
    // Without allow_stalling a stall ends as aborted.
    g.served.end(stalled ? 'aborted' : 'succeeded', this.#gripperResult(stalled ? 'stalled' : 'reached'));
    g.served = null;
  }

  #gripperResult(how: 'stalled' | 'reached' | 'moving'): Uint8Array {
    const { gripper } = this.#options;
    const stalled = how === 'stalled';
    const reached_goal = how === 'reached';
    const { q } = this.#gripper;
    if (gripper!.action === 'command')
      return m.gripperResult.encode({ position: q, effort: 0, stalled, reached_goal });
    const state = { header: m.NO_HEADER, name: [gripper!.joint], position: [q], velocity: [], effort: [] };
    return m.parallelResult.encode({ state, stalled, reached_goal });
  }

  /** Joint states in an order that changes, among joints of somebody else. */
  #publish(): void {
    if (this.silent) return;
    const { joints, gripper } = this.#options;
    const { velocity, effort, joints: out = [] } = this.leaveOut;
    const all = joints.map((j, i) => ({ name: j.name, q: this.q[i]!, qd: this.qd[i]!, tau: i }));
    if (gripper !== undefined) all.push({ name: gripper.joint, q: this.#gripper.q, qd: 0, tau: 0 });
    all.push({ name: 'somebody_elses_joint', q: 12, qd: 34, tau: 56 });
    this.#order = (this.#order + 1) % all.length;
    const turned = [...all.slice(this.#order), ...all.slice(0, this.#order)].filter(
      (j) => !out.includes(j.name),
    );
    this.#states.publish(
      m.jointState.encode({
        header: { stamp: m.timeOf(this.clock(this.#time)), frame_id: '' },
        name: turned.map((j) => j.name),
        position: turned.map((j) => j.q),
        velocity: velocity === true ? [] : turned.map((j) => j.qd),
        effort: effort === true ? [] : turned.map((j) => j.tau),
      }),
    );
  }
}
