import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SimDevice } from '../../sim/device.ts';
import { tasks } from '../../sim/index.ts';
import { mujoco } from '../../sim/mujoco.ts';
import type { Task } from '../../src/robot/task.ts';
import { CommandMode } from '../../src/robot/tick.ts';
import { SimRig, simRobot } from '../support/sim-rig.ts';

/** Tool at the home pose (forward kinematics of panda.xml); it points down and the fingers close along x. */
const TOOL = [0.554499, 0, 0.521102] as const;
const HALF = Math.SQRT1_2;
/** Every graspable object of every scene: how it lies between the fingers and how wide it is there, m. */
const OBJECTS = [
  { object: 'cube', width: 0.04, quaternion: [0, 0, 0, 1] },
  { object: 'block', width: 0.032, quaternion: [0, 0, 0, 1] },
  { object: 'can', width: 0.04, quaternion: [0, 0, 0, 1] },
  { object: 'ball', width: 0.042, quaternion: [0, 0, 0, 1] },
  { object: 'peg', width: 0.032, quaternion: [0, 0, HALF, HALF] },
  { object: 'puck', width: 0.06, quaternion: [0, 0, 0, 1] },
] as const;

const folder = mkdtempSync(join(tmpdir(), 'armloop-grasp-'));
after(() => rmSync(folder, { recursive: true }));

/** Arm, table and one object: what else a scene holds has no part in this and costs time. */
function sceneOf(object: string): string {
  const parts = ['panda', 'world', 'object-defaults', object].map((part) => `<include file="${part}.xml"/>`);
  const file = join(folder, `hold-${object}.xml`);
  writeFileSync(file, `<mujoco>${parts.join('')}</mujoco>`);
  return file;
}

test('every free body of every scene is held below', async () => {
  const found = new Set<string>();
  for (const { name } of tasks) {
    const rig = await SimRig.open(name);
    for (const object of rig.device.scene!.objects) found.add(object);
    rig.close();
  }
  assert.deepEqual([...found].sort(), OBJECTS.map((o) => o.object).sort());
});

for (const { object, width, quaternion } of OBJECTS) {
  test(`${object}: held by friction alone for 20 s in a moving arm, slips less than 0.5 mm`, async () => {
    const task: Task = {
      name: 'hold',
      text: 'hold',
      model: sceneOf(object),
      residuals: [],
      timeLimit: 60,
      holdTime: 0,
      reset: (scene) => {
        scene.pose(scene.home.q, width - 0.0006);
        scene.place(object, TOOL, quaternion);
      },
      residual: () => {},
      reward: () => 0,
      condition: () => false,
    };
    const robot = simRobot('pick-cube');
    const device = new SimDevice(await mujoco(), { robot, entry: robot.devices[0]!, seed: 1 }, task);
    const rig = SimRig.over(robot, device);
    const q = rig.of('q');
    const qd = rig.of('qd');
    const home = Float64Array.from(q);
    rig.set('mode', CommandMode.position);
    q[7] = 0;
    rig.run(0.5);
    const start = inHand(rig, object);
    const opening = rig.measured('q')[7]!;
    assert.ok(Math.abs(opening - width) < 1e-3, `the fingers stand ${opening} m apart`);
    assert.ok(rig.measured('tau')[7]! < -20, `the fingers press with ${rig.measured('tau')[7]} N`);
    let slip = 0;
    let turn = 0;
    // Small motion: friction holds velocities, not positions, so a step of 1 ms lets the object drift by half its
    // centripetal acceleration times the step, whatever the contact settings (35 µm/s at 0.2 m/s).
    const move = 2 * Math.PI * 0.5;
    for (let k = 1; k <= 20_000; k++) {
      const t = k * rig.period;
      for (let j = 0; j < 7; j++) {
        q[j] = home[j]! + 0.03 * Math.sin(move * t + j) - 0.03 * Math.sin(j) * Math.exp(-t);
        qd[j] = 0.03 * move * Math.cos(move * t + j) + 0.03 * Math.sin(j) * Math.exp(-t);
      }
      rig.step();
      if (k % 50 !== 0) continue;
      const now = inHand(rig, object);
      slip = Math.max(slip, Math.hypot(now[0]! - start[0]!, now[1]! - start[1]!, now[2]! - start[2]!));
      turn = Math.max(turn, angle(now, start));
    }
    if (process.env['ARMLOOP_PRINT'])
      console.log(object, 'slip', slip, 'm, turn', turn, 'rad', rig.measured('tau')[7]);
    assert.ok(rig.body(object)[2]! > 0.3, `${object} was dropped`);
    assert.ok(slip < 5e-4, `${object} slipped ${slip} m`);
    assert.ok(turn < 0.02, `${object} turned ${turn} rad`);
    rig.close();
  });
}

/** Pose of a body in the hand. */
function inHand(rig: SimRig, object: string): number[] {
  const a = rig.body('hand');
  const b = rig.body(object);
  const [x, y, z, w] = [-a[3]!, -a[4]!, -a[5]!, a[6]!];
  const d = [b[0]! - a[0]!, b[1]! - a[1]!, b[2]! - a[2]!] as const;
  const t = [2 * (y * d[2] - z * d[1]), 2 * (z * d[0] - x * d[2]), 2 * (x * d[1] - y * d[0])] as const;
  const p = [
    d[0] + w * t[0] + y * t[2] - z * t[1],
    d[1] + w * t[1] + z * t[0] - x * t[2],
    d[2] + w * t[2] + x * t[1] - y * t[0],
  ];
  const [bx, by, bz, bw] = [b[3]!, b[4]!, b[5]!, b[6]!];
  return [
    ...p,
    w * bx + x * bw + y * bz - z * by,
    w * by - x * bz + y * bw + z * bx,
    w * bz + x * by - y * bx + z * bw,
    w * bw - x * bx - y * by - z * bz,
  ];
}

function angle(a: readonly number[], b: readonly number[]): number {
  const dot = a[3]! * b[3]! + a[4]! * b[4]! + a[5]! * b[5]! + a[6]! * b[6]!;
  return 2 * Math.acos(Math.min(1, Math.abs(dot)));
}
