/** The scene that bench and interop test draw on both sides: a task's, a little way into its first episode. */
import { join } from 'node:path';
import { createLockstepDevice } from '../sim/index.ts';
import { loadRobot } from '../src/config.ts';
import type { SceneDescription } from '../src/robot/scene.ts';
import type { CameraEntry } from '../src/robot/spec.ts';
import { deviceStateLayout } from '../src/robot/tick.ts';
import { packageRoot } from '../src/root.ts';
import type { PeerPose } from './render-peer.ts';

export interface DrawnScene {
  readonly description: SceneDescription;
  readonly poses: Float64Array;
  /** The same poses as joint values and free bodies, for a renderer with a model of its own. */
  readonly peerPose: PeerPose;
  /** MJCF file. */
  readonly model: string;
  readonly cameras: readonly CameraEntry[];
}

export async function drawnScene(task: string, seed = 1): Promise<DrawnScene> {
  const robot = loadRobot(join(packageRoot(), 'robots', 'panda-sim.yaml'));
  const spec = { ...robot, sim: { ...robot.sim!, task } };
  const device = await createLockstepDevice({ robot: spec, entry: spec.devices[0]!, seed });
  const description = device.scene!;
  const poses = new Float64Array(7 * description.bodies.length);
  device.setEnabled('on');
  for (let i = 0; i < 100; i++) device.advance();
  device.poses(poses);
  const layout = deviceStateLayout(device.spec.axes.length);
  const state = new Float64Array(layout.size);
  device.read(0, state);
  const q = layout.view(state, 'q');
  const joints: Record<string, number> = {};
  device.spec.axes.forEach((axis, i) => {
    for (const { name, ratio } of axis.joints) joints[name] = q[i]! * ratio;
  });
  const bodies: Record<string, number[]> = {};
  for (const name of description.objects) {
    const b = description.bodies.findIndex((body) => body.name === name);
    bodies[name] = [...poses.subarray(7 * b, 7 * b + 7)];
  }
  device.dispose();
  const model = join(packageRoot(), 'sim', 'models', `${task}.xml`);
  return { description, poses, peerPose: { joints, bodies }, model, cameras: robot.cameras };
}

/**
 * Share of the pixels nearer than 5 m on which two segmentations agree. Farther off only the endless floor is left,
 * which MuJoCo cuts at its far plane and which reaches the horizon here.
 */
export function agreement(a: Int32Array, b: Int32Array, depth: Float32Array): number {
  let same = 0;
  let near = 0;
  for (let i = 0; i < a.length; i++) {
    if (depth[i]! > 5) continue;
    near++;
    if (a[i] === b[i]) same++;
  }
  return same / near;
}
