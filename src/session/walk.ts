/** A guided procedure as the session walks through it, whatever it is that a hand does. */
export interface Walk {
  /** Of the device or leader. */
  readonly name: string;
  readonly what: string;
  /** Step, counted from 0, of how many; `step` is null after the last. */
  readonly at: number;
  readonly of: number;
  readonly step: {
    readonly words: string;
    readonly skippable: boolean;
    /** Names of what the step is about. */
    readonly axes: readonly string[];
  } | null;
  /** What goes on now, and what the step before came to, for people; '' for nothing. */
  readonly doing: string;
  readonly said: string;
  /** Emulated hardware: does what the step says; null where the hardware is real. */
  readonly hand: (() => Promise<void>) | null;
  /** The hand has done what the step says. What was done, in words. Rejects with CALIBRATION_*, LEADER_LOST, DEVICE_*. */
  take(): Promise<readonly string[]>;
  /** Throws CALIBRATION_STEP where that cannot be. */
  skip(): void;
  /** After the last step: writes what there is, and has it taken. What was done, in words. */
  finish(): Promise<readonly string[]>;
  /** It was stopped, at any time: ends what is under way, and gives back what it has. What was done, in words. */
  stop(): Promise<readonly string[]>;
}
