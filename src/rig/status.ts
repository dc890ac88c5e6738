/** What a rig itself knows for the session's state: task, devices, cameras, real time. */
import type { RobotSpec } from '../robot/spec.ts';
import { deviceStatusWords } from '../robot/words.ts';
import type { SessionState } from '../server/protocol.ts';
import type { CameraHub } from './camera-hub.ts';
import type { DeviceRack } from './devices.ts';
import type { TickWatch } from './tick-watch.ts';

interface Parts {
  readonly spec: RobotSpec;
  readonly rack: DeviceRack;
  readonly watch: TickWatch;
  readonly cameras: CameraHub;
  readonly fifo: { readonly granted: boolean; readonly reason: string };
}

export function rigStatus({
  spec,
  rack,
  watch,
  cameras,
  fifo,
}: Parts): Pick<SessionState, 'task' | 'devices' | 'cameras' | 'realTime'> {
  const { sim } = spec;
  const task = sim === null ? undefined : rack.tasks.get(sim.task);
  const status = watch.field('in.device.status');
  return {
    task:
      sim === null
        ? null
        : {
            name: sim.task,
            text: task?.text ?? sim.task,
            seed: watch.view.seed,
            tasks: [...rack.tasks.keys()],
            planning: [
              ...(task?.phases === undefined ? [] : (['phases'] as const)),
              ...(task?.modelled === true ? (['scene'] as const) : []),
            ],
          },
    devices: rack.specs.map(({ name, kind }, i) => ({
      name,
      kind,
      status: deviceStatusWords(status[i]!)
        .map((w) => w.short)
        .join(', '),
    })),
    cameras: cameras.stats().map(({ name, measuredFps, dropped }, i) => {
      const { width, height, fps } = spec.cameras[i]!;
      return { name, width, height, fps, measuredFps, dropped };
    }),
    realTime: { fifo: fifo.granted, reason: fifo.reason },
  };
}
