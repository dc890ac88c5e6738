/** @alone Torque that is coming on, on a whole rig: a gripper that opens and closes all the way, by its own course. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GripperState } from '../../drivers/robotiq/emulator/gripper.ts';
import { startGripperEmulator } from '../../drivers/robotiq/emulator/start.ts';
import { Mode } from '../../src/robot/tick.ts';
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
    const seconds = after[after.findLastIndex((row) => row[2] !== 0) + 1]![0]! - at;
    assert.ok(seconds < STOPS, `at rest ${seconds} s after ${why.source}`);
    assert.match(rig.told, new RegExp(`Torque was coming on .*${why.source}`));
  }
});
