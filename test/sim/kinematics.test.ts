import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModel, type MjData, type MjModel, modelsFolder, mujoco, need } from '../../sim/mujoco.ts';
import { packageRoot } from '../../src/root.ts';

const HOME = [0, 0, 0, -1.57079, 0, 1.57079, -0.7853] as const;
const GOLDEN = join(packageRoot(), 'test', 'golden', 'models', 'panda7.xml');

function close(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length, what);
  for (let i = 0; i < want.length; i++) {
    assert.ok(Math.abs(got[i]! - want[i]!) <= tolerance, `${what}[${i}] is ${got[i]}, not ${want[i]}`);
  }
}

/** Loads a model, puts the arm at home, computes everything; frees it afterwards. */
async function atHome(file: string, look: (model: MjModel, data: MjData) => void): Promise<void> {
  const mj = await mujoco();
  const model = loadModel(mj, file);
  const data = new mj.MjData(model);
  (data.qpos as Float64Array).set(HOME);
  mj.mj_forward(model, data);
  look(model, data);
  data.delete();
  model.delete();
}

test('the arm of the published figures: gravity torque, last joint, mass matrix (MuJoCo 3.14 = Pinocchio 4.1)', async () => {
  const mj = await mujoco();
  await atHome(GOLDEN, (model, data) => {
    close(data.qfrc_bias, [0, -25.221834, 0, 18.530178, 0.741161, 1.650304, 0], 1e-6, 'gravity torque');
    const link7 = need(mj, model, 'body', 'link7');
    close(data.xpos.subarray(3 * link7, 3 * link7 + 3), [0.554499, 0, 0.731502], 1e-6, 'joint7 origin');
    const full = new mj.DoubleBuffer(49);
    mj.mj_fullM(model, data, full);
    const m = full.GetView() as Float64Array;
    const diagonal = HOME.map((_, i) => m[8 * i]!);
    close(
      diagonal,
      [1.2732, 2.5083, 1.23586, 0.88535, 0.12706, 0.13257, 0.10491],
      6e-5,
      'mass matrix diagonal',
    );
    full.delete();
  });
});

test('our arm has the published links: frames, masses, inertias, joints', async () => {
  const mj = await mujoco();
  const golden = loadModel(mj, GOLDEN);
  const ours = loadModel(mj, 'panda.xml');
  for (let link = 0; link <= 7; link++) {
    const a = need(mj, ours, 'body', `link${link}`);
    const b = need(mj, golden, 'body', `link${link}`);
    for (const [field, width] of [
      ['body_pos', 3],
      ['body_quat', 4],
      ['body_mass', 1],
      ['body_inertia', 3],
      ['body_ipos', 3],
      ['body_iquat', 4],
    ] as const) {
      const got = (ours[field] as Float64Array).subarray(width * a, width * (a + 1));
      close(
        got,
        (golden[field] as Float64Array).subarray(width * b, width * (b + 1)),
        1e-12,
        `link${link} ${field}`,
      );
    }
    if (link === 0) continue;
    const ja = need(mj, ours, 'joint', `joint${link}`);
    const jb = need(mj, golden, 'joint', `joint${link}`);
    for (const [field, width] of [
      ['jnt_axis', 3],
      ['jnt_range', 2],
    ] as const) {
      const got = (ours[field] as Float64Array).subarray(width * ja, width * (ja + 1));
      close(
        got,
        (golden[field] as Float64Array).subarray(width * jb, width * (jb + 1)),
        1e-12,
        `joint${link} ${field}`,
      );
    }
    const dof = (ours.jnt_dofadr as Int32Array)[ja]!;
    assert.equal((ours.dof_armature as Float64Array)[dof], 0.1);
    assert.equal((ours.dof_damping as Float64Array)[dof], 1);
  }
  golden.delete();
  ours.delete();
});

test('the tool at home is where forward kinematics says, pointing down', async () => {
  const mj = await mujoco();
  await atHome('panda.xml', (model, data) => {
    const site = need(mj, model, 'site', 'tool');
    close(
      data.site_xpos.subarray(3 * site, 3 * site + 3),
      [0.554499, 0, 0.731502 - 0.107 - 0.1034],
      2e-6,
      'tool',
    );
    // Third column of the frame: the approach axis.
    const r = data.site_xmat as Float64Array;
    close([r[9 * site + 2]!, r[9 * site + 5]!, r[9 * site + 8]!], [0, 0, -1], 1e-4, 'approach');
  });
});

test('the model stands alone: no mesh or texture files, and inline meshes are real', async () => {
  const mj = await mujoco();
  const names = readdirSync(modelsFolder()).filter((n) => n.endsWith('.xml'));
  assert.ok(names.length >= 8);
  for (const name of names) {
    const text = readFileSync(join(modelsFolder(), name), 'utf8');
    assert.doesNotMatch(text, /<(mesh|texture|hfield|skin)\b[^>]*\bfile=/, name);
    assert.doesNotMatch(text, /<weld\b/, name);
  }
  const model = loadModel(mj, 'panda.xml');
  assert.ok(model.nmesh >= 1 && model.nmeshface >= 12);
  model.delete();
});

test('no equality ties the gripper to an object', async () => {
  const mj = await mujoco();
  for (const scene of ['pick-cube.xml', 'pick-place-bin.xml', 'push.xml']) {
    const model = loadModel(mj, scene);
    const finger = new Set(['finger_joint1', 'finger_joint2'].map((n) => need(mj, model, 'joint', n)));
    assert.equal(model.neq, 1, scene);
    assert.equal((model.eq_type as Int32Array)[0], mj.mjtEq.mjEQ_JOINT.value);
    assert.ok(
      finger.has((model.eq_obj1id as Int32Array)[0]!) && finger.has((model.eq_obj2id as Int32Array)[0]!),
    );
    model.delete();
  }
});
