/**
 * Follows a leader arm: in.op.joints are the positions that the axes are asked for, stamped with in.op.clientTime when
 * they were read. Each axis moves with the leader's speed plus what closes the gap, at most in.op.speed of its own speed
 * limit; braking begins in time. The axes are those that the robot file's leader drives (all, without one); the others
 * rest. Arguments: [seconds from taking over to full speed].
 *
 *   v = clamp(v_leader + clamp(GAIN · (wanted − q), ± braking speed), ± limit · speed · ramp), smoothed
 *
 * Released or silent, the arm comes to rest and stays. Sets Reason.position on an axis that is asked beyond its end.
 */
import type { RobotSpec } from '../robot/spec.ts';
import { ControllerId, OperatorKind, Reason } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { driving, speedOf, TeleopScale } from './operator.ts';
import { PLAN_SHARE } from './plan.ts';
import { approachSpeed, brakingSpeed, profileOf, SMOOTHING, startSpeed } from './profile.ts';
import { TickSlots } from './slots.ts';

/** Ticks since it took over; s from then to full speed. */
const TICKS = 0;
const RAMP = 1;
/** Number and time of the reading seen last; 0 before the first. */
const SEEN = 2;
const READ_AT = 3;
const HEADER = 4;
/** Per axis: the speed profile's two values, the position asked for last, the leader's speed. */
const LAST = 2;
const LEADER = 3;
const EACH = 4;

/** 1/s, below 1 / (4 SMOOTHING). */
const GAIN = 10;
/** Shares of the axis' limits: acceleration, of it for braking, and what the smoothing may ask of the jerk. */
const ACCELERATION = 0.8;
const BRAKE = 0.6;
const JERK = 0.9;
/** Low-pass of the leader's speed, s; readings further apart than STALE say nothing about it. */
const LEADER_SMOOTHING = 0.03;
const STALE = 0.1;

/** 1 for each axis that the leader of a robot file drives; all without one. */
export function ledAxes(spec: Pick<RobotSpec, 'axes' | 'gripperAxis' | 'leader'>): Uint8Array {
  const { leader } = spec;
  if (leader === null) return new Uint8Array(spec.axes.length).fill(1);
  return Uint8Array.from(spec.axes, ({ name }, i) => {
    const led = leader.joints.some((j) => j.axis === name);
    return led || (i === spec.gripperAxis && leader.trigger !== null) ? 1 : 0;
  });
}

export class LeaderController implements Controller {
  readonly id = ControllerId.leader;
  readonly name = 'leader';
  readonly needsOperator = true;
  readonly memorySize: number;
  #memory!: Float64Array;
  #at!: TickSlots;
  #scale!: TeleopScale;
  #led!: Uint8Array;
  #min!: Float64Array;
  #max!: Float64Array;
  #full!: Float64Array;
  #brake!: Float64Array;
  #profiles!: readonly Float64Array[];
  readonly #wanted = new Float64Array(1);
  /** Weight of the newest reading in the leader's speed, and 1 / s since the one before; 0 without a new one. */
  readonly #fresh = new Float64Array(2);
  /** Part of full speed in this tick. */
  readonly #share = new Float64Array(1);

  constructor(axes: number) {
    this.memorySize = HEADER + EACH * axes;
  }

  allocate({ spec, tick }: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#at = new TickSlots(spec, tick);
    this.#scale = new TeleopScale(spec, this.#at.period);
    this.#led = ledAxes(spec);
    this.#min = Float64Array.from(spec.axes, (a) => a.min);
    this.#max = Float64Array.from(spec.axes, (a) => a.max);
    this.#full = Float64Array.from(spec.axes, (a) => PLAN_SHARE * a.velocity);
    const most = spec.axes.map((a) => Math.min(ACCELERATION * a.acceleration, JERK * SMOOTHING * a.jerk));
    this.#brake = Float64Array.from(most, (a) => BRAKE * a);
    this.#profiles = spec.axes.map((_, k) => profileOf(this.#full[k]!, most[k]!, this.#at.period));
  }

