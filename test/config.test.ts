import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { loadRobot, robotFromText } from '../src/config.ts';
import { ArmloopError, type ErrorCode } from '../src/errors.ts';
import { nearest } from '../src/robot/schema-problem.ts';
import { packageRoot } from '../src/root.ts';

const shipped = join(packageRoot(), 'robots', 'panda-sim.yaml');
const text = readFileSync(shipped, 'utf8');

/** A robot file that a test breaks on purpose has no type: `parse` of yaml returns none either. */
type Loose = ReturnType<typeof parse>;

/** The shipped robot file with one change. */
function changed(change: (robot: Loose) => void): string {
  const robot: Loose = parse(text);
  change(robot);
  return stringify(robot);
}

function refusal(bad: string): ArmloopError {
  try {
    robotFromText(bad, 'bad.yaml');
  } catch (error) {
    assert.ok(error instanceof ArmloopError, `not an ArmloopError: ${error}`);
    return error;
  }
  assert.fail('the file was accepted');
}

describe('robot file', () => {
  for (const name of readdirSync(join(packageRoot(), 'robots')).filter((f) => f.endsWith('.yaml'))) {
    it(`${name} resolves, with every axis driven by a device`, () => {
      const spec = loadRobot(join(packageRoot(), 'robots', name));
      assert.equal(`${spec.id}.yaml`, name);
      for (const axis of spec.axes) assert.ok(spec.devices.some((d) => d.name === axis.device));
      assert.equal(spec.armAxes + (spec.gripperAxis < 0 ? 0 : 1), spec.axes.length);
    });
  }

  it('resolves panda-sim as documented', () => {
    const spec = loadRobot(shipped);
    assert.equal(spec.loop.rateHz, 1000);
    assert.deepEqual(spec.sim, { task: 'pick-cube', seed: 1, timestep: 0.001, vary: 'none' });
    assert.equal(spec.armAxes, 7);
    assert.equal(spec.gripperAxis, 7);
    assert.deepEqual(spec.axes[7]!.joints, [
      { name: 'finger_joint1', ratio: 0.5 },
      { name: 'finger_joint2', ratio: 0.5 },
    ]);
    assert.deepEqual(spec.axes[0]!.joints, [{ name: 'joint1', ratio: 1 }]);
    assert.deepEqual(
      spec.cameras.map((c) => [c.width, c.height, c.fps]),
      [
        [320, 240, 15],
        [320, 240, 15],
        [96, 96, 10],
        [96, 96, 10],
      ],
    );
    assert.equal(spec.model.file, join(packageRoot(), 'sim', 'models', 'panda.xml'));
    assert.equal(spec.source.text, text);
    assert.match(spec.source.sha256, /^[0-9a-f]{64}$/);
  });

  it('says the same with every default left out', () => {
    const { source: _, ...full } = loadRobot(shipped);
    const bare = changed((r) => {
      for (const key of ['limits', 'teleop', 'recording', 'loop']) delete r[key];
      delete r.sim.timestep;
      delete r.devices[0].axes;
    });
    const { source: __, ...resolved } = robotFromText(bare, shipped);
    assert.deepEqual(resolved, full);
  });

  it('allows a real arm only 20 ms where a simulated one has 100', () => {
    const real = changed((r) => {
      r.devices[0].kind = 'mock';
      delete r.sim;
      delete r.limits;
      r.cameras = [];
    });
    const spec = robotFromText(real, 'x.yaml');
    assert.equal(spec.limits.stateAgeMs, 20);
    assert.equal(spec.limits.missedMs, 20);
    assert.equal(spec.sim, null);
  });

  it('turns lookAt into an orientation: x right, y up, -z towards the point', () => {
    const spec = loadRobot(shipped);
    const front = spec.cameras[0]!;
    const look = rotate(front.orientation, [0, 0, -1]);
    const toTarget = unit([0.42 - 1.3, 0, 0.2 - 0.75]);
    near(look, toTarget);
    near(rotate(front.orientation, [1, 0, 0]), [0, 1, 0]);
    assert.ok(rotate(front.orientation, [0, 1, 0])[2]! > 0.5, 'up in the picture is up in the world');
  });

  it('names the file and the reason when it cannot be read', () => {
    assert.throws(
      () => loadRobot('/nowhere/x.yaml'),
      (e: ArmloopError) => e.code === 'CONFIG_UNREADABLE' && e.message.includes('/nowhere/x.yaml'),
    );
  });

  it('finds the key that was meant', () => {
    assert.equal(nearest('velocty', ['velocity', 'effort']), 'velocity');
    assert.equal(nearest('colour', ['velocity', 'effort']), null);
  });
});

