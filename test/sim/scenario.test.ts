/**
 * Every task can be done: a script drives the arm through the real cycle, guard and pose controller in lockstep, on
 * several scenes, and the task calls it a success; the cube is grasped by friction, carried and dropped in the bin.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { quatAxisAngle, quatMul } from '../../src/math/quat.ts';
import { ControllerId, OperatorKind, RequestKind } from '../../src/robot/tick.ts';
import { OperatorRig } from '../support/operator-rig.ts';
import { simRobot } from '../support/sim-rig.ts';

const UP = new Float64Array([0, 0, 1]);
const OPEN = 1;
const CLOSE = -1;

async function open(task: string, seed: number): Promise<OperatorRig> {
  const robot = simRobot(task);
  const device = await createLockstepDevice({ robot, entry: robot.devices[0]!, seed });
  const rig = await OperatorRig.over(robot, device);
  await rig.ask(RequestKind.activate, ControllerId.pose);
  return rig;
}

/** A tool pose over (x, y) at height z, pointing down, turned by `yaw` from how it stands at home. */
function above(
  rig: OperatorRig,
  home: Float64Array,
  x: number,
  y: number,
  z: number,
  yaw: number,
): Float64Array {
  const target = Float64Array.of(x, y, z, 0, 0, 0, 1);
  const turn = new Float64Array(4);
  quatAxisAngle(turn, 0, UP, 0, yaw);
  quatMul(target, 3, turn, 0, home, 3);
  assert.equal(rig.get('out.fault'), 0);
  return target;
}

async function gripper(rig: OperatorRig, target: Float64Array, way: number, ticks: number): Promise<void> {
  rig.operate({ kind: [OperatorKind.pose], enable: [1], pose: [...target], gripper: [way] });
  await rig.run(ticks);
}

/** Fingers along a side of the body: its yaw, to the nearest quarter turn. */
function quarter(body: Float64Array): number {
  const yaw = 2 * Math.atan2(body[5]!, body[6]!);
  return yaw - (Math.PI / 2) * Math.round(yaw / (Math.PI / 2));
}

for (const [task, seeds] of [
  ['pick-place-bin', [1, 2, 3, 4, 5]],
  ['pick-cube', [11]],
] as const) {
  for (const seed of seeds) {
    test(`${task}, seed ${seed}: the cube is grasped, lifted and dropped in the target bin`, async () => {
      const rig = await open(task, seed);
      const home = rig.view('out.tool').slice();
      const cube = rig.body('cube');
      const bin = rig.body('target_bin');
      const yaw = quarter(cube);
      const at = (z: number): Float64Array => above(rig, home, cube[0]!, cube[1]!, z, yaw);
      await rig.moveTo(at(0.12), 'above the cube');
      await rig.moveTo(at(cube[2]!), 'at the cube');
      await gripper(rig, at(cube[2]!), CLOSE, 800);
      assert.ok(rig.view('in.q')[7]! > 0.038, 'the fingers stand at the sides of the cube');
      await rig.moveTo(at(0.22), 'lifted');
      await rig.run(1100);
      const lifted = rig.body('cube')[2]!;
      assert.ok(lifted > 0.19, `the cube is at ${lifted} m`);
      if (task === 'pick-cube') assert.equal(rig.get('in.task.success'), 1, 'held up for a second');
      await rig.moveTo(above(rig, home, bin[0]!, bin[1]!, 0.22, yaw), 'above the bin');
      const drop = above(rig, home, bin[0]!, bin[1]!, 0.1, yaw);
      await rig.moveTo(drop, 'in the mouth of the bin');
      if (task === 'pick-place-bin') assert.equal(rig.get('in.task.success'), 0, 'not while it is held');
      await gripper(rig, drop, OPEN, 600);
      await rig.moveTo(above(rig, home, bin[0]!, bin[1]!, 0.22, yaw), 'away');
      await rig.run(700);
      const end = rig.body('cube');
      for (const axis of [0, 1])
        assert.ok(Math.abs(end[axis]! - bin[axis]!) < 0.1, `the cube lies at ${end}`);
      assert.ok(end[2]! < 0.05, `the cube lies at ${end}`);
      assert.equal(rig.get('in.task.success'), task === 'pick-place-bin' ? 1 : 0);
      rig.device.dispose();
    });
  }
}

test('reach: the tool is brought to the marker', async () => {
  for (const seed of [1, 2, 3]) {
    const rig = await open('reach', seed);
    const home = rig.view('out.tool').slice();
    const target = rig.body('target');
    await rig.moveTo(above(rig, home, target[0]!, target[1]!, target[2]!, 0), 'at the marker');
    await rig.run(600);
    assert.equal(rig.get('in.task.success'), 1, `seed ${seed}`);
    rig.device.dispose();
  }
});

test('push: the puck is pushed onto the disc', async () => {
  for (const seed of [1, 2, 3]) {
    const rig = await open('push', seed);
    const home = rig.view('out.tool').slice();
    const puck = rig.body('puck');
    const goal = rig.body('target');
    const far = Math.hypot(goal[0]! - puck[0]!, goal[1]! - puck[1]!);
    const along = [(goal[0]! - puck[0]!) / far, (goal[1]! - puck[1]!) / far] as const;
    const heading = Math.atan2(along[1], along[0]);
    const at = (s: number, z: number): Float64Array =>
      above(rig, home, puck[0]! + s * along[0], puck[1]! + s * along[1], z, heading + Math.PI / 2);
    await gripper(rig, at(-0.09, 0.15), CLOSE, 10);
    await rig.moveTo(at(-0.09, 0.15), 'behind the puck, high');
    await gripper(rig, at(-0.09, 0.15), CLOSE, 500);
    await rig.moveTo(at(-0.09, 0.025), 'behind the puck');
    for (let step = 0; step < 20 && rig.get('in.task.residual', 1) > 0.012; step++) {
      await rig.moveTo(at(-0.09 + 0.015 * (step + 1), 0.025), `push ${step}`);
    }
    const done = await rig.run(4000, () => rig.get('in.task.success') === 1);
    assert.ok(done, `seed ${seed}: ${rig.get('in.task.residual', 1)} m off`);
    rig.device.dispose();
  }
});
