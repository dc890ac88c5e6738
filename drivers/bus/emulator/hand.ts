/**
 * A hand at a joint: a spring with damping that leads it along a smooth way, and then holds it. Weak enough that a servo
 * with torque wins or loses as it would against a person.
 */
import type { Motor } from './motor.ts';

/** rad/s: how fast joint and hand swing together. */
const STIFFNESS = 40;
/** N·m. */
const STRENGTH = 1.5;

export class Hand {
  readonly #motor: Motor;
  #from = 0;
  #to: number | null = null;
  #began = Number.NaN;
  #seconds = 0;

  constructor(motor: Motor) {
    this.#motor = motor;
  }

  /** Takes the joint where it is, to `angle` (rad at the horn) within `seconds`. */
  move(angle: number, seconds: number): void {
    this.#from = this.#motor.angle;
    this.#to = angle;
    this.#seconds = Math.max(seconds, 1e-3);
    this.#began = Number.NaN;
  }

  letGo(): void {
    this.#to = null;
    this.#motor.push = 0;
  }

  /** Pushes the motor for the step that begins at `time`, s. */
  step(time: number): void {
    if (this.#to === null) return;
    if (Number.isNaN(this.#began)) this.#began = time;
    const s = Math.min(1, (time - this.#began) / this.#seconds);
    const part = s * s * (3 - 2 * s);
    const { angle, speed, setup } = this.#motor;
    const gap = this.#from + part * (this.#to - this.#from) - angle;
    const pull = setup.inertia * (STIFFNESS * STIFFNESS * gap - 2 * STIFFNESS * speed);
    // A hand feels friction and pushes through it.
    const wanted = pull + setup.friction * Math.sign(gap) * Math.min(1, Math.abs(gap) / 0.002);
    this.#motor.push = Math.min(STRENGTH, Math.max(-STRENGTH, wanted));
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
