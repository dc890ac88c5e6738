import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLockstepDevice, tasks } from '../../sim/index.ts';
import { createRenderer } from '../../sim/render/index.ts';
import type { LockstepDevice } from '../../src/robot/device.ts';
import type { RobotSpec, SceneVary } from '../../src/robot/spec.ts';
import { simRobot } from '../support/sim-rig.ts';

const robot = (task: string, vary: SceneVary): RobotSpec => {
  const spec = simRobot(task);
  return { ...spec, sim: { ...spec.sim!, vary } };
};

const device = (task: string, vary: SceneVary, seed = 1): Promise<LockstepDevice> => {
  const spec = robot(task, vary);
  return createLockstepDevice({ robot: spec, entry: spec.devices[0]!, seed });
};

function poses(of: LockstepDevice): Float64Array {
  const out = new Float64Array(of.scene!.bodies.length * 7);
  of.poses(out);
  return out;
}

describe('appearance', () => {
  it('stays as the model has it when nothing is to vary', async () => {
    const sim = await device('pick-cube', 'none');
    const plain = sim.scene;
    sim.reset(9);
    assert.equal(sim.scene, plain);
    assert.equal(plain!.variation, undefined);
    sim.dispose();
  });

  for (const { name } of tasks) {
    it(`${name}: every seed its own look, the same seed the same`, async () => {
      const sim = await device(name, 'appearance', 3);
      const first = sim.scene!;
      sim.reset(4);
      const second = sim.scene!;
      assert.notDeepEqual(second.variation, first.variation);
      assert.notDeepEqual(second.lights, first.lights);
      assert.notDeepEqual(second.geoms, first.geoms);
      assert.deepEqual(second.bodies, first.bodies);
      sim.reset(3);
      assert.deepEqual(sim.scene, first);
      sim.dispose();
    });
  }

  it('changes nothing of what happens', async () => {
    const plain = await device('pick-cube', 'none', 5);
    const varied = await device('pick-cube', 'appearance', 5);
    assert.deepEqual(varied.snapshot(), plain.snapshot());
    plain.dispose();
    varied.dispose();
  });

  it('comes back with a snapshot', async () => {
    const sim = await device('pick-cube', 'appearance', 6);
    const look = sim.scene;
    const state = sim.snapshot();
    sim.reset(7);
    assert.notDeepEqual(sim.scene, look);
    sim.restore(state);
    assert.deepEqual(sim.scene, look);
    sim.dispose();
  });

  it('is what the camera sees: a renderer that takes a new look draws as one made for it', async () => {
    const sim = await device('pick-cube', 'appearance', 1);
    const camera = robot('pick-cube', 'none').cameras.find((c) => c.name === 'front_small')!;
    const renderer = createRenderer(sim.scene!, camera);
    const size = camera.width * camera.height * 3;
    const [before, after, fresh] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)];
    renderer.rgb(poses(sim), before);
    sim.reset(2);
    renderer.restyle(sim.scene!);
    renderer.rgb(poses(sim), after);
    createRenderer(sim.scene!, camera).rgb(poses(sim), fresh);
    assert.deepEqual(after, fresh);
    let different = 0;
    for (let i = 0; i < size; i++) if (Math.abs(after[i]! - before[i]!) > 8) different++;
    assert.ok(different > size / 2, `${different} of ${size} values differ`);
    sim.dispose();
  });

  it('leaves the cube far from the colour of the table, whatever the seed', async () => {
    const sim = await device('pick-cube', 'appearance');
    for (let seed = 0; seed < 50; seed++) {
      sim.reset(seed);
      const { geoms } = sim.scene!;
      const [r, g, b] = geoms.find((x) => x.name === 'cube')!.rgba;
      const table = geoms.find((x) => x.name === 'table_top')!;
      const colourful = (c: readonly number[]): number =>
        Math.max(...c.slice(0, 3)) - Math.min(...c.slice(0, 3));
      assert.ok(r >= g && r >= b, `seed ${seed}: the cube is reddish`);
      for (const c of [table.rgba, ...(table.checker === null ? [] : [table.checker.rgb2])]) {
        assert.ok(colourful([r, g, b]) > colourful(c) + 0.1, `seed ${seed}`);
      }
    }
    sim.dispose();
  });

  it('all: the arm starts near home, and the cube lies where it always does', async () => {
    const plain = await device('pick-cube', 'none', 8);
    const varied = await device('pick-cube', 'all', 8);
    const cube = plain.scene!.bodies.findIndex((x) => x.name === 'cube');
    const at = (d: LockstepDevice): number[] => [...poses(d).subarray(7 * cube, 7 * cube + 2)];
    assert.deepEqual(at(varied), at(plain));
    const drawn = varied.scene!.variation!;
    for (let j = 1; j <= 7; j++) assert.ok(Math.abs(drawn[`start.joint${j}`]!) <= 0.12);
    assert.notDeepEqual(poses(varied).slice(0, 7 * 8), poses(plain).slice(0, 7 * 8));
    plain.dispose();
    varied.dispose();
  });
});
