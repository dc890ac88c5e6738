import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addPad, type PadLike } from '../../../src/console/lib/gamepad.ts';
import { emptyHeld } from '../../../src/console/lib/keys.ts';
import { DEAD_ZONE, shape } from '../../../src/robot/pad.ts';

function pad(axes: number[], pressed: Record<number, number>): PadLike {
  const buttons = Array.from({ length: 17 }, (_, i) => ({
    value: pressed[i] ?? 0,
    pressed: (pressed[i] ?? 0) > 0.5,
  }));
  return { axes, buttons };
}

test('sticks do nothing without a held trigger', () => {
  const held = emptyHeld();
  assert.equal(addPad(pad([1, 1, 1, 1], { 4: 1 }), 'twist', held), false);
  assert.deepEqual([...held.twist, held.gripper, held.enable], [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('either trigger is the deadman', () => {
  for (const trigger of [6, 7]) {
    const held = emptyHeld();
    assert.equal(addPad(pad([0, -1, 0, 0], { [trigger]: 1 }), 'twist', held), true);
    assert.equal(held.twist[0], 1, 'left stick forward is +x');
    assert.equal(held.enable, 1);
  }
});

test('the dead zone is silent and the range reaches full scale without a jump', () => {
  assert.equal(shape(DEAD_ZONE), 0);
  assert.equal(shape(-DEAD_ZONE), 0);
  assert.ok(shape(DEAD_ZONE + 0.01) < 0.01);
  assert.equal(shape(1), 1);
  assert.equal(shape(-1), -1);
});

test('pad and keys together stay within full scale', () => {
  const held = emptyHeld();
  held.twist[0] = 1;
  held.gripper = 1;
  addPad(pad([0, -1, 0, 0], { 6: 1, 5: 1 }), 'twist', held);
  assert.equal(held.twist[0], 1);
  assert.equal(held.gripper, 1);
});
