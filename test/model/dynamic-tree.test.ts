/** From files and options to the tree that dynamics is computed on: what is lumped, locked, followed, refused. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadRobot } from '../../src/config.ts';
import { ArmloopError, type ErrorCode } from '../../src/errors.ts';
import { quatToMatrix } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { dynamicTree } from '../../src/model/dynamic-tree.ts';
import type { DynamicsModel, DynamicsOptions } from '../../src/model/dynamics.ts';
import { rotateInertia } from '../../src/model/inertia.ts';
import { armOptions, buildDynamics, readTree } from '../../src/model/load.ts';
import { allClose } from '../support/close.ts';
import { treeOf } from '../support/dynamics-suite.ts';
import { Oracle } from '../support/mujoco.ts';
import { PANDA7, ROOT } from '../support/panda.ts';

const nan = (count: number): Float64Array => new Float64Array(count).fill(Number.NaN);
const draw = (rng: Rng, n: number): Float64Array =>
  Float64Array.from({ length: n }, () => rng.uniform(-2, 2));

/** Asserts that two models have the same efforts, mass matrix and pose of a frame at random states. */
function same(a: DynamicsModel, b: DynamicsModel, frame: string): void {
  assert.equal(a.n, b.n);
  const { n } = a;
  const rng = new Rng(31);
  for (let i = 0; i < 20; i++) {
    const [q, v, qdd] = [draw(rng, n), draw(rng, n), draw(rng, n)];
    const results = [a, b].map((m) => {
      const [tau, M, pose] = [nan(n), nan(n * n), nan(7)];
      m.rnea(q, v, qdd, tau);
      m.massMatrix(q, M);
      m.pose(q, m.frame(frame), pose);
      return [...tau, ...M, ...pose];
    });
    allClose(results[0]!, results[1]!, { atol: 1e-12, rtol: 1e-12 });
  }
}

test('links of the Panda stand on right angles and keep their names, limits and armature', () => {
  const tree = dynamicTree(readTree(PANDA7));
  assert.deepEqual(
    tree.links.map((l) => [l.name, l.parent, l.dof]),
    [1, 2, 3, 4, 5, 6, 7].map((k) => [`link${k}`, k - 2, k - 1]),
  );
  for (const { name, rotation } of tree.links)
    assert.ok(
      rotation.every((x) => x === 0 || x === 1 || x === -1),
      `${name}: ${rotation}`,
    );
  assert.deepEqual(tree.joints[3], {
    name: 'joint4',
    type: 'revolute',
    range: [-3.0718, -0.0698],
    effort: null,
    velocity: null,
    armature: 0.1,
    damping: 1,
    frictionloss: 0,
  });
});

test('the simulated arm with its gripper held: M and gravity are those of MuJoCo', async () => {
  const spec = loadRobot(`${ROOT}robots/panda-sim.yaml`);
  const opening = 0.05;
  const model = buildDynamics(readTree(spec.model.file), armOptions(spec, opening));
  assert.deepEqual(
    model.joints.map((j) => j.effort),
    [87, 87, 87, 87, 12, 12, 12].map((e) => [-e, e]),
  );
  // MuJoCo's arm joints with the fingers where they are held: their block of M is that of the lumped arm.
  using oracle = await Oracle.of(readFileSync(spec.model.file, 'utf8'));
  const names = model.joints.map((j) => j.name);
  const rng = new Rng(32);
  for (let i = 0; i < 20; i++) {
    const q = draw(rng, 7);
    const fingers = spec.axes[spec.gripperAxis]!.joints.map((j) => [j.name, j.ratio * opening] as const);
    oracle.set(new Map([...names.map((name, k) => [name, q[k]!] as const), ...fingers]));
    const want = oracle.dynamics(names);
    const [M, g] = [nan(49), nan(7)];
    model.massMatrix(q, M);
    model.gravity(q, g);
    allClose(M, want.M, { atol: 1e-12, what: 'M' });
    allClose(g, want.gravity, { atol: 1e-11, what: 'gravity' });
  }
});

const inertial = (mass: number, com: string): string =>
  `<inertial mass="${mass}" pos="${com}" fullinertia="0.03 0.04 0.05 0.001 -0.002 0.003"/>`;
