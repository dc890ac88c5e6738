/** What fills the one controller slot: `allocate → reset → step`. Implementations live in src/control. */
import type { KinematicModel } from '../model/kinematics.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { ControllerId, TickLayout } from '../robot/tick.ts';

export interface ControllerContext {
  readonly spec: RobotSpec;
  readonly tick: TickLayout;
  readonly model: KinematicModel;
}

/** Result of a step. In the loop nothing throws on purpose: a fault is a code. */
export const StepCode = { ok: 0, done: 1, fault: 2 } as const;
export type StepCode = (typeof StepCode)[keyof typeof StepCode];

export interface Controller {
  readonly id: ControllerId;
  readonly name: string;
  /** float64 values that it keeps from tick to tick. Nothing else may carry state: the block is the snapshot. */
  readonly memorySize: number;
  /**
   * True when it drives from operator input, so that losing the operator must stop it. Valid after `reset`, and may
   * follow from its arguments (a pose target given as arguments needs no operator): read it each time it is needed.
   */
  readonly needsOperator: boolean;
  /** Called once; `memory` is its part of the cycle's memory block for good. May allocate scratch. */
  allocate(context: ControllerContext, memory: Float64Array): void;
  /**
   * Called when it takes the slot. `tick` has the inputs of this tick, and the guard's last command in
   * out.q / out.qd (start from there, so that nothing jumps); `args` are the request's. Allocates nothing.
   * Returns StepCode.fault when the arguments make no sense.
   */
  reset(tick: Float64Array, args: Float64Array, count: number): StepCode;
  /**
   * Reads in.*, and in out.q / out.qd the guard's last command, which controllers that integrate a speed start every
   * step from: what the guard took away is not asked for again. Writes out.requested.{q,qd,tau}; ors its Reason bits into out.reason[axis] and
   * out.reasonAll (the cycle has zeroed both); may write out.manipulability. Allocates nothing. May be called again
   * after it has answered `done`: it then holds.
   */
  step(tick: Float64Array): StepCode;
}
