/**
 * Tool pose target. Without arguments it follows in.op.pose while the operator drives (a drag in the 3D view), at
 * in.op.speed of full scale, with in.op.gripper on the gripper axis. With arguments (target pose of 7 values in the
 * base: p x y z, quaternion x y z w; then optionally a speed share 0..1) it needs no operator, goes there, and is done
 * within ARRIVED of it. Speeds and accelerations are those of teleoperation.
 * Sets Reason.singularity, velocity, position, and ikFailed when it stands short of its target; fixed targets that
 * stay out of reach end in a fault.
 */
import { poseError } from '../math/se3.ts';
import { ControllerId, OperatorKind, Reason } from '../robot/tick.ts';
import { CartesianMotion } from './cartesian.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { driving, GripperInput, GripperTeleop } from './operator.ts';
import { coverDistance } from './profile.ts';

const GRIPPER = CartesianMotion.memorySize;
const FIXED = GRIPPER + GripperTeleop.memorySize;
const SPEED = FIXED + 1;
const TARGET = SPEED + 1;
/** Seconds for which it has stood still short of the target. */
const STALLED = TARGET + 7;
const SIZE = STALLED + 1;

/** Reached: m and rad. */
export const ARRIVED = { linear: 1e-4, angular: 1e-3 } as const;
/** Gain near the target, 1/s, and the share of the acceleration limit used for braking. */
const GAIN = 8;
const BRAKE = 0.6;
/** A standstill short of the target for this long, s, is a failure. */
const STALL_TIME = 1;

export class PoseController implements Controller {
  readonly id = ControllerId.pose;
  readonly name = 'pose';
  readonly memorySize = SIZE;
  #memory!: Float64Array;
  #motion!: CartesianMotion;
  #gripper!: GripperTeleop;
  readonly #gap = new Float64Array(6);
  /** See coverDistance; the speeds are written in each step. */
  #linear!: Float64Array;
  #angular!: Float64Array;

  get needsOperator(): boolean {
    return this.#memory[FIXED] !== 1;
  }

  allocate(context: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#motion = new CartesianMotion(context);
    const scale = this.#motion.scale;
    this.#gripper = new GripperTeleop(context.spec, this.#motion.at, scale);
    this.#linear = Float64Array.of(0, BRAKE * scale.linearAcceleration, GAIN, ARRIVED.linear);
    this.#angular = Float64Array.of(0, BRAKE * scale.angularAcceleration, GAIN, ARRIVED.angular);
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const memory = this.#memory;
    this.#motion.reset(tick, memory, 0);
    this.#gripper.reset(tick, memory, GRIPPER);
    memory[STALLED] = 0;
    memory[FIXED] = 0;
    memory[SPEED] = 1;
    for (let i = 0; i < 7; i++) memory[TARGET + i] = i === 6 ? 1 : 0;
    if (count === 0) return StepCode.ok;
    if (count !== 7 && count !== 8) return StepCode.fault;
    memory[FIXED] = 1;
    if (!takePose(args, 0, memory, TARGET)) return StepCode.fault;
    if (count === 8) memory[SPEED] = args[7]!;
    return memory[SPEED]! > 0 && memory[SPEED]! <= 1 ? StepCode.ok : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const motion = this.#motion;
    const memory = this.#memory;
    const { at, scale } = motion;
    const fixed = memory[FIXED] === 1;
    motion.locate(tick);
    let goes = fixed;
    if (!fixed && driving(tick, at, scale, OperatorKind.pose)) {
      goes = takePose(tick, at.opPose, memory, TARGET);
      memory[SPEED] = Math.max(0, Math.min(1, tick[at.opSpeed]!));
    }
    const v = this.#gap;
    let arrived = false;
    if (goes) {
      poseError(v, 0, motion.pose, 0, memory, TARGET);
      this.#linear[0] = memory[SPEED]! * scale.linear;
      this.#angular[0] = memory[SPEED]! * scale.angular;
      const there = coverDistance(v, 0, this.#linear);
      arrived = coverDistance(v, 3, this.#angular) && there;
    } else {
      for (let i = 0; i < 6; i++) v[i] = 0;
    }
    motion.step(tick, memory, 0, v);
    this.#gripper.step(tick, memory, GRIPPER, fixed ? GripperInput.none : GripperInput.operator);
    return this.#judge(tick, goes && !arrived && memory[SPEED]! > 0, fixed, arrived);
  }

  #judge(tick: Float64Array, short: boolean, fixed: boolean, arrived: boolean): StepCode {
    const memory = this.#memory;
    const { solver, at } = this.#motion;
    const stuck = short && solver.singularScale * solver.limitScale < 0.02;
    memory[STALLED] = stuck ? memory[STALLED]! + at.period : 0;
    if (memory[STALLED]! > STALL_TIME) {
      at.flagAll(tick, Reason.ikFailed);
      if (fixed) return StepCode.fault;
    }
    return fixed && arrived ? StepCode.done : StepCode.ok;
  }
}

/** Copies a pose and normalises its quaternion; false, and nothing copied, when it is no pose. */
function takePose(from: Float64Array, f: number, to: Float64Array, t: number): boolean {
  let size = 0;
  for (let i = 3; i < 7; i++) size += from[f + i]! * from[f + i]!;
  size = Math.sqrt(size);
  if (!(Math.abs(size - 1) < 0.1 && Math.abs(from[f]! + from[f + 1]! + from[f + 2]!) < 1e3)) return false;
  for (let i = 0; i < 7; i++) to[t + i] = i < 3 ? from[f + i]! : from[f + i]! / size;
  return true;
}
