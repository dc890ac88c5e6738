/** What `armloop calibrate` needs of Feetech servos: ids one by one, torque off, raw positions. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { calibrate, emulate } from '../../../drivers/feetech/index.ts';
import { now } from '../bus/arm-stand.ts';
import { robot } from './stand.ts';

it('names servos that come from the factory one by one, for good, then reads where a hand has put them', async () => {
  const entry = robot.devices[0]!;
  await using emulation = await emulate({ robot, entry });
  await using calibrator = calibrate({ robot, entry: emulation.entry, now });
  assert.deepEqual(
    [calibrator.axes[5]!.part, calibrator.axes[5]!.id, calibrator.unit],
    ['sts3215-c001, id 6, ratio 0.08', 6, 'step'],
  );
  // Servos come with the id and rate of the first axis: it is the last to be named.
  assert.equal(calibrator.asFromFactory, 0);
  for (const [i, name] of [...entry.axes.entries()].reverse()) {
    await emulation.connect!(name);
    const found = await calibrator.list();
    assert.deepEqual(found, [{ id: 1, baud: 1_000_000, model: 'sts3215-c001', answers: 'well' }], name);
    assert.equal(await calibrator.assign(found[0]!, i), 1_000_000);
  }
  await emulation.connect!(null);
  await calibrator.release();
  await emulation.hand!('shoulder_pan', 0.5);
  await emulation.hand!('gripper', 0.1);
  const raw = await calibrator.read();
  assert.ok(Math.abs(raw[0]! - (2048 + (0.5 * 4096) / (2 * Math.PI))) < 10, `${raw[0]}`);
  assert.ok(Math.abs(raw[5]! - (1480 + ((0.1 / 0.08) * 4096) / (2 * Math.PI))) < 10, `${raw[5]}`);
});
