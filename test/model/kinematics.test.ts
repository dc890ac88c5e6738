import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { quatAngle, quatFromMatrix, quatToMatrix } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { poseError } from '../../src/math/se3.ts';
import type { KinematicModel } from '../../src/model/kinematics.ts';
import { buildKinematics, readTree } from '../../src/model/load.ts';
import { allClose } from '../support/close.ts';
import { Oracle } from '../support/mujoco.ts';
import { axes7, HOME7, JOINTS7, PANDA7, panda7Xml } from '../support/panda.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-model-'));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const nan = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);

/** Compares pose (m, rad) with MuJoCo's position and rotation matrix. */
function samePose(pose: Float64Array, oracle: number[], tolerance: number, what: string): void {
  allClose(pose.subarray(0, 3), oracle.slice(0, 3), { atol: tolerance, what: `${what} position` });
  const m = nan(9);
  quatToMatrix(m, 0, pose, 3);
  allClose(m, oracle.slice(3), { atol: tolerance, what: `${what} rotation` });
}

test('golden: joint 7 of the Panda at home stands at (0.554499, 0, 0.731502)', () => {
  const model = buildKinematics(readTree(PANDA7), axes7, 'link7');
  const pose = nan(9);
  model.pose(Float64Array.from(HOME7), model.tool, pose, 1);
  allClose(pose.subarray(1, 4), [0.554499, 0, 0.731502], { atol: 6e-7 });
  assert.ok(Number.isNaN(pose[0]) && Number.isNaN(pose[8]), 'writes its seven values alone');
});

/**
 * Central differences: truncation h²/6·|p'''| ≤ h²/6 m (chains of about 1 m), rounding ε·1 m/h.
 * With h = 1e-5: 1.7e-11 + 2.2e-11, times 10 for sums over the chain.
 */
const H = 1e-5;
const FD_TOLERANCE = 10 * (H * H * (1 / 6) + Number.EPSILON / H);

function checkJacobian(model: KinematicModel, frame: number, q: Float64Array, what: string): void {
  const n = model.axes;
  const j = nan(6 * n);
  model.jacobian(q, frame, j);
  const low = nan(7);
  const high = nan(7);
  const e = nan(6);
  for (let k = 0; k < n; k++) {
    const step = q.slice();
    step[k] = q[k]! - H;
    model.pose(step, frame, low);
    step[k] = q[k]! + H;
    model.pose(step, frame, high);
    poseError(e, 0, low, 0, high, 0);
    allClose(
      [0, 1, 2, 3, 4, 5].map((r) => j[r * n + k]!),
      e.map((x) => x / (2 * H)),
      { atol: FD_TOLERANCE, what: `${what}, axis ${k}` },
    );
  }
}

test('Jacobian against central differences, tolerance derived from truncation and rounding', () => {
  const model = buildKinematics(readTree(PANDA7), axes7, 'link7');
  const rng = new Rng(1);
  for (let i = 0; i < 50; i++) {
    const q = Float64Array.from({ length: 7 }, () => rng.uniform(-2.5, 2.5));
    for (const frame of ['link0', 'link3', 'link7'])
      checkJacobian(model, model.frame(frame), q, `${frame} at ${q}`);
  }
});

const URDF = `<robot name="panda7"><link name="link0"/>
${[
  ['0 0 0.333', '0 0 0'],
  ['0 0 0', '-1.5707963267948966 0 0'],
  ['0 -0.316 0', '1.5707963267948966 0 0'],
  ['0.0825 0 0', '1.5707963267948966 0 0'],
  ['-0.0825 0.384 0', '-1.5707963267948966 0 0'],
  ['0 0 0', '1.5707963267948966 0 0'],
  ['0.088 0 0', '1.5707963267948966 0 0'],
]
  .map(
    ([xyz, rpy], i) => `<link name="link${i + 1}"/><joint name="joint${i + 1}" type="revolute">
<origin xyz="${xyz}" rpy="${rpy}"/><parent link="link${i}"/><child link="link${i + 1}"/><axis xyz="0 0 1"/>
<limit lower="-2.9" upper="2.9" effort="1" velocity="1"/></joint>`,
  )
  .join('\n')}
<link name="tool"/><joint name="flange" type="fixed"><origin xyz="0 0 0.107"/><parent link="link7"/><child link="tool"/></joint>
</robot>`;

