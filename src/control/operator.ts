/** Reads operator input as controllers use it: what counts only while fresh and while the deadman is held. */
import type { RobotSpec } from '../robot/spec.ts';
import { Reason } from '../robot/tick.ts';
import {
  ANGULAR_RISE,
  approachSpeed,
  brakingSpeed,
  GRIPPER_RISE,
  LINEAR_RISE,
  smoothing,
} from './profile.ts';
import type { TickSlots } from './slots.ts';

/** Full-scale speeds and what they may change by in a period. */
export class TeleopScale {
  readonly linear: number;
  readonly angular: number;
  readonly joint: number;
  readonly gripper: number;
  readonly linearStep: number;
  readonly angularStep: number;
  readonly gripperStep: number;
  readonly weight: number;
  /** Input older than this counts as released, s: a stall of the link stops the arm gently before the deadman does. */
  readonly staleAfter: number;

  constructor(spec: RobotSpec, period: number) {
    this.linear = spec.teleop.linear;
    this.angular = spec.teleop.angular;
    this.joint = spec.teleop.joint;
    const axis = spec.axes[spec.gripperAxis];
    this.gripper = Math.min(spec.teleop.gripper, axis?.velocity ?? 0);
    this.linearStep = (this.linear / LINEAR_RISE) * period;
    this.angularStep = (this.angular / ANGULAR_RISE) * period;
    this.gripperStep = Math.min(this.gripper / GRIPPER_RISE, 0.5 * (axis?.acceleration ?? 0)) * period;
    this.weight = smoothing(period);
    this.staleAfter = spec.limits.deadmanMs / 2000;
  }
}

/** True when input of that kind is fresh and the operator holds the deadman. */
export function driving(tick: Float64Array, at: TickSlots, scale: TeleopScale, kind: number): boolean {
  return tick[at.opKind] === kind && holding(tick, at, scale);
}

/** True when any input is fresh and the operator holds the deadman. */
export function holding(tick: Float64Array, at: TickSlots, scale: TeleopScale): boolean {
  return tick[at.opEnable] === 1 && tick[at.time]! - tick[at.opTime]! <= scale.staleAfter;
}

/** The operator's speed scale, 0..1. */
export function speedOf(tick: Float64Array, at: TickSlots): number {
  return Math.max(0, Math.min(1, tick[at.opSpeed]!));
}

/**
 * The gripper axis under teleoperation: in.op.gripper is its speed, the command stays in range. Closing on an object
 * the command runs on to 0 while the fingers stand: the force limit of the actuator is what grasps.
 */
export class GripperTeleop {
  /** float64 values of memory that it uses. */
  static readonly memorySize = 2;
  readonly #axis: number;
  readonly #min: number;
  readonly #max: number;
  readonly #at: TickSlots;
  readonly #scale: TeleopScale;

  constructor(spec: RobotSpec, at: TickSlots, scale: TeleopScale) {
    this.#axis = spec.gripperAxis;
    const axis = spec.axes[spec.gripperAxis];
    this.#min = axis?.min ?? 0;
    this.#max = axis?.max ?? 0;
    this.#at = at;
    this.#scale = scale;
  }

  reset(tick: Float64Array, memory: Float64Array, m: number): void {
    const speed = this.#axis < 0 ? 0 : tick[this.#at.cmdQd + this.#axis]!;
    memory[m] = speed;
    memory[m + 1] = speed;
  }

  /** Speed that the operator asks for, -1..1 of full scale; `extra` adds what is asked by other means (jog). */
  share(tick: Float64Array, extra = 0): number {
    if (!holding(tick, this.#at, this.#scale)) return 0;
    return Math.max(-1, Math.min(1, tick[this.#at.opGripper]! + extra));
  }

  /** Moves at `share` of full scale (0: comes to rest). Writes the gripper axis of the request. */
  step(tick: Float64Array, memory: Float64Array, m: number, share: number): void {
    const axis = this.#axis;
    if (axis < 0) return;
    const at = this.#at;
    const scale = this.#scale;
    const q = tick[at.cmdQ + axis]!;
    let wanted = share * scale.gripper;
    const room = wanted > 0 ? this.#max - q : q - this.#min;
    const brake = brakingSpeed(room, (0.5 * scale.gripperStep) / at.period, 20);
    if (Math.abs(wanted) > brake) wanted = Math.sign(wanted) * brake;
    const speed = approachSpeed(memory, m, wanted, scale.gripper, scale.gripperStep, scale.weight);
    const next = Math.max(this.#min, Math.min(this.#max, q + speed * at.period));
    at.want(tick, axis, next, (next - q) / at.period);
    if (share !== 0 && !(room > 0)) at.flag(tick, axis, Reason.position);
  }
}
