/** Every registered device, for the conformance suite. To add one, add its entry. */
import { join } from 'node:path';
import { createDevice as createMock } from '../../drivers/mock/index.ts';
import { loadRobot } from '../../src/config.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { DeviceThread } from '../../src/loop/device-thread.ts';
import type { Device } from '../../src/robot/device.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { packageRoot } from '../../src/root.ts';

export const now = monotonicClock();

export interface Candidate {
  readonly name: string;
  readonly robot: RobotSpec;
  /** A new, unopened device. */
  create(): Promise<Device>;
  /** False when the reason in `skip` keeps it from being tried here. */
  readonly skip: string | false;
}

const robot = (file: string): RobotSpec => loadRobot(join(packageRoot(), 'robots', file));

const mock = robot('panda-mock.yaml');
const sim = robot('panda-sim.yaml');

export const candidates: readonly Candidate[] = [
  {
    name: 'mock',
    robot: mock,
    create: async () => createMock({ robot: mock, entry: mock.devices[0]!, now }),
    skip: false,
  },
  {
    name: 'mock, far away: 20 ms each way, 10 ms jitter, every tenth state lost',
    robot: mock,
    create: async () => {
      const options = {
        latencyMs: 20,
        jitterMs: 10,
        loss: 0.1,
        clockOffset: -5,
        clockDriftPpm: -200,
        seed: 3,
      };
      return createMock({ robot: mock, entry: { ...mock.devices[0]!, options }, now });
    },
    skip: false,
  },
  {
    name: 'sim, paced in a thread of its own',
    robot: sim,
    create: () => {
      const module = new URL('../../sim/index.js', import.meta.url).href;
      return DeviceThread.load({ robot: sim, entry: sim.devices[0]!, module, seed: 1 });
    },
    skip: false,
  },
];
