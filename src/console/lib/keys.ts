/**
 * The key map: one table for dispatch, for the on-page help and for the labels on buttons. Keys are named by
 * KeyboardEvent.code, the place on the keyboard, so they lie the same on every layout. No DOM here.
 */
import { OperatorKind } from '../../robot/tick.ts';

export type DriveMode = 'jog' | 'twist' | 'pose';
export const driveModes: readonly DriveMode[] = ['twist', 'jog', 'pose'];

/** What a held key adds to the operator input. Axis 0..2 are x y z. */
export type Motion =
  | { readonly kind: 'linear' | 'angular'; readonly axis: 0 | 1 | 2; readonly sign: 1 | -1 }
  | { readonly kind: 'jog' | 'gripper'; readonly sign: 1 | -1 };

export type ActionName =
  | 'estop'
  | 'hold'
  | 'lease'
  | 'arm'
  | 'clear'
  | 'home'
  | 'resetScene'
  | 'mode'
  | 'frame'
  | 'slower'
  | 'faster'
  | 'gizmo'
  | 'policyDrives'
  | 'policyStop'
  | 'plannerDrives'
  | 'plannerStop'
  | 'record'
  | 'success'
  | 'failure'
  | 'rerecord'
  | 'discard'
  | 'help';

export interface MotionKey {
  readonly codes: readonly string[];
  readonly label: string;
  readonly text: string;
  readonly motion: Motion;
  /** Modes in which the key moves something. */
  readonly modes: readonly DriveMode[];
}

const any: readonly DriveMode[] = ['twist', 'jog', 'pose'];
const cartesian: readonly DriveMode[] = ['twist'];

export const motionKeys: readonly MotionKey[] = [
  move(['KeyW'], 'W', 'forward (+x)', 'linear', 0, 1),
  move(['KeyS'], 'S', 'back (−x)', 'linear', 0, -1),
  move(['KeyA'], 'A', 'left (+y)', 'linear', 1, 1),
  move(['KeyD'], 'D', 'right (−y)', 'linear', 1, -1),
  move(['KeyR'], 'R', 'up (+z)', 'linear', 2, 1),
  move(['KeyF'], 'F', 'down (−z)', 'linear', 2, -1),
  move(['KeyL'], 'L', 'roll + (about x)', 'angular', 0, 1),
  move(['KeyJ'], 'J', 'roll −', 'angular', 0, -1),
  move(['KeyI', 'ArrowUp'], 'I ↑', 'pitch + (about y)', 'angular', 1, 1),
  move(['KeyK', 'ArrowDown'], 'K ↓', 'pitch −', 'angular', 1, -1),
  move(['KeyU', 'ArrowLeft'], 'U ←', 'turn left (about +z)', 'angular', 2, 1),
  move(['KeyO', 'ArrowRight'], 'O →', 'turn right', 'angular', 2, -1),
  {
    codes: ['KeyK', 'ArrowRight', 'ArrowUp'],
    label: 'K →',
    text: 'selected joint +',
    motion: { kind: 'jog', sign: 1 },
    modes: ['jog'],
  },
  {
    codes: ['KeyJ', 'ArrowLeft', 'ArrowDown'],
    label: 'J ←',
    text: 'selected joint −',
    motion: { kind: 'jog', sign: -1 },
    modes: ['jog'],
  },
  {
    codes: ['KeyG', 'BracketLeft'],
    label: 'G [',
    text: 'close the gripper',
    motion: { kind: 'gripper', sign: -1 },
    modes: any,
  },
  {
    codes: ['KeyH', 'BracketRight'],
    label: 'H ]',
    text: 'open the gripper',
    motion: { kind: 'gripper', sign: 1 },
    modes: any,
  },
];

function move(
  codes: readonly string[],
  label: string,
  text: string,
  kind: 'linear' | 'angular',
  axis: 0 | 1 | 2,
  sign: 1 | -1,
): MotionKey {
  return { codes, label, text, motion: { kind, axis, sign }, modes: cartesian };
}

export interface ActionKey {
  readonly code: string;
  readonly shift: boolean;
  readonly label: string;
  readonly text: string;
  readonly group: 'safety' | 'arm' | 'drive' | 'recording' | 'page';
  readonly action: ActionName;
}