  reset(tick: Float64Array, args: Float64Array, count: number): StepCode {
    const at = this.#at;
    const memory = this.#memory;
    memory[TICKS] = 0;
    memory[RAMP] = count > 0 ? args[0]! : 0;
    memory[SEEN] = 0;
    memory[READ_AT] = 0;
    for (let k = 0; k < at.axes; k++) {
      const m = HEADER + EACH * k;
      startSpeed(memory, m, tick, at.cmdQd + k, at.cmdQdd + k, this.#profiles[k]!);
      memory[m + LAST] = 0;
      memory[m + LEADER] = 0;
    }
    return count <= 1 && memory[RAMP]! >= 0 ? StepCode.ok : StepCode.fault;
  }

  step(tick: Float64Array): StepCode {
    const at = this.#at;
    const memory = this.#memory;
    const drives = driving(tick, at, this.#scale, OperatorKind.joints);
    const ramp = memory[RAMP]!;
    const since = memory[TICKS]! * at.period;
    this.#share[0] = drives ? speedOf(tick, at) * (since < ramp ? since / ramp : 1) : 0;
    memory[TICKS] = memory[TICKS]! + 1;
    this.#look(tick, drives ? 1 : 0);
    for (let k = 0; k < at.axes; k++) this.#axis(tick, k, drives ? 1 : 0);
    return StepCode.ok;
  }

  /** Whether there is a new reading, and what it says of the leader's speed. */
  #look(tick: Float64Array, drives: number): void {
    const memory = this.#memory;
    const at = this.#at;
    this.#fresh[0] = 0;
    if (drives === 0) {
      memory[SEEN] = 0;
      return;
    }
    const seq = tick[at.opSeq]!;
    if (seq === memory[SEEN]!) return;
    const dt = tick[at.opClientTime]! - memory[READ_AT]!;
    // The first one, or one after a gap, says where the leader is and not how fast it goes.
    const known = memory[SEEN]! !== 0 && dt > 0 && dt <= STALE;
    this.#fresh[0] = known ? dt / (dt + LEADER_SMOOTHING) : 1;
    this.#fresh[1] = known ? 1 / dt : 0;
    memory[SEEN] = seq;
    memory[READ_AT] = tick[at.opClientTime]!;
  }

  #axis(tick: Float64Array, k: number, drives: number): void {
    const at = this.#at;
    const memory = this.#memory;
    const m = HEADER + EACH * k;
    const q = tick[at.cmdQ + k]!;
    const asked = tick[at.opJoints + k]!;
    if (drives === 0 || this.#led[k] === 0) {
      memory[m + LEADER] = 0;
      this.#wanted[0] = 0;
    } else {
      if (this.#fresh[0]! > 0) {
        const speed = (asked - memory[m + LAST]!) * this.#fresh[1]!;
        memory[m + LEADER] = memory[m + LEADER]! + this.#fresh[0]! * (speed - memory[m + LEADER]!);
        memory[m + LAST] = asked;
      }
      const goal = Math.max(this.#min[k]!, Math.min(this.#max[k]!, asked));
      if (goal !== asked) at.flag(tick, k, Reason.position);
      // Against an end the leader's speed is none of the arm's.
      const lead = goal === asked ? memory[m + LEADER]! : 0;
      const gap = goal - q;
      const close = Math.sign(gap) * brakingSpeed(Math.abs(gap), this.#brake[k]!, GAIN);
      const most = this.#share[0]! * this.#full[k]!;
      this.#wanted[0] = Math.max(-most, Math.min(most, lead + close));
    }
    approachSpeed(memory, m, this.#wanted, 0, this.#profiles[k]!);
    const next = Math.max(this.#min[k]!, Math.min(this.#max[k]!, q + memory[m + 1]! * at.period));
    at.want(tick, k, next, (next - q) / at.period);
  }
}
