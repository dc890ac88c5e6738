/** @alone Torque that is coming on, on a whole rig: a gripper that opens and closes all the way, by its own course. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GripperState } from '../../drivers/robotiq/emulator/gripper.ts';
import { startGripperEmulator } from '../../drivers/robotiq/emulator/start.ts';
import { loadRobot } from '../../src/config.ts';
import { openLog } from '../../src/log.ts';
import { Rig } from '../../src/rig/rig.ts';
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

test('Ctrl-C while the rig starts ends the activation that it began: it is not armed, and the fingers stop', async () => {
  using folder = workspace();
  const shipped = loadRobot(join(packageRoot(), 'robots', 'panda-mock-robotiq.yaml'));
  const entry = shipped.devices.find((d) => d.name === 'gripper')!;
  await using emulator = await startGripperEmulator({ robot: shipped, entry }, {}, { active: false });
  const options = { ...entry.options, port: emulator.port, activate: 'when-armed' };
  const spec = { ...shipped, devices: shipped.devices.map((d) => (d === entry ? { ...d, options } : d)) };
  const gripper = (): Promise<GripperState> => emulator.device({ what: 'state' }) as Promise<GripperState>;
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const opening = Rig.open({ spec, workspace: folder.path, log: openLog(folder.path, 'rig'), stopped });
  await until('the fingers move', async () => (await gripper()).speed !== 0, 60);
  await emulator.trace();
  const at = now();
  stop();
  const rig = await opening;
  try {
    assert.equal(rig.barred?.code, 'REQUEST_ENDED');
    assert.equal(rig.watch.view.mode, Mode.connected);
    await until('at rest', async () => (await gripper()).speed === 0);
    const after = (await emulator.traced()).filter((row) => row[0]! >= at);
    const seconds = (after[after.findLastIndex((row) => row[2] !== 0) + 1] ?? after.at(-1)!)[0]! - at;
    assert.ok(seconds < STOPS, `at rest after ${seconds} s`);
  } finally {
    await rig.close();
  }
});
