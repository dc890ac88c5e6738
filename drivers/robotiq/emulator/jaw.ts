/**
 * The fingers of the gripper: a motor behind a self-locking screw closes them on what is between them. The screw moves only
 * by the motor, so a force that the motor does not overcome moves nothing, and what is gripped stays gripped without power.
 *
 *   force = stiffness · (width − opening) where they touch;   |d speed/dt| ≤ acceleration towards the wanted speed;
 *   dT/dt = (heat · (force / largest)² − (T − T0)) / τ
 */

/** N/m: rubber pads. */
const STIFFNESS = 60_000;
/** m/s². */
const ACCELERATION = 3;
const AMBIENT = 25;
/** K above ambient at the largest force (N), and s. */
const HEAT = 35;
const LARGEST = 235;
const THERMAL_S = 600;

export class Jaw {
  /** m and m/s (positive opens). */
  opening: number;
  speed = 0;
  /** Width of what is between the fingers, m; 0 for nothing. */
  object = 0;
  /** Width of a ring around the fingers that they meet when they open, m; 0 for none. */
  ring = 0;
  /** Held fast: nothing moves it. */
  blocked = false;
  /** °C. */
  temperature = AMBIENT + 5;

  constructor(opening: number) {
    this.opening = opening;
  }

  /** N that it presses with; positive where something resists closing, negative where it resists opening. */
  get force(): number {
    if (this.object > 0 && this.opening < this.object) return STIFFNESS * (this.object - this.opening);
    if (this.ring > 0 && this.opening > this.ring) return STIFFNESS * (this.ring - this.opening);
    return 0;
  }

  /**
   * Goes on by `dt` (at most 1 ms) towards `goal` (m) with at most `speed` (m/s) and `force` (N); null: the motor is off.
   * Returns whether something stops it that it cannot overcome.
   */
  step(dt: number, goal: number | null, speed: number, force: number): boolean {
    const pressed = this.force;
    const share = goal === null ? 0 : pressed / LARGEST;
    this.temperature += (dt * (HEAT * share * share - (this.temperature - AMBIENT))) / THERMAL_S;
    const way = goal === null ? 0 : goal - this.opening;
    if (goal === null || way === 0) {
      this.speed = 0;
      return false;
    }
    const direction = Math.sign(way);
    const against = pressed * direction < 0 ? Math.abs(pressed) : 0;
    if (this.blocked || against >= force) {
      this.speed = 0;
      return true;
    }
    const wanted = direction * Math.min(speed, Math.sqrt(2 * ACCELERATION * Math.abs(way)));
    const most = ACCELERATION * dt;
    this.speed += Math.min(Math.max(wanted - this.speed, -most), most);
    const to = this.opening + this.speed * dt;
    // It arrives without passing by.
    if (Math.sign(goal - to) === direction) this.opening = to;
    else {
      this.opening = goal;
      this.speed = 0;
    }
    return false;
  }
}
