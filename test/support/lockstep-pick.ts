/** A scripted pick of the cube in lockstep, recorded as an episode: arm, above, down, close, lift, hold. */

import { readFileSync } from 'node:fs';
import { createLockstepDevice } from '../../sim/index.ts';
import { IkSolver } from '../../src/control/ik.ts';
import { createControllers } from '../../src/control/index.ts';
import { trajectoryArgs } from '../../src/control/trajectory.ts';
import { LockstepRecorder } from '../../src/episode/lockstep-recorder.ts';
import { LockstepRunner } from '../../src/loop/lockstep.ts';
import { loadKinematics } from '../../src/model/load.ts';
import { runningVersions } from '../../src/record/episode-writer.ts';
import type { Sink } from '../../src/record/sink.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import {
  ControllerId,
  Mode,
  operatorLayout,
  RequestKind,
  requestLayout,
  Source,
  tickRecordLayout,
} from '../../src/robot/tick.ts';
import { packageVersion } from '../../src/root.ts';
import type { EpisodeSummary } from '../../src/server/protocol.ts';
import { simRobot } from './sim-rig.ts';

export interface PickOptions {
  readonly seed: number;
  readonly ticks: number;
  /** Plays a loop that wakes late and misses periods. */
  readonly jitter?: boolean;
  /** Asks for a hold at this tick, and goes on 300 ticks later. */
  readonly stopAt?: number;
}

/** Records the run; the label tells whether the task judged it a success. */
export async function recordPick(sink: Sink, options: PickOptions): Promise<EpisodeSummary> {
  const { seed } = options;
  const spec: RobotSpec = { ...simRobot('pick-cube'), cameras: [] };
  const entry = spec.devices[0]!;
  const device = await createLockstepDevice({ robot: spec, entry, seed });
  device.setEnabled('on');
  const model = loadKinematics(spec);
  const waypoints = plan(
    spec,
    device.scene!.bodies.map((b) => b.name),
    (out) => device.poses(out),
  );
  const layout = tickRecordLayout(spec);
  const operator = operatorLayout(spec.axes.length);
  const at = { mode: layout.at('out.mode'), success: layout.at('in.task.success') };
  let mode: number = Mode.off;
  let success = false;
  let asked = 0;
  const runner = new LockstepRunner({
    spec,
    model,
    controllers: createControllers(spec),
    devices: [device],
    ...(options.jitter ? { jitter: { seed, lateS: 0.0004, chance: 0.01, missed: 3 } } : {}),
    operator: (tick, time, out) => {
      out[operator.at('seq')] = tick + 1;
      out[operator.at('lease')] = 1;
      out[operator.at('time')] = time;
    },
    request: (tick, _time, out) => {
      out.fill(0);
      const kind = requestLayout.at('kind');
      if (mode === Mode.connected) {
        out[kind] = RequestKind.arm;
        return true;
      }
      if (options.stopAt !== undefined && tick === options.stopAt) {
        out[kind] = RequestKind.hold;
        asked = 0;
        return true;
      }
      if (mode !== Mode.holding || asked > 0) return false;
      if (options.stopAt !== undefined && tick > options.stopAt && tick < options.stopAt + 300) return false;
      asked = tick;
      const args = trajectoryArgs(waypoints, { speed: 0.6 });
      out[kind] = RequestKind.activate;
      out[requestLayout.at('controller')] = ControllerId.trajectory;
      out[requestLayout.at('source')] = Source.script;
      out[requestLayout.at('lease')] = 1;
      out[requestLayout.at('count')] = args.length;
      out.set(args, requestLayout.at('args'));
      return true;
    },
  });
  const { scene } = device;
  const modelText = readFileSync(spec.model.file, 'utf8');
  const versions = runningVersions(packageVersion());
  const setup = { spec, scene, modelText, versions, compression: 'zstd' } as const;
  const recording = { setup, runner, devices: [device], seed, task: 'pick', operator: 'script' };
  const recorder = await LockstepRecorder.open(sink, recording);
  await runner.run(options.ticks, (record, request) => {
    mode = record[at.mode]!;
    if (record[at.success] === 1) success = true;
    return recorder.sink(record, request);
  });
  device.dispose();
  return recorder.finish(success ? 'success' : 'failure', '').summary;
}

/** Axis vectors: above the cube, at it, closed, lifted. */
function plan(
  spec: RobotSpec,
  bodies: readonly string[],
  read: (poses: Float64Array) => void,
): Float64Array[] {
  const poses = new Float64Array(bodies.length * 7);
  read(poses);
  const cube = poses.subarray(7 * bodies.indexOf('cube'), 7 * bodies.indexOf('cube') + 7);
  // The fingers close along the tool's y: turned about z with the cube, by at most an eighth of a turn.
  const yaw = 2 * Math.atan2(cube[5]!, cube[6]!);
  const turn = yaw - (Math.PI / 2) * Math.round(yaw / (Math.PI / 2));
  const model = loadKinematics(spec);
  const ik = new IkSolver(spec, model);
  const home = Float64Array.from(spec.axes, (a) => a.home);
  const at = (height: number, opening: number, seed: Float64Array): Float64Array => {
    // Half a turn about x points the tool down, then `turn` about z.
    const [c, s] = [Math.cos(turn / 2), Math.sin(turn / 2)];
    const target = Float64Array.of(cube[0]!, cube[1]!, cube[2]! + height, c, s, 0, 0);
    const q = new Float64Array(spec.axes.length);
    if (!ik.solve(target, seed, q).solved) throw new Error('the cube is out of reach');
    q[spec.gripperAxis] = opening;
    return q;
  };
  const above = at(0.12, 0.08, home);
  const down = at(0.005, 0.08, above);
  const closed = at(0.005, 0.01, down);
  const lifted = at(0.2, 0.01, closed);
  return [above, down, closed, lifted];
}
