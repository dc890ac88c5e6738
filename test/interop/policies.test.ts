// @limit 240
/** Policies that PyTorch exported to ONNX run from a policy.json written by hand, and answer what PyTorch answers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { drawNoise } from '../../src/nn/noise.ts';
import type { TensorData } from '../../src/nn/tensor.ts';
import { loadBundle } from '../../src/policy/bundle.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { packageRoot } from '../../src/root.ts';
import { HOME, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { findPython } from '../support/python.ts';

interface Tried {
  readonly inputs: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
  readonly action: { readonly shape: number[]; readonly data: number[] };
}

const { python, skip } = findPython(['torch', 'onnx', 'onnxscript']);
const folder = mkdtempSync(join(tmpdir(), 'armloop-torch-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const here = join(packageRoot(), 'test', 'interop');

/** The exported model beside the policy.json, with the model's hash in it. */
function bundle(name: string) {
  const place = mkdtempSync(join(folder, name));
  copyFileSync(join(folder, `${name}.onnx`), join(place, `${name}.onnx`));
  const text = readFileSync(join(here, 'policies', name, 'policy.json'), 'utf8');
  const manifest = JSON.parse(text) as { model: { sha256: string } };
  manifest.model.sha256 = createHash('sha256')
    .update(readFileSync(join(place, `${name}.onnx`)))
    .digest('hex');
  writeFileSync(join(place, 'policy.json'), JSON.stringify(manifest));
  return loadBundle(place);
}

/** A tick with joints and a tool pose that move with the time. */
function ticked(time: number): Float64Array {
  const block = new Float64Array(tick.layout.size);
  const q = HOME.map((x, a) => x + (a < 7 ? 0.05 * (a + 1) * (time - 10) : 0));
  tick.layout.view(block, 'in.q').set(q);
  tick.layout.view(block, 'out.q').set(q);
  tick.layout.view(block, 'out.tool').set([0.4, 0.1 * (time - 10), 0.3, Math.SQRT1_2, 0, 0, Math.SQRT1_2]);
  block[tick.layout.at('in.time')] = time;
  tick.layout.view(block, 'in.device.time').fill(time);
  return block;
}

describe('policies exported by PyTorch', { skip }, () => {
  let tried: Record<string, Tried> = {};
  before(() => {
    // PyTorch warns of much that is no concern of ours; with a pipe, its words are in the error when it fails.
    const text = execFileSync(python, [join(here, 'export_policies.py'), folder], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    tried = JSON.parse(text) as Record<string, Tried>;
  });

  for (const name of ['act', 'diffusion'] as const) {
    it(`${name}: ONNX Runtime answers what PyTorch does`, async () => {
      const { inputs, action } = tried[name]!;
      await using ort = await OrtExecutor.open(readFileSync(join(folder, `${name}.onnx`)), { threads: 1 });
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([k, v]): [string, TensorData] => [
          k,
          { shape: v.shape, data: Float32Array.from(v.data) },
        ]),
      );
      const got = (await ort.run(feeds))['action']!;
      assert.deepEqual(got.shape, action.shape);
      allClose(got.data as Float32Array, action.data, { rtol: 1e-4, atol: 1e-4 });
    });
  }

  it('act: runs from its policy.json on the robot, joints and picture normalised as it says', async () => {
    await using runner = await PolicyRunner.open(bundle('act'), { spec });
    const { manifest } = runner;
    const width = 96;
    const pixels = Buffer.alloc(width * width * 3, 0).map((_, i) => (i % 3 === 0 ? 200 : 60));
    const raw = { width, height: width, channels: 3 } as const;
    const jpeg = await sharp(pixels, { raw }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    runner.observer.tick(ticked(10.1));
    runner.observer.frame('front', 10.05, jpeg);
    assert.equal(await runner.infer(10.1, 10), '');

    const decoded = await sharp(jpeg).raw().toBuffer();
    const [joints, image] = manifest.inputs;
    assert.ok(joints?.kind === 'state' && image?.kind === 'image');
    const { offset, scale } = joints.normaliser;
    const q = tick.layout.view(ticked(10.1), 'in.q');
    const front = new Float32Array(3 * width * width);
    for (let i = 0; i < width * width; i++)
      for (let c = 0; c < 3; c++)
        front[c * width * width + i] = (decoded[3 * i + c]! / 255 - image.mean![c]!) / image.std![c]!;
    await using ort = await OrtExecutor.open(readFileSync(join(folder, 'act.onnx')), { threads: 1 });
    const direct = await ort.run({
      joints: { shape: [1, 8], data: Float32Array.from(q, (x, a) => (x - offset[a]!) / scale[a]!) },
      front: { shape: [1, 3, width, width], data: front },
    });
    const { normaliser } = manifest.action;
    const want = Array.from(
      direct['action']!.data as Float32Array,
      (y, i) => y * normaliser.scale[i % 8]! + normaliser.offset[i % 8]!,
    );
    allClose(runner.actions, want, { atol: 1e-4 });
  });

  it('diffusion: a history of two steps and drawn noise give the chunk that the file gives', async () => {
    await using runner = await PolicyRunner.open(bundle('diffusion'), { spec, seed: 5 });
    for (let i = 0; i <= 200; i++) runner.observer.tick(ticked(10 + i / 1000));
    runner.begin(5);
    assert.equal(await runner.infer(10.2, 10), '');
    const seen = [10.1, 10.2].flatMap((time) => {
      const block = ticked(time);
      const tool = tick.layout.view(block, 'out.tool');
      // The pose is turned by 90° about x: its first two columns are e_x and e_z.
      return [...tick.layout.view(block, 'in.q'), ...tool.subarray(0, 3), 1, 0, 0, 0, 0, 1];
    });
    await using ort = await OrtExecutor.open(readFileSync(join(folder, 'diffusion.onnx')), { threads: 1 });
    const noise = drawNoise({ name: 'noise', shape: [1, 16, 8], distribution: 'normal' }, 5, 0);
    const direct = await ort.run({ state: { shape: [1, 2, 17], data: Float32Array.from(seen) }, noise });
    const { normaliser } = runner.manifest.action;
    const want = Array.from(
      direct['action']!.data as Float32Array,
      (y, i) => y * normaliser.scale[i % 8]! + normaliser.offset[i % 8]!,
    );
    assert.ok(want.every(Number.isFinite));
    allClose(runner.actions, want, { atol: 1e-4 });
  });
});
