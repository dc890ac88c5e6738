/** The mock's mechanics: one first-order servo per axis, with velocity and acceleration limits and a brake. */
import { CommandMode } from '../../src/robot/tick.ts';
import type { MockSetup } from './protocol.ts';

export class Servos {
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly tau: Float64Array;
  readonly #axes: MockSetup['axes'];
  readonly #wantQ: Float64Array;
  readonly #wantQd: Float64Array;
  readonly #timeConstant: number;
  #mode: number = CommandMode.idle;

  constructor(setup: MockSetup) {
    const n = setup.axes.length;
    this.#axes = setup.axes;
    this.#timeConstant = setup.timeConstant;
    this.q = Float64Array.from(setup.axes, (a) => a.home);
    this.qd = new Float64Array(n);
    this.tau = new Float64Array(n);
    this.#wantQ = Float64Array.from(this.q);
    this.#wantQd = new Float64Array(n);
  }

  /** `numbers` from `at`: q of all axes, then qd of all axes. */
  command(mode: number, numbers: Float64Array, at: number): void {
    const n = this.q.length;
    this.#mode = mode;
    for (let i = 0; i < n; i++) {
      this.#wantQ[i] = numbers[at + i]!;
      this.#wantQd[i] = numbers[at + n + i]!;
    }
  }

  /** Brakes at the acceleration limit and stays where that ends. */
  hold(): void {
    this.#mode = CommandMode.idle;
  }

  step(dt: number): void {
    for (let i = 0; i < this.q.length; i++) {
      const axis = this.#axes[i]!;
      const q = this.q[i]!;
      const before = this.qd[i]!;
      const most = axis.acceleration * dt;
      let wanted = 0;
      if (this.#mode === CommandMode.velocity) wanted = this.#wantQd[i]!;
      else if (this.#mode === CommandMode.position) {
        const error = this.#wantQ[i]! - q;
        // No faster than it can still brake on the way left, or a step would overshoot.
        const braking = 0.9 * Math.sqrt(2 * axis.acceleration * Math.abs(error));
        wanted = this.#wantQd[i]! + clamp(error / this.#timeConstant, -braking, braking);
      }
      wanted = clamp(wanted, -axis.velocity, axis.velocity);
      // The same towards the ends of travel, one step of acceleration kept back.
      const up = Math.max(0, Math.sqrt(2 * axis.acceleration * Math.max(0, axis.max - q)) - most);
      const down = Math.max(0, Math.sqrt(2 * axis.acceleration * Math.max(0, q - axis.min)) - most);
      wanted = clamp(wanted, -down, up);
      const now = before + clamp(wanted - before, -most, most);
      const next = q + now * dt;
      this.q[i] = clamp(next, axis.min, axis.max);
      this.qd[i] = next === this.q[i] ? now : 0;
      this.tau[i] = (axis.effort * (this.qd[i]! - before)) / most;
    }
  }
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