const arm = (hand: string): string => `<mujoco><compiler angle="radian"/><worldbody>
<body name="upper" pos="0 0 0.3"><joint name="shoulder" axis="0 1 0" armature="0.02"/>${inertial(2, '0.1 0 0.05')}
<body name="lower" pos="0.3 0 0" euler="0.2 0 1"><joint name="elbow" axis="0 1 1" pos="0.01 0 0.02" ref="0.4"/>
${inertial(1, '0.15 0.02 0')}${hand}</body></body></worldbody></mujoco>`;

test('a locked joint is as the body fixed there', () => {
  const hand = (joint: string, pose: string): string =>
    `<body name="hand" ${pose}>${joint}${inertial(0.5, '0 0.1 0.03')}<site name="tip" pos="0 0 0.1" euler="1 0 0"/></body>`;
  const turned = treeOf(arm(hand('<joint name="wrist" axis="0 0 1" ref="0.1"/>', 'pos="0.3 0 0"')));
  const fixed = treeOf(arm(hand('', 'pos="0.3 0 0" euler="0 0 0.6"')));
  same(buildDynamics(turned, { locked: { wrist: 0.7 } }), buildDynamics(fixed), 'tip');
  const slid = treeOf(
    arm(hand('<joint name="slide" type="slide" axis="0 2 0"/>', 'pos="0.3 0 0" euler="0 0 0.6"')),
  );
  const moved = treeOf(
    arm(hand('', `pos="${0.3 - 0.05 * Math.sin(0.6)} ${0.05 * Math.cos(0.6)} 0" euler="0 0 0.6"`)),
  );
  same(buildDynamics(slid, { locked: { slide: 0.05 } }), buildDynamics(moved), 'tip');
});

test('a payload is as a body fixed at the frame', () => {
  const site = '<site name="tip" pos="0.3 0 0.1" euler="1 0 0.5"/>';
  const bare = treeOf(arm(site));
  const loaded = treeOf(
    arm(`${site}<body pos="0.3 0 0.1" euler="1 0 0.5">${inertial(0.8, '0 0 0.06')}</body>`),
  );
  const payload = {
    frame: 'tip',
    mass: 0.8,
    position: [0, 0, 0.06],
    inertia: [0.03, 0.04, 0.05, 0.001, -0.002, 0.003],
  };
  same(buildDynamics(bare, { payload }), buildDynamics(loaded), 'tip');
  // On the base it changes nothing.
  same(buildDynamics(bare, { payload: { ...payload, frame: 'world' } }), buildDynamics(bare), 'tip');
});

test('degrees of freedom that move several joints are those joints projected', () => {
  const text = arm(
    '<body name="hand" pos="0.2 0 0"><joint name="wrist" type="slide" axis="1 0 0" armature="0.3"/>' +
      `${inertial(0.4, '0 0 0.1')}</body>`,
  );
  const tree = treeOf(text);
  const all = buildDynamics(tree);
  const axes = [
    {
      name: 'reach',
      joints: [
        { name: 'shoulder', ratio: 0.5 },
        { name: 'wrist', ratio: -0.2 },
      ],
    },
    { name: 'bend', joints: [{ name: 'elbow', ratio: -1 }] },
  ];
  const few = buildDynamics(tree, { axes });
  assert.deepEqual(
    few.joints.map((j) => [j.name, j.armature]),
    [
      ['reach', 0.25 * 0.02 + 0.04 * 0.3],
      ['bend', 0],
    ],
  );
  // Joint values are G q, and efforts project by the transpose: rows shoulder, elbow, wrist.
  const G = [0.5, 0, 0, -1, -0.2, 0];
  const rng = new Rng(33);
  const up = (x: Float64Array): Float64Array =>
    Float64Array.from([0, 1, 2], (r) => G[2 * r]! * x[0]! + G[2 * r + 1]! * x[1]!);
  for (let i = 0; i < 20; i++) {
    const [q, v, a] = [draw(rng, 2), draw(rng, 2), draw(rng, 2)];
    const [tau, joint] = [nan(2), nan(3)];
    few.rnea(q, v, a, tau);
    all.rnea(up(q), up(v), up(a), joint);
    const want = [0, 1].map((k) => G[k]! * joint[0]! + G[2 + k]! * joint[1]! + G[4 + k]! * joint[2]!);
    allClose(tau, want, { atol: 1e-12 });
  }
});

