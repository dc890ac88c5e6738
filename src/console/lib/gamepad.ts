/**
 * Gamepad → operator input, for pads with the "standard" mapping (https://www.w3.org/TR/gamepad/#remapping).
 * No DOM here: a pad is anything with axes and buttons.
 */
import { padGripper, padHeld, padTwist, shape } from '../../robot/pad.ts';
import type { DriveMode, Held } from './keys.ts';

export interface PadLike {
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly value: number; readonly pressed: boolean }[];
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
  const buttons = pad.buttons.map((b) => b.value);
  if (!padHeld(buttons)) return false;
  if (mode === 'twist') {
    padTwist(pad.axes, buttons, twist);
    for (let i = 0; i < 6; i++) add(out.twist, i, twist[i]!);
  } else if (mode === 'jog') {
    out.jog = clamp(out.jog + shape(pad.axes[0] ?? 0));
  }
  out.gripper = clamp(out.gripper + padGripper(buttons));
  out.enable = 1;
  return true;
}

const twist = new Float64Array(6);
const clamp = (v: number): number => Math.max(-1, Math.min(1, v));
function add(vector: Float64Array, i: number, value: number): void {
  vector[i] = clamp(vector[i]! + value);
}
