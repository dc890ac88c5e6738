/** All shared memory around the loop thread, made by the rig's main thread. */
import { snapshotLayout } from '../robot/frame.ts';
import { planLayout } from '../robot/plan.ts';
import type { RobotSpec } from '../robot/spec.ts';
import {
  CHUNK_ROWS,
  commandLayout,
  deviceStateLayout,
  operatorLayout,
  requestLayout,
  rowLayout,
  sentLayout,
  tickRecordLayout,
} from '../robot/tick.ts';
import { type ChannelBuffer, latest, ring } from './channel.ts';
import { histogramMemory } from './histogram.ts';

export interface LoopBuffers {
  /** Per device, in the order of spec.devices. */
  readonly state: readonly ChannelBuffer[];
  readonly command: readonly ChannelBuffer[];
  readonly operator: ChannelBuffer;
  readonly requests: ChannelBuffer;
  /** Rows of plans that the rig's main thread feeds (replay). */
  readonly rows: ChannelBuffer;
  /** Rows of action chunks, written by the policy thread. */
  readonly chunks: ChannelBuffer;
  /** Newest feedback plan (planLayout), written by the planner thread. */
  readonly plan: ChannelBuffer;
  /** What the recorder drains. `sent` is written by the device hosts, the rest by the loop. */
  readonly recorder: {
    /** tickRecordLayout. */
    readonly tick: ChannelBuffer;
    /** sentLayout, per device. */
    readonly sent: readonly ChannelBuffer[];
    /** requestLayout: each request when the loop takes it. */
    readonly request: ChannelBuffer;
    /** snapshotLayout. */
    readonly snapshot: ChannelBuffer;
  };
  /** Every tick record again, for the rig's main thread; what it does not drain in time is left out, not counted. */
  readonly watch: ChannelBuffer;
  /** The same for the policy thread; full and at rest while there is none. */
  readonly policy: ChannelBuffer;
  /** The same for the planner thread. */
  readonly planner: ChannelBuffer;
  /** Newest tick record, one per reader. */
  readonly live: readonly ChannelBuffer[];
  readonly lateness: SharedArrayBuffer;
  readonly work: SharedArrayBuffer;
}

/** Seconds for which a stalled disk loses nothing. */
const STALL = 8;
/** Seconds for which the main thread may be held up without missing a tick. */
const WATCH_STALL = 2;
/** The longest plan takes less; what is older tells a planner nothing. */
const PLANNER_STALL = 0.5;

export function loopBuffers(spec: RobotSpec, memorySize: number, liveReaders: number): LoopBuffers {
  const record = tickRecordLayout(spec).size;
  const records = spec.loop.rateHz * STALL;
  const n = spec.axes.length;
  return {
    state: spec.devices.map((d) => latest(deviceStateLayout(d.axes.length).size)),
    command: spec.devices.map((d) => latest(commandLayout(d.axes.length).size)),
    operator: latest(operatorLayout(n).size),
    requests: ring(requestLayout.size, 64),
    rows: ring(rowLayout(n).size, 8192),
    chunks: ring(rowLayout(n).size, 4 * CHUNK_ROWS),
    plan: latest(planLayout(spec.armAxes).size),
    recorder: {
      tick: ring(record, records),
      sent: spec.devices.map((d) => ring(sentLayout(d.axes.length).size, records)),
      request: ring(requestLayout.size, 256),
      snapshot: ring(snapshotLayout(memorySize).size, 4),
    },
    watch: ring(record, spec.loop.rateHz * WATCH_STALL),
    policy: ring(record, spec.loop.rateHz * WATCH_STALL),
    planner: ring(record, spec.loop.rateHz * PLANNER_STALL),
    live: Array.from({ length: liveReaders }, () => latest(record)),
    lateness: histogramMemory(),
    work: histogramMemory(),
  };
}
