/**
 * An operator picks the cube in lockstep, through cycle and guard, on the simulated arm: home, pose target above the
 * cube, pose target at it, gripper closed by holding the key, lifted by twist, then replay of what was commanded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLockstepDevice } from '../../sim/index.ts';
import { approachTime } from '../../src/control/replay.ts';
import { quatAxisAngle, quatMul } from '../../src/math/quat.ts';
import { ControllerId, Mode, OperatorKind, RequestKind, rowLayout } from '../../src/robot/tick.ts';
import { allClose } from '../support/close.ts';
import { OperatorRig } from '../support/operator-rig.ts';
import { simRobot } from '../support/sim-rig.ts';

const robot = simRobot('pick-cube');
const n = robot.axes.length;

async function open(seed: number): Promise<OperatorRig> {
  const device = await createLockstepDevice({ robot, entry: robot.devices[0]!, seed });
  return OperatorRig.over(robot, device);
}

/** The pick, ending with the cube held up. */
async function pick(scene: OperatorRig): Promise<void> {
  await scene.ask(RequestKind.activate, ControllerId.home);
  assert.ok(await scene.run(5000, () => scene.get('out.mode') === Mode.holding), 'home is done');
  const home = scene.view('out.tool').slice();
  const cube = scene.body('cube');
  // Fingers along a side of the cube: its yaw, to the nearest quarter turn.
  const yaw = 2 * Math.atan2(cube[5]!, cube[6]!);
  const turn = new Float64Array(4);
  quatAxisAngle(
    turn,
    0,
    new Float64Array([0, 0, 1]),
    0,
    yaw - (Math.PI / 2) * Math.round(yaw / (Math.PI / 2)),
  );
  const target = Float64Array.of(cube[0]!, cube[1]!, cube[2]! + 0.12, 0, 0, 0, 1);
  quatMul(target, 3, turn, 0, home, 3);
  await scene.ask(RequestKind.activate, ControllerId.pose);
  await scene.moveTo(target, 'above the cube');
  target[2] = cube[2]!;
  await scene.moveTo(target, 'at the cube');
  scene.operate({ kind: [OperatorKind.pose], enable: [1], pose: [...target], gripper: [-1] });
  await scene.run(1200);
  await scene.ask(RequestKind.activate, ControllerId.twist);
  scene.operate({ kind: [OperatorKind.twist], enable: [1], twist: [0, 0, 1, 0, 0, 0] });
  await scene.run(1000);
  scene.operate({});
  await scene.run(1500);
}

for (const seed of [1, 2]) {
  test(`an operator picks the cube, seed ${seed}; replay of the commands picks it again`, async () => {
    const scene = await open(seed);
    const start = scene.device.snapshot();
    scene.recording = true;
    await pick(scene);
    scene.recording = false;
    const lifted = scene.body('cube')[2]!;
    assert.ok(lifted > 0.15, `the cube is at ${lifted} m`);
    assert.equal(scene.get('in.task.success'), 1);
    const cmd = scene.view('out.q');
    assert.ok(cmd[7]! < 1e-3, 'the command closes fully: the force limit holds the cube');
    assert.ok(scene.view('in.q')[7]! > 0.035, 'while the fingers stand at its sides');

    const again = await open(seed);
    again.device.restore(start);
    const rows = scene.rows;
    const lead = approachTime(robot.axes, again.view('in.q'), rows[0]!.q);
    const row = rowLayout(n);
    const block = new Float64Array(row.size);
    const push = (i: number): boolean => {
      block[row.at('seq')] = i + 1;
      block[row.at('time')] = i === 0 ? 0 : lead + i / robot.loop.rateHz;
      block[row.at('last')] = i === rows.length - 1 ? 1 : 0;
      block.set(rows[i]!.q, row.at('q'));
      block.set(rows[i]!.qd, row.at('qd'));
      return again.runner.rows.write(block);
    };
    let pushed = 0;
    while (pushed < rows.length && pushed < 4000) push(pushed++);
    await again.ask(RequestKind.activate, ControllerId.replay, [lead]);
    let followed = 0;
    const done = await again.run(rows.length + 5000, () => {
      if (pushed < rows.length && push(pushed)) pushed++;
      const seq = again.get('in.row.seq');
      if (seq > 1 && again.get('out.mode') === Mode.active) {
        assert.deepEqual(again.view('out.requested.q'), rows[seq - 1]!.q, `request of row ${seq}`);
        // The guard finds nothing to take away from its own commands: rounding aside where they ran along a limit.
        allClose(again.view('out.q'), rows[seq - 1]!.q, { atol: 1e-9, what: `row ${seq}` });
        followed++;
      }
      return again.get('out.done') === 1;
    });
    assert.ok(done && followed > rows.length - 10, `${followed} of ${rows.length} rows`);
    await again.run(500);
    assert.ok(again.body('cube')[2]! > 0.15, `replayed, the cube is at ${again.body('cube')[2]} m`);
    scene.device.dispose();
    again.device.dispose();
  });
}
