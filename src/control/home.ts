/**
 * Goes to the robot file's home position and is done there; the gripper keeps its opening, so that nothing is dropped.
 * Arguments: none, or [speed] in (0, 1] of full speed (HOME_SPEED without).
 */
import { ControllerId } from '../robot/tick.ts';
import { OneTargetController } from './one-target.ts';

/** Share of full planned speed: brisk, and no surprise to somebody beside the arm. */
const HOME_SPEED = 0.5;

export class HomeController extends OneTargetController {
  readonly id = ControllerId.home;
  readonly name = 'home';

  protected override aim(rest: number, args: Float64Array, count: number): boolean {
    const { plan, limits, target, gripperAxis } = this;
    const speed = count > 0 ? args[0]! : HOME_SPEED;
    if (count > 1 || !(speed > 0 && speed <= 1)) return false;
    for (let a = 0; a < plan.axes.length; a++) {
      const home = plan.axes[a]!.home;
      target[a] = a === gripperAxis ? plan.spline.position(rest, a) : home;
    }
    plan.scaled(speed, limits);
    return true;
  }
}
