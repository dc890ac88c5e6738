/**
 * Goes to the robot file's home position and is done there; the gripper keeps its opening, so that nothing is dropped.
 * Arguments: none, or [speed] in (0, 1] of full speed (HOME_SPEED without).
 */
import { ControllerId } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

/** Share of full planned speed: brisk, and no surprise to somebody beside the arm. */
export const HOME_SPEED = 0.5;

export class HomeController implements Controller {
  readonly id = ControllerId.home;
  readonly name = 'home';
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
    const speed = count > 0 ? args[0]! : HOME_SPEED;
    if (count > 1 || !(speed > 0 && speed <= 1)) return StepCode.fault;
    for (let a = 0; a < plan.axes.length; a++) {
      const home = plan.axes[a]!.home;
      this.#target[a] = a === this.#gripperAxis ? plan.spline.position(rest, a) : home;
    }
    plan.spline.add(this.#target, 0, 0);
    plan.scaled(speed, this.#limits);
    plan.spline.pace(rest, this.#limits);
    plan.spline.fit(rest, this.#limits, 'exact');
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    return this.#plan.follow(tick);
  }
}
