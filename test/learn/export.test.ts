import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import Value from 'typebox/value';
import { BatchLoader } from '../../src/learn/data/loader.ts';
import { bundleModel, checkPolicyName, installBundle, writeBundle } from '../../src/learn/export.ts';
import { Actor } from '../../src/learn/validator.ts';
import { OrtExecutor } from '../../src/nn/executors/ort.ts';
import { drawNoise } from '../../src/nn/noise.ts';
import type { TensorData } from '../../src/nn/tensor.ts';
import { PolicyManifest } from '../../src/policy/manifest.ts';
import { exportedRun, pixelData, pointData, trained } from '../support/cloning.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-export-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const B = 8;
/** Sample i of a batch, as a batch of one. */
function row({ data, shape }: TensorData, i: number): TensorData {
  const size = data.length / B;
  return { data: data.slice(i * size, (i + 1) * size), shape: [1, ...shape.slice(1)] };
}

describe('an exported policy', () => {
  const image = { network: 'cnn', patch: 4, channels: [8, 8], groups: 4, keypoints: 4 };
  const layers = { styleLayers: 1, encoderLayers: 1, decoderLayers: 1 };
  const transformer = { width: 16, heads: 2, feedforward: 32, latent: 4, ...layers };
  for (const [what, model, data] of [
    ['regression', { head: { kind: 'regression', widths: [32] } }, pointData(6, 0)],
    [
      'a mixture',
      { head: { kind: 'mixture', widths: [32], act: 'sample', temperature: 1 } },
      pointData(6, 0),
    ],
    [
      'diffusion',
      { head: { kind: 'diffusion', denoiser: { network: 'mlp', widths: [32] } } },
      pointData(6, 0),
    ],
    ['dropout', { head: { kind: 'regression', widths: [32], dropout: 0.5 } }, pointData(6, 0)],
    ['pixels', { encoder: { image }, head: { kind: 'regression', widths: [16] } }, pixelData(4)],
    ['a Gaussian', { head: { kind: 'gaussian', widths: [32] } }, pointData(6, 0)],
    [
      'autoregressive bins, drawn',
      { head: { kind: 'autoregressive', width: 16, bins: 8, act: 'sample' } },
      pointData(6, 0),
    ],
    ['ACT', { head: { kind: 'act', ...transformer } }, pointData(6, 0)],
    ['ACT from pixels', { encoder: { image }, head: { kind: 'act', ...transformer } }, pixelData(4)],
    [
      'flow matching with a U-Net',
      { head: { kind: 'flow', denoiser: { network: 'unet', timeWidth: 8, channels: [8, 16], groups: 2 } } },
      pointData(6, 0),
    ],
  ] as const)
    it(`agrees with the trainer to 1e-5: ${what}`, async () => {
      const t = await trained(data, model);
      const bundle = join(folder, what);
      writeBundle(bundle, t);
      const options = { threads: 1, provider: 'cpu' } as const;
      await using actor = await Actor.open(t.net, B, options);
      await using policy = await OrtExecutor.open(readFileSync(join(bundle, 'policy.onnx')), options);
      await using batches = await BatchLoader.open(data, { set: 'train', batch: B, seed: 1, workers: 0 });
      const { feeds } = await batches.next();
      const { action: _, actionMask: __, ...obs } = feeds;
      const want = await actor.act(obs, { seed: 9, draw: 4 }, t.parameters);
      const noise = t.net.actNoise(B).map((spec) => [spec.name, drawNoise(spec, 9, 4)] as const);
      let worst = 0;
      let largest = 0;
      for (let i = 0; i < B; i++) {
        const all = [...Object.entries(obs), ...noise].map(([name, t]) => [name, row(t, i)] as const);
        const { action } = await policy.run(Object.fromEntries(all));
        row(want, i).data.forEach((w, k) => {
          worst = Math.max(worst, Math.abs(Number(w) - Number(action!.data[k])));
          largest = Math.max(largest, Math.abs(Number(w)));
        });
      }
      assert.ok(worst <= 1e-5, `differs by ${worst}`);
      assert.ok(largest > 0.01, 'it does something');
    });

  it('says in policy.json all that it needs, and nothing more', async () => {
    const data = pointData(6, 0);
    const model = { head: { kind: 'diffusion', denoiser: { network: 'mlp', widths: [16] } } };
    const deployment = { execution: 'ensemble', ensembleDecay: 0.02, every: 2, blendMs: 0, latencyMs: 70 };
    const t = await trained(data, model, { deployment, description: 'goes there' });
    const bundle = join(folder, 'manifest');
    const manifest = writeBundle(bundle, t);
    assert.deepEqual(readdirSync(bundle).sort(), ['policy.json', 'policy.onnx']);
    const stored: unknown = JSON.parse(readFileSync(join(bundle, 'policy.json'), 'utf8'));
    assert.deepEqual(stored, manifest);
    assert.ok(Value.Check(PolicyManifest, stored), JSON.stringify(Value.Errors(PolicyManifest, stored)));
    const onnx = readFileSync(join(bundle, 'policy.onnx'));
    const sha256 = createHash('sha256').update(onnx).digest('hex');
    assert.deepEqual(manifest.model, { runtime: 'onnx', file: 'policy.onnx', sha256 });
    assert.equal(bundleModel(bundle), sha256);

    await using policy = await OrtExecutor.open(onnx, { threads: 1 });
    assert.deepEqual(
      manifest.inputs.map((i) => i.name).sort(),
      policy.inputs.map((i) => i.name).sort(),
      'one entry for each input of the file',
    );
    const noise = manifest.inputs.filter((i) => i.kind === 'noise');
    assert.ok(noise.length > 0);
    for (const { name, shape } of noise)
      assert.deepEqual(shape, policy.inputs.find((i) => i.name === name)!.shape);
    assert.deepEqual(
      policy.outputs.map((o) => [o.name, o.shape]),
      [[manifest.action.name, [1, 4, 1]]],
    );
    assert.deepEqual(manifest.inputs[0], data.inputs[0], 'with the normaliser of the data');
    assert.deepEqual(manifest.action, data.action);
    assert.deepEqual(manifest.chunk, {
      horizon: 4,
      first: 0,
      every: 2,
      execution: 'ensemble',
      blendMs: 0,
      ensembleDecay: 0.02,
    });
    assert.equal(manifest.latencyMs, 70);
    assert.equal(manifest.description, 'goes there');
    const { training } = manifest;
    assert.deepEqual([training?.run, training?.episodes, training?.step], [exportedRun.id, 1, 30]);
    assert.equal(training?.dataSha256, data.dataSha256);
  });

  it('is written again with the same bytes', async () => {
    const t = await trained(pointData(6, 0), { head: { kind: 'regression', widths: [16] } });
    const bundle = join(folder, 'again');
    writeBundle(bundle, t);
    const first = readFileSync(join(bundle, 'policy.onnx'));
    writeBundle(bundle, t);
    assert.ok(first.equals(readFileSync(join(bundle, 'policy.onnx'))));
  });
});

