// @limit 240
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPlant, tasks } from '../../sim/index.ts';
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
