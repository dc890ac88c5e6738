/** What lockstep cells are made of, found by the kinds of the robot file. */
import { ArmloopError } from '../errors.ts';
import type { LockstepDevice } from '../robot/device.ts';
import type { CellParts } from '../session/cell.ts';
import { CameraSet } from './camera-set.ts';
import { loadKind, rendererUrl, tasksOf } from './kinds.ts';

export const cellParts: CellParts = {
  async openDevices(spec) {
    const devices: LockstepDevice[] = [];
    try {
      for (const entry of spec.devices) {
        const { module } = await loadKind(spec, entry);
        if (module.createLockstepDevice === undefined) {
          throw new ArmloopError('CELL_NOT_LOCKSTEP', { device: entry.name, kind: entry.kind });
        }
        const seed = spec.sim?.seed ?? 1;
        devices.push(await module.createLockstepDevice({ robot: spec, entry, seed }));
      }
    } catch (error) {
      for (const device of devices) device.dispose();
      throw error;
    }
    return devices;
  },

  async openTask(spec) {
    const name = spec.sim?.task ?? '';
    const known: string[] = [];
    for (const entry of spec.devices) {
      const tasks = tasksOf((await loadKind(spec, entry)).module);
      const task = tasks.get(name);
      if (task !== undefined) return task;
      known.push(...tasks.keys());
    }
    throw new ArmloopError('SIM_UNKNOWN_TASK', { task: name, known: known.join(', ') });
  },

  async openCameras(scene, cameras) {
    const kind = cameras[0]!.kind;
    const odd = cameras.find((c) => c.kind !== kind || rendererUrl(c.kind) === null);
    if (odd !== undefined) {
      const reason = `cameras of kind ${odd.kind} are not rendered`;
      throw new ArmloopError('CAMERA_NO_RENDERER', { url: odd.name, reason });
    }
    return CameraSet.open(scene, cameras, rendererUrl(kind)!);
  },
};
