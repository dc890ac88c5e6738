import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { AreaResizer } from '../../src/math/area.ts';
import { Graph } from '../../src/nn/graph.ts';
import { drawNoise } from '../../src/nn/noise.ts';
import { add, cast, mean, reshape } from '../../src/nn/ops.ts';
import type { PolicyManifest } from '../../src/policy/manifest.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { HOME, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { jointManifest, towards, writeBundle } from '../support/policy.ts';

const N = spec.axes.length;
const folder = mkdtempSync(join(tmpdir(), 'armloop-runner-'));
after(() => rmSync(folder, { recursive: true }));
let made = 0;
const place = (): string => join(folder, `${++made}`);

/** A tick at `time` with joints that tell it. */
function ticked(time: number, measured = time): Float64Array {
  const block = new Float64Array(tick.layout.size);
  const q = HOME.map((x, a) => x + (a + 1) * (time - 10) * 0.1);
  tick.layout.view(block, 'in.q').set(q);
  block[tick.layout.at('in.time')] = time;
  tick.layout.view(block, 'in.device.time').fill(measured);
  return block;
}

const q = (time: number): Float64Array => tick.layout.view(ticked(time), 'in.q');

test('observes by time, runs the model, and gives back actions in units', async () => {
  const m = jointManifest(spec);
  const offset = Array.from({ length: N }, (_, a) => 0.1 * a);
  const scale = Array.from({ length: N }, (_, a) => 1 + a);
  const normaliser = { method: 'mean-std', offset, scale } as const;
  const [state] = m.inputs as [Extract<PolicyManifest['inputs'][number], { kind: 'state' }>];
  const bundle = writeBundle(
    place(),
    { ...m, inputs: [{ ...state, normaliser }], action: { ...m.action, normaliser } },
    towards(new Float64Array(N), 8, 0.05),
  );
  await using runner = await PolicyRunner.open(bundle, { spec });
  assert.ok(runner.inferenceMs > 0);
  for (let i = 0; i < 300; i++) runner.observer.tick(ticked(10 + i / 1000));
  assert.equal(await runner.infer(10.1234, 10), '');
  // The tick in force is that of 10.123; the model goes from normalised to normalised.
  const seen = q(10.123).map((x, a) => Math.fround((x - offset[a]!) / scale[a]!));
  for (let k = 0; k < 8; k++) {
    const want = seen.map((x, a) => {
      const step = Math.max(-(k + 1) * 0.05, Math.min((k + 1) * 0.05, -x));
      return (x + step) * scale[a]! + offset[a]!;
    });
    allClose(runner.actions.subarray(k * N, (k + 1) * N), want, { atol: 1e-5, what: `step ${k}` });
  }
});

test('a history goes back in steps, oldest first, and repeats what was known at the start', async () => {
  const m = jointManifest(spec);
  const g = new Graph();
  g.output('action', g.input('state', [1, 3, N]));
  const bundle = writeBundle(
    place(),
    {
      ...m,
      rateHz: 10,
      observation: { steps: 3, maxAgeMs: 200 },
      chunk: { ...m.chunk, horizon: 3, every: 2 },
    },
    // The output is the input: a chunk of three steps.
    g,
  );
  await using runner = await PolicyRunner.open(bundle, { spec });
  for (let i = 0; i <= 500; i++) runner.observer.tick(ticked(10 + i / 1000));
  assert.equal(await runner.infer(10.4, 10), '');
  allClose(runner.actions, [...q(10.2), ...q(10.3), ...q(10.4)], { atol: 1e-6 });
  assert.equal(await runner.infer(10.4, 10.35), '');
  allClose(runner.actions, [...q(10.35), ...q(10.35), ...q(10.4)], { atol: 1e-6 });
});

test('what is too old, missing, or of the scene before is refused in words', async () => {
  const m = withCamera(jointManifest(spec));
  const bundle = writeBundle(place(), m, pictureMean());
  await using runner = await PolicyRunner.open(bundle, { spec });
  const { observer } = runner;
  assert.match(await runner.infer(10, 10), /no tick of that time/);
  observer.tick(ticked(10, 9.7));
  assert.equal(await runner.infer(10, 10), 'the measured state was 300 ms old, more than 200 ms');
  observer.tick(ticked(10.001));
  assert.equal(await runner.infer(10.001, 10), 'camera front has no frame of this scene yet');
  observer.frame('front', 9.7, await picture(320, 240));
  assert.equal(await runner.infer(10.001, 10), 'the frame of camera front was 301 ms old, more than 200 ms');
  observer.frame('front', 9.9, await picture(320, 240));
  assert.equal(await runner.infer(10.001, 10), '');
  observer.newScene(10.002);
  observer.tick(ticked(10.002));
  observer.frame('front', 10.001, await picture(320, 240));
  assert.match(await runner.infer(10.002, 10.002), /camera front has no frame of this scene yet/);
});

