import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitProblems, MAX_HORIZON, tensorProblems } from '../../src/policy/check.ts';
import type { Feature, PolicyManifest } from '../../src/policy/manifest.ts';
import { spec } from '../support/bench-arm.ts';
import { jointManifest } from '../support/policy.ts';

const base = jointManifest(spec);
const [state] = base.inputs as [Extract<PolicyManifest['inputs'][number], { kind: 'state' }>];
const image = {
  kind: 'image',
  name: 'image',
  camera: 'front',
  width: 96,
  height: 96,
  encoding: 'uint8-hwc',
} as const;

const changed: readonly (readonly [string, Partial<PolicyManifest>, RegExp])[] = [
  ['another rig', { robot: { ...base.robot, ids: ['a', 'b'] } }, /made for a, b, and this rig is panda-sim/],
  [
    'other axes',
    { robot: { ids: [], axes: base.robot.axes.map((a) => ({ ...a, unit: 'deg' })) } },
    /joint1 \(deg\).*and this rig has joint1 \(rad\)/,
  ],
  [
    'an unknown field',
    { inputs: [{ ...state, features: [{ ...state.features[0]!, field: 'in.qq' }] }] },
    /input state: the tick has no field in\.qq/,
  ],
  [
    'another unit',
    { inputs: [{ ...state, features: [{ ...state.features[0]!, unit: 'deg' }] }] },
    /in\.q is given in deg, but it is axis or rad\|m here/,
  ],
  [
    'a normaliser of another length',
    { inputs: [{ ...state, normaliser: { method: 'min-max', offset: [0], scale: Array(8).fill(1) } }] },
    /input state: normaliser\.offset has 1 values, but there are 8/,
  ],
  [
    'a scale of 0',
    {
      action: {
        ...base.action,
        normaliser: { method: 'min-max', offset: Array(8).fill(0), scale: Array(8).fill(0) },
      },
    },
    /action: normaliser\.scale\[0\] is 0/,
  ],
  [
    'an unknown camera',
    { inputs: [{ ...image, camera: 'top' }] },
    /no camera top; this rig has front, wrist/,
  ],
  [
    'frames that are too small',
    { inputs: [{ ...image, width: 640, height: 480 }] },
    /frames of front are 320 × 240, smaller than the wanted 640 × 480/,
  ],
  [
    'frames that get too old',
    { inputs: [image], observation: { steps: 1, maxAgeMs: 20 } },
    /maxAgeMs is 20, but at 15 frames a second those of front get 67 ms old/,
  ],
  [
    'a flat history',
    { inputs: [{ ...state, flat: true }], observation: { steps: 2, maxAgeMs: 200 } },
    /flat needs/,
  ],
  ['two inputs of one name', { inputs: [state, state] }, /two inputs are named state/],
  [
    'a condition of nothing',
    { inputs: [state, { kind: 'condition', name: 'goal' }] },
    /input goal: a condition has either tasks or features/,
  ],
  [
    'actions of another size',
    { action: { ...base.action, space: 'tool' } },
    /size is 8, but tool actions of this rig have 10/,
  ],
  ['a long chunk', { chunk: { ...base.chunk, horizon: 300 } }, new RegExp(`at most ${MAX_HORIZON}`)],
  [
    'steps that a chunk does not have',
    { chunk: { ...base.chunk, every: 9, execution: 'synchronous' } },
    /every is 9, but a chunk has only 8/,
  ],
  [
    'chunks that run dry',
    { latencyMs: 300 },
    /a chunk lasts until 450 ms after .* the next one comes after 500 ms/,
  ],
];

test('a policy that fits has no problem', () => {
  assert.deepEqual(fitProblems(base, spec), []);
  const named = { ...state.features[0]!, unit: 'rad|m' };
  const joints = { ...state.features[0]!, axes: [0, 1], unit: 'rad', width: 2 };
  const speeds: Feature = { field: 'in.qd', encode: 'raw', axes: [7], unit: 'm/s', width: 1 };
  const pose: Feature = { field: 'out.tool', encode: 'pose9', unit: 'm|1', width: 9 };
  const inputs = [{ ...state, features: [named, joints, speeds, pose] }, image];
  assert.deepEqual(fitProblems({ ...base, robot: { ...base.robot, ids: [] }, inputs }, spec), []);
  const late: PolicyManifest = {
    ...base,
    latencyMs: 300,
    chunk: { ...base.chunk, execution: 'synchronous' },
  };
  assert.deepEqual(fitProblems(late, spec), [], 'a synchronous arm waits');
});

for (const [what, change, words] of changed) {
  test(`refused: ${what}`, () => {
    const problems = fitProblems({ ...base, ...change }, spec);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0]!, words);
  });
}

test('tensors of the model are compared by name, type and shape; free dimensions fit', () => {
  const m: PolicyManifest = { ...base, inputs: [state, image] };
  const model = {
    inputs: [
      { name: 'state', type: 'float32', shape: ['batch', 1, 8] },
      { name: 'image', type: 'uint8', shape: [-1, null, 96, 96, 3] },
    ],
    outputs: [{ name: 'action', type: 'float32', shape: [1, 8, 8] }],
  };
  assert.deepEqual(tensorProblems(m, model), []);
  const problems = tensorProblems(m, {
    inputs: [
      { name: 'state', type: 'float64', shape: [1, 8] },
      { name: 'picture', type: 'uint8', shape: null },
    ],
    outputs: [{ name: 'actions', type: 'float32', shape: null }],
  });
  assert.deepEqual(problems, [
    'the input state of the model is float64, but policy.json makes it float32',
    'the input state of the model has the shape [1, 8], but policy.json makes it [1, 1, 8]',
    'the model has no input image; it has state, picture',
    'the model wants an input picture, which policy.json does not give',
    'the model has no output action; it has actions',
  ]);
});
