/**
 * What each servo is told in a cycle, by its operating mode. Goals come as steps, and speeds of the servo with them:
 *
 *   position, extended, current   Goal Position  = goal
 *   velocity                      Goal Velocity  = speed + gain (goal − position)
 *   torque                        Goal Current   = torque of kp (goal − position) + kd (speed − measured speed)
 *
 * with speeds in rad/s and torques in N·m turned to units here, within the limits of axis and servo. What is worked out from
 * where the servo is counts only while that is known: otherwise it is 0. Allocates nothing after it was made.
 */
import type { Reading } from '../bus/arm/chain.ts';
import type { Joint } from './joint.ts';
import { torquePerUnit } from './models.ts';
import { OVERHEAD, type PacketWriter } from './packet.ts';
import { type Item, POSITION_UNIT, VELOCITY_UNIT, X } from './table.ts';

/** The register that a servo is told its goal by, and so the one that says what it has. */
export function goalItem({ options: { mode } }: Joint): Item {
  if (mode === 'velocity') return X.goalVelocity;
  return mode === 'torque' ? X.goalCurrent : X.goalPosition;
}

const clamp = (value: number, most: number): number => Math.min(Math.max(value, -most), most);

export class GoalWriter {
  readonly #joints: readonly Joint[];
  readonly #items: readonly Item[];
  readonly #torqueUnit: Float64Array;
  readonly #sent: Int32Array;
  readonly #steps: Int32Array;
  /** One address for all: a sync-write. */
  readonly #together: boolean;

  constructor(joints: readonly Joint[]) {
    this.#joints = joints;
    this.#items = joints.map(goalItem);
    this.#torqueUnit = Float64Array.from(joints, (j) => torquePerUnit(j.model));
    this.#sent = new Int32Array(joints.length);
    this.#steps = new Int32Array(joints.length);
    this.#together = GoalWriter.together(joints);
  }

  static together(joints: readonly Joint[]): boolean {
    return joints.every((j) => goalItem(j) === X.goalPosition);
  }

  /** Bytes of a packet of goals on the wire, without stuffing. */
  static wireBytes(joints: readonly Joint[]): number {
    if (GoalWriter.together(joints)) return OVERHEAD + 4 + joints.length * (1 + X.goalPosition.size);
    return OVERHEAD + joints.reduce((sum, j) => sum + 5 + goalItem(j).size, 0);
  }

  /** Adds the packet. `known`: the reading is of now. */
  write(
    w: PacketWriter,
    goals: Int32Array,
    speeds: Float64Array | undefined,
    r: Reading,
    known: boolean,
  ): void {
    if (this.#together) w.beginSyncWrite(X.goalPosition.address, X.goalPosition.size);
    else w.beginBulkWrite();
    for (let i = 0; i < goals.length; i++) {
      const { address, size } = this.#items[i]!;
      const value = this.#value(i, goals[i]!, speeds === undefined ? 0 : speeds[i]!, r, known);
      this.#sent[i] = value;
      this.#steps[i] = goals[i]!;
      w.u8(this.#joints[i]!.id);
      if (!this.#together) w.u16(address).u16(size);
      if (size === 2) w.u16(value & 0xffff);
      else w.i32(value);
    }
    w.end();
  }

  /** The goal in steps that a servo has whose register says `raw`; NaN when that is not what it was told. */
  goal(i: number, raw: number): number {
    if (this.#items[i] === X.goalPosition) return raw;
    return raw === this.#sent[i] ? this.#steps[i]! : Number.NaN;
  }

  #value(i: number, goal: number, speed: number, r: Reading, known: boolean): number {
    const { options, model, map } = this.#joints[i]!;
    if (this.#items[i] === X.goalPosition) return goal;
    if (!known) return 0;
    const error = (goal - r.position[i]!) * POSITION_UNIT;
    if (options.mode === 'velocity') {
      const most = Math.min(Math.abs(map.servoRate(map.axis.velocity)), model.noLoadSpeed);
      return Math.round(clamp(speed + options.gain * error, most) / VELOCITY_UNIT);
    }
    const { kp, kd, effort } = map.axis;
    const wanted = kp * map.velocity(error) + kd * map.velocity(speed - r.speed[i]!);
    const most = Math.min(
      options.current ?? Number.POSITIVE_INFINITY,
      model.currentLimit! * model.currentUnit!,
    );
    const units = map.servoTorque(clamp(wanted, effort)) / this.#torqueUnit[i]!;
    return Math.round(clamp(units, most / model.currentUnit!));
  }
}
