/** @alone A rig that records on emulated servos: bytes are lost, the cable is pulled in motion; nothing is lost of the episode. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workspace } from '../../support/rig-process.ts';
import { now } from '../bus/arm-stand.ts';
import { FaultRig } from '../bus/fault-rig.ts';
import { DYNAMIXEL7 } from '../bus/fault-subjects.ts';
import { lossy } from './lossy-line.ts';

/** Ten cycles without an answer, the servos' watchdog, and time to settle without a brake, s. */
const REST_S = 0.8;

test('5 % of all bytes are lost: it stops, holds and says so; driven again afterwards, with every tick in the episode', async (t) => {
  using folder = workspace();
  await using rig = await FaultRig.open(folder.path, DYNAMIXEL7, { rateHz: 100 });
  const r = await lossy(rig, 0.05, 3);
  t.diagnostic(JSON.stringify(r));
  assert.ok(r.stopped!.restS < REST_S, `at rest after ${r.stopped!.restS} s`);
  assert.ok(r.stopped!.way < 0.4 * REST_S, `it went on by ${r.stopped!.way} rad`);
  assert.ok(r.others < 0.05, `another servo turned by ${r.others} rad`);
  assert.match(
    rig.told,
    /arm: .*(arrives damaged|does not answer|answers do not come).*The servos hold by themselves/,
  );
  assert.match(rig.told, /answers again: it holds/);
  assert.ok(r.ticks > 100);
});

test('the cable is pulled in motion while recording: the arm stops, every tick is in the episode', async () => {
  using folder = workspace();
  await using rig = await FaultRig.open(folder.path, DYNAMIXEL7, { rateHz: 100 });
  await rig.record();
  await rig.drive();
  const stopped = await rig.stopsAfter(() => rig.emulator.unplug());
  assert.ok(stopped.restS < REST_S, `at rest after ${stopped.restS} s`);
  assert.match(rig.told, /the port .* is gone\. The servos hold by themselves/);
  const from = now();
  await rig.emulator.plug();
  await rig.drive();
  assert.ok(now() - from < 60);
  const { ticks, seconds } = await rig.recorded();
  assert.ok(ticks > 100 * seconds, `${ticks} ticks in ${seconds} s`);
});