type Bad = readonly [
  what: string,
  change: string | ((r: Loose) => void),
  path: string,
  rule: RegExp,
  code?: ErrorCode,
];

const lead = (r: Loose, leader: object): void => {
  r.leader = { name: 'ada', kind: 'dynamixel', ...leader };
};

/** Each bad file, the path that its error must name and the rule that it must state. */
const BAD: readonly Bad[] = [
  ['an empty file', '', '(top)', /section/],
  ['a list', '- 1\n- 2\n', '(top)', /section/],
  ['a broken list', 'id: [1\n', '', /line 2.*\]/, 'CONFIG_SYNTAX'],
  ['a key twice', 'id: a\nid: b\n', '', /line 2.*unique/, 'CONFIG_SYNTAX'],
  ['two documents', 'id: a\n---\nid: b\n', '', /multiple documents/, 'CONFIG_SYNTAX'],
  ['an unknown tag', 'id: !!js/function x\n', '', /tag/, 'CONFIG_SYNTAX'],
  ['a bomb of aliases', bomb(), '', /alias/i, 'CONFIG_SYNTAX'],
  ['no id', (r) => delete r.id, 'id', /required/],
  ['an id with a slash', (r) => (r.id = 'a/b'), 'id', /match/],
  ['an id that is a number', (r) => (r.id = 5), 'id', /text/],
  ['an id that climbs', (r) => (r.id = '..'), 'id', /match/],
  ['no model', (r) => delete r.model, 'model', /required/],
  ['an empty model file', (r) => (r.model.file = ''), 'model.file', /empty/],
  ['a mistyped section', (r) => (r.cammeras = []), 'cammeras', /did you mean cameras\?/],
  ['a mistyped key of an axis', (r) => (r.axes[3].velocty = 1), 'axes[3].velocty', /did you mean velocity\?/],
  ['a strange key', (r) => (r.loop.colour = 1), 'loop.colour', /known keys: rateHz/],
  ['a key of the prototype', (r) => (r['constructor'] = 1), 'constructor', /no such key/],
  ['no axes', (r) => (r.axes = []), 'axes', /at least 1/],
  ['axes that are no list', (r) => (r.axes = 3), 'axes', /list/],
  ['an axis without limits', (r) => delete r.axes[2].min, 'axes[2].min', /required/],
  ['a limit as text', (r) => (r.axes[2].max = '3 rad'), 'axes[2].max', /number/],
  ['an infinite limit', (r) => (r.axes[2].max = Number.POSITIVE_INFINITY), 'axes[2].max', /finite/],
  ['a limit that is no number', (r) => (r.axes[2].max = Number.NaN), 'axes[2].max', /finite/],
  ['limits the wrong way round', (r) => (r.axes[1].min = 2), 'axes[1].min', /below max/],
  ['a home outside the limits', (r) => (r.axes[3].home = 0), 'axes[3].home', /within the limits/],
  ['a velocity of zero', (r) => (r.axes[3].velocity = 0), 'axes[3].velocity', /> 0/],
  ['a negative effort', (r) => (r.axes[3].effort = -1), 'axes[3].effort', /> 0/],
  ['a negative gain', (r) => (r.axes[3].kp = -1), 'axes[3].kp', /≥ 0/],
  ['an unknown axis type', (r) => (r.axes[3].type = 'ball'), 'axes[3].type', /revolute, prismatic/],
  ['a gripper in the middle', (r) => (r.axes[3].type = 'prismatic'), 'axes[3].type', /last axis/],
  ['a gripper alone', (r) => onlyGripper(r), 'axes', /before the gripper/],
  ['a gripper that opens below zero', (r) => (r.axes[7].min = -0.01), 'axes[7].min', /negative/],
  ['two axes of one name', (r) => (r.axes[4].name = 'joint1'), 'axes[4].name', /axes\[0\] already/],
  ['an axis name with a blank', (r) => (r.axes[4].name = 'my joint'), 'axes[4].name', /match/],
  [
    'a model joint used twice',
    (r) => (r.axes[4].joints = [{ name: 'joint1' }]),
    'axes[4].joints[0].name',
    /joint1 already/,
  ],
  ['a ratio of zero', (r) => (r.axes[7].joints[0].ratio = 0), 'axes[7].joints[0].ratio', /ratio 0/],
  ['no joints behind an axis', (r) => (r.axes[7].joints = []), 'axes[7].joints', /at least 1/],
  [
    'a leader of unknown axes',
    (r) => lead(r, { joints: [{ axis: 'j9' }] }),
    'leader.joints[0].axis',
    /one of/,
  ],
  [
    'a leader joint twice',
    (r) => lead(r, { joints: [{ axis: 'joint1' }, { axis: 'joint1' }] }),
    'leader.joints[1].axis',
    /joints\[0\] drives that axis already/,
  ],
  [
    'a leader that drives the gripper by a joint',
    (r) => lead(r, { joints: [{ axis: 'gripper' }] }),
    'leader.joints[0].axis',
    /arm axes/,
  ],
  [
    'a clutch without the mapping pose',
    (r) => lead(r, { buttons: [{ button: 0, does: 'clutch' }] }),
    'leader.buttons[0].does',
    /mapping pose/,
  ],
  [
    'a button twice',
    (r) =>
      lead(r, {
        buttons: [
          { button: 1, does: 'record' },
          { button: 1, does: 'success' },
        ],
      }),
    'leader.buttons[1].button',
    /that one already/,
  ],
  [
    'a trigger beyond the gripper',
    (r) => lead(r, { trigger: { released: 1 } }),
    'leader.trigger.released',
    /within/,
  ],
  [
    'a trigger that does nothing',
    (r) => lead(r, { trigger: { released: 0.02, squeezed: 0.02 } }),
    'leader.trigger.squeezed',
    /differ/,
  ],
  [
    'a leader model without pose',
    (r) => lead(r, { model: { file: 'x.xml' } }),
    'leader.model',
    /mapping pose/,
  ],
  ['no devices', (r) => (r.devices = []), 'devices', /at least 1/],
  ['a device without kind', (r) => delete r.devices[0].kind, 'devices[0].kind', /required/],
  [
    'a device with an unknown axis',
    (r) => (r.devices[0].axes[0] = 'joint9'),
    'devices[0].axes[0]',
    /one of the axes/,
  ],
  ['an axis that nothing drives', (r) => r.devices[0].axes.pop(), 'axes[7].name', /no device/],
  [
    'an axis driven twice',
    (r) => r.devices.push({ name: 'b', kind: 'mock', axes: ['joint1'] }),
    'devices[1].axes[0]',
    /sim drives/,
  ],
  ['an axis twice in one device', (r) => r.devices[0].axes.push('joint1'), 'devices[0].axes[8]', /already/],
  [
    'two devices, one without axes',
    (r) => r.devices.push({ name: 'b', kind: 'mock' }),
    'devices[1].axes',
    /several devices/,
  ],
  [
    'two devices of one name',
    (r) => r.devices.push({ name: 'sim', kind: 'mock', axes: ['x'] }),
    'devices[1].name',
    /devices\[0\]/,
  ],
  ['options that are a list', (r) => (r.devices[0].options = []), 'devices[0].options', /section/],
  ['two cameras of one name', (r) => (r.cameras[1].name = 'front'), 'cameras[1].name', /cameras\[0\]/],
  ['a camera of no width', (r) => (r.cameras[0].width = 0), 'cameras[0].width', /≥ 16/],
  ['a camera far too wide', (r) => (r.cameras[0].width = 100000), 'cameras[0].width', /≤ 4096/],
  ['half a pixel', (r) => (r.cameras[0].height = 240.5), 'cameras[0].height', /whole number/],
  ['a camera that never fires', (r) => (r.cameras[0].fps = 0), 'cameras[0].fps', /> 0/],
  ['a fish eye', (r) => (r.cameras[0].fovyDeg = 180), 'cameras[0].fovyDeg', /< 170/],
  [
    'a camera without direction',
    (r) => delete r.cameras[0].lookAt,
    'cameras[0].lookAt',
    /where the camera looks/,
  ],
  [
    'a camera that looks at itself',
    (r) => (r.cameras[0].lookAt = r.cameras[0].position),
    'cameras[0].lookAt',
    /differ/,
  ],
  ['up along the line of sight', (r) => (r.cameras[0].up = [-0.88, 0, -0.55]), 'cameras[0].up', /parallel/],
  ['a direction of zeros', (r) => (r.cameras[0].up = [0, 0, 0]), 'cameras[0].up', /zeros/],
  [
    'two directions',
    (r) => (r.cameras[0].orientation = [0, 0, 0, 1]),
    'cameras[0].orientation',
    /one or the other/,
  ],
  [
    'a long quaternion',
    (r) => {
      delete r.cameras[1].lookAt;
      delete r.cameras[1].up;
      r.cameras[1].orientation = [1, 1, 1, 1];
    },
    'cameras[1].orientation',
    /unit/,
  ],
  [
    'a position in the plane',
    (r) => (r.cameras[0].position = [1, 2]),
    'cameras[0].position[2]',
    /finite number/,
  ],
  [
    'a position in four dimensions',
    (r) => (r.cameras[0].position = [1, 2, 3, 4]),
    'cameras[0].position[3]',
    /fewer entries/,
  ],
  [
    'a simulated camera without simulation',
    (r) => (r.devices[0].kind = 'mock'),
    'cameras[0].kind',
    /no device/,
  ],
  ['a loop that stands', (r) => (r.loop.rateHz = 0), 'loop.rateHz', /≥ 10/],
  ['a priority beyond 99', (r) => (r.loop.fifoPriority = 100), 'loop.fifoPriority', /≤ 99/],
  [
    'a step longer than the period',
    (r) => (r.sim.timestep = 0.002),
    'sim.timestep',
    /whole number of physics steps/,
  ],
  ['a step that does not fit the period', (r) => (r.sim.timestep = 0.0003), 'sim.timestep', /whole number/],
  ['a negative seed', (r) => (r.sim.seed = -1), 'sim.seed', /≥ 0/],
  [
    'an age limit below the period',
    (r) => (r.limits.stateAgeMs = 0.5),
    'limits.stateAgeMs',
    /two loop periods/,
  ],
  ['a watchdog below the period', (r) => (r.limits.watchdogMs = 1), 'limits.watchdogMs', /two loop periods/],
  ['no workspace', (r) => delete r.workspace, 'workspace', /required/],
  ['a workspace inside out', (r) => (r.workspace.min[2] = 2), 'workspace.min[2]', /below workspace\.max/],
  ['chunks that lose too much', (r) => (r.recording.chunkMs = 1000), 'recording.chunkMs', /≤ 250/],
  ['a rate ratio above one', (r) => (r.recording.minRateRatio = 1.5), 'recording.minRateRatio', /≤ 1/],
  [
    'joint states faster than the loop',
    (r) => (r.recording.jointStateHz = 2000),
    'recording.jointStateHz',
    /exceed/,
  ],
  ['a speed of zero', (r) => (r.teleop.linear = 0), 'teleop.linear', /> 0/],
  [
    'a button of an input twice',
    (r) =>
      (r.input = {
        kind: 'gamepad',
        buttons: [
          { button: 2, does: 'record' },
          { button: 2, does: 'success' },
        ],
      }),
    'input.buttons[1].button',
    /input\.buttons\[0\] is that one already/,
  ],
  [
    'a button of an input that has no clutch',
    (r) => (r.input = { kind: 'gamepad', buttons: [{ button: 2, does: 'clutch' }] }),
    'input.buttons[0].does',
    /record/,
  ],
];

