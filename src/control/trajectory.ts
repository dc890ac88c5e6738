/**
 * Joint trajectory through waypoints: piecewise quintic, all axes together, time-scaled so that velocity,
 * acceleration and jerk stay within PLAN_SHARE of the robot file's limits. A moving arm is braked first.
 *
 * Arguments: [timed, speed, waypoint₀ … waypointₙ, (time₀ … timeₙ)]: `timed` 0, 1 or 2; `speed` in (0, 1], the share of
 * full speed; waypoints are axis vectors inside the ranges; with `timed` 1 or 2 their arrival times in s, ascending,
 * which are stretched by one factor where they ask too much. 1 overshoots no waypoint; 2 takes them for samples of a
 * smooth path and goes through them with continuous acceleration (the gripper as with 1). `trajectoryArgs` writes
 * them. Anything else is a fault.
 */
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, REQUEST_ARGS } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

const HEADER = 2;

/** Most waypoints that fit into a request, without times. */
export const mostWaypoints = (axes: number): number => Math.floor((REQUEST_ARGS - HEADER) / axes);

/** Most that fit with their times. */
export const mostTimedWaypoints = (axes: number): number => Math.floor((REQUEST_ARGS - HEADER) / (axes + 1));

/** The arguments of a request for a trajectory. `samples`: the waypoints sample a smooth path (timed 2). */
export function trajectoryArgs(
  waypoints: readonly ArrayLike<number>[],
  {
    speed = 1,
    times = [],
    path = 'waypoints',
  }: { speed?: number; times?: readonly number[]; path?: 'waypoints' | 'samples' } = {},
): number[] {
  const timed = times.length === 0 ? 0 : path === 'waypoints' ? 1 : 2;
  return [timed, speed, ...waypoints.flatMap((w) => Array.from(w)), ...times];
}

/** True when every axis of the vector at from[at..] is in its range, a rounding error aside. */
export function inRange(axes: RobotSpec['axes'], from: Float64Array, at: number): boolean {
  for (let a = 0; a < axes.length; a++) {
    const q = from[at + a]!;
    if (!(q >= axes[a]!.min - 1e-9 && q <= axes[a]!.max + 1e-9)) return false;
  }
  return true;
}

export class TrajectoryController implements Controller {
  readonly id = ControllerId.trajectory;
  readonly name = 'trajectory';
  readonly needsOperator = false;
  readonly memorySize: number;
  readonly #knots: number;
  #plan!: PlanFollower;
  #limits!: Float64Array;
  /** Axes that go through samples with continuous acceleration: the arm. */
  #curved = 0;

  constructor(axes: number) {
    this.#knots = mostWaypoints(axes) + 2;
    this.memorySize = PlanFollower.memorySize(axes, this.#knots);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#plan = new PlanFollower(context, this.#knots, memory, 0);
    this.#limits = this.#plan.limits.slice();
    this.#curved = context.spec.armAxes;
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const plan = this.#plan;
    const n = plan.axes.length;
    const rest = plan.begin(tick);
    if (count < HEADER + n) return StepCode.fault;
    const timed = args[0] === 1 || args[0] === 2;
    const perPoint = timed ? n + 1 : n;
    const points = (count - HEADER) / perPoint;
    const speed = args[1]!;
    if ((args[0] !== 0 && !timed) || !Number.isInteger(points) || !(speed > 0 && speed <= 1)) {
      return StepCode.fault;
    }
    const start = plan.spline.duration;
    let before = 0;
    for (let i = 0; i < points; i++) {
      const at = HEADER + i * n;
      let time = 0;
      if (timed) {
        time = args[HEADER + points * n + i]!;
        if (!(time > before && time < 1e5)) return refuse(plan, tick);
        before = time;
      }
      if (!inRange(plan.axes, args, at) || !plan.spline.add(args, at, start + time))
        return refuse(plan, tick);
    }
    plan.scaled(speed, this.#limits);
    if (!timed) plan.spline.pace(rest, this.#limits);
    plan.spline.smooth(rest);
    if (args[0] === 2) plan.spline.curve(rest, this.#curved);
    plan.spline.fit(rest, this.#limits, timed ? 'slower' : 'exact');
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    return this.#plan.follow(tick);
  }
}

/** A fault that leaves a plan which only holds. */
function refuse(plan: PlanFollower, tick: Float64Array): StepCode {
  plan.begin(tick);
  return StepCode.fault;
}
