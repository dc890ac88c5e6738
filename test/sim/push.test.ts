import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadKinematics } from '../../src/model/load.ts';
import { SimRig } from '../support/sim-rig.ts';

const G = 9.81;
/** sim/models/cube.xml */
const CUBE_KG = 0.032;
/** Of the tool in the hand: sim/models/panda.xml. */
const TOOL = [0, 0, 0.1034] as const;
const BEFORE = { seconds: 2, force: 60 };

test('a light object hangs on the spring below where it is held, as deep as its weight stretches it', async () => {
  const rig = await SimRig.open('pick-cube');
  const cube = rig.body('cube');
  const [x, y] = [cube[0]!, cube[1]!];
  const towards = [x, y, 0.3];
  // Held at the middle of its top; k = RATE² m, so the mass cancels.
  rig.device.push!({ body: 'cube', point: [0, 0, 0.02], towards, ...BEFORE });
  rig.run(1.9);
  const hanging = rig.body('cube');
  assert.ok(Math.hypot(hanging[0]! - x, hanging[1]! - y) < 1e-3, 'it hangs straight down');
  const sag = 0.3 - 0.02 - hanging[2]!;
  assert.ok(Math.abs(sag - G / 400) < 1e-4, `it sags ${sag} m`);
  rig.run(0.6);
  assert.ok(rig.body('cube')[2]! < 0.03, 'let go after its time, it lies on the table');
  rig.close();
});

test('the force is bounded: a far end of the spring lifts with just so much', async () => {
  const rise = async (force: number): Promise<number> => {
    const rig = await SimRig.open('pick-cube');
    const cube = rig.body('cube');
    rig.device.push!({
      body: 'cube',
      point: [0, 0, 0],
      towards: [cube[0]!, cube[1]!, 100],
      seconds: 2,
      force,
    });
    rig.run(0.2);
    const z = rig.body('cube')[2]! - cube[2]!;
    rig.close();
    return z;
  };
  for (const force of [0.6, 1]) {
    const want = 0.5 * (force / CUBE_KG - G) * 0.2 ** 2;
    const got = await rise(force);
    assert.ok(Math.abs(got - want) < 0.02 * want + 1e-3, `${force} N lift it by ${got} m, not ${want}`);
  }
  assert.ok(Math.abs(await rise(0.2)) < 1e-3, 'less than its weight does not lift it');
});

test('the servos bear a push at the tool with the transposed Jacobian times its force', async () => {
  const rig = await SimRig.open('reach');
  const before = Float64Array.from(rig.measured('tau'));
  const kinematics = loadKinematics(rig.robot);
  const pose = new Float64Array(7);
  const at = (): Float64Array => {
    kinematics.pose(rig.measured('q'), kinematics.tool, pose);
    return pose;
  };
  const start = at().slice(0, 3);
  for (const direction of [
    [0, 1, 0],
    [0.6, 0, 0.8],
  ] as const) {
    const towards = direction.map((d, i) => start[i]! + 1000 * d);
    rig.device.push!({ body: 'hand', point: TOOL, towards, force: 12, seconds: 2 });
    rig.run(1.5);
    const J = new Float64Array(6 * rig.axes);
    kinematics.jacobian(rig.measured('q'), kinematics.tool, J);
    for (let i = 0; i < 7; i++) {
      let want = 0;
      for (let k = 0; k < 3; k++) want -= 12 * direction[k]! * J[k * rig.axes + i]!;
      const got = rig.measured('tau')[i]! - before[i]!;
      // The servos also carry gravity, whose share changes a little with the pose.
      assert.ok(Math.abs(got - want) < 0.08, `joint ${i + 1} bears ${got} N·m, not ${want}`);
    }
    const moved = Math.hypot(...[0, 1, 2].map((k) => at()[k]! - start[k]!));
    assert.ok(moved > 1e-4, 'it yields');
  }
  rig.run(1);
  const back = Math.hypot(...[0, 1, 2].map((k) => at()[k]! - start[k]!));
  assert.ok(back < 1e-5, `let go, it is back within ${back} m`);
  rig.close();
});

test('what is put back, and a new scene, come without the hand', async () => {
  const rig = await SimRig.open('pick-cube');
  const lift = (): void => {
    const [x, y] = rig.body('cube');
    rig.device.push!({ body: 'cube', point: [0, 0, 0], towards: [x!, y!, 0.3], ...BEFORE });
    rig.run(0.5);
    assert.ok(rig.body('cube')[2]! > 0.1);
  };
  lift();
  const held = rig.device.snapshot();
  const height = rig.body('cube')[2]!;
  rig.device.restore(held);
  assert.ok(Math.abs(rig.body('cube')[2]! - height) < 1e-9);
  rig.run(0.6);
  assert.ok(rig.body('cube')[2]! < 0.03, 'it fell');
  lift();
  rig.device.reset(3);
  rig.run(0.5);
  assert.ok(rig.body('cube')[2]! < 0.03, 'it lies where the scene puts it');
  rig.close();
});

test('what the scene calls fixed is refused, and everything else can be pushed', async () => {
  const rig = await SimRig.open('reach');
  const bodies = rig.device.scene!.bodies;
  const fixed = bodies.filter((b) => b.fixed).map((b) => b.name);
  assert.deepEqual(fixed.sort(), ['link0', 'table', 'target', 'world']);
  const push = { point: [0, 0, 0], towards: [0, 0, 1], force: 5, seconds: 0.1 };
  for (const { name } of bodies) {
    const ask = (): void => rig.device.push!({ ...push, body: name });
    if (fixed.includes(name)) assert.throws(ask, { code: 'SIM_UNKNOWN_NAME' });
    else ask();
  }
  assert.throws(() => rig.device.push!({ ...push, body: 'elephant' }), { code: 'SIM_UNKNOWN_NAME' });
  rig.close();
});
