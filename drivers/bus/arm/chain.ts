/**
 * What a bus of servos is to the arm that is made of them. A driver of such a bus implements this; drivers/bus/arm makes a
 * Device of it. Order of servos = order of axes, one servo an axis.
 */
import type { Bounds } from './plausible.ts';

/** What the last good cycle said, per servo. Written by the chain, read by the arm before the next cycle. */
export interface Reading {
  /** Capture time on the rig's clock, s; −∞ where the arm found that it cannot be true. */
  time: number;
  /** Steps; rad/s and N·m of the servo. */
  readonly position: Float64Array;
  readonly speed: Float64Array;
  readonly torque: Float64Array;
  /** Goal that the servo has, in steps: says that it took the command. */
  readonly goal: Float64Array;
  /** 1 with torque on. */
  readonly powered: Uint8Array;
  /** Hardware error bits, 0 when well. */
  readonly faults: Uint8Array;
}

export type CycleOutcome = 'read' | 'missed' | 'lost';

/** What people are told, where a chain of servos is something else to them. */
export interface ChainWords {
  /** Sentence after what lost it. */
  readonly lost: string;
  /** Sentence after a fault of one. */
  readonly fault: string;
  /** After the name of one that lost its torque: verb and sentence. */
  readonly letGo: string;
  /** Those that did not take goals do again. */
  readonly deaf: string;
  /** State of one that answers again without torque. */
  readonly off: string;
}

export interface ServoChain {
  readonly reading: Reading;
  readonly bounds: readonly Bounds[];
  /** Names for people: `joint2 (id 3)`. */
  readonly names: readonly string[];
  /** Cycles a second that the wire allows, without any time of adapter or system. */
  readonly wireRateHz: number;
  /** Zeros that the servos themselves were given, in steps, after `open`; absent where they have none. */
  readonly origins?: Float64Array;
  /** The wire in words, for the note about the rate. */
  readonly wire: string;
  readonly notes: readonly string[];
  readonly words?: ChainWords;
  /** Called with what a person should know in time: a servo that gets hot. Set by the arm. */
  onNote: ((message: string) => void) | null;
  /** False while goals must not be sent; absent: never. */
  readonly takesGoals?: boolean;
  /** When the last goals were handed to the system. */
  readonly written: number;
  /** Connects, checks every servo, sets it up. Turns no torque on or off. Rejects with DEVICE_*. */
  open(): Promise<void>;
  /**
   * One exchange: sends goals (steps; null: none; with speeds of the servos there, rad/s) and reads everybody. Then calls `done`, once: `read` with a new
   * reading, `missed`, or `lost` when the port is gone.
   */
  cycle(
    goals: Int32Array | null,
    done: (outcome: CycleOutcome, time: number) => void,
    speeds?: Float64Array,
  ): void;
  /**
   * Torque on where each servo is now, so that nothing jumps, and the servo's own watchdog with it. When `signal` is
   * aborted no more servos get torque, what moves by that stops, and it rejects with the reason of the signal.
   */
  hold(signal?: AbortSignal): Promise<void>;
  /**
   * Ends speeds and torques that servos were told last and would go on with; nobody answers. Absent where servos go to goals
   * and hold there.
   */
  rest?(): Promise<void>;
  /** Torque off. */
  release(): Promise<void>;
  /** What keeps cycles from being answered, in words; empty when everybody answers as they should. */
  diagnose(): Promise<string>;
  /** After the port or the servos were lost: connects anew. Rejects while that does not work. */
  revive(): Promise<void>;
  faultWords(bits: number): string;
  close(): Promise<void>;
}
