/** A way out for commands: some axes of the device to one controller. */

/** What the axes are to do now. Vectors in the device's own axis order; they change with the next one. */
export interface Setpoint {
  /** Rig clock, s. */
  readonly time: number;
  /** The loop's tick that it follows from. */
  readonly tick: number;
  readonly q: Float64Array;
  readonly qd: Float64Array;
  /** What was asked for, and what went out in the end: an outlet of efforts writes it. */
  readonly tau: Float64Array;
  readonly kp: Float64Array;
  readonly kd: Float64Array;
  /** Newest measured state; null when it is too old to act on. */
  readonly measured: { readonly q: Float64Array; readonly qd: Float64Array } | null;
}

export interface OutletEvents {
  /** The controller took the command of that tick. */
  accepted(tick: number): void;
  /** The controller refused or gave up, in words: the arm holds. */
  fault(message: string): void;
}

export interface Outlet {
  /** What is missing before it can be used, in words; '' when nothing is. */
  missing(): string;
  send(setpoint: Setpoint): void;
  /** No more commands: what would go on by itself is ended. */
  rest(): void;
  close(): void;
}
