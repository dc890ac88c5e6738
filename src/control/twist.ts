/**
 * Cartesian teleoperation: in.op.twist (share of full scale, in base or tool frame) is the velocity of the tool;
 * release, stale input or another kind of input stops it smoothly. in.op.gripper drives the gripper axis.
 * Sets Reason.singularity, velocity and position (all joints slowed alike), and out.manipulability.
 */
import { quatRotate } from '../math/quat.ts';
import { clampNorm3 } from '../math/vec.ts';
import { ControllerId, OperatorKind } from '../robot/tick.ts';
import { CartesianMotion } from './cartesian.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { driving, GripperInput, GripperTeleop, speedOf } from './operator.ts';

const GRIPPER = CartesianMotion.memorySize;

export class TwistController implements Controller {
  readonly id = ControllerId.twist;
  readonly name = 'twist';
  readonly memorySize = CartesianMotion.memorySize + GripperTeleop.memorySize;
  readonly needsOperator = true;
  #memory!: Float64Array;
  #motion!: CartesianMotion;
  #gripper!: GripperTeleop;
  readonly #wanted = new Float64Array(6);

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#motion = new CartesianMotion(context);
    this.#gripper = new GripperTeleop(context.spec, this.#motion.at, this.#motion.scale);
  }

  reset(tick: Float64Array): StepCode {
    this.#motion.reset(tick, this.#memory, 0);
    this.#gripper.reset(tick, this.#memory, GRIPPER);
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    const motion = this.#motion;
    const { at, scale } = motion;
    const v = this.#wanted;
    motion.locate(tick);
    for (let i = 0; i < 6; i++) v[i] = 0;
    if (driving(tick, at, scale, OperatorKind.twist)) {
      const speed = speedOf(tick, at);
      for (let i = 0; i < 6; i++) v[i] = tick[at.opTwist + i]!;
      // Two keys at once move no faster than one.
      clampNorm3(v, 0, 1);
      clampNorm3(v, 3, 1);
      for (let i = 0; i < 3; i++) {
        v[i]! *= speed * scale.linear;
        v[3 + i]! *= speed * scale.angular;
      }
      if (tick[at.opFrame] === 1) {
        quatRotate(v, 0, motion.pose, 3, v, 0);
        quatRotate(v, 3, motion.pose, 3, v, 3);
      }
    }
    motion.step(tick, this.#memory, 0, v);
    this.#gripper.step(tick, this.#memory, GRIPPER, GripperInput.operator);
    return StepCode.ok;
  }
}
