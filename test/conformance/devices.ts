/** Every registered device, for the conformance suite. To add one, add its entry. */
import { join } from 'node:path';
import type { StartEmulator } from '../../drivers/bus/emulator/arm.ts';
import type { LineFaults, LineSetup } from '../../drivers/bus/emulator/line.ts';
import { startArmEmulator as startDynamixel } from '../../drivers/dynamixel/emulator/arm.ts';
import { createDevice as createDynamixel } from '../../drivers/dynamixel/index.ts';
import { startArmEmulator as startFeetech } from '../../drivers/feetech/emulator/arm.ts';
import { createDevice as createFeetech } from '../../drivers/feetech/index.ts';
import { createDevice as createMock } from '../../drivers/mock/index.ts';
import { startGripperEmulator } from '../../drivers/robotiq/emulator/start.ts';
import { createDevice as createRobotiq } from '../../drivers/robotiq/index.ts';
import { Ros2Device } from '../../drivers/ros2/device.ts';
import { ros2Setup } from '../../drivers/ros2/options.ts';
import { loadRobot } from '../../src/config.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import { DeviceThread } from '../../src/loop/device-thread.ts';
import type { Device, DeviceFactory } from '../../src/robot/device.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { packageRoot } from '../../src/root.ts';
import { pandaJoints, type RobotOptions, RosRobot } from '../support/ros-robot.ts';

export const now = monotonicClock();

export interface Candidate {
  readonly name: string;
  readonly robot: RobotSpec;
  /** A new, unopened device. */
  create(): Promise<Device>;
  /** True for a device that never hears whether a command was taken. */
  readonly unanswered?: boolean;
  /** False when the reason in `skip` keeps it from being tried here. */
  readonly skip: string | false;
}

const robot = (file: string): RobotSpec => loadRobot(join(packageRoot(), 'robots', file));

const mock = robot('panda-mock.yaml');
const sim = robot('panda-sim.yaml');

const dynamixel = { robot: robot('dynamixel7.yaml'), create: createDynamixel, start: startDynamixel };
const feetech = { robot: robot('so101.yaml'), create: createFeetech, start: startFeetech };

/** The arm of a robot file on emulated servos behind a real port, which end with it. */
async function emulated(
  bus: { readonly robot: RobotSpec; readonly create: DeviceFactory; readonly start: StartEmulator },
  options: Readonly<Record<string, unknown>> = {},
  line: Partial<LineSetup> = {},
  faults: Partial<LineFaults> = {},
): Promise<Device> {
  const entry = bus.robot.devices[0]!;
  const emulator = await bus.start({ robot: bus.robot, entry }, line);
  await emulator.faults(faults);
  // Slower than the wire carries, and patient: a busy machine is late with everything.
  const slow = { rateHz: 100, patienceMs: 300, misses: 10 };
  const changed = { ...entry, options: { ...entry.options, ...slow, ...options, port: emulator.port } };
  const device = bus.create({ robot: bus.robot, entry: changed, now });
  const close = device[Symbol.asyncDispose].bind(device);
  device[Symbol.asyncDispose] = async () => {
    await close();
    await emulator[Symbol.asyncDispose]();
  };
  return device;
}

const robotiq = robot('panda-mock-robotiq.yaml');

/** The gripper of a robot file, half closed, on an emulated one behind a real port, which ends with it. */
async function gripper(): Promise<Device> {
  const entry = robotiq.devices.find((d) => d.kind === 'robotiq')!;
  const emulator = await startGripperEmulator({ robot: robotiq, entry }, {}, { opening: 0.03 });
  const options = { ...entry.options, rateHz: 80, patienceMs: 300, misses: 10, port: emulator.port };
  const device = createRobotiq({ robot: robotiq, entry: { ...entry, options }, now });
  const close = device[Symbol.asyncDispose].bind(device);
  device[Symbol.asyncDispose] = async () => {
    await close();
    await emulator[Symbol.asyncDispose]();
  };
  return device;
}

/** Echo, slow adapter, wrong and lost bytes: the options of a patient arm, the line, and its faults. */
const BAD = [
  { rateHz: 50, patienceMs: 60, misses: 40 },
  { echo: true, latencyMs: 1 },
  { flip: 1e-4, drop: 5e-5, merge: 5e-5 },
] as const;

const ros2 = robot('panda-ros2.yaml');

/** The same arm behind a played ROS 2 graph, whose robot ends with it. */
async function played(
  command: Readonly<Record<string, unknown>>,
  robotOptions: Partial<RobotOptions>,
  delayMs: () => number = () => 0,
): Promise<Device> {
  const [first] = ros2.devices;
  const { states, joints } = first!.options as { states: object; joints: Record<string, string> };
  const axes = first!.axes.filter((a) => a !== 'gripper');
  const options = { states: { ...states, rateHz: 200 }, joints, command };
  const entry = { ...first!, axes, options };
  const context = { robot: { ...ros2, devices: [entry] }, entry, now };
  const setup = ros2Setup(context);
  const player = new RosRobot(
    { joints: pandaJoints(), controller: 'trajectory', rateHz: 200, ...robotOptions },
    now,
  );
  player.graph.delayMs = delayMs;
  const device = new Ros2Device(context, setup, async () => player.graph.join());
  const close = device[Symbol.asyncDispose].bind(device);
  device[Symbol.asyncDispose] = async () => {
    await close();
    await player[Symbol.asyncDispose]();
  };
  return device;
}
const ros2Arm: RobotSpec = {
  ...ros2,
  devices: [{ ...ros2.devices[0]!, axes: ros2.devices[0]!.axes.filter((a) => a !== 'gripper') }],
};

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
    name: 'dynamixel: eight servos at 1 Mbaud',
    robot: dynamixel.robot,
    create: () => emulated(dynamixel),
    skip: false,
  },
  {
    name: 'dynamixel on a bad line: echo, slow adapter, wrong and lost bytes',
    robot: dynamixel.robot,
    create: () => emulated(dynamixel, ...BAD),
    skip: false,
  },
  {
    name: 'feetech: six servos at 1 Mbaud',
    robot: feetech.robot,
    create: () => emulated(feetech),
    skip: false,
  },
  {
    name: 'feetech on a bad line: echo, slow adapter, wrong and lost bytes',
    robot: feetech.robot,
    create: () => emulated(feetech, ...BAD),
    skip: false,
  },
  {
    name: 'robotiq: a 2F-85 at 115,200 baud',
    robot: robotiq,
    create: gripper,
    skip: false,
  },
  {
    name: 'ros2: trajectories to a topic, another clock, 2 to 8 ms on the way',
    robot: ros2Arm,
    create: () =>
      played(
        { interface: 'trajectory' },
        { clockDriftPpm: 80, fromDesired: false },
        () => 2 + 6 * Math.random(),
      ),
    unanswered: true,
    skip: false,
  },
  {
    name: 'ros2: goals of the action',
    robot: ros2Arm,
    create: () => played({ interface: 'follow_joint_trajectory', rateHz: 50 }, {}),
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
