/**
 * Who drives a lockstep cell: a teacher, a policy, a script. A driver never commands: it fills the one controller slot
 * by requests and feeds rows through producers, and everything that it wants passes the guard.
 */
import type { RingEnd } from '../loop/channel.ts';
import type { Producer } from '../loop/lockstep.ts';
import type { RobotSpec } from '../robot/spec.ts';
import type { Task } from '../robot/task.ts';
import type { Source } from '../robot/tick.ts';

/** The lease under which a driver's requests are made. The cell is its operator and stays present. */
export const CELL_LEASE = 1;

/** One camera frame as a policy gets it: what the episode records, when a rig would have had it. */
export interface CellFrame {
  /** Index into `spec.cameras` of the cell. */
  readonly camera: number;
  readonly name: string;
  /** Capture time: of the poses that are shown. Virtual seconds, as in.time. */
  readonly time: number;
  readonly jpeg: Uint8Array;
}

/** What a driver may know of the episode that begins. */
export interface EpisodeScene {
  /** The cell's robot: as in its file, with the cameras that are rendered and the task that runs. */
  readonly spec: RobotSpec;
  readonly task: Task;
  readonly seed: number;
  /** Virtual time of the first tick, s. */
  readonly time: number;
  /** Measured axis vector. */
  readonly q: Float64Array;
  /** True poses, for teachers: names of the bodies, and 7 numbers each (p x y z, quaternion x y z w) in the world. */
  readonly bodies: readonly string[];
  readonly poses: Float64Array;
  /** The poses as they are now, for drivers that plan as they go. */
  readonly look: (poses: Float64Array) => void;
  /** Rows for controllers that follow streamed plans. */
  readonly rows: RingEnd;
}

/** Axis vectors and when the arm is there, s from the start: samples of a smooth path. */
export interface TimedPath {
  readonly waypoints: readonly Float64Array[];
  readonly times: readonly number[];
}

export interface Driver {
  readonly source: Source;
  /** For reports and episodes: 'teacher', or the name of a policy. */
  readonly name: string;
  /**
   * How the arm is brought to where this episode is to begin: run after the reset, before anything is recorded. null: it
   * begins where the reset put it.
   */
  prelude?(scene: EpisodeScene): TimedPath | null;
  /** Forgets the episode before. Called after reset and prelude, before the first tick. */
  begin(scene: EpisodeScene): Promise<void>;
  /**
   * Called in each tick once the rig holds. `record` is the tick before (tickRecordLayout). Fills `out` (requestLayout,
   * zeroed; the lease is filled in) and answers true to ask for something in this tick.
   */
  request(tick: number, record: Float64Array, out: Float64Array): boolean;
  /** Slow parts of this episode, asked on their own raster. Read once per episode, after `begin`. */
  readonly producers: readonly Producer[];
  /** A frame has come in: called before the tick that could first use it. */
  frame(frame: CellFrame): void;
  /** True when it has nothing more to do: the episode ends without success, if that does not come soon. */
  readonly finished: boolean;
  /** Drawn or measured numbers of this episode, to be recorded. */
  readonly notes: Readonly<Record<string, number>>;
  /** Offset on the axes' commands on their way to the devices, as a push would; null for none. See disturbance.ts. */
  readonly disturbance?: Disturbance | null;
}

/** An outside push, simulated as an offset between the command and what the device is told. */
export interface Disturbance {
  /** Writes the offset of every axis (position, rate) at virtual time `time`. False: none, nothing written. */
  at(time: number, offset: Float64Array, rate: Float64Array): boolean;
}