test('mimic joints of URDF follow, also one another, and a locked driver holds them', () => {
  const link = (name: string): string =>
    `<link name="${name}"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>`;
  const joint = (name: string, parent: string, to: string, inner: string): string =>
    `<joint name="${name}" type="revolute"><origin xyz="0.1 0 0"/><parent link="${parent}"/><child link="${to}"/>
<limit lower="-1" upper="2" effort="10" velocity="4"/>${inner}</joint>`;
  const robot = (mimic: string): string => `<robot>${['o', 'a', 'b', 'c'].map(link).join('')}
${joint('a', 'o', 'a', '')}${joint('c', 'b', 'c', '<mimic joint="b" multiplier="2" offset="0.5"/>')}${joint('b', 'a', 'b', mimic)}</robot>`;
  const tree = treeOf(robot('<mimic joint="a" multiplier="-1" offset="0.25"/>'));
  const { joints, links } = dynamicTree(tree);
  assert.deepEqual(
    links.map((l) => [l.name, l.dof, l.scale, l.offset]),
    [
      ['a', 0, 1, 0],
      ['b', 0, -1, 0.25],
      ['c', 0, -2, 1],
    ],
  );
  // q in [-1, 2] for a, [-1.75, 1.25] for b, [-0.5, 1] for c.
  assert.deepEqual(
    joints.map((j) => [j.name, j.range, j.velocity]),
    [['a', [-0.5, 1], 2]],
  );
  assert.deepEqual(joints[0]!.effort, [-40, 40]);
  refused(() => dynamicTree(tree, { locked: { a: 0.3 } }), 'MODEL_NO_JOINT', 'no joint that moves');
  const circle = treeOf(robot('<mimic joint="c"/>'));
  refused(() => dynamicTree(circle), 'MODEL_MIMIC_LOOP', /joints (b, c|c, b) mimic/);
});

test('bodies without an inertial weigh what their geoms weigh, as in MuJoCo', async () => {
  const geoms = [
    '<geom size="0.1"/>',
    '<geom type="box" size="0.1 0.2 0.3" pos="0.1 0 0" euler="10 20 30" density="500"/>',
    '<geom type="capsule" size="0.05 0.2" mass="0.7" axisangle="1 1 0 40"/>',
    '<geom type="cylinder" size="0.05" fromto="0 0 0.1 0.2 0.1 0.5"/>',
    '<geom type="ellipsoid" size="0.05 0.1 0.15" pos="0 0.3 0"/>',
    '<geom type="capsule" size="0.04" fromto="0 0 0 0 0.3 0"/>',
    '<geom type="box" size="0.02" fromto="0 0 0 0.1 0.3 0"/>',
    '<geom class="light" size="0.2" pos="1 0 0"/>',
    '<frame pos="0 0 0.5" euler="0 90 0"><geom type="cylinder" size="0.1 0.2" pos="0.1 0 0"/></frame>',
    '<geom size="0.3" pos="9 9 9" group="4"/><geom type="plane" size="1 1 1" pos="0 0 3"/>',
  ];
  const bodies = [...geoms.map((g) => [g]), geoms].map(
    (g, i) => `<body name="b${i}"><joint/>${g.join('')}<geom size="0.01"/></body>`,
  );
  const text = `<mujoco><compiler inertiagrouprange="0 3"/><default><default class="light"><geom density="10"/></default></default>
<worldbody>${bodies.join('')}<body name="both"><joint/>${inertial(3, '0 0 1')}<geom size="1"/></body></worldbody></mujoco>`;
  const plain = text.replace(/<geom type="plane"[^>]*>/g, ''); // MuJoCo allows planes in the world alone
  const tree = treeOf(text);
  using oracle = await Oracle.of(plain);
  for (const body of tree.bodies.slice(1)) {
    const { mass, com, orientation, moments } = oracle.inertial(body.name);
    const rotation = nan(9);
    quatToMatrix(rotation, 0, Float64Array.from(orientation), 0);
    const { inertial: own } = body;
    assert.ok(own, body.name);
    allClose([own.mass], [mass], { rtol: 1e-12, what: `mass of ${body.name}` });
    allClose(own.position, com, { atol: 1e-12, what: `centre of ${body.name}` });
    const want = rotateInertia([...rotation], [...moments, 0, 0, 0]);
    allClose(own.inertia, want, { atol: 1e-9 * mass, what: `inertia of ${body.name}` });
  }
});

function refused(make: () => unknown, code: ErrorCode, ...words: (string | RegExp)[]): void {
  assert.throws(make, (e: unknown) => {
    assert.ok(e instanceof ArmloopError, String(e));
    assert.equal(e.code, code, e.message);
    for (const w of words) assert.match(e.message, w instanceof RegExp ? w : new RegExp(w));
    return true;
  });
}