function bomb(): string {
  let yaml = 'a: &a [x, x, x, x, x, x, x, x, x]\n';
  for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe']) {
    yaml += `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]\n`;
  }
  return yaml;
}

function onlyGripper(r: Loose): void {
  r.axes = [r.axes[7]];
  r.devices[0].axes = ['gripper'];
}

describe('a bad robot file is refused with file, path, value and rule', () => {
  for (const [what, change, path, rule, code = 'CONFIG_INVALID'] of BAD) {
    it(what, () => {
      const error = refusal(typeof change === 'string' ? change : changed(change));
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.startsWith('bad.yaml'), error.message);
      if (path !== '') assert.equal((error.details as { path: string }).path, path, error.message);
      assert.match(error.message, rule);
      assert.doesNotMatch(error.message, /\{\w+\}|undefined|\[object/);
    });
  }

  it('whatever stands in one place, it is accepted or refused in words', () => {
    const robot: Loose = parse(text);
    const places = leaves(robot);
    const junk = fc.oneof(fc.anything({ withNullPrototype: false }), fc.double(), fc.integer(), fc.string());
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (place, value) => {
        const broken: Loose = structuredClone(robot);
        let here = broken;
        for (const key of place.slice(0, -1)) here = here[key];
        here[place.at(-1)!] = value;
        let yaml: string;
        try {
          yaml = stringify(broken);
        } catch {
          return;
        }
        try {
          robotFromText(yaml, 'any.yaml');
        } catch (error) {
          assert.ok(error instanceof ArmloopError, String((error as Error).stack));
          assert.ok(error.code.startsWith('CONFIG_'), error.code);
        }
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it('whatever text it is, it is refused in words', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (any) => {
        assert.ok(refusal(any).code.startsWith('CONFIG_'));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('every camera direction gives a unit quaternion that looks there', () => {
    const coordinate = fc.double({ min: -3, max: 3, noNaN: true });
    const point = fc.tuple(coordinate, coordinate, coordinate);
    fc.assert(
      fc.property(point, point, (position, lookAt) => {
        const back = position.map((p, i) => p - lookAt[i]!);
        fc.pre(Math.hypot(back[0]!, back[1]!) > 1e-3);
        const spec = robotFromText(
          changed((r) => Object.assign(r.cameras[0], { position, lookAt })),
          'x.yaml',
        );
        const q = spec.cameras[0]!.orientation;
        assert.ok(Math.abs(Math.hypot(...q) - 1) < 1e-12);
        near(rotate(q, [0, 0, 1]), unit(back));
        assert.ok(Math.abs(rotate(q, [1, 0, 0])[2]!) < 1e-9, 'the horizon is level');
        assert.ok(rotate(q, [0, 1, 0])[2]! >= -1e-9, 'up is up');
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

/** Paths of all values in a tree of lists and sections. */
function leaves(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([k, v]) =>
    leaves(v, [...path, Array.isArray(value) ? Number(k) : k]),
  );
  return path.length === 0 ? below : [path, ...below];
}

const unit = (v: readonly number[]): number[] => v.map((x) => x / Math.hypot(...v));

function near(a: readonly number[], b: readonly number[]): void {
  for (let i = 0; i < b.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) < 1e-9, `${a} is not ${b}`);
}

/** v rotated by the quaternion x, y, z, w: v + 2w(u × v) + 2u × (u × v). */
function rotate(q: readonly number[], v: readonly [number, number, number]): number[] {
  const [x, y, z, w] = q as [number, number, number, number];
  const t = [2 * (y * v[2] - z * v[1]), 2 * (z * v[0] - x * v[2]), 2 * (x * v[1] - y * v[0])] as const;
  return [
    v[0] + w * t[0] + y * t[2] - z * t[1],
    v[1] + w * t[1] + z * t[0] - x * t[2],
    v[2] + w * t[2] + x * t[1] - y * t[0],
  ];
}
