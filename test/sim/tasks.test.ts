import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tasks } from '../../sim/index.ts';
import { RESIDUALS } from '../../src/robot/tick.ts';
import { SimRig } from '../support/sim-rig.ts';

/** One conformance suite over every registered task. */
for (const task of tasks) {
  const name = task.name;
  test(`${name}: residuals are numbered, named once, with units, finite`, async () => {
    assert.equal(tasks.filter((t) => t.name === name).length, 1);
    assert.ok(task.residuals.length >= 1 && task.residuals.length <= RESIDUALS);
    assert.equal(new Set(task.residuals.map((r) => r.name)).size, task.residuals.length);
    for (const r of task.residuals) assert.ok(r.unit.length > 0, r.name);
    const rig = await SimRig.open(name);
    const out = new Float64Array(RESIDUALS).fill(Number.NaN);
    rig.run(0.05);
    out.set(rig.measured('residual'));
    for (let i = 0; i < RESIDUALS; i++) assert.ok(Number.isFinite(out[i]), `residual ${i}`);
    for (let i = task.residuals.length; i < RESIDUALS; i++)
      assert.equal(out[i], 0, `residual ${i} is not one`);
    assert.ok(Number.isFinite(rig.value('reward')));
    assert.ok(task.text.length > 10 && task.timeLimit > task.holdTime && task.holdTime >= 0);
    rig.close();
  });

  test(`${name}: same seed, same bytes; other seeds, other scenes`, async () => {
    const rig = await SimRig.open(name, 7);
    const first = rig.device.snapshot();
    const size = first.length;
    rig.run(0.2);
    rig.device.reset(8);
    const other = rig.device.snapshot();
    rig.device.reset(7);
    rig.read();
    assert.equal(rig.value('epoch'), 2);
    assert.equal(rig.value('seed'), 7);
    const again = await SimRig.open(name, 7);
    // Two fresh devices agree in every byte; a reset one in all but the counters of the device's own memory.
    assert.deepEqual(again.device.snapshot(), first);
    const physics = size - (await memorySize(rig));
    assert.deepEqual(rig.device.snapshot().subarray(0, physics), first.subarray(0, physics));
    assert.notDeepEqual(other.subarray(0, physics), first.subarray(0, physics));
    rig.close();
    again.close();
  });

  test(`${name}: after a reset nothing moves, nothing touches the arm, success is not given away`, async () => {
    const rig = await SimRig.open(name, 1);
    for (let seed = 1; seed <= 12; seed++) {
      rig.device.reset(seed);
      rig.read();
      assert.equal(rig.value('success'), 0, `seed ${seed}`);
      const before = rig.device.scene!.objects.map((o) => rig.body(o));
      rig.run(0.3);
      rig.device.scene!.objects.forEach((object, i) => {
        const after = rig.body(object);
        const moved = Math.hypot(
          after[0]! - before[i]![0]!,
          after[1]! - before[i]![1]!,
          after[2]! - before[i]![2]!,
        );
        assert.ok(moved < 5e-4, `seed ${seed}: ${object} moved ${moved} m`);
        assert.ok(after[2]! > 0.01, `seed ${seed}: ${object} is below the table top`);
      });
      assert.equal(rig.value('success'), 0, `seed ${seed}`);
      rig.robot.axes.forEach((axis, i) => {
        assert.ok(Math.abs(rig.measured('q')[i]! - axis.home) < 1e-4, `${axis.name} is not at home`);
      });
    }
    rig.close();
  });
}

async function memorySize(rig: SimRig): Promise<number> {
  const { memoryLayout } = await import('../../sim/device.ts');
  return memoryLayout(rig.axes).size;
}
