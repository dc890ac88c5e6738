import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { loadBundle } from '../../src/policy/bundle.ts';
import { PolicyRunner } from '../../src/policy/runner.ts';
import { HOME, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { jointManifest } from '../support/policy.ts';

const N = spec.axes.length;
const folder = mkdtempSync(join(tmpdir(), 'armloop-tfjs-'));
after(() => rmSync(folder, { recursive: true }));

type Runtime = 'tfjs-layers' | 'tfjs-graph' | 'tf-saved-model';

function bundle(name: string, runtime: Runtime, file: string, output: string): ReturnType<typeof loadBundle> {
  const m = jointManifest(spec);
  const whole = { ...m, name, model: { runtime, file }, action: { ...m.action, name: output } };
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'policy.json'), JSON.stringify(whole));
  return loadBundle(join(folder, name));
}

/** Saves what TensorFlow.js hands to a save handler as the files that it would write. */
async function save(model: tf.LayersModel, name: string): Promise<void> {
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const paths = ['weights.bin'];
      const json = {
        modelTopology: artifacts.modelTopology,
        weightsManifest: [{ paths, weights: artifacts.weightSpecs }],
      };
      writeFileSync(join(folder, name, 'model.json'), JSON.stringify(json));
      writeFileSync(join(folder, name, 'weights.bin'), Buffer.from(artifacts.weightData as ArrayBuffer));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
}

async function actions(runner: PolicyRunner): Promise<Float64Array> {
  const block = new Float64Array(tick.layout.size);
  tick.layout.view(block, 'in.q').set(HOME);
  block[tick.layout.at('in.time')] = 10;
  tick.layout.view(block, 'in.device.time').fill(10);
  runner.observer.tick(block);
  assert.equal(await runner.infer(10, 10), '');
  return runner.actions;
}

test('a LayersModel drives: every step is what the layers make of the state', async () => {
  const state = tf.input({ batchShape: [null, 1, N], name: 'state' });
  const flat = tf.layers.flatten().apply(state) as tf.SymbolicTensor;
  const kernel = tf.tensor2d(
    Array.from({ length: N }, (_, i) =>
      Array.from({ length: 8 * N }, (_, o) => (o % N === i ? 1 + Math.floor(o / N) / 10 : 0)),
    ),
  );
  const dense = tf.layers.dense({ units: 8 * N, weights: [kernel, tf.zeros([8 * N])] });
  const wide = dense.apply(flat) as tf.SymbolicTensor;
  const action = tf.layers.reshape({ targetShape: [8, N], name: 'action' }).apply(wide) as tf.SymbolicTensor;
  const made = bundle('layers', 'tfjs-layers', 'model.json', 'action');
  await save(tf.model({ inputs: state, outputs: action }), 'layers');
  await using runner = await PolicyRunner.open(made, { spec });
  const answer = await actions(runner);
  for (let k = 0; k < 8; k++) {
    allClose(
      answer.subarray(k * N, (k + 1) * N),
      HOME.map((x) => x * (1 + k / 10)),
      { atol: 1e-5 },
    );
  }
});

test('a GraphModel drives, and one of another shape is refused before it does', async () => {
  const made = bundle('graph', 'tfjs-graph', 'model.json', 'action');
  const shape = (...dims: number[]) => ({ shape: { dim: dims.map((size) => ({ size: String(size) })) } });
  const float = { type: 'DT_FLOAT' };
  const weights = Float32Array.from({ length: 8 * N }, (_, i) => Math.floor(i / N) / 100);
  const graph = (steps: number) => ({
    node: [
      { name: 'state', op: 'Placeholder', attr: { dtype: float, shape: shape(1, steps, N) } },
      { name: 'later', op: 'Const', attr: { dtype: float, value: { tensor: { dtype: 'DT_FLOAT' } } } },
      { name: 'action', op: 'AddV2', input: ['state', 'later'], attr: { T: float } },
    ],
    versions: { producer: 27 },
  });
  const write = (steps: number): void => {
    const json = {
      format: 'graph-model',
      modelTopology: graph(steps),
      weightsManifest: [
        { paths: ['w.bin'], weights: [{ name: 'later', shape: [1, 8, N], dtype: 'float32' }] },
      ],
    };
    writeFileSync(join(folder, 'graph', 'model.json'), JSON.stringify(json));
    writeFileSync(join(folder, 'graph', 'w.bin'), Buffer.from(weights.buffer));
  };
  write(1);
  await using runner = await PolicyRunner.open(made, { spec });
  const answer = await actions(runner);
  for (let k = 0; k < 8; k++) {
    allClose(
      answer.subarray(k * N, (k + 1) * N),
      HOME.map((x) => x + k / 100),
      { atol: 1e-5 },
    );
  }
  write(3);
  await assert.rejects(PolicyRunner.open(made, { spec }), {
    code: 'POLICY_MISMATCH',
    message: /input state of the model has the shape \[1, 3, 8\]/,
  });
});

test('weights outside of the bundle are not read, and a SavedModel says which package it needs', async () => {
  const made = bundle('escaping', 'tfjs-graph', 'model.json', 'action');
  const json = { modelTopology: { node: [] }, weightsManifest: [{ paths: ['../graph/w.bin'], weights: [] }] };
  writeFileSync(join(folder, 'escaping', 'model.json'), JSON.stringify(json));
  await assert.rejects(PolicyRunner.open(made, { spec }), {
    code: 'POLICY_UNREADABLE',
    message: /leads out of the bundle/,
  });
  const saved = bundle('saved', 'tf-saved-model', 'model', 'action');
  await assert.rejects(PolicyRunner.open(saved, { spec }), {
    code: 'POLICY_RUNTIME',
    message: /none of @tensorflow\/tfjs-node-gpu, @tensorflow\/tfjs-node is installed; run npm install/,
  });
});
