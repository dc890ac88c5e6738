import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  actionKeys,
  driveModes,
  emptyHeld,
  findAction,
  findJoint,
  findMotion,
  motionKeys,
  speedSteps,
  stepSpeed,
  sumKeys,
} from '../../../src/console/lib/keys.ts';

test('held keys add up, opposite keys cancel, and any of them enables', () => {
  const held = emptyHeld();
  sumKeys(['KeyW', 'KeyA', 'KeyU', 'KeyG'], 'twist', held);
  assert.deepEqual([...held.twist], [1, 1, 0, 0, 0, 1]);
  assert.equal(held.gripper, -1);
  assert.equal(held.enable, 1);
  sumKeys(['KeyW', 'KeyS'], 'twist', held);
  assert.deepEqual([...held.twist], [0, 0, 0, 0, 0, 0]);
  assert.equal(held.enable, 1);
  sumKeys([], 'twist', held);
  assert.equal(held.enable, 0);
  assert.equal(held.gripper, 0);
});

test('two keys for one motion are no faster than one', () => {
  const held = emptyHeld();
  sumKeys(['KeyU', 'ArrowLeft'], 'twist', held);
  assert.equal(held.twist[5], 1);
});

test('a key moves only in its modes', () => {
  const held = emptyHeld();
  sumKeys(['KeyW'], 'jog', held);
  assert.equal(held.enable, 0);
  sumKeys(['KeyK'], 'jog', held);
  assert.equal(held.jog, 1);
  assert.deepEqual([...held.twist], [0, 0, 0, 0, 0, 0]);
  sumKeys(['KeyK'], 'twist', held);
  assert.equal(held.jog, 0);
  assert.equal(held.twist[4], -1);
  sumKeys(['KeyW', 'KeyH'], 'pose', held);
  assert.deepEqual([held.gripper, held.enable], [1, 1]);
});

test('no key means two things at once', () => {
  for (const mode of driveModes) {
    const codes = motionKeys.filter((k) => k.modes.includes(mode)).flatMap((k) => k.codes);
    assert.equal(new Set(codes).size, codes.length, `motion keys of ${mode}`);
    for (const code of codes) assert.equal(findAction(code, false), null, `${code} in ${mode}`);
  }
  const actions = actionKeys.map((k) => `${k.shift ? 'Shift ' : ''}${k.code}`);
  assert.equal(new Set(actions).size, actions.length);
});

test('Escape stops with and without Shift', () => {
  assert.equal(findAction('Escape', false), 'estop');
  assert.equal(findAction('Escape', true), 'estop');
  assert.equal(findAction('KeyA', true), 'arm');
  assert.equal(findAction('KeyA', false), null);
  assert.notEqual(findMotion('KeyA', 'twist'), null);
});

test('digits select joints, from 1', () => {
  assert.equal(findJoint('Digit1'), 0);
  assert.equal(findJoint('Numpad8'), 7);
  assert.equal(findJoint('Digit0'), -1);
  assert.equal(findJoint('KeyA'), -1);
});

test('speed steps end at both ends', () => {
  let speed = 0.35;
  for (let i = 0; i < 20; i++) speed = stepSpeed(speed, 1);
  assert.equal(speed, 1);
  for (let i = 0; i < 20; i++) speed = stepSpeed(speed, -1);
  assert.equal(speed, speedSteps[0]);
  assert.equal(stepSpeed(0.4, 1), 0.5);
  assert.equal(stepSpeed(0.4, -1), 0.35);
});
