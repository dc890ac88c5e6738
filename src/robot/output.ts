/**
 * Where the rig's own state goes besides the console: told from ticks that the loop has published already, on the rig's main
 * thread, at a rate of its own. Never from the loop, and nothing waits for it.
 */
import type { Now } from './device.ts';
import type { OutputEntry, RobotSpec } from './spec.ts';

/** The newest tick. The vectors change with the next one: read them before `publish` returns. */
export interface PublishedState {
  /** in.time of the tick, rig clock, s. */
  readonly time: number;
  /** Measured, per axis of the rig. */
  readonly q: Float64Array;
  readonly qd: Float64Array;
  readonly tau: Float64Array;
  /** Measured tool pose in the base: p x y z, quaternion x y z w. */
  readonly tool: Float64Array;
}

export interface StateOutput extends AsyncDisposable {
  /** Rejects when the other side cannot be reached. */
  open(): Promise<void>;
  publish(state: PublishedState): void;
}

export interface OutputContext {
  readonly robot: RobotSpec;
  readonly entry: OutputEntry;
  readonly now: Now;
}

/** What a driver's folder may export as `createOutput`. Throws CONFIG_INVALID for bad options; touches nothing yet. */
export type OutputFactory = (context: OutputContext) => StateOutput;
