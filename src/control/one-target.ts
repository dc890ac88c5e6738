/** What home and gripper share: a plan from the guard's last command to one target, at rest there. */
import type { ControllerId } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

export abstract class OneTargetController implements Controller {
  abstract readonly id: ControllerId;
  abstract readonly name: string;
  readonly needsOperator = false;
  readonly memorySize: number;
  protected plan!: PlanFollower;
  /** Of the next plan: speed, acceleration, jerk per axis. */
  protected limits!: Float64Array;
  protected target!: Float64Array;
  /** -1 without a gripper. */
  protected gripperAxis = -1;

  constructor(axes: number) {
    this.memorySize = PlanFollower.memorySize(axes, 3);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.plan = new PlanFollower(context, 3, memory, 0);
    this.limits = this.plan.limits.slice();
    this.target = new Float64Array(context.spec.axes.length);
    this.gripperAxis = context.spec.gripperAxis;
  }

  /** Writes target and limits; `rest`: the knot of the plan where the arm is at rest. False for arguments that cannot be. */
  protected abstract aim(rest: number, args: Float64Array, count: number): boolean;

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const rest = this.plan.begin(tick);
    if (!this.aim(rest, args, count)) return StepCode.fault;
    const { spline } = this.plan;
    spline.add(this.target, 0, 0);
    spline.pace(rest, this.limits);
    spline.fit(rest, this.limits, 'exact');
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    return this.plan.follow(tick);
  }
}