test('MJCF and URDF of one arm agree', () => {
  const a = buildKinematics(readTree(PANDA7), axes7, 'link7');
  const b = buildKinematics(readTree(write('arm.urdf', URDF)), axes7, 'tool');
  const rng = new Rng(2);
  for (let i = 0; i < 100; i++) {
    const q = Float64Array.from({ length: 7 }, () => rng.uniform(-2.9, 2.9));
    const pa = nan(7 * a.bodies.length);
    const pb = nan(7 * b.bodies.length);
    a.bodyPoses(q, pa);
    b.bodyPoses(q, pb);
    for (let k = 0; k < 9; k++) {
      allClose(pb.subarray(7 * k, 7 * k + 3), pa.subarray(7 * k, 7 * k + 3), {
        atol: 1e-12,
        what: `body ${k}`,
      });
      assert.ok(quatAngle(pa, 7 * k + 3, pb, 7 * k + 3) < 1e-12, `body ${k}`);
    }
    const ja = nan(42);
    const jb = nan(42);
    a.jacobian(q, a.tool, ja);
    b.jacobian(q, b.frame('link7'), jb);
    allClose(jb, ja, { atol: 1e-12 });
  }
});

test('the Panda of the golden folder against MuJoCo at 100 random states', async () => {
  using oracle = await Oracle.of(panda7Xml());
  compare(oracle, buildKinematics(readTree(PANDA7), axes7, 'link7'), JOINTS7, 100, 3, 1e-12);
});

/** All bodies and all Jacobian columns at random states. */
function compare(
  oracle: Oracle,
  model: KinematicModel,
  joints: readonly string[],
  states: number,
  seed: number,
  tolerance: number,
): void {
  const rng = new Rng(seed);
  const n = joints.length;
  const poses = nan(7 * model.bodies.length);
  const j = nan(6 * n);
  for (let s = 0; s < states; s++) {
    const q = Float64Array.from({ length: n }, () => rng.uniform(-3, 3));
    oracle.set(new Map(joints.map((name, k) => [name, q[k]!])));
    model.bodyPoses(q, poses);
    model.bodies.forEach((body, b) => {
      samePose(
        poses.subarray(7 * b, 7 * b + 7),
        oracle.pose('body', body.name),
        tolerance,
        `${body.name}, seed ${seed}`,
      );
      if (b === 0) return;
      model.jacobian(q, b, j);
      joints.forEach((joint, k) => {
        allClose(
          [0, 1, 2, 3, 4, 5].map((r) => j[r * n + k]!),
          oracle.jacobian('body', body.name, joint),
          {
            atol: tolerance,
            what: `Jacobian of ${body.name}, ${joint}, seed ${seed}`,
          },
        );
      });
    });
  }
}

/** A random tree in MJCF that uses every way to say a pose, classes, frames, several joints per body, sites. */
function randomTree(rng: Rng): { xml: string; joints: string[]; sites: string[] } {
  const joints: string[] = [];
  const sites: string[] = [];
  const v = (n: number, scale = 1): string =>
    Array.from({ length: n }, () => (rng.normal(scale) || 1).toFixed(6)).join(' ');
  const orientation = (): string => {
    switch (rng.below(6)) {
      case 0:
        return `quat="${v(4)}"`;
      case 1:
        return `euler="${v(3, 50)}"`;
      case 2:
        return `axisangle="${v(3)} ${rng.uniform(-170, 170).toFixed(4)}"`;
      case 3:
        return `xyaxes="${v(6)}"`;
      case 4:
        return `zaxis="${v(3)}"`;
      default:
        return '';
    }
  };
  const classes = ['', ' class="a"', ' class="b"', ' class="c"'];
  let bodies = 0;
  const body = (depth: number): string => {
    const name = `b${bodies++}`;
    let inner = '<geom type="sphere" size="0.1" mass="1"/>';
    const count = rng.below(3);
    for (let k = 0; k < count; k++) {
      const joint = `j${joints.length}`;
      joints.push(joint);
      const axis = rng.below(2) === 0 ? ` axis="${v(3)}"` : '';
      const ref = rng.below(2) === 0 ? ` ref="${v(1)}"` : '';
      const type = ['', ' type="hinge"', ' type="slide"'][rng.below(3)];
      inner += `<joint name="${joint}"${classes[rng.below(4)]}${type}${axis}${ref} pos="${v(3, 0.3)}"/>`;
    }
    if (rng.below(2) === 0) {
      const site = `s${sites.length}`;
      sites.push(site);
      inner += `<site name="${site}" pos="${v(3)}" ${orientation()}/>`;
    }
    const children = depth >= 4 ? 0 : rng.below(3);
    for (let k = 0; k < children; k++) {
      const b = body(depth + 1);
      inner +=
        rng.below(3) === 0
          ? `<frame pos="${v(3)}" ${orientation()}${rng.below(2) ? ' childclass="b"' : ''}>${b}</frame>`
          : b;
    }
    const childClass = ['', ' childclass="a"', ' childclass="c"'][rng.below(3)];
    return `<body name="${name}" pos="${v(3)}" ${orientation()}${childClass}>${inner}</body>`;
  };
  const sequence = ['xyz', 'XYZ', 'zyx', 'ZyX'][rng.below(4)];
  const xml = `<mujoco><compiler eulerseq="${sequence}"/><default><joint axis="1 0.5 0"/>
<default class="a"><joint axis="0 1 2" type="slide"/><default class="b"><joint ref="0.3"/></default></default>
<default class="c"><joint axis="1 1 1" range="-20 20"/></default></default>
<worldbody>${body(0)}${body(0)}</worldbody></mujoco>`;
  return { xml, joints, sites };
}

