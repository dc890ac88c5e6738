/**
 * Moves the gripper to an opening while the arm holds; done when the command is there (an object in between is grasped
 * by the actuator's force limit). Arguments: [opening in m, (speed in m/s, at most the axis limit)].
 */
import { ControllerId } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

export class GripperController implements Controller {
  readonly id = ControllerId.gripper;
  readonly name = 'gripper';
  readonly needsOperator = false;
  readonly memorySize: number;
  #plan!: PlanFollower;
  #limits!: Float64Array;
  #target!: Float64Array;
  #gripperAxis = -1;

  constructor(axes: number) {
    this.memorySize = PlanFollower.memorySize(axes, 3);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#plan = new PlanFollower(context, 3, memory, 0);
    this.#limits = this.#plan.limits.slice();
    this.#target = new Float64Array(context.spec.axes.length);
    this.#gripperAxis = context.spec.gripperAxis;
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const plan = this.#plan;
    const rest = plan.begin(tick);
    const g = this.#gripperAxis;
    if (g < 0 || count < 1 || count > 2) return StepCode.fault;
    const opening = args[0]!;
    const { min, max, velocity } = plan.axes[g]!;
    const speed = count === 2 ? args[1]! : velocity;
    if (!(opening >= min - 1e-9 && opening <= max + 1e-9 && speed > 0)) return StepCode.fault;
    for (let a = 0; a < plan.axes.length; a++) this.#target[a] = plan.spline.position(rest, a);
    this.#target[g] = opening;
    plan.spline.add(this.#target, 0, 0);
    for (let i = 0; i < this.#limits.length; i++) this.#limits[i] = plan.limits[i]!;
    this.#limits[3 * g] = Math.min(speed, this.#limits[3 * g]!);
    plan.spline.pace(rest, this.#limits);
    plan.spline.fit(rest, this.#limits, 'exact');
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    return this.#plan.follow(tick);
  }
}
