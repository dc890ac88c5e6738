/** Drives a simulated rig through an episode again, without clock or server, and tells how it went. */

import { createControllers } from '../control/index.ts';
import { approachTime } from '../control/replay.ts';
import { ArmloopError } from '../errors.ts';
import { LockstepRunner } from '../loop/lockstep.ts';
import { loadKinematics } from '../model/load.ts';
import { reasonNames } from '../record/episode-writer.ts';
import type { LockstepDevice, LockstepFactory } from '../robot/device.ts';
import type { DeviceEntry, RobotSpec } from '../robot/spec.ts';
import {
  ControllerId,
  Mode,
  operatorLayout,
  RequestKind,
  requestLayout,
  Source,
  tickRecordLayout,
} from '../robot/tick.ts';
import type { Episode } from './episode.ts';
import { rebuildSpec } from './rebuild.ts';
import { RowFeeder, readReplayRows } from './replay-rows.ts';

export interface ReplayOutcome {
  readonly id: string;
  /** The task judged the replay successful at some tick; and so it did with the episode. */
  readonly success: boolean;
  readonly recordedSuccess: boolean;
  /** The controller came to the end of the rows. */
  readonly finished: boolean;
  /** Reasons of the stop when it did not. */
  readonly fault: readonly string[];
  readonly ticks: number;
  /** Simulated seconds. */
  readonly seconds: number;
}

/** Finds the lockstep simulation of a device; null when its kind has none. */
export type FindLockstep = (spec: RobotSpec, entry: DeviceEntry) => Promise<LockstepFactory | null>;

/** Simulated time after the last row, s: a task wants its goal to hold for a while. */
const AFTER = 1.5;
const LEASE = 1;
/** Ticks in which the rig must come from connected to holding. */
const ARM_TICKS = 1000;

/** Rejects with REPLAY_IMPOSSIBLE and with what building the rig rejects with. */
export async function replayLockstep(
  episode: Episode,
  find: FindLockstep,
  progress?: (done: number, of: number) => void,
): Promise<ReplayOutcome> {
  const rows = await readReplayRows(episode);
  using rebuilt = rebuildSpec(episode);
  const { spec } = rebuilt;
  const devices = await openDevices(episode, spec, find);
  try {
    return await drive(episode, spec, devices, rows, progress);
  } finally {
    for (const device of devices) device.dispose();
  }
}

async function openDevices(
  episode: Episode,
  robot: RobotSpec,
  find: FindLockstep,
): Promise<LockstepDevice[]> {
  const devices: LockstepDevice[] = [];
  for (const entry of robot.devices) {
    const factory = await find(robot, entry);
    if (factory === null) {
      const reason = `its device ${entry.name} of kind ${entry.kind} does not run in lockstep`;
      throw new ArmloopError('REPLAY_IMPOSSIBLE', { episode: episode.id, reason });
    }
    const device = await factory({ robot, entry, seed: episode.seed });
    devices.push(device);
    const physics = episode.physics.find((p) => p.device === entry.name);
    if (physics !== undefined) device.restore(physics.state);
    device.setEnabled('on');
  }
  return devices;
}

async function drive(
  episode: Episode,
  spec: RobotSpec,
  devices: readonly LockstepDevice[],
  rows: Awaited<ReturnType<typeof readReplayRows>>,
  progress?: (done: number, of: number) => void,
): Promise<ReplayOutcome> {
  const layout = tickRecordLayout(spec);
  const at = {
    mode: layout.at('out.mode'),
    q: layout.at('in.q'),
    done: layout.at('out.done'),
    fault: layout.at('out.fault'),
    success: layout.at('in.task.success'),
  };
  const operator = operatorLayout(spec.axes.length);
  const op = { seq: operator.at('seq'), lease: operator.at('lease'), time: operator.at('time') };
  const request = {
    kind: requestLayout.at('kind'),
    controller: requestLayout.at('controller'),
    source: requestLayout.at('source'),
    lease: requestLayout.at('lease'),
    count: requestLayout.at('count'),
    args: requestLayout.at('args'),
  }; // prettier-ignore
  let mode: number = Mode.off;
  let lead = 0;
  let feeder: RowFeeder | null = null;
  let success = false;
  let done = false;
  let fault = 0;
  const here = new Float64Array(spec.axes.length);
  const runner: LockstepRunner = new LockstepRunner({
    spec,
    model: loadKinematics(spec),
    controllers: createControllers(spec),
    devices,
    // Someone must be there for the arm to move: the replay itself holds the lease.
    operator: (tick, time, out) => {
      out[op.seq] = tick + 1;
      out[op.lease] = LEASE;
      out[op.time] = time;
    },
    request: (_tick, _time, out) => {
      if (mode === Mode.connected) {
        out.fill(0);
        out[request.kind] = RequestKind.arm;
        return true;
      }
      if (mode !== Mode.holding || feeder !== null) return false;
      lead = approachTime(spec.axes, here, rows.first);
      feeder = new RowFeeder(rows, lead, runner.rows);
      feeder.pump();
      out.fill(0);
      out[request.kind] = RequestKind.activate;
      out[request.controller] = ControllerId.replay;
      out[request.source] = Source.replay;
      out[request.lease] = LEASE;
      out[request.count] = 1;
      out[request.args] = lead;
      return true;
    },
  });
  const sink = (record: Float64Array): void => {
    mode = record[at.mode]!;
    here.set(record.subarray(at.q, at.q + here.length));
    if (record[at.success] === 1) success = true;
    if (record[at.done] === 1 && feeder !== null) done = true;
    fault = record[at.fault]!;
    feeder?.pump();
  };
  const rate = spec.loop.rateHz;
  const wanted = (): number => Math.ceil((lead + rows.duration + AFTER) * rate) + ARM_TICKS;
  let after = Math.ceil(AFTER * rate);
  while (runner.tick < wanted() && fault === 0 && after > 0) {
    await runner.run(100, sink);
    if (done) after -= 100;
    progress?.(Math.min(runner.tick, wanted()), wanted());
  }
  return {
    id: episode.id,
    success,
    recordedSuccess: rows.success,
    finished: done,
    fault: reasonNames(fault),
    ticks: runner.tick,
    seconds: runner.tick / rate,
  };
}
