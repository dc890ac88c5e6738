/** @alone Torque that is coming on, on a whole rig: a gripper that opens and closes all the way, by its own course. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EmulatorHandle } from '../../drivers/bus/emulator/host.ts';
import type { GripperState } from '../../drivers/robotiq/emulator/gripper.ts';
import { startGripperEmulator } from '../../drivers/robotiq/emulator/start.ts';
import { loadRobot } from '../../src/config.ts';
import { openLog } from '../../src/log.ts';
import { Rig } from '../../src/rig/rig.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { Mode } from '../../src/robot/tick.ts';
import { packageRoot } from '../../src/root.ts';
import { now, until } from '../drivers/bus/arm-stand.ts';
import { FaultRig, type FaultSubject } from '../drivers/bus/fault-rig.ts';
import { ROBOTIQ } from '../drivers/bus/fault-subjects.ts';
import { workspace } from '../support/rig-process.ts';

/** From the request to the fingers at rest, s: a few ms, more on a busy machine. The strokes take 1.7 s. */
const STOPS = 0.8;
/** As it is when its power has just come. */
const UNACTIVATED: FaultSubject = {
  ...ROBOTIQ,
  start: (context) => startGripperEmulator(context, {}, { active: false }),
};

test('an activation on the way is ended by the emergency stop, by disarming and by a shutdown', async () => {
  using folder = workspace();
  await using rig = await FaultRig.open(folder.path, UNACTIVATED, { activate: 'when-armed' });
  const { emulator } = rig;
  const mode = (): number => rig.rig.watch.view.mode;
  const gripper = (): Promise<GripperState> => emulator.device({ what: 'state' }) as Promise<GripperState>;
  assert.equal(mode(), Mode.holding, 'it was activated at the start, all the way');
  const stops: readonly [RegExp, () => Promise<unknown>][] = [
    [/the emergency stop was pressed/, () => rig.ask('estop')],
    [/the rig is disarmed/, () => rig.ask('disarm')],
    [/the rig is being shut down/, () => rig.rig.close()],
  ];
  await rig.ask('disarm');
  // Without power it forgets that it was active; one whose activation was ended is not active either.
  await emulator.device({ what: 'restart' });
  await until('it has started', async () => (await gripper()).online);
  for (const [why, stop] of stops) {
    if (mode() === Mode.stopped) await rig.ask('clear');
    await until('connected', () => mode() === Mode.connected && rig.unpowered, 30);
    assert.ok(!(await gripper()).active);
    await emulator.trace();
    const arming = rig.ask('arm').then(
      () => 'armed',
      (error: Error) => error.message,
    );
    await until('the fingers move', async () => (await gripper()).speed !== 0, 20);
    const at = now();
    const told = stop();
    assert.match(await arming, why);
    await told;
    await until('at rest', async () => (await gripper()).speed === 0);
    const after = (await emulator.traced()).filter((row) => row[0]! >= at);
    const seconds = (after[after.findLastIndex((row) => row[2] !== 0) + 1] ?? after.at(-1)!)[0]! - at;
    assert.ok(seconds < STOPS, `at rest ${seconds} s after ${why.source}`);
    assert.match(rig.told, new RegExp(`Torque was coming on .*${why.source}`));
  }
});

/** A rig on a gripper that was not activated and activates it, and the options of its arm. */
async function starting(
  folder: string,
  arm: Readonly<Record<string, unknown>>,
): Promise<{ readonly spec: RobotSpec; readonly emulator: EmulatorHandle }> {
  const shipped = loadRobot(join(packageRoot(), 'robots', 'panda-mock-robotiq.yaml'));
  const entry = shipped.devices.find((d) => d.name === 'gripper')!;
  const emulator = await startGripperEmulator({ robot: shipped, entry }, {}, { active: false });
  const gripper = { port: emulator.port, activate: 'when-armed' };
  const devices = shipped.devices.map((d) => ({
    ...d,
    options: { ...d.options, ...(d === entry ? gripper : { ...arm, log: join(folder, 'mock.csv') }) },
  }));
  // Nothing is stale here.
  return { spec: { ...shipped, devices, limits: { ...shipped.limits, stateAgeMs: 10_000 } }, emulator };
}

/** Waits until the fingers move, does `what` and asserts that they stop then. */
async function stopsThem(emulator: EmulatorHandle, what: () => unknown): Promise<void> {
  const speed = async (): Promise<number> =>
    ((await emulator.device({ what: 'state' })) as GripperState).speed;
  await until('the fingers move', async () => (await speed()) !== 0, 60);
  await emulator.trace();
  const at = now();
  what();
  await until('at rest', async () => (await speed()) === 0);
  const after = (await emulator.traced()).filter((row) => row[0]! >= at);
  const seconds = (after[after.findLastIndex((row) => row[2] !== 0) + 1] ?? after.at(-1)!)[0]! - at;
  assert.ok(seconds < STOPS, `at rest after ${seconds} s`);
}

test('Ctrl-C while the rig starts ends the activation that it began: it is not armed, and the fingers stop', async () => {
  using folder = workspace();
  const { spec, emulator } = await starting(folder.path, {});
  await using _ = emulator;
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const opening = Rig.open({ spec, workspace: folder.path, log: openLog(folder.path, 'rig'), stopped });
  await stopsThem(emulator, stop);
  const rig = await opening;
  try {
    assert.equal(rig.barred?.code, 'REQUEST_ENDED');
    assert.equal(rig.watch.view.mode, Mode.connected);
  } finally {
    await rig.close();
  }
});

test('where the arm cannot be enabled, the activation of its gripper ends too', async () => {
  using folder = workspace();
  // So far away that it has not answered when the fingers move.
  const { spec, emulator } = await starting(folder.path, { latencyMs: 1000, jitterMs: 0 });
  await using _ = emulator;
  const opening = assert.rejects(
    Rig.open({ spec, workspace: folder.path, log: openLog(folder.path, 'rig') }),
    /arm/,
  );
  await stopsThem(emulator, () =>
    process.kill(Number(readFileSync(join(folder.path, 'mock.csv.pid'), 'utf8')), 'SIGKILL'),
  );
  await opening;
});
