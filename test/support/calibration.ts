/** A small arm of emulated servos that are mounted otherwise than its robot file says, for calibrating it. */
import { moveByHand } from '../../drivers/bus/emulator/arm.ts';
import type { EmulatorHandle } from '../../drivers/bus/emulator/host.ts';
import type { LineSetup } from '../../drivers/bus/emulator/line.ts';
import { mounting, startArmEmulator } from '../../drivers/dynamixel/emulator/arm.ts';
import type { ServoState } from '../../drivers/dynamixel/emulator/servo.ts';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import { POSITION_UNIT } from '../../drivers/dynamixel/table.ts';
import type { CalibratedKind } from '../../src/calibrate/robot.ts';
import { RobotCalibration } from '../../src/calibrate/robot.ts';
import { monotonicClock } from '../../src/loop/clock.ts';
import type { Emulation } from '../../src/robot/device.ts';
import type { DeviceEntry, RobotSpec } from '../../src/robot/spec.ts';
import { robot as whole } from '../drivers/dynamixel/arm-stand.ts';

export const now = monotonicClock();

type Servo = Record<string, unknown>;
const options = whole.devices[0]!.options as { servos: Servo[] };
const KEPT = ['joint1', 'joint4', 'gripper'];

function entryWith(servos: readonly Servo[]): DeviceEntry {
  const entry = whole.devices[0]!;
  return { ...entry, axes: KEPT, options: { ...options, patienceMs: 100, servos } };
}

const filed = [0, 3, 7].map((i) => options.servos[i]!);

/** Two joints and a gripper of robots/dynamixel7.yaml. */
export const small: RobotSpec = {
  ...whole,
  id: 'small',
  axes: whole.axes.filter((a) => KEPT.includes(a.name)),
  armAxes: 2,
  gripperAxis: 2,
  devices: [entryWith(filed)],
};

/** How its servos are really mounted: a shifted horn, a joint that counts the other way, a gripper of another pinion. */
export const mounted: DeviceEntry = entryWith([
  { ...filed[0], zero: 2201 },
  { ...filed[1], zero: 2900, direction: -1 },
  { ...filed[2], zero: 1700, ratio: 0.028 },
]);

export interface CalibrationStand extends AsyncDisposable {
  readonly emulator: EmulatorHandle;
  /** The robot file's entry, on the emulator's port. */
  readonly entry: DeviceEntry;
  readonly emulation: Pick<Emulation, 'hand' | 'connect'>;
  /** Where the axes truly are, rad or m. */
  truth(): Promise<number[]>;
  open(workspace: string, hardware?: 'real' | 'emulated'): RobotCalibration;
}

export async function calibrationStand(
  really: DeviceEntry = mounted,
  line: Partial<LineSetup> = {},
): Promise<CalibrationStand> {
  const emulator = await startArmEmulator({ robot: small, entry: really }, line);
  const how = mounting({ robot: small, entry: really });
  const file = small.devices[0]!;
  const entry = { ...file, options: { ...file.options, port: emulator.port } };
  const kinds: CalibratedKind[] = [{ entry, module: { calibrate } }];
  return {
    emulator,
    entry,
    emulation: {
      hand: (axis, position) => moveByHand(emulator, how, axis, position),
      connect: async (axis) => {
        const only = axis === null ? null : KEPT.indexOf(axis);
        await emulator.device({ what: 'connect', only });
      },
    },
    truth: async () => {
      const states = (await emulator.device({ what: 'states' })) as ServoState[];
      const zero = how.angle(0);
      return how.joints.map(({ map }, i) => map.position((states[i]!.angle - zero) / POSITION_UNIT));
    },
    open: (workspace, hardware = 'real') =>
      new RobotCalibration({ robot: small, kinds, workspace, hardware, now }),
    [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose](),
  };
}
