/** The gripper of robots/panda-mock-robotiq.yaml on the emulator, driven as a loop would, with what a person is told. */
import { join } from 'node:path';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import type { EmulatedGripperSetup, GripperState } from '../../../drivers/robotiq/emulator/gripper.ts';
import { startGripperEmulator } from '../../../drivers/robotiq/emulator/start.ts';
import { createDevice } from '../../../drivers/robotiq/index.ts';
import { loadRobot } from '../../../src/config.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';
import type { DeviceEntry, RobotSpec } from '../../../src/robot/spec.ts';
import { packageRoot } from '../../../src/root.ts';
import { Stand } from '../../conformance/stand.ts';
import { until as waitFor } from '../bus/arm-stand.ts';

export const now = monotonicClock();
export const robot: RobotSpec = loadRobot(join(packageRoot(), 'robots', 'panda-mock-robotiq.yaml'));
export const entry: DeviceEntry = robot.devices.find((d) => d.kind === 'robotiq')!;

/** Answers may be this late on a busy machine. */
const PATIENT = { rateHz: 50, patienceMs: 200, misses: 4 };

export interface GripperStand extends AsyncDisposable {
  readonly s: Stand;
  readonly emulator: EmulatorHandle;
  readonly faults: string[];
  readonly notes: string[];
  gripper(): Promise<GripperState>;
  change(what: string, value?: unknown): Promise<unknown>;
}

/** Starts the gripper, half open, and makes the device, unopened. */
export async function gripperStand(
  options: Readonly<Record<string, unknown>> = {},
  line: Partial<LineSetup> = {},
  start: Partial<Pick<EmulatedGripperSetup, 'opening' | 'active'>> = {},
): Promise<GripperStand> {
  const changed = { ...entry, options: { ...entry.options, ...PATIENT, ...options } };
  const emulator = await startGripperEmulator({ robot, entry: changed }, line, { opening: 0.05, ...start });
  const plugged = { ...changed, options: { ...changed.options, port: emulator.port } };
  const device = createDevice({ robot, entry: plugged, now });
  const faults: string[] = [];
  const notes: string[] = [];
  device.onFault = (message) => faults.push(message);
  device.onNote = (message) => notes.push(message);
  return {
    s: new Stand(device),
    emulator,
    faults,
    notes,
    gripper: () => emulator.device({ what: 'state' }) as Promise<GripperState>,
    change: (what, value) => emulator.device({ what, value }),
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]();
      await emulator[Symbol.asyncDispose]();
    },
  };
}

/** Opened, enabled, holding. */
export async function holding({ s }: GripperStand): Promise<void> {
  await s.open();
  await s.device.enable();
  await s.watch(() => s.has('enabled'), 10);
  s.wantHere();
  await s.drive((time) => time > 0.1 && s.get('commandTick') > 0, 10);
}

/** Leads the goal towards `to` (m) at `speed` (m/s) until `done`. */
export async function lead(
  { s }: GripperStand,
  to: number,
  speed: number,
  done: () => boolean,
  limitS = 20,
): Promise<void> {
  let last = 0;
  let goal = s.wanted.q[0]!;
  await s.drive(done, limitS, (time) => {
    const step = speed * Math.min(time - last, 0.01);
    last = time;
    goal += Math.sign(to - goal) * Math.min(step, Math.abs(to - goal));
    s.wanted.q[0] = goal;
  });
}

/** Waits for something that is no state; a gripper is slower than an arm. */
export const until = (what: string, done: () => boolean | Promise<boolean>, limitS = 60): Promise<number> =>
  waitFor(what, done, limitS);
