/**
 * Joint teleoperation: in.op.jog (share of full scale per axis) × in.op.speed × the robot file's teleop.joint; on the
 * gripper axis in.op.jog and in.op.gripper add up, at teleop.gripper. Release stops each axis on the same smooth
 * profile as it started. Sets Reason.position on an axis that is pushed against its end.
 */
import { ControllerId, OperatorKind, Reason } from '../robot/tick.ts';
import { type Controller, type ControllerContext, StepCode } from './controller.ts';
import { driving, GripperInput, GripperTeleop, speedOf, TeleopScale } from './operator.ts';
import { approachSpeed, brakingSpeed, JOINT_RISE, profileOf, startSpeed } from './profile.ts';
import { TickSlots } from './slots.ts';

const GRIPPER = 0;
const SPEEDS = GripperTeleop.memorySize;
/** Share of the profile's acceleration used for braking before an end, and gain near it, 1/s. */
const BRAKE = 0.5;
const END_GAIN = 10;
/** Distance from an end within which pushing against it is reported, rad or m. */
const AT_END = 1e-3;

export class JogController implements Controller {
  readonly id = ControllerId.jog;
  readonly name = 'jog';
  readonly needsOperator = true;
  readonly memorySize: number;
  #memory!: Float64Array;
  #at!: TickSlots;
  #scale!: TeleopScale;
  #gripper!: GripperTeleop;
  #gripperAxis = -1;
  #min!: Float64Array;
  #max!: Float64Array;
  #profiles!: readonly Float64Array[];
  #brake!: Float64Array;
  readonly #wanted = new Float64Array(1);

  constructor(axes: number) {
    this.memorySize = SPEEDS + 2 * axes;
  }

  allocate({ spec, tick }: ControllerContext, memory: Float64Array): void {
    this.#memory = memory;
    this.#at = new TickSlots(spec, tick);
    this.#scale = new TeleopScale(spec, this.#at.period);
    this.#gripper = new GripperTeleop(spec, this.#at, this.#scale);
    this.#gripperAxis = spec.gripperAxis;
    this.#min = Float64Array.from(spec.axes, (a) => a.min);
    this.#max = Float64Array.from(spec.axes, (a) => a.max);
    this.#profiles = spec.axes.map((a) => {
      const full = Math.min(spec.teleop.joint, a.velocity);
      return profileOf(full, Math.min(full / JOINT_RISE, 0.5 * a.acceleration), this.#at.period);
    });
    this.#brake = Float64Array.from(this.#profiles, (p) => (BRAKE * p[1]!) / this.#at.period);
  }

  reset(tick: Float64Array): StepCode {
    this.#gripper.reset(tick, this.#memory, GRIPPER);
    for (let k = 0; k < this.#at.axes; k++) {
      const { cmdQd, cmdQdd } = this.#at;
      startSpeed(this.#memory, SPEEDS + 2 * k, tick, cmdQd + k, cmdQdd + k, this.#profiles[k]!);
    }
    return StepCode.ok;
  }

  step(tick: Float64Array): StepCode {
    const at = this.#at;
    const drives = driving(tick, at, this.#scale, OperatorKind.jog);
    const speed = drives ? speedOf(tick, at) : 0;
    for (let k = 0; k < at.axes; k++) if (k !== this.#gripperAxis) this.#joint(tick, k, speed);
    this.#gripper.step(tick, this.#memory, GRIPPER, GripperInput.operatorAndJog);
    return StepCode.ok;
  }

  #joint(tick: Float64Array, k: number, speed: number): void {
    const at = this.#at;
    const memory = this.#memory;
    const profile = this.#profiles[k]!;
    const q = tick[at.cmdQ + k]!;
    const share = speed === 0 ? 0 : speed * Math.max(-1, Math.min(1, tick[at.opJog + k]!));
    const room = share > 0 ? this.#max[k]! - q : q - this.#min[k]!;
    const brake = brakingSpeed(room, this.#brake[k]!, END_GAIN);
    this.#wanted[0] = Math.max(-brake, Math.min(brake, share * profile[0]!));
    approachSpeed(memory, SPEEDS + 2 * k, this.#wanted, 0, profile);
    const v = memory[SPEEDS + 2 * k + 1]!;
    const next = Math.max(this.#min[k]!, Math.min(this.#max[k]!, q + v * at.period));
    tick[at.wantQ + k] = next;
    tick[at.wantQd + k] = (next - q) / at.period;
    tick[at.wantTau + k] = 0;
    if (share !== 0 && room < AT_END) at.flag(tick, k, Reason.position);
  }
}
