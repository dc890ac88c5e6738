/** Reads operator input as controllers use it: what counts only while fresh and while the deadman is held. */
import type { RobotSpec } from '../robot/spec.ts';
import { OperatorKind, Reason } from '../robot/tick.ts';
import {
  ANGULAR_RISE,
  approachSpeed,
  brakingSpeed,
  GRIPPER_RISE,
  LINEAR_RISE,
  profileOf,
  startSpeed,
} from './profile.ts';
import type { TickSlots } from './slots.ts';

/** Full-scale speeds of the robot file and how fast they may change. */
export class TeleopScale {
  readonly linear: number;
  readonly angular: number;
  readonly linearAcceleration: number;
  readonly angularAcceleration: number;
  /** See `profileOf`. */
  readonly linearProfile: Float64Array;
  readonly angularProfile: Float64Array;
  /** Input older than this counts as released, s: a stall of the link stops the arm gently before the deadman does. */
  readonly staleAfter: number;

  constructor(spec: RobotSpec, period: number) {
    this.linear = spec.teleop.linear;
    this.angular = spec.teleop.angular;
    this.linearAcceleration = this.linear / LINEAR_RISE;
    this.angularAcceleration = this.angular / ANGULAR_RISE;
    this.linearProfile = profileOf(this.linear, this.linearAcceleration, period);
    this.angularProfile = profileOf(this.angular, this.angularAcceleration, period);
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
export const speedOf = (tick: Float64Array, at: TickSlots): number =>
  Math.max(0, Math.min(1, tick[at.opSpeed]!));

/** Where the gripper axis takes its speed from: nothing (it comes to rest), in.op.gripper, or that plus in.op.jog. */
export const GripperInput = { none: 0, operator: 1, operatorAndJog: 2 } as const;
export type GripperInput = (typeof GripperInput)[keyof typeof GripperInput];

/**
 * Share of the profile's acceleration used for braking before an end of the range, and gain near it, 1/s: below
 * 1 / (4 SMOOTHING), so that the low-pass does not make it run into the end.
 */
const BRAKE = 0.5;
const END_GAIN = 10;

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
  readonly #full: number;
  readonly #brake: number;
  readonly #profile: Float64Array;
  readonly #wanted = new Float64Array(1);
  readonly #at: TickSlots;
  readonly #scale: TeleopScale;

  constructor(spec: RobotSpec, at: TickSlots, scale: TeleopScale) {
    const axis = spec.axes[spec.gripperAxis];
    this.#axis = spec.gripperAxis;
    this.#min = axis?.min ?? 0;
    this.#max = axis?.max ?? 0;
    this.#full = Math.min(spec.teleop.gripper, axis?.velocity ?? 0);
    const acceleration = Math.min(this.#full / GRIPPER_RISE, 0.5 * (axis?.acceleration ?? 0));
    this.#profile = profileOf(this.#full, acceleration, at.period);
    this.#brake = BRAKE * acceleration;
    this.#at = at;
    this.#scale = scale;
  }

  /** Goes on from how the guard's last command moves. */
  reset(tick: Float64Array, memory: Float64Array, m: number): void {
    memory[m] = 0;
    memory[m + 1] = 0;
    if (this.#axis < 0) return;
    startSpeed(memory, m, tick, this.#at.cmdQd + this.#axis, this.#at.cmdQdd + this.#axis, this.#profile);
  }

  /** One period on. Writes the gripper axis of the request; Reason.position when it is pushed against an end. */
  step(tick: Float64Array, memory: Float64Array, m: number, input: GripperInput): void {
    const axis = this.#axis;
    if (axis < 0) return;
    const at = this.#at;
    const q = tick[at.cmdQ + axis]!;
    let share = 0;
    if (input !== GripperInput.none && holding(tick, at, this.#scale)) {
      const jogs = input === GripperInput.operatorAndJog && tick[at.opKind] === OperatorKind.jog;
      const jog = jogs ? speedOf(tick, at) * tick[at.opJog + axis]! : 0;
      share = Math.max(-1, Math.min(1, tick[at.opGripper]! + jog));
    }
    const room = share > 0 ? this.#max - q : q - this.#min;
    const brake = brakingSpeed(room, this.#brake, END_GAIN);
    this.#wanted[0] = Math.max(-brake, Math.min(brake, share * this.#full));
    approachSpeed(memory, m, this.#wanted, 0, this.#profile);
    const next = Math.max(this.#min, Math.min(this.#max, q + memory[m + 1]! * at.period));
    tick[at.wantQ + axis] = next;
    tick[at.wantQd + axis] = (next - q) / at.period;
    tick[at.wantTau + axis] = 0;
    if (share !== 0 && !(room > 0)) at.flag(tick, axis, Reason.position);
  }
}
