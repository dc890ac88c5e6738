/** @alone @limit 240 Rigs that record on emulated lines: what happens to them in motion, and nothing is lost of the episode. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mode } from '../../../src/robot/tick.ts';
import { workspace } from '../../support/rig-process.ts';
import { CAUSES, forbiddenOnReturn, takenOnReturn } from './fault-causes.ts';
import { FaultRig } from './fault-rig.ts';
import { DYNAMIXEL7, ROBOTIQ, SO101 } from './fault-subjects.ts';
import { lossy } from './lossy-line.ts';

/** Ten cycles without an answer, the servos' watchdog, and time to settle without a brake, s. */
const REST_S = 0.8;

for (const subject of [DYNAMIXEL7, SO101]) {
  describe(`an arm as in ${subject.robot}, recording`, () => {
    it('5 % of all bytes are lost: it stops, holds and says so; driven again afterwards, with every tick in the episode', async (t) => {
      using folder = workspace();
      await using rig = await FaultRig.open(folder.path, subject, { rateHz: 100 });
      const r = await lossy(rig, 0.05, 2);
      t.diagnostic(JSON.stringify(r));
      assert.ok(r.stopped!.restS < REST_S, `at rest after ${r.stopped!.restS} s`);
      assert.ok(r.stopped!.way < 0.4 * REST_S, `it went on by ${r.stopped!.way} rad`);
      assert.ok(r.others < 0.05, `another servo turned by ${r.others} rad`);
      assert.match(
        rig.told,
        /arm: .*(arrives damaged|do(es)? not answer|answers do not come).*The servos (hold by themselves|go to their last goal)/,
      );
      assert.match(rig.told, /answers again: it holds/);
      assert.ok(r.ticks > 10);
    });

    it('its cable is pulled in motion, and when it is back its port is taken, or forbidden: told; then it goes on', async () => {
      using folder = workspace();
      await using rig = await FaultRig.open(folder.path, subject, { rateHz: 100 });
      await rig.record();
      await rig.drive();
      const stopped = await rig.stopsAfter(() => rig.emulator.unplug());
      assert.ok(stopped.restS < REST_S, `at rest after ${stopped.restS} s`);
      assert.match(rig.told, /the port .* is gone\. The servos (hold by themselves|go to their last goal)/);
      for (const barred of [takenOnReturn, forbiddenOnReturn]) {
        const { end } = await barred(rig);
        await end();
        await rig.drive();
      }
      const { ticks } = await rig.recorded();
      assert.ok(ticks > 10);
    });
  });
}

describe('a rig that drives and records goes on', () => {
  for (const subject of [DYNAMIXEL7, SO101, ROBOTIQ]) {
    it(`when frames are cut in half, and when another program wants the port: ${subject.robot}`, async () => {
      using folder = workspace();
      await using rig = await FaultRig.open(folder.path, subject, {
        rateHz: subject === ROBOTIQ ? 50 : 100,
        // Nothing but the frames is late here, however busy the machine.
        misses: 100,
      });
      await rig.record();
      await rig.drive();
      for (const { outcome, happen } of CAUSES[subject.robot]!) if (outcome === 'goes on') await happen(rig);
      await rig.moves();
      assert.equal(rig.rig.watch.view.mode, Mode.active);
      assert.doesNotMatch(rig.told, new RegExp(`${subject.device}: .*(damaged|not answer|gone)`));
      assert.ok((await rig.recorded()).ticks > 10);
    });
  }
});

describe('a gripper of a rig that records', () => {
  it('its cable is pulled in motion: the rig stops, the fingers at their last goal; every tick is in the episode', async () => {
    using folder = workspace();
    await using rig = await FaultRig.open(folder.path, ROBOTIQ, { rateHz: 50 });
    await rig.record();
    await rig.drive();
    const stopped = await rig.stopsAfter(() => rig.emulator.unplug());
    assert.ok(stopped.restS < REST_S, `at rest after ${stopped.restS} s`);
    assert.match(rig.told, /gripper: the port .* is gone\. The gripper goes to the last goal/);
    await rig.emulator.plug();
    await rig.drive();
    assert.ok((await rig.recorded()).ticks > 10);
  });

  it('it faults in motion: the rig stops, and says which; every tick is in the episode', async () => {
    using folder = workspace();
    await using rig = await FaultRig.open(folder.path, ROBOTIQ, { rateHz: 50 });
    await rig.record();
    await rig.drive();
    await rig.stopsAfter(async () => (await rig.emulator.device({ what: 'overload' })) as number);
    assert.match(rig.told, /gripper: .*its current was too high; it must be activated anew/);
    assert.ok((await rig.recorded()).ticks > 10);
  });
});
