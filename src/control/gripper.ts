/**
 * Moves the gripper to an opening while the arm holds; done when the command is there (an object in between is grasped
 * by the actuator's force limit). Arguments: [opening in m, (speed in m/s, at most the axis limit)].
 */
import { ControllerId } from '../robot/tick.ts';
import { OneTargetController } from './one-target.ts';

export class GripperController extends OneTargetController {
  readonly id = ControllerId.gripper;
  readonly name = 'gripper';

  protected override aim(rest: number, args: Float64Array, count: number): boolean {
    const { plan, limits, target, gripperAxis: g } = this;
    if (g < 0 || count < 1 || count > 2) return false;
    const opening = args[0]!;
    const { min, max, velocity } = plan.axes[g]!;
    const speed = count === 2 ? args[1]! : velocity;
    if (!(opening >= min - 1e-9 && opening <= max + 1e-9 && speed > 0)) return false;
    for (let a = 0; a < plan.axes.length; a++) target[a] = plan.spline.position(rest, a);
    target[g] = opening;
    for (let i = 0; i < limits.length; i++) limits[i] = plan.limits[i]!;
    limits[3 * g] = Math.min(speed, limits[3 * g]!);
    return true;
  }
}