test('a frame is cut to the aspect, resized by area and handed over as bytes', async () => {
  const m = withCamera(jointManifest(spec));
  const g = new Graph();
  const image = g.input('image', [1, 1, 24, 24, 3], 'uint8');
  // 24 × 24 × 3 values as 216 steps of 8: the picture itself comes out.
  g.output('action', reshape(cast(image, 'float32'), [1, 216, N]));
  const bundle = writeBundle(
    place(),
    { ...m, inputs: m.inputs.slice(1), chunk: { ...m.chunk, horizon: 216 } },
    g,
  );
  await using runner = await PolicyRunner.open(bundle, { spec });
  const jpeg = await picture(320, 240);
  runner.observer.tick(ticked(10));
  runner.observer.frame('front', 9.95, jpeg);
  runner.observer.frame('front', 10.01, await picture(320, 240, 9));
  assert.equal(await runner.infer(10, 10), '');
  const pixels = await sharp(jpeg).raw().toBuffer();
  const want = new Uint8Array(24 * 24 * 3);
  new AreaResizer(320, 240, 24, 24).resize(pixels, want);
  assert.deepEqual(Uint8Array.from(runner.actions), want);
});

test('noise is drawn from seed and call, again the same after begin', async () => {
  const m = jointManifest(spec);
  const g = new Graph();
  const noise = g.input('noise', [1, 8, N]);
  const state = g.input('state', [1, 1, N]);
  g.output('action', add(noise, mean(state, [1], { keepDims: true })));
  const bundle = writeBundle(
    place(),
    {
      ...m,
      inputs: [...m.inputs, { kind: 'noise', name: 'noise', shape: [1, 8, N], distribution: 'normal' }],
    },
    g,
  );
  await using runner = await PolicyRunner.open(bundle, { spec, seed: 5 });
  runner.observer.tick(ticked(10));
  const draw = (seed: number, call: number): Float64Array => {
    const spec = { name: 'noise', shape: [1, 8, N], distribution: 'normal' } as const;
    return Float64Array.from(drawNoise(spec, seed, call).data as Float32Array, (x, i) => x + q(10)[i % N]!);
  };
  for (let call = 0; call < 3; call++) {
    assert.equal(await runner.infer(10, 10), '');
    allClose(runner.actions, draw(5, call), { atol: 1e-6 });
  }
  runner.begin(6);
  assert.equal(await runner.infer(10, 10), '');
  allClose(runner.actions, draw(6, 0), { atol: 1e-6 });
});

test('everything that does not fit is told at once, at load', async () => {
  const m = jointManifest(spec);
  const wrong: PolicyManifest = {
    ...m,
    robot: { ids: ['other-arm'], axes: m.robot.axes.slice(1) },
    rateHz: 5000,
    action: { ...m.action, size: 7 },
  };
  const bundle = writeBundle(place(), wrong, towards(HOME, 8, 0.1));
  await assert.rejects(PolicyRunner.open(bundle, { spec }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'POLICY_MISMATCH');
    for (const part of ['made for other-arm', 'drives the axes', 'rateHz is 5000', 'size is 7']) {
      assert.ok(error.message.includes(part), `${part} in ${error.message}`);
    }
    return true;
  });
  const shapes = writeBundle(place(), { ...m, chunk: { ...m.chunk, horizon: 9 } }, towards(HOME, 8, 0.1));
  await assert.rejects(PolicyRunner.open(shapes, { spec }), {
    code: 'POLICY_MISMATCH',
    message: /output action of the model has the shape \[1, 8, 8\], but policy.json makes it \[1, 9, 8\]/,
  });
  const g = new Graph();
  g.output('action', reshape(mean(g.input('state', [1, 1, N]), [1]), [1, N]));
  const single = writeBundle(place(), { ...m, chunk: { ...m.chunk, horizon: 1, every: 1 } }, g);
  await using runner = await PolicyRunner.open(single, { spec });
  assert.equal(runner.actions.length, N, '[B, A] stands for a chunk of one step');
});

test('an answer that is no number is refused by place', async () => {
  const m = jointManifest(spec);
  const g = new Graph();
  const nan = g.constant(
    Float32Array.from({ length: 8 * N }, (_, i) => (i === 9 ? Number.NaN : 0)),
    [1, 8, N],
  );
  g.output('action', add(nan, g.input('state', [1, 1, N])));
  const bundle = writeBundle(place(), m, g);
  await assert.rejects(PolicyRunner.open(bundle, { spec }), {
    code: 'POLICY_OUTPUT',
    message: 'the policy test-policy answered NaN as value 9',
  });
});

/** The manifest with the front camera besides the state. */
function withCamera(m: PolicyManifest): PolicyManifest {
  const image = { kind: 'image', name: 'image', camera: 'front', width: 24, height: 24 } as const;
  return { ...m, inputs: [...m.inputs, { ...image, encoding: 'uint8-hwc' }] };
}

/** action = state + mean of the picture, for every step. */
function pictureMean(): Graph {
  const g = new Graph();
  const image = cast(g.input('image', [1, 1, 24, 24, 3], 'uint8'), 'float32');
  const level = mean(reshape(image, [1, 1, 24 * 24 * 3]), [2], { keepDims: true });
  const zeros = g.constant(new Float32Array(8 * N), [1, 8, N]);
  g.output('action', add(add(zeros, g.input('state', [1, 1, N])), level));
  return g;
}

async function picture(width: number, height: number, shade = 1): Promise<Uint8Array> {
  const raw = { width, height, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * shade * 7) % 251);
  return sharp(pixels, { raw }).jpeg({ quality: 90 }).toBuffer();
}
