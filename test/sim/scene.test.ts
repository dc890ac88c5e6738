import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadModel, mujoco, need } from '../../sim/mujoco.ts';
import { SimRig } from '../support/sim-rig.ts';

test('the scene: bodies by name and parent, shapes with sane figures, objects, lights, sky', async () => {
  const rig = await SimRig.open('pick-place-bin');
  const scene = rig.device.scene!;
  const names = scene.bodies.map((b) => b.name);
  assert.equal(names[0], 'world');
  assert.equal(scene.bodies[0]!.parent, -1);
  for (let i = 1; i < names.length; i++)
    assert.ok(scene.bodies[i]!.parent >= 0 && scene.bodies[i]!.parent < i);
  for (let i = 0; i <= 7; i++) assert.ok(names.includes(`link${i}`));
  for (const name of ['hand', 'left_finger', 'right_finger', 'table', 'object_bin', 'target_bin', 'cube']) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(scene.objects, ['cube', 'block', 'can', 'ball', 'peg']);
  for (const geom of scene.geoms) {
    assert.ok(geom.body >= 0 && geom.body < names.length);
    for (const v of [...geom.size, ...geom.position, ...geom.orientation])
      assert.ok(Number.isFinite(v), geom.name);
    assert.ok(Math.abs(Math.hypot(...geom.orientation) - 1) < 1e-9, geom.name);
    for (const c of geom.rgba) assert.ok(c >= 0 && c <= 1, geom.name);
    assert.equal(geom.mesh >= 0, geom.type === 'mesh');
  }
  // Every link is seen, and each kind of shape occurs that the arm and the objects need.
  for (const body of ['link0', 'link1', 'link2', 'link3', 'link4', 'link5', 'link6', 'link7', 'hand']) {
    assert.ok(
      scene.geoms.some((g) => names[g.body] === body),
      `${body} is not seen`,
    );
  }
  for (const type of ['plane', 'box', 'sphere', 'capsule', 'cylinder', 'mesh']) {
    assert.ok(
      scene.geoms.some((g) => g.type === type),
      type,
    );
  }
  assert.equal(scene.lights.filter((l) => l.castsShadow).length, 1);
  assert.equal(scene.lights.length, 2);
  const floor = scene.geoms.find((g) => g.name === 'floor')!;
  assert.equal(floor.checker?.perMetre, 2);
  assert.ok(Math.abs(floor.rgba[0] - 0.48) < 0.01 && Math.abs(floor.checker!.rgb2[0] - 0.42) < 0.01);
  assert.ok(Math.abs(scene.skyTop[0] - 0.86) < 0.02 && Math.abs(scene.skyBottom[0] - 0.56) < 0.02);
  rig.close();
});

test('collision shapes are left out: what is drawn is not what collides', async () => {
  const rig = await SimRig.open('reach');
  const scene = rig.device.scene!;
  const pad = scene.geoms.find((g) => g.name === 'left_pad');
  assert.equal(pad, undefined);
  const model = loadModel(await mujoco(), 'reach.xml');
  need(await mujoco(), model, 'geom', 'left_pad');
  model.delete();
  rig.close();
});

test('meshes are closed and wound counter-clockwise seen from outside', async () => {
  const rig = await SimRig.open('reach');
  for (const mesh of rig.device.scene!.meshes) {
    const { vertices: v, triangles: t } = mesh;
    let volume = 0;
    const edges = new Map<string, number>();
    for (let i = 0; i < t.length; i += 3) {
      const [a, b, c] = [3 * t[i]!, 3 * t[i + 1]!, 3 * t[i + 2]!];
      // Six times the volume of the tetrahedron over the origin: positive when it is seen from outside.
      volume += v[a]! * (v[b + 1]! * v[c + 2]! - v[b + 2]! * v[c + 1]!);
      volume -= v[a + 1]! * (v[b]! * v[c + 2]! - v[b + 2]! * v[c]!);
      volume += v[a + 2]! * (v[b]! * v[c + 1]! - v[b + 1]! * v[c]!);
      for (const [p, q] of [
        [a, b],
        [b, c],
        [c, a],
      ] as const) {
        edges.set(`${p}-${q}`, (edges.get(`${p}-${q}`) ?? 0) + 1);
      }
    }
    assert.ok(volume > 1e-7, `volume ${volume / 6}`);
    for (const edge of edges.keys()) {
      const [p, q] = edge.split('-');
      assert.equal(edges.get(edge), 1, edge);
      assert.equal(edges.get(`${q}-${p}`), 1, `${edge} has no other side`);
    }
  }
  rig.close();
});

test('poses: world frame, quaternions x y z w', async () => {
  const rig = await SimRig.open('push', 2);
  const world = rig.body('world');
  assert.deepEqual([...world], [0, 0, 0, 0, 0, 0, 1]);
  const link2 = rig.body('link2');
  // link2 is link1 turned by −90° about x: (x, y, z, w) = (−√½, 0, 0, √½).
  assert.ok(
    Math.abs(link2[3]! + Math.SQRT1_2) < 1e-4 && Math.abs(link2[6]! - Math.SQRT1_2) < 1e-4,
    `${link2}`,
  );
  assert.ok(Math.abs(link2[2]! - 0.333) < 1e-6);
  const puck = rig.body('puck');
  assert.ok(Math.abs(puck[6]!) > 0.99 && Math.abs(puck[2]! - 0.025) < 1e-3, `${puck}`);
  rig.close();
});

test('views survive a growing WebAssembly heap', async () => {
  const mj = await mujoco();
  const rig = await SimRig.open('reach', 6);
  rig.of('q')[0] = 0.1;
  rig.run(0.1);
  const snapshot = rig.device.snapshot();
  const go = (): Float64Array => {
    rig.device.restore(snapshot);
    for (let k = 0; k < 50; k++) rig.device.advance();
    rig.read();
    rig.device.poses(rig.poses);
    return Float64Array.from([...rig.state, ...rig.poses]);
  };
  rig.time = 1;
  const before = go();
  // More than the heap can hold as it is: it grows and every view into it is detached.
  const model = loadModel(mj, 'panda.xml');
  const probe = model.qpos0 as Float64Array;
  const large = new mj.DoubleBuffer(16e6);
  assert.equal(probe.length, 0, 'the heap did not grow');
  assert.deepEqual(go(), before);
  large.delete();
  model.delete();
  rig.close();
});
