import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { buildKinematics, readTree } from '../../src/model/load.ts';
import { allClose } from '../support/close.ts';
import { axes7, PANDA7 } from '../support/panda.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-read-'));
after(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Reads text as a model and asserts code and words of the error. */
function refuses(text: string, code: string, ...words: (string | RegExp)[]): void {
  const file = write('bad.xml', text);
  assert.throws(
    () => readTree(file),
    (e: unknown) => {
      assert.ok(e instanceof ArmloopError, String(e));
      assert.equal(e.code, code, e.message);
      assert.ok(e.message.includes(file), e.message);
      for (const w of words) assert.match(e.message, w instanceof RegExp ? w : new RegExp(w));
      return true;
    },
  );
}
const world = (inner: string, before = ''): string =>
  `<mujoco>${before}<worldbody>${inner}</worldbody></mujoco>`;

test('joints, limits and inertials of the Panda are read', () => {
  const tree = readTree(PANDA7);
  assert.deepEqual(
    tree.bodies.map((b) => b.name),
    ['world', 'link0', 'link1', 'link2', 'link3', 'link4', 'link5', 'link6', 'link7'],
  );
  const joint4 = tree.bodies[5]!.joints[0]!;
  assert.equal(joint4.name, 'joint4');
  assert.deepEqual(joint4.range, [-3.0718, -0.0698]);
  assert.deepEqual([joint4.armature, joint4.damping], [0.1, 1]);
  assert.deepEqual(tree.bodies[2]!.joints[0]!.range, [-2.8973, 2.8973], 'from the default class');
  const link1 = tree.bodies[2]!.inertial!;
  assert.equal(link1.mass, 4.970684);
  assert.deepEqual(link1.inertia, [0.70337, 0.70661, 0.009117, -0.000139, 0.006772, 0.019169]);
});

test('angles are in degrees unless the compiler says radian; the compiler counts wherever it stands', () => {
  const joint = '<body><joint name="j" range="-90 90" ref="45"/></body>';
  const degrees = readTree(write('deg.xml', world(joint))).bodies[1]!.joints[0]!;
  allClose([...degrees.range!, degrees.ref], [-Math.PI / 2, Math.PI / 2, Math.PI / 4], { rtol: 1e-15 });
  const radians = `<mujoco><worldbody>${joint}</worldbody><compiler angle="radian"/></mujoco>`;
  assert.deepEqual(readTree(write('rad.xml', radians)).bodies[1]!.joints[0]!.range, [-90, 90]);
});

test('includes: sections and bodies from other files, paths from the main file', () => {
  write('defaults.xml', '<mujocoinclude><default><joint type="slide"/></default></mujocoinclude>');
  write('finger.xml', '<mujoco><body name="finger"><joint name="f"/></body></mujoco>');
  const main = write(
    'main.xml',
    '<mujoco><include file="defaults.xml"/><worldbody><body name="hand"><include file="finger.xml"/></body></worldbody></mujoco>',
  );
  const tree = readTree(main);
  assert.deepEqual(
    tree.bodies.map((b) => [b.name, b.parent]),
    [
      ['world', -1],
      ['hand', 0],
      ['finger', 1],
    ],
  );
  assert.equal(tree.bodies[2]!.joints[0]!.type, 'prismatic');
});

test('MJCF errors name file, line, element and rule', () => {
  refuses('<mujoco><worldbody>', 'MODEL_SYNTAX', 'line 1');
  refuses('', 'MODEL_SYNTAX', 'no element|document must contain');
  refuses('<sdf/>', 'MODEL_INVALID', '<mujoco>', '<robot>');
  refuses(
    world('\n<body name="b"><joint name="j" axis="0 0 0"/></body>'),
    'MODEL_INVALID',
    'line 2',
    '<joint name="j">',
    'zero',
  );
  refuses(world('<body pos="0 zero 0"/>'), 'MODEL_INVALID', 'numbers', 'zero');
  refuses(world('<body pos="0 0"/>'), 'MODEL_INVALID', '3 numbers, not 2');
  refuses(world('<body quat="0 0 0 0"/>'), 'MODEL_INVALID', 'quat');
  refuses(world('<body quat="1 0 0 0" euler="0 0 1"/>'), 'MODEL_INVALID', 'only one of quat, euler');
  refuses(world('<body name="a"/><body name="a"/>'), 'MODEL_INVALID', 'another body');
  refuses(world('<body><joint name="a"/><joint name="a"/></body>'), 'MODEL_INVALID', 'another joint');
  refuses(world('<body childclass="none"/>'), 'MODEL_INVALID', 'class none');
  refuses(world('<body><joint class="none"/></body>'), 'MODEL_INVALID', 'class none');
  refuses(world('<body><joint limited="true"/></body>'), 'MODEL_INVALID', 'needs a range');
  refuses(world('<body><joint range="2 1"/></body>'), 'MODEL_INVALID', 'low, then high');
  refuses(world('<joint/>'), 'MODEL_INVALID', 'world cannot');
  refuses(world('<body><inertial mass="1"/></body>'), 'MODEL_INVALID', 'diaginertia');
  refuses(world('', '<compiler angle="turns"/>'), 'MODEL_INVALID', 'radian or degree');
  refuses(world('', '<compiler eulerseq="xyq"/>'), 'MODEL_INVALID', 'eulerseq');
  refuses(world('', '<include file="bad.xml"/>'), 'MODEL_INVALID', 'included twice');
  refuses(world('<body><joint type="ball"/></body>'), 'MODEL_UNSUPPORTED', 'hinge and slide');
  refuses(world('<body><freejoint/></body>'), 'MODEL_UNSUPPORTED', 'free body');
  refuses(world('<replicate count="2"/>'), 'MODEL_UNSUPPORTED', 'write its bodies out');
  refuses(world('<body mocap="true"/>'), 'MODEL_UNSUPPORTED', 'mocap');
});

test('URDF errors name file, line, element and rule', () => {
  const joint = (inner: string, attributes = 'name="j" type="fixed"'): string =>
    `<robot><link name="a"/><link name="b"/><joint ${attributes}>${inner}</joint></robot>`;
  const ab = '<parent link="a"/><child link="b"/>';
  refuses('<robot/>', 'MODEL_INVALID', 'exactly one link', 'not 0');
  refuses('<robot><link name="a"/><link name="b"/></robot>', 'MODEL_INVALID', 'not 2 \\(a, b\\)');
  refuses(joint('<parent link="a"/>'), 'MODEL_INVALID', '<child link');
  refuses(joint('<parent link="a"/><child link="c"/>'), 'MODEL_INVALID', 'link c does not exist');
  refuses(joint(ab, 'name="j" type="floating"'), 'MODEL_UNSUPPORTED', 'floating');
  refuses(joint(ab, 'name="j" type="revolute"'), 'MODEL_INVALID', 'needs <limit>');
  refuses(joint(`${ab}<axis xyz="0 0 0"/>`, 'name="j" type="continuous"'), 'MODEL_INVALID', 'axis');
  refuses(
    joint(`${ab}<mimic joint="k"/>`, 'name="j" type="continuous"'),
    'MODEL_INVALID',
    'mimics the joint k',
  );
  refuses('<robot><link name="a"/><link name="a"/></robot>', 'MODEL_INVALID', 'another link');
});

test('unknown frames, joints and files are said in words', () => {
  const tree = readTree(PANDA7);
  assert.throws(() => buildKinematics(tree, axes7, 'hand'), /no body or site hand; it has world, link0/);
  const axes = [{ name: 'elbow', joints: [{ name: 'joint9', ratio: 1 }] }];
  assert.throws(() => buildKinematics(tree, axes, 'link7'), /axis elbow drives the joint joint9.*joint1/);
  assert.throws(
    () => readTree(join(folder, 'none.xml')),
    (e: ArmloopError) => e.code === 'MODEL_UNREADABLE',
  );
});
