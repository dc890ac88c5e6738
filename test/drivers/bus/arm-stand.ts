/** The arm of a robot file on emulated servos, driven as a loop would, with what a person is told. */
import assert from 'node:assert/strict';
import type { StartEmulator } from '../../../drivers/bus/emulator/arm.ts';
import type { EmulatorHandle } from '../../../drivers/bus/emulator/host.ts';
import type { LineSetup } from '../../../drivers/bus/emulator/line.ts';
import { monotonicClock } from '../../../src/loop/clock.ts';
import type { DeviceFactory } from '../../../src/robot/device.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { Stand } from '../../conformance/stand.ts';

export const now = monotonicClock();

/** Answers may be this late on a busy machine; only tests of times say otherwise. */
const PATIENT = { rateHz: 100, patienceMs: 100, misses: 4 };

export interface ArmRig {
  readonly robot: RobotSpec;
  readonly createDevice: DeviceFactory;
  readonly start: StartEmulator;
}

/** `S` is what a bus tells of one servo. */
export interface ArmStand<S> extends AsyncDisposable {
  readonly s: Stand;
  readonly emulator: EmulatorHandle;
  readonly faults: string[];
  readonly notes: string[];
  servos(): Promise<S[]>;
}

/** Starts servos and makes the device, unopened. */
export async function openArmStand<S>(
  { robot, createDevice, start }: ArmRig,
  options: Readonly<Record<string, unknown>> = {},
  line: Partial<LineSetup> = {},
): Promise<ArmStand<S>> {
  const entry = robot.devices[0]!;
  const changed = { ...entry, options: { ...entry.options, ...PATIENT, ...options } };
  const emulator = await start({ robot, entry: changed }, line);
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
    servos: () => emulator.device({ what: 'states' }) as Promise<S[]>,
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]();
      await emulator[Symbol.asyncDispose]();
    },
  };
}

/** Opened, enabled, holding. */
export async function holding(arm: ArmStand<unknown>): Promise<void> {
  const { s } = arm;
  await s.open();
  await s.device.enable();
  await s.watch(() => s.has('enabled'), 10);
  s.wantHere();
  await s.drive((time) => time > 0.1 && s.get('commandTick') > 0, 10);
}

/** Moves the first joint at `speed` rad/s until it has that speed, and leaves it moving. */
export async function moving(arm: ArmStand<unknown>, speed: number): Promise<void> {
  const { s } = arm;
  const start = s.vector('q')[0]!;
  let last = 0;
  let goal = start;
  await s.drive(
    (time) => time > 0.6 && Math.abs(s.vector('qd')[0]! - speed) < 0.3 * Math.abs(speed),
    20,
    (time) => {
      goal += speed * Math.min(time - last, 0.01);
      last = time;
      s.wanted.q[0] = goal;
    },
  );
}

/** Waits for something that is no state. */
export async function until(
  what: string,
  done: () => boolean | Promise<boolean>,
  limitS = 60,
): Promise<number> {
  const end = now() + limitS;
  while (!(await done())) {
    assert.ok(now() < end, `${what}: not within ${limitS} s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return now();
}

/** Angle and speed of one servo in a trace, from `from` on. */
export function course(
  trace: readonly number[][],
  servo: number,
  from: number,
): { time: number; angle: number; speed: number }[] {
  return trace
    .filter((row) => row[0]! >= from)
    .map((row) => ({ time: row[0]!, angle: row[1 + 2 * servo]!, speed: row[2 + 2 * servo]! }));
}