test('what the file says too little about is refused, by the name of the body', () => {
  const one = (inner: string, before = ''): (() => unknown) => {
    const tree = treeOf(
      `<mujoco>${before}<worldbody><body name="b"><joint name="j"/>${inner}</body></worldbody></mujoco>`,
    );
    return () => dynamicTree(tree);
  };
  const mesh = '<geom name="shell" type="mesh" mesh="m"/>';
  refused(one(mesh), 'MODEL_NO_DYNAMICS', 'body b', '<geom name="shell"> is a mesh');
  dynamicTree(treeOf(arm('<geom type="mesh" mesh="m"/>'))); // with an <inertial> it does not matter
  one(`<geom size="1"/>${mesh.replace('/>', ' density="0"/>')}`)();
  refused(one('<geom size="1" shellinertia="true"/>'), 'MODEL_NO_DYNAMICS', 'shellinertia');
  refused(one('<geom size="1"/>', '<compiler settotalmass="3"/>'), 'MODEL_NO_DYNAMICS', 'settotalmass');
  refused(
    one('<geom size="1"/>', '<compiler balanceinertia="true"/>'),
    'MODEL_NO_DYNAMICS',
    'balanceinertia',
  );
  refused(one('<geom size="1"/>', '<option viscosity="1"/>'), 'MODEL_NO_DYNAMICS', 'fluid');
  refused(
    one('<joint name="s" stiffness="3"/><geom size="1"/>'),
    'MODEL_NO_DYNAMICS',
    '<joint name="s">',
    'springs',
  );
  refused(
    one('<inertial mass="1" pos="0 0 0" fullinertia="1 1 1 2 0 0"/>'),
    'MODEL_NO_DYNAMICS',
    'negative principal',
  );
  refused(one('', ''), 'MODEL_NO_MASS', 'joint j');
  refused(one('<geom size="1"/>', '<compiler inertiafromgeom="false"/>'), 'MODEL_NO_MASS', 'joint j');
  refused(
    () => one('<inertial mass="-1" pos="0 0 0" diaginertia="1 1 1"/>'),
    'MODEL_INVALID',
    'mass must be 0 or more',
  );
});

test('options that make no sense are refused, with the value and the rule', () => {
  const tree = readTree(PANDA7);
  const bad = (options: DynamicsOptions, code: ErrorCode, ...words: string[]): void =>
    refused(() => dynamicTree(tree, options), code, ...words);
  bad({ gravity: [0, 0] }, 'MODEL_OPTION', 'gravity of the dynamics is 0,0', '3 numbers');
  bad({ frictionEps: 0 }, 'MODEL_OPTION', 'frictionEps of the dynamics is 0', 'above 0');
  bad({ locked: { joint9: 0 } }, 'MODEL_OPTION', 'joint9', 'it has joint1, joint2');
  bad({ locked: { joint1: Number.NaN } }, 'MODEL_OPTION', 'locked.joint1 of the dynamics is NaN');
  const payload = { frame: 'link7', mass: 1, position: [0, 0, 0] };
  bad({ payload: { ...payload, frame: 'hand' } }, 'MODEL_UNKNOWN_FRAME', 'hand');
  bad({ payload: { ...payload, mass: -1 } }, 'MODEL_OPTION', 'payload.mass of the dynamics is -1');
  bad({ payload: { ...payload, position: [0] } }, 'MODEL_OPTION', 'payload.position');
  bad({ payload: { ...payload, inertia: [1, 1, -1, 0, 0, 0] } }, 'MODEL_OPTION', 'semidefinite');
  const drives = (name: string, ratio = 1): DynamicsOptions['axes'] => [
    { name: 'x', joints: [{ name, ratio }] },
  ];
  bad({ axes: drives('joint9')! }, 'MODEL_UNKNOWN_JOINT', 'axis x', 'joint9');
  bad({ axes: drives('joint1', 0)! }, 'MODEL_OPTION', 'axes of the dynamics is x', 'not 0');
  bad(
    { axes: drives('joint1')!, locked: { joint1: 0 } },
    'MODEL_OPTION',
    'axes of the dynamics is joint1',
    'locked',
  );
  bad({ axes: [] }, 'MODEL_NO_JOINT', 'panda7');
  const model = buildDynamics(tree);
  refused(() => model.frame('hand'), 'MODEL_UNKNOWN_FRAME', 'no body or site hand; it has world, link0');
});
