import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { quatToMatrix } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { loadKinematics } from '../../src/model/load.ts';
import { allClose } from '../support/close.ts';
import { Oracle } from '../support/mujoco.ts';
import { ROOT } from '../support/panda.ts';

const nan = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);

test('the simulated arm of the robot file against MuJoCo at 100 random states', async () => {
  const spec = loadRobot(`${ROOT}robots/panda-sim.yaml`);
  const model = loadKinematics(spec);
  using oracle = await Oracle.of(readFileSync(spec.model.file, 'utf8'));
  const n = spec.axes.length;
  const rng = new Rng(4);
  const pose = nan(7);
  const m = nan(9);
  const j = nan(6 * n);
  const samePose = (kind: 'body' | 'site', name: string): void => {
    const want = oracle.pose(kind, name);
    quatToMatrix(m, 0, pose, 3);
    allClose([...pose.subarray(0, 3), ...m], want, { atol: 1e-10, what: name });
  };
  for (let i = 0; i < 100; i++) {
    const q = Float64Array.from(spec.axes, (a) => rng.uniform(a.min, a.max));
    const joints = spec.axes.flatMap((a, k) =>
      a.joints.map(({ name, ratio }) => [name, ratio * q[k]!] as const),
    );
    oracle.set(new Map(joints));
    for (const body of model.bodies) {
      model.pose(q, model.frame(body.name), pose);
      samePose('body', body.name);
    }
    model.pose(q, model.tool, pose);
    samePose('site', spec.model.tool);
    for (const name of ['tool', 'left_finger', 'right_finger']) {
      const kind = name === 'tool' ? 'site' : 'body';
      model.jacobian(q, model.frame(name), j);
      spec.axes.forEach((axis, k) => {
        const want = [0, 0, 0, 0, 0, 0];
        for (const joint of axis.joints) {
          oracle.jacobian(kind, name, joint.name).forEach((x, r) => {
            want[r]! += joint.ratio * x;
          });
        }
        const got = [0, 1, 2, 3, 4, 5].map((r) => j[r * n + k]!);
        allClose(got, want, { atol: 1e-10, what: `${name}, ${axis.name}` });
      });
    }
  }
  assert.equal(spec.gripperAxis, 7);
});

test('at home the tool points straight down', () => {
  const spec = loadRobot(`${ROOT}robots/panda-sim.yaml`);
  const model = loadKinematics(spec);
  const pose = nan(7);
  const m = nan(9);
  model.pose(
    Float64Array.from(spec.axes, (a) => a.home),
    model.tool,
    pose,
  );
  quatToMatrix(m, 0, pose, 3);
  allClose([m[2]!, m[5]!, m[8]!], [0, 0, -1], { atol: 1e-4 });
});
