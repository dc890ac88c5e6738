// @limit 240
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { OrtExecutor, ortTensor } from '../../src/nn/executors/ort.ts';
import { loadTensorFlow, TfjsExecutor } from '../../src/nn/executors/tfjs.ts';
import { RULES } from '../../src/nn/gradients.ts';
import { Graph } from '../../src/nn/graph.ts';
import { LOWERINGS } from '../../src/nn/onnx/lower.ts';
import { TRAINING_LOWERINGS } from '../../src/nn/onnx/training.ts';
import * as ops from '../../src/nn/ops.ts';
import type { TensorData } from '../../src/nn/tensor.ts';
import { CASES, withGradients } from './cases.ts';
import { same } from './same.ts';

const tf = await loadTensorFlow(['@tensorflow/tfjs']);

describe('ONNX Runtime and TensorFlow.js agree on every op and gradient', () => {
  for (const of of CASES) {
    it(of.name, async () => {
      const { graph, feeds } = withGradients(of);
      await using plain = await OrtExecutor.open(graph, { threads: 1 });
      await using training = await OrtExecutor.open(graph, { threads: 2, lowerings: TRAINING_LOWERINGS });
      await using other = await TfjsExecutor.open(graph, { tf });
      const want = await plain.run(feeds);
      same(want, await other.run(feeds));
      same(want, await training.run(feeds));
    });
  }
});

describe('a convolution of many places', () => {
  it('sums its kernel gradient in blocks to what plain ONNX gives', async () => {
    const { graph, feeds } = withGradients({
      name: 'many places',
      inputs: [{ shape: [2, 5, 64, 64] }, { shape: [40, 5, 3, 3] }],
      build: (x, w) => ops.conv2d(x!, w!, undefined, { padding: 1 }),
    });
    await using plain = await OrtExecutor.open(graph, { threads: 1 });
    await using training = await OrtExecutor.open(graph, { threads: 2, lowerings: TRAINING_LOWERINGS });
    same(await plain.run(feeds), await training.run(feeds));
  });
});

describe('the table of ops', () => {
  it('every op has a gradient rule or says why it has none, and appears among the cases', () => {
    const names = Object.keys(LOWERINGS).sort();
    assert.deepEqual(Object.keys(RULES).sort(), names);
    for (const [name, rule] of Object.entries(RULES)) {
      assert.ok(typeof rule === 'function' || rule.length > 10, name);
    }
    const seen = new Set(CASES.flatMap((c) => withGradients(c).graph.nodes.map((n) => n.op)));
    assert.deepEqual([...seen].sort(), names);
  });
});

describe('executors', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 3]);
  const w = graph.parameter('layer/weight', [3, 2], { kind: 'ones' });
  graph.output('y', ops.matmul(x, w));
  graph.output('same', x);
  const parameters = new Map([['layer/weight', Float32Array.from([1, 2, 3, 4, 5, 6])]]);
  const feeds = { x: { data: Float32Array.from([1, 0, 0, 0, 1, 0]), shape: [2, 3] } };

  it('take parameters, and outputs that are inputs', async () => {
    await using ort = await OrtExecutor.open(graph, { threads: 1, parameters });
    await using other = await TfjsExecutor.open(graph, { tf, parameters });
    for (const executor of [ort, other]) {
      const result = await executor.run(feeds);
      assert.deepEqual([...(result['y']!.data as Float32Array)], [1, 2, 3, 4]);
      assert.deepEqual(result['same']!.data, feeds.x.data);
    }
  });

  it('put results into given memory without another copy of them', async () => {
    const size = 1 << 22;
    const large = new Graph();
    large.output('y', ops.mul(large.input('x', [size]), 2));
    const y = new Float32Array(size);
    const into = { y: ortTensor('float32', y, [size]) };
    await using ort = await OrtExecutor.open(large, { threads: 1, results: 'into' });
    assert.deepEqual(
      ort.outputs.map((p) => p.name),
      ['y'],
    );
    const fed = ort.fed('x', { data: new Float32Array(size).fill(3), shape: [size] });
    const before = process.memoryUsage().arrayBuffers;
    await ort.runInto({ x: fed }, into);
    assert.ok(process.memoryUsage().arrayBuffers - before < size, 'the result was copied');
    assert.ok(y.every((v) => v === 6));
    await assert.rejects(() => ort.runInto({}, into), /'x'/);
  });

  it('leave no tensors behind', async () => {
    const before = tf.memory().numTensors;
    {
      await using executor = await TfjsExecutor.open(graph, { tf, parameters });
      const held = tf.memory().numTensors;
      await executor.run(feeds);
      assert.equal(tf.memory().numTensors, held);
    }
    assert.equal(tf.memory().numTensors, before);
  });

  it('refuse feeds that do not fit, in words', async () => {
    await using ort = await OrtExecutor.open(graph, { threads: 1, parameters });
    await using other = await TfjsExecutor.open(graph, { tf, parameters });
    const f = (data: TensorData['data'], ...shape: number[]): TensorData => ({ data, shape });
    const six = new Float32Array(6);
    const bad: readonly (readonly [Record<string, TensorData>, RegExp])[] = [
      [{}, /input x cannot be fed: it was not given/],
      [{ x: f(six, 3, 2) }, /input x cannot be fed: its shape is \[3, 2\], not \[2, 3\]/],
      [{ x: f(new Float32Array(5), 2, 3) }, /it has 5 values, but \[2, 3\] holds 6/],
      [{ x: f(six, 2, 3), z: f(six, 6) }, /input z cannot be fed: the graph has no such input/],
    ];
    for (const executor of [ort, other]) {
      for (const [given, text] of bad) await assert.rejects(() => executor.run(given), text);
    }
    await assert.rejects(
      () => ort.run({ x: f(new Int32Array(6), 2, 3) }),
      /it came as Int32Array, but float32 is a Float32Array/,
    );
  });

  it('refuse parameters of another length, and name them', async () => {
    const short = new Map([['layer/weight', new Float32Array(5)]]);
    const text = /parameter layer\/weight of shape \[3, 2\] has 5 values, but 6 are needed/;
    await assert.rejects(() => OrtExecutor.open(graph, { threads: 1, parameters: short }), text);
    await assert.rejects(() => TfjsExecutor.open(graph, { tf, parameters: short }), text);
  });

  it('say why a GPU cannot be used', async (t) => {
    const opened = OrtExecutor.open(graph, { threads: 1, parameters, provider: 'cuda' });
    const refusal = await opened.then(
      (executor) => executor[Symbol.asyncDispose](),
      (error: unknown) => error,
    );
    if (refusal === undefined) return t.skip('a GPU is here and usable');
    assert.ok(refusal instanceof ArmloopError && refusal.code === 'NN_PROVIDER', `${refusal}`);
    assert.match(refusal.message, /cannot use its provider cuda: ./);
  });

  it('say which optional package is missing', async () => {
    await assert.rejects(
      () => loadTensorFlow(['@tensorflow/tfjs-not-there']),
      (error: unknown) =>
        error instanceof ArmloopError &&
        error.code === 'NN_PEER_MISSING' &&
        /tfjs-not-there/.test(error.message),
    );
  });
});
