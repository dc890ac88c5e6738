// @limit 300
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pushRun } from '../../bench/mpc-push.ts';
import { createPlant, tasks } from '../../sim/index.ts';
import { loadModel, mujoco, need } from '../../sim/mujoco.ts';
import { PushContact } from '../../sim/push-contact.ts';
import type { ScenePlant } from '../../src/robot/plant.ts';
import { simRobot } from '../support/sim-rig.ts';

const spec = { ...simRobot('push'), cameras: [] };
const N = spec.armAxes;

const open = async (): Promise<ScenePlant> => (await createPlant(spec))!;

/** The arm at home, a puck away from it or where the tool is low; rates as given. */
function state(puck: readonly number[], rates: readonly number[] = [0, 0, 0]): Float64Array {
  const x = new Float64Array(2 * N + 6);
  for (let i = 0; i < N; i++) x[i] = spec.axes[i]!.home;
  x.set([...puck, ...rates], 2 * N);
  return x;
}

test('the tasks that say so have a plant, and no other', async () => {
  for (const task of tasks) {
    const plant = await createPlant(simRobot(task.name));
    plant?.dispose();
    assert.equal(plant !== null, task.modelled === true, task.name);
  }
  assert.ok(tasks.some((task) => task.modelled));
});

test('a puck that nothing touches lies still, and one that slides comes to rest by friction', async () => {
  const plant = await open();
  try {
    const out = new Float64Array(6).fill(Number.NaN);
    plant.advance(state([0.6, 0.1, 0.3]), 0.04, out);
    assert.deepEqual([...out], [0.6, 0.1, 0.3, 0, 0, 0]);
    const x = state([0.6, 0.1, 0.3], [0.3, 0, 0]);
    plant.advance(x, 0.04, out);
    // Friction 0.8 of the table counts: 0.3 m/s last v²/2μg = 6 mm.
    assert.ok(out[0]! > 0.603 && out[0]! < 0.609, `at ${out[0]}`);
    assert.ok(out[3]! < 0.1 && out[3]! > -0.01, `${out[3]} m/s`);
  } finally {
    plant.dispose();
  }
});

test('the same state gives the same step to the last bit, whatever was asked before', async () => {
  const plant = await open();
  try {
    const [a, b] = [new Float64Array(6), new Float64Array(6)];
    const x = state([0.55, 0.02, 0.1], [0.1, -0.1, 0.5]);
    plant.advance(x, 0.04, a);
    plant.advance(state([0.5, 0.2, 0], [1, 1, 1]), 0.04, b);
    plant.advance(x, 0.04, b);
    assert.deepEqual(a, b);
  } finally {
    plant.dispose();
  }
});

/** The contact scene with the fingers `opening` apart, and the tool's pose upside down at (x, y), low over the table. */
async function contact(opening: number): Promise<PushContact> {
  const mj = await mujoco();
  const model = loadModel(mj, 'push.xml');
  const data = new mj.MjData(model);
  for (const name of ['finger_joint1', 'finger_joint2']) {
    data.qpos[model.jnt_qposadr[need(mj, model, 'joint', name)]!] = opening / 2;
  }
  mj.mj_kinematics(model, data);
  const site = need(mj, model, 'site', 'tool');
  const body = model.site_bodyid[site]!;
  const made = new PushContact(mj, model, data, { body, site, object: 'puck', table: 'table' });
  data.delete();
  model.delete();
  return made;
}

/** From rest behind a puck at (0.5, 0): the puck after so many steps of 0.04 s with the tool's speed (vx, vy). */
function pushed(scene: PushContact, steps: number, vx: number, vy: number): Float64Array {
  const puck = Float64Array.of(0.5, 0, 0, 0, 0, 0);
  const tool = new Float64Array(14);
  for (let i = 0; i < steps; i++) {
    for (const [at, k] of [
      [0, i],
      [7, i + 1],
    ] as const) {
      tool.set([0.465 + 0.04 * k * vx, 0.04 * k * vy, 0.02, 1, 0, 0, 0], at);
    }
    scene.move(tool, 0.04, puck);
  }
  return puck;
}

test('two fingers carry the puck where they go, slanting too; closed ones lose it to a side', async () => {
  const [fork, closed] = [await contact(0.04), await contact(0)];
  try {
    const ahead = pushed(fork, 25, 0.1, 0);
    // The fingers touch it after some 2 mm of the 100.
    assert.ok(Math.abs(ahead[0]! - 0.598) < 0.004 && Math.abs(ahead[1]!) < 0.002, `${ahead}`);
    assert.ok(Math.abs(ahead[3]! - 0.1) < 0.02, `it goes with the speed of the fingers: ${ahead[3]}`);
    const slanting = pushed(fork, 50, 0.08, 0.04);
    assert.ok(Math.abs(slanting[1]! - 0.08) < 0.012, `carried aside: ${slanting}`);
    const lost = pushed(closed, 50, 0.08, 0.04);
    assert.ok(lost[1]! < 0.5 * slanting[1]!, `left behind: ${lost}`);
    assert.deepEqual(pushed(fork, 25, 0.1, 0), ahead, 'the same to the last bit, whatever was asked before');
  } finally {
    fork.dispose();
    closed.dispose();
  }
});

for (const seed of [4, 7, 12]) {
  test(`seed ${seed}: the planner pushes the puck onto its mark and leaves it there`, async () => {
    const run = await pushRun(seed, 30, 1);
    assert.ok(run.first > 0.1, `it begins ${run.first} m away`);
    assert.ok(run.seconds < 30, `never; nearest ${run.nearest} m`);
    // On the mark as the task has it, a second later too.
    assert.ok(run.last < 0.02, `then ${run.last} m away`);
  });
}
