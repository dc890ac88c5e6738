/**
 * Gamepad → operator input, for pads with the "standard" mapping (https://www.w3.org/TR/gamepad/#remapping).
 * No DOM here: a pad is anything with axes and buttons.
 */
import type { DriveMode, Held } from './keys.ts';

export interface PadLike {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly value: number; readonly pressed: boolean }[];
}

/** Sticks rest anywhere in here; beyond it the range is stretched back to 0..1. */
export const DEAD_ZONE = 0.12;
/** A trigger counts as held from here. */
const TRIGGER = 0.15;

/** Removes the dead zone and squares the rest, for fine control near the centre. */
export function shape(value: number): number {
  const size = Math.abs(value);
  if (size <= DEAD_ZONE) return 0;
  const stretched = Math.min(1, (size - DEAD_ZONE) / (1 - DEAD_ZONE));
  return Math.sign(value) * stretched * stretched;
}

export const padMap: readonly { readonly control: string; readonly text: string }[] = [
  { control: 'left or right trigger', text: 'deadman: hold either to move' },
  { control: 'left stick', text: 'x and y (joint jog: selected joint)' },
  { control: 'right stick up / down', text: 'z' },
  { control: 'right stick left / right', text: 'turn about z' },
  { control: 'direction pad', text: 'roll and pitch' },
  { control: 'bumpers', text: 'left closes, right opens the gripper' },
];

/** Adds the pad to what the keys gave. Without a held trigger it adds nothing. Returns whether it drives. */
export function addPad(pad: PadLike, mode: DriveMode, out: Held): boolean {
  const button = (i: number): number => pad.buttons[i]?.value ?? 0;
  if (button(6) < TRIGGER && button(7) < TRIGGER) return false;
  const axis = (i: number): number => shape(pad.axes[i] ?? 0);
  if (mode === 'twist') {
    add(out.twist, 0, -axis(1));
    add(out.twist, 1, -axis(0));
    add(out.twist, 2, -axis(3));
    add(out.twist, 5, -axis(2));
    add(out.twist, 3, button(15) - button(14));
    add(out.twist, 4, button(12) - button(13));
  } else if (mode === 'jog') {
    out.jog = clamp(out.jog + axis(0));
  }
  out.gripper = clamp(out.gripper + button(5) - button(4));
  out.enable = 1;
  return true;
}

const clamp = (v: number): number => Math.max(-1, Math.min(1, v));
function add(vector: Float64Array, i: number, value: number): void {
  vector[i] = clamp(vector[i]! + value);
}
