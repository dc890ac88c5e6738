/**
 * What a gamepad with the "standard" layout (https://www.w3.org/TR/gamepad/#remapping) means for an arm: one mapping for the
 * browser's pads and for those on the rig. Axes: x of the left stick, y of it, x of the right stick, y of it, positive
 * right and towards the person. Buttons 0..1: 0 to 3 the face from the lowest clockwise but one (A, B, X, Y), 4 and 5
 * bumpers, 6 and 7 triggers, 8 and 9 the small ones, 10 and 11 the sticks, 12 to 15 direction pad up, down, left, right.
 */

/** Sticks rest anywhere in here; beyond it the range is stretched back to 0..1. */
export const DEAD_ZONE = 0.12;
/** A trigger counts as held from here. */
const TRIGGER = 0.15;

/** `value` (-1..1) without the dead zone around 0, stretched back to -1..1. */
export function beyond(deadZone: number, value: number): number {
  const size = Math.abs(value);
  if (!(size > deadZone)) return 0;
  return Math.sign(value) * Math.min(1, (size - deadZone) / (1 - deadZone));
}

/** Removes the dead zone and squares the rest, for fine control near the centre. */
export function shape(value: number, deadZone = DEAD_ZONE): number {
  const stretched = beyond(deadZone, value);
  return stretched * Math.abs(stretched);
}

/** Whether one of the triggers, the deadman, is held. */
export const padHeld = (buttons: ArrayLike<number>): boolean =>
  (buttons[6] ?? 0) >= TRIGGER || (buttons[7] ?? 0) >= TRIGGER;

/** vx vy vz wx wy wz, -1..1 of full scale: x forward, y left, z up. */
export function padTwist(
  axes: ArrayLike<number>,
  buttons: ArrayLike<number>,
  out: Float64Array,
  deadZone = DEAD_ZONE,
): void {
  out[0] = 0 - shape(axes[1] ?? 0, deadZone);
  out[1] = 0 - shape(axes[0] ?? 0, deadZone);
  out[2] = 0 - shape(axes[3] ?? 0, deadZone);
  out[3] = (buttons[15] ?? 0) - (buttons[14] ?? 0);
  out[4] = (buttons[12] ?? 0) - (buttons[13] ?? 0);
  out[5] = 0 - shape(axes[2] ?? 0, deadZone);
}

/** -1 closes, 1 opens: the bumpers. */
export const padGripper = (buttons: ArrayLike<number>): number => (buttons[5] ?? 0) - (buttons[4] ?? 0);
