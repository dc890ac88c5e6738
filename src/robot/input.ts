/**
 * The input contract: what a person at the rig holds to drive by rates, a SpaceMouse or a gamepad. It is hosted on the rig's
 * main thread and tells readings; who may drive by them, and how fast, is the engine's business. A driver's index exports
 * `createInput`, beside or instead of `createDevice`.
 *
 * It looks for its hardware by itself, before and after it was lost: a rig runs without it too.
 */
import type { Now } from './device.ts';
import type { LeaderAction } from './leader.ts';
import type { InputEntry, RobotSpec } from './spec.ts';

/** What a button of an input can do: all but the clutch of a leader. */
export const INPUT_ACTIONS = ['record', 'success', 'failure', 'intervene'] as const satisfies LeaderAction[];
export type InputAction = (typeof INPUT_ACTIONS)[number];

export interface InputSpec {
  readonly name: string;
  readonly kind: string;
  /** What its buttons do where the robot file says nothing. */
  readonly buttons: readonly { readonly button: number; readonly does: InputAction }[];
}

/** One reading. The object and its array belong to the input and are only valid during the call. */
export interface InputReading {
  /** Capture time on the rig's clock, s. */
  time: number;
  /** vx vy vz wx wy wz, -1..1 of full scale: x forward, y left, z up as the person sits, behind the arm. */
  readonly twist: Float64Array;
  /** -1 closes, 1 opens. */
  gripper: number;
  /** 1 while the person holds the deadman. */
  enable: 0 | 1;
  /** Bit i is 1 while button i is pressed. Not debounced. */
  buttons: number;
}

export interface OperatorInput extends AsyncDisposable {
  readonly spec: InputSpec;
  /** Called with every reading; one with enable 0 and without motion is always the last before `onLost`. Set before `open`. */
  onReading: ((reading: InputReading) => void) | null;
  /** Called with what it is, when it is there, and with why, when it is not. Set before `open`. */
  onFound: ((words: string) => void) | null;
  onLost: ((reason: string) => void) | null;
  /** Begins to look for it. Resolves after the first look, whether it is there or not. */
  open(): Promise<void>;
}

export interface InputContext {
  readonly robot: RobotSpec;
  readonly entry: InputEntry;
  readonly now: Now;
}

/** What a driver's folder exports as `createInput`. Throws CONFIG_INVALID for bad options. */
export type InputFactory = (context: InputContext) => OperatorInput;
