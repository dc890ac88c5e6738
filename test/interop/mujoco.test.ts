import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModel, mujoco } from '../../sim/mujoco.ts';
import { packageRoot } from '../../src/root.ts';
import { findPython } from '../support/python.ts';
import { SimRig } from '../support/sim-rig.ts';

const peer = findPython(['mujoco', 'numpy']);
const STEPS = 3000;
const SAMPLE = 100;

/** The version of MuJoCo that the npm package tracks. */
function packaged(): string {
  const require = createRequire(join(packageRoot(), 'package.json'));
  const file = join(require.resolve('@mujoco/mujoco'), '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

for (const scene of ['reach', 'pick-cube', 'pick-place-bin', 'push'] as const) {
  test(`${scene}: native MuJoCo and the WebAssembly build make the same trajectory`, {
    skip: peer.skip,
  }, async (t) => {
    const rig = await SimRig.open(scene, 4);
    const objects = rig.device.scene!.objects.length;
    const home = rig.of('q').slice();
    const size = 9 + 7 * objects + 9 + 6 * objects;
    // A snapshot begins with the time, then qpos and qvel.
    const state = Array.from(rig.device.snapshot().subarray(1, 1 + size));
    const target = rig.device.scene!.bodies.some((b) => b.name === 'target') ? rig.body('target') : null;
    rig.close();
    const ctrl = Array.from({ length: STEPS }, (_, k) => {
      const s = k * 1e-3;
      const row = Array.from(home, (h, i) => h + 0.15 * (Math.sin(1.5 * s + i) - Math.sin(i)));
      row[7] = 0.04 + 0.04 * Math.cos(3 * s);
      return row;
    });
    const mocap = target === null ? {} : { target: Array.from(target.subarray(0, 3)) };
    const folder = mkdtempSync(join(tmpdir(), 'armloop-mujoco-'));
    const file = join(folder, 'spec.json');
    writeFileSync(file, JSON.stringify({ timestep: 0.001, state, mocap, ctrl, sample: SAMPLE }));
    const root = packageRoot();
    const args = [
      join(root, 'test', 'interop', 'mujoco_peer.py'),
      join(root, 'sim', 'models', `${scene}.xml`),
      file,
    ];
    const text = execFileSync(peer.python, args, { encoding: 'utf8', cwd: folder, maxBuffer: 1e8 });
    rmSync(folder, { recursive: true });
    const native = JSON.parse(text) as { version: string; states: number[][] };
    assert.equal(native.states.length, STEPS / SAMPLE);

    const mj = await mujoco();
    const model = loadModel(mj, `${scene}.xml`);
    const data = new mj.MjData(model);
    const qpos = data.qpos as Float64Array;
    const qvel = data.qvel as Float64Array;
    const control = data.ctrl as Float64Array;
    qpos.set(state.slice(0, qpos.length));
    qvel.set(state.slice(qpos.length));
    if (target !== null) (data.mocap_pos as Float64Array).set(target.subarray(0, 3));
    let worst = 0;
    for (let k = 0; k < STEPS; k++) {
      control.set(ctrl[k]!);
      mj.mj_step(model, data);
      if ((k + 1) % SAMPLE !== 0) continue;
      const want = native.states[(k + 1) / SAMPLE - 1]!;
      for (let i = 0; i < qpos.length; i++) worst = Math.max(worst, Math.abs(qpos[i]! - want[i]!));
    }
    data.delete();
    model.delete();
    // The same release differs by rounding alone; contacts amplify it. Another release may solve differently.
    const same = native.version === packaged();
    const tolerance = same ? 1e-9 : 1e-3;
    t.diagnostic(`native ${native.version}: largest difference ${worst}`);
    assert.ok(worst <= tolerance, `positions differ by ${worst} from native MuJoCo ${native.version}`);
  });
}
