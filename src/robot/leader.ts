/**
 * The leader contract. A leader is what a person holds and moves to drive the arm: a small copy of it, or buttons and
 * pedals beside it. It is hosted on the rig's main thread and tells readings; what they mean for the arm (which axis,
 * sign, scale, gate, buttons) is the robot file's `leader` and the engine's business. A driver's index exports
 * `createLeader`, beside or instead of `createDevice`.
 *
 * A leader is opened once. When it is lost it says so by `onFault` and is finished: the rig disposes of it, makes a new
 * one and tries to open that until it is there again. So a driver needs no reconnecting of its own.
 */
import type { Emulation, Now } from './device.ts';
import type { LeaderEntry, RobotSpec } from './spec.ts';

/** What a button or pedal can do. Names of the robot file (`leader.buttons[].does`). */
export const LEADER_ACTIONS = ['record', 'success', 'failure', 'intervene', 'clutch'] as const;
export type LeaderAction = (typeof LEADER_ACTIONS)[number];

/** Where the leader is with the arm; numbers of the live stream (`leader.state`). */
export const LeaderState = { none: 0, lost: 1, ready: 2, aligning: 3, driving: 4 } as const;
export type LeaderState = (typeof LeaderState)[keyof typeof LeaderState];

/** Readable before connecting. */
export interface LeaderSpec {
  readonly name: string;
  readonly kind: string;
  /** Its joints in its own order, by names for people. None: it has buttons alone. */
  readonly joints: readonly string[];
  readonly trigger: 'there' | 'none';
  /** How many buttons it has: bits of `LeaderReading.buttons` from the lowest up. At most 31. */
  readonly buttons: number;
  /** `actuated`: it has `follow` and `release`. */
  readonly drive: 'passive' | 'actuated';
  /** Readings a second that it aims at. */
  readonly rateHz: number;
}

/** One reading. The object and its array belong to the leader and are only valid during the call. */
export interface LeaderReading {
  /** Capture time on the rig's clock, s. */
  time: number;
  /** Joint positions, rad (m for a slide), in the leader's own order and counting. Whole turns may be off. */
  readonly q: Float64Array;
  /** 0 released, 1 squeezed; may run a little beyond. NaN without a trigger. */
  trigger: number;
  /** Bit i is 1 while button i is pressed. Not debounced. */
  buttons: number;
}

export interface Leader extends AsyncDisposable {
  readonly spec: LeaderSpec;
  /** Called with every good reading. Set before `open`. */
  onReading: ((reading: LeaderReading) => void) | null;
  /** Called once, with words, when it is lost or faults; it is finished then. Set before `open`. */
  onFault: ((message: string) => void) | null;
  /** Called with what a person should know and that ends nothing. Set before `open`. */
  onNote: ((message: string) => void) | null;
  /** Connects; readings come from then on. Leaves it limp. Rejects with DEVICE_* errors. */
  open(): Promise<void>;
  /**
   * Actuated leaders: goes to these joint positions (its own order and counting) from where it is, slowly and weakly
   * enough that a hand can stop it, and holds there. May be called again with another goal on the way.
   */
  follow?(q: Float64Array): Promise<void>;
  /** Actuated leaders: limp again. */
  release?(): Promise<void>;
}

export interface LeaderContext {
  readonly robot: RobotSpec;
  readonly entry: LeaderEntry;
  readonly now: Now;
}

/** What a driver's folder exports as `createLeader`. Throws CONFIG_INVALID for bad options. */
export type LeaderFactory = (context: LeaderContext) => Leader;

/** What it may export as `emulateLeader`, for `--dry-run`. Rejects with EMULATOR_IMPOSSIBLE. */
export type LeaderEmulatorFactory = (context: Omit<LeaderContext, 'now'>) => Promise<Emulation<LeaderEntry>>;