test('random trees against MuJoCo: classes, frames, every orientation, several joints per body', async () => {
  let total = 0;
  for (let seed = 0; seed < 40; seed++) {
    const rng = new Rng(seed, 77);
    const { xml, joints, sites } = randomTree(rng);
    if (joints.length === 0) continue;
    total += joints.length;
    const axes = joints.map((name) => ({ name, joints: [{ name, ratio: 1 }] }));
    const model = buildKinematics(readTree(write(`tree${seed}.xml`, xml)), axes, 'b0');
    using oracle = await Oracle.of(xml);
    // Trees reach some 10 m: rounding grows with depth and size.
    compare(oracle, model, joints, 3, seed, 1e-11);
    for (const site of sites) {
      const pose = nan(7);
      const q = new Float64Array(joints.length);
      oracle.set(new Map(joints.map((name) => [name, 0])));
      model.pose(q, model.frame(site), pose);
      samePose(pose, oracle.pose('site', site), 1e-11, `site ${site}, seed ${seed}`);
    }
  }
  assert.ok(total > 100, `only ${total} joints were compared`);
});

test('axes map to joints: ratios, mimics, and joints that nothing drives', () => {
  const tree = readTree(
    write(
      'gripper.urdf',
      `<robot name="g"><link name="base"/><link name="l"/><link name="r"/><link name="extra"/>
<joint name="left" type="prismatic"><parent link="base"/><child link="l"/><axis xyz="0 2 0"/><limit lower="0" upper="0.04"/></joint>
<joint name="right" type="prismatic"><parent link="base"/><child link="r"/><axis xyz="0 1 0"/><limit lower="-1" upper="1"/>
<mimic joint="left" multiplier="-1" offset="0.001"/></joint>
<joint name="free" type="continuous"><origin xyz="0 0 1"/><parent link="r"/><child link="extra"/></joint></robot>`,
    ),
  );
  const model = buildKinematics(tree, [{ name: 'opening', joints: [{ name: 'left', ratio: 0.5 }] }], 'l');
  const q = new Float64Array([0.06]);
  const pose = nan(7);
  model.pose(q, model.tool, pose);
  allClose(pose, [0, 0.03, 0, 0, 0, 0, 1], { atol: 1e-15 });
  model.pose(q, model.frame('extra'), pose);
  allClose(pose, [0, -0.03 + 0.001, 1, 0, 0, 0, 1], { atol: 1e-15 });
  const j = nan(6);
  model.jacobian(q, model.frame('r'), j);
  allClose(j, [0, -0.5, 0, 0, 0, 0], {});
  checkJacobian(model, model.frame('extra'), q, 'extra');
  const m = nan(9);
  quatToMatrix(m, 0, pose, 3);
  const back = nan(4);
  quatFromMatrix(back, 0, m, 0);
  assert.ok(quatAngle(back, 0, pose, 3) < 1e-12);
});
