/**
 * What the servos are told in each cycle. Follows commands, clamped to the limits of the axes and never faster than
 * the axes may go, whatever the command says; without commands it brakes at the acceleration limit and holds. Pure: time
 * comes in, goals come out.
 */
import type { AxisSpec } from '../../../src/robot/spec.ts';
import { CommandMode } from '../../../src/robot/tick.ts';

/** A goal may run this much ahead of the speed limit: rounding and jitter of command times are no jump. */
const SLACK = 1.25;
/** A cycle that comes later than this many periods is not made up for: goals go on from where they were, without a kick. */
const LATE = 2;
/** The same for very short periods, s. */
const LEAST_STEP = 0.03;

export class Goals {
  /** Axis positions that go out now. */
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly #axes: readonly AxisSpec[];
  readonly #wanted: Float64Array;
  readonly #watchdogS: number;
  readonly #longest: number;
  #following = false;
  #halted = false;
  #commanded = Number.NEGATIVE_INFINITY;
  #time = 0;

  constructor(axes: readonly AxisSpec[], watchdogS: number, periodS: number) {
    this.#axes = axes;
    this.#watchdogS = watchdogS;
    this.#longest = Math.max(LEAST_STEP, LATE * periodS);
    this.q = new Float64Array(axes.length);
    this.qd = new Float64Array(axes.length);
    this.#wanted = new Float64Array(axes.length);
  }

  /** True while no command is followed although torque is on. */
  get holding(): boolean {
    return !this.#following;
  }

  /** True when commands stopped coming. */
  watchdog(now: number): boolean {
    return this.#halted || now - this.#commanded > this.#watchdogS;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** Torque has come on at these positions: holds them until the first command. */
  start(q: Float64Array, now: number): void {
    this.q.set(q);
    this.qd.fill(0);
    this.#wanted.set(q);
    this.#following = false;
    this.#halted = false;
    this.#commanded = now;
    this.#time = now;
  }

  /**
   * Takes a command: q at `at`. False when it is none that can be followed (another mode, or not finite): the arm then
   * brakes and holds.
   */
  command(mode: number, block: Float64Array, at: number, now: number): boolean {
    if (this.#halted) return false;
    this.#commanded = now;
    let finite = true;
    for (let i = 0; i < this.q.length; i++) if (!Number.isFinite(block[at + i]!)) finite = false;
    this.#following = mode === CommandMode.position && finite;
    if (this.#following) for (let i = 0; i < this.q.length; i++) this.#wanted[i] = block[at + i]!;
    return this.#following;
  }

  /** Brakes and holds, and follows nothing until `start`. */
  halt(): void {
    this.#halted = true;
    this.#following = false;
  }

  /** Goes on to `now`; what is to be sent is then in `q`. `stalled`: nothing is known of the arm, so it is to stop. */
  step(now: number, state: 'known' | 'stalled'): void {
    const dt = Math.min(Math.max(now - this.#time, 0), this.#longest);
    this.#time = now;
    const follow = this.#following && state === 'known' && now - this.#commanded <= this.#watchdogS;
    for (let i = 0; i < this.q.length; i++) {
      const axis = this.#axes[i]!;
      const from = this.q[i]!;
      let to: number;
      if (follow) {
        const most = SLACK * axis.velocity * dt;
        to = from + Math.min(Math.max(this.#wanted[i]! - from, -most), most);
        // How fast it goes, smoothed over a few cycles: what braking begins with.
        if (dt > 0) this.qd[i] = 0.7 * this.qd[i]! + 0.3 * ((to - from) / dt);
      } else {
        const speed = this.qd[i]!;
        const less = Math.min(Math.abs(speed), axis.acceleration * dt);
        this.qd[i] = speed - Math.sign(speed) * less;
        to = from + (speed + this.qd[i]!) * 0.5 * dt;
      }
      this.q[i] = Math.min(Math.max(to, axis.min), axis.max);
    }
  }
}