describe('installing a policy', () => {
  const workspace = join(folder, 'workspace');
  const bundle = (from: string, note: string): string => {
    const made = join(folder, `bundle-${from}-${note}`);
    mkdirSync(made, { recursive: true });
    writeFileSync(join(made, 'policy.json'), JSON.stringify({ training: { run: from }, note }));
    return made;
  };
  const note = (at: string): string =>
    (JSON.parse(readFileSync(join(workspace, at, 'policy.json'), 'utf8')) as { note: string }).note;

  it('keeps the policies of other runs, replaces its own, and puts what is replaced by force into the trash', () => {
    checkPolicyName(workspace, 'p', 'run-a');
    installBundle(workspace, bundle('run-a', '1'), 'p', 'run-a');
    checkPolicyName(workspace, 'p', 'run-a');
    assert.throws(() => checkPolicyName(workspace, 'p', 'run-b'), { code: 'POLICY_EXISTS' });
    installBundle(workspace, bundle('run-a', '2'), 'p', 'run-a');
    assert.equal(note('policies/p'), '2');
    assert.equal(existsSync(join(workspace, 'trash')), false, 'its own is not kept');
    installBundle(workspace, bundle('run-b', '3'), 'p', 'run-b');
    installBundle(workspace, bundle('run-a', '4'), 'p', 'run-a');
    installBundle(workspace, bundle('run-b', '5'), 'p', 'run-b');
    assert.equal(note('policies/p'), '5');
    assert.equal(note('trash/policies/p-run-a'), '2');
    assert.equal(note('trash/policies/p-run-b'), '3');
    assert.equal(note('trash/policies/p-run-a-2'), '4');
    assert.deepEqual(readdirSync(join(workspace, 'policies')), ['p']);
  });

  it('a folder that is no policy of a run is not overwritten either', () => {
    mkdirSync(join(workspace, 'policies', 'q'), { recursive: true });
    assert.throws(() => checkPolicyName(workspace, 'q', 'run-a'), { code: 'POLICY_EXISTS' });
  });
});
