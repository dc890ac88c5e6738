/**
 * A hand at a joint. It leads it along a smooth way and holds it there, as a spring with damping: weak enough that a servo
 * with torque wins or loses as it would against a person. Or it puts it somewhere, torque off: firmly, and lets go there.
 */
import type { Motor } from './motor.ts';

/** rad/s: how fast joint and hand swing together. */
const STIFFNESS = 40;
/** N·m. */
const STRENGTH = 1.5;
/** How fast it puts a joint somewhere, rad/s. */
const SPEED = 4;

export class Hand {
  readonly #motor: Motor;
  #does: 'nothing' | 'leads' | 'puts' = 'nothing';
  #from = 0;
  #to = 0;
  #began = Number.NaN;
  #seconds = 0;

  constructor(motor: Motor) {
    this.#motor = motor;
  }

  /** Leads the joint from where it is to `angle` (rad at the horn) within `seconds`, and holds it there. */
  move(angle: number, seconds: number): void {
    this.letGo();
    this.#does = 'leads';
    this.#from = this.#motor.angle;
    this.#to = angle;
    this.#seconds = Math.max(seconds, 1e-3);
    this.#began = Number.NaN;
  }

  /** Puts the joint at `angle`, or at the end stop before it, and lets go. Torque that comes on ends it. */
  put(angle: number): void {
    this.letGo();
    this.#does = 'puts';
    this.#to = angle;
    this.#began = Number.NaN;
  }

  /** It has not put the joint there yet. */
  get puts(): boolean {
    return this.#does === 'puts';
  }

  letGo(): void {
    if (this.#does === 'leads') this.#motor.push = 0;
    this.#motor.turned = null;
    this.#does = 'nothing';
  }

  /** Acts on the motor for the step of `dt` s that begins at `time`, s. `torque`: whether its servo drives it. */
  step(time: number, dt: number, torque: boolean): void {
    if (this.#does === 'nothing') return;
    const first = Number.isNaN(this.#began);
    if (first) this.#began = time;
    if (this.#does === 'leads') this.#lead(time);
    else this.#turn(dt, torque, first);
  }

  #lead(time: number): void {
    const s = Math.min(1, (time - this.#began) / this.#seconds);
    const part = s * s * (3 - 2 * s);
    const { angle, speed, setup } = this.#motor;
    const gap = this.#from + part * (this.#to - this.#from) - angle;
    const pull = setup.inertia * (STIFFNESS * STIFFNESS * gap - 2 * STIFFNESS * speed);
    // A hand feels friction and pushes through it.
    const wanted = pull + setup.friction * Math.sign(gap) * Math.min(1, Math.abs(gap) / 0.002);
    this.#motor.push = Math.min(STRENGTH, Math.max(-STRENGTH, wanted));
  }

  #turn(dt: number, torque: boolean, first: boolean): void {
    const motor = this.#motor;
    const way = (this.#to - motor.angle) / dt;
    const there = Math.abs(way) < 1e-9;
    // What does not turn any more is at an end stop, or held fast.
    if (torque || there || (!first && motor.speed === 0)) {
      this.letGo();
      if (there) motor.speed = 0;
    } else motor.turned = Math.sign(way) * Math.min(SPEED, Math.abs(way));
  }
}

/** A joint on its way to an angle (rad at the horn, from the middle) within so long (s), held there; null: let go. */
export interface HandMove {
  readonly id: number;
  readonly angle: number | null;
  readonly seconds: number;
}

/** Several joints at once. Throws for a servo that is not there. */
export function moveByHand(
  servos: readonly { readonly id: number; readonly hand: Hand }[],
  moves: readonly HandMove[],
): null {
  for (const { id, angle, seconds } of moves) {
    const servo = servos.find((s) => s.id === id);
    if (servo === undefined) throw new Error(`there is no servo ${id}`);
    if (angle === null) servo.hand.letGo();
    else servo.hand.move(angle, seconds);
  }
  return null;
}