export const actionKeys: readonly ActionKey[] = [
  act('Escape', 'Esc', 'emergency stop: always, even while typing', 'safety', 'estop'),
  act('Space', 'Space', 'hold: stop moving, keep the pose', 'safety', 'hold'),
  act('KeyT', 'T', 'take or release control', 'arm', 'lease'),
  act('KeyA', 'Shift A', 'arm: hold the pose under control', 'arm', 'arm', true),
  act('KeyC', 'Shift C', 'clear a stop', 'arm', 'clear', true),
  act('KeyH', 'Shift H', 'move to the home pose', 'arm', 'home', true),
  act('KeyR', 'Shift R', 'reset the simulated scene', 'arm', 'resetScene', true),
  act('KeyM', 'M', 'next drive mode', 'drive', 'mode'),
  act('KeyB', 'B', 'base or tool frame', 'drive', 'frame'),
  act('Minus', '−', 'slower', 'drive', 'slower'),
  act('Equal', '=', 'faster', 'drive', 'faster'),
  act('KeyV', 'V', 'target: move or turn', 'drive', 'gizmo'),
  act('KeyP', 'P', 'hand over to the policy that is loaded', 'drive', 'policyDrives'),
  act('KeyP', 'Shift P', 'stop the policy and put it away', 'drive', 'policyStop', true),
  act('KeyQ', 'Q', 'hand over to the planner; starts the chosen one', 'drive', 'plannerDrives'),
  act('KeyQ', 'Shift Q', 'stop the planner and put it away', 'drive', 'plannerStop', true),
  act('Enter', 'Enter', 'start or stop recording', 'recording', 'record'),
  act('KeyY', 'Y', 'label: success', 'recording', 'success'),
  act('KeyN', 'N', 'label: failure, with a cause', 'recording', 'failure'),
  act('Backspace', 'Backspace', 'discard and record again', 'recording', 'rerecord'),
  act('Delete', 'Delete', 'discard', 'recording', 'discard'),
  act('Slash', '?', 'this list', 'page', 'help', true),
];

function act(
  code: string,
  label: string,
  text: string,
  group: ActionKey['group'],
  action: ActionName,
  shift = false,
): ActionKey {
  return { code, label, text, group, action, shift };
}

/** Label of the key that runs an action, for buttons. */
export function keyOf(action: ActionName): string {
  return actionKeys.find((k) => k.action === action)?.label ?? '';
}

export function findAction(code: string, shift: boolean): ActionName | null {
  if (code === 'Escape') return 'estop';
  return actionKeys.find((k) => k.code === code && k.shift === shift)?.action ?? null;
}

export function findMotion(code: string, mode: DriveMode): Motion | null {
  return motionKeys.find((k) => k.modes.includes(mode) && k.codes.includes(code))?.motion ?? null;
}

/** Joint index 0.. that a digit key selects, or -1. */
export function findJoint(code: string): number {
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1];
  return digit === undefined ? -1 : Number(digit) - 1;
}

/** Motion of all held keys and of the gamepad, in the units of the operator layout: -1..1 of full scale. */
export interface Held {
  readonly twist: Float64Array;
  jog: number;
  gripper: number;
  /** 1 while anything that moves the arm is held. */
  enable: number;
}

export function emptyHeld(): Held {
  return { twist: new Float64Array(6), jog: 0, gripper: 0, enable: 0 };
}

/** Sums the held keys of one drive mode; opposite keys cancel. Writes `out`. */
export function sumKeys(codes: Iterable<string>, mode: DriveMode, out: Held): void {
  out.twist.fill(0);
  out.jog = 0;
  out.gripper = 0;
  out.enable = 0;
  for (const code of codes) {
    const motion = findMotion(code, mode);
    if (!motion) continue;
    out.enable = 1;
    if (motion.kind === 'linear') out.twist[motion.axis]! += motion.sign;
    else if (motion.kind === 'angular') out.twist[3 + motion.axis]! += motion.sign;
    else if (motion.kind === 'jog') out.jog += motion.sign;
    else out.gripper += motion.sign;
  }
  for (let i = 0; i < 6; i++) out.twist[i] = clamp(out.twist[i]!);
  out.jog = clamp(out.jog);
  out.gripper = clamp(out.gripper);
}

const clamp = (v: number): number => Math.max(-1, Math.min(1, v));

export const operatorKind: Record<DriveMode, number> = {
  jog: OperatorKind.jog,
  twist: OperatorKind.twist,
  pose: OperatorKind.pose,
};

/** Speeds that the keys step through, as a share of full scale. */
export const speedSteps: readonly number[] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1];

export function stepSpeed(speed: number, direction: 1 | -1): number {
  if (direction > 0) return speedSteps.find((s) => s > speed + 1e-6) ?? 1;
  return speedSteps.findLast((s) => s < speed - 1e-6) ?? speedSteps[0]!;
}
