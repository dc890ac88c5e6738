/**
 * A servo's motor, gear and load: a DC motor seen from the horn, with Coulomb friction, a pendulum on it, end stops, and
 * a winding that heats up.
 *
 *   i = clamp((u V − k ω) / R, ± limit),   J dω/dt = kt i − gravity sin(θ − rest) + push − friction sign(ω)
 *   dT/dt = (i² R Rth − (T − T0)) / τth
 *
 * with R = V/stall current, k = V/no-load speed, kt = stall torque/stall current, all of the data sheet.
 */
export interface MotorSetup {
  /** Data sheet, at its voltage: V, N·m, A, rad/s. */
  readonly voltage: number;
  readonly stallTorque: number;
  readonly stallCurrent: number;
  readonly noLoadSpeed: number;
  /** kg·m² at the horn, motor and load together. */
  readonly inertia: number;
  /** Coulomb friction, N·m. */
  readonly friction: number;
  /** Largest torque of gravity, N·m, and the angle (rad at the horn) where it is none. */
  readonly gravity: number;
  readonly rest: number;
  /** End stops, rad at the horn. */
  readonly stops: readonly [number, number];
}

const AMBIENT = 25;
/** K/W and s; a stalled XM430 then reaches its 80 °C after some minutes. */
const THERMAL_RESISTANCE = 4;
const THERMAL_TIME = 300;

export class Motor {
  readonly setup: MotorSetup;
  angle: number;
  speed = 0;
  /** A, as the current sensor sees it. */
  current = 0;
  /** °C. */
  temperature = AMBIENT + 8;
  /** N·m that somebody or something pushes with. */
  push = 0;
  /** Held fast: it cannot turn. */
  blocked = false;
  /** Speed (rad/s) at which somebody turns it who is stronger than all else; null: nobody. */
  turned: number | null = null;
  readonly #resistance: number;
  readonly #emf: number;
  readonly #torque: number;

  constructor(setup: MotorSetup, angle: number) {
    this.setup = setup;
    this.angle = angle;
    this.#resistance = setup.voltage / setup.stallCurrent;
    this.#emf = setup.voltage / setup.noLoadSpeed;
    this.#torque = setup.stallTorque / setup.stallCurrent;
  }

  /**
   * Goes on by `dt` seconds (at most 1 ms). `drive` is the part −1..1 of the supply voltage, or null with torque off;
   * `limit` in A.
   */
  step(dt: number, drive: number | null, supply: number, limit: number): void {
    const { inertia, friction, gravity, rest, stops } = this.setup;
    let i = 0;
    if (drive !== null) {
      i = (drive * supply - this.#emf * this.speed) / this.#resistance;
      i = Math.min(Math.max(i, -limit), limit);
    }
    this.current = i;
    const driving = this.#torque * i - gravity * Math.sin(this.angle - rest) + this.push;
    let speed = this.speed;
    if (speed === 0 && Math.abs(driving) <= friction) speed = 0;
    else {
      const moving = speed === 0 ? Math.sign(driving) : Math.sign(speed);
      const next = speed + (dt / inertia) * (driving - friction * moving);
      // Friction stops, it does not turn back: through zero only where the rest of the torque is larger than it.
      speed = speed !== 0 && next * moving < 0 && Math.abs(driving) <= friction ? 0 : next;
    }
    if (this.turned !== null) speed = this.turned;
    if (this.blocked) speed = 0;
    let angle = this.angle + speed * dt;
    if (angle < stops[0] || angle > stops[1]) {
      angle = Math.min(Math.max(angle, stops[0]), stops[1]);
      speed = 0;
    }
    this.angle = angle;
    this.speed = speed;
    const heat = i * i * this.#resistance * THERMAL_RESISTANCE - (this.temperature - AMBIENT);
    this.temperature += (dt * heat) / THERMAL_TIME;
  }
}
