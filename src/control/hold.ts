/** Holds where the guard's last command stood; takes over from a moving arm by braking within its limits. */
import { ControllerId } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { PlanFollower } from './plan.ts';

export class HoldController implements Controller {
  readonly id = ControllerId.hold;
  readonly name = 'hold';
  readonly needsOperator = false;
  readonly memorySize: number;
  #plan!: PlanFollower;

  constructor(axes: number) {
    this.memorySize = PlanFollower.memorySize(axes, 2);
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#plan = new PlanFollower(context, 2, memory, 0);
  }

  reset(tick: Float64Array): StepCode {
    this.#plan.begin(tick);
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    this.#plan.follow(tick);
    return StepCode.ok;
  }
}
