import assert from 'node:assert/strict';
import { it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { ArmloopError } from '../../src/errors.ts';
import { Graph } from '../../src/nn/graph.ts';
import { fromOnnx } from '../../src/nn/onnx/read.ts';
import { ELEMENT, MODEL } from '../../src/nn/onnx/schema.ts';
import { toOnnx } from '../../src/nn/onnx/write.ts';
import * as ops from '../../src/nn/ops.ts';

function network(): Graph {
  const graph = new Graph();
  const x = graph.input('x', [2, 3, 8, 8], 'uint8');
  graph.input('unused', [4], 'int64');
  const w = graph.scope('conv', () => graph.parameter('weight', [4, 3, 3, 3], { kind: 'ones' }));
  graph.parameter('idle', [5], { kind: 'ones' });
  const y = ops.conv2d(ops.mul(ops.cast(x, 'float32'), 1 / 255), w, undefined, { stride: 2, padding: 1 });
  graph.output('y', ops.layerNorm(y, graph.constant([1, 2, 3, 4]), graph.constant([0, 0, 0, 0]), 0.25));
  ops.exp(y);
  graph.output('place', ops.argMax(ops.reshape(y, [2, 64]), 1));
  return graph;
}

it('what is written is what is read', () => {
  const weights = Float32Array.from({ length: 108 }, (_, i) => i / 7);
  const parameters = new Map([['conv/weight', weights]]);
  const bytes = toOnnx(network(), { name: 'policy', parameters, metadata: { made: 'by a test' } });
  const model = fromOnnx(bytes, 'policy.onnx');
  assert.deepEqual(
    { ...model, nodes: [], initializers: [] },
    {
      irVersion: 9,
      producer: 'armloop',
      name: 'policy',
      opsets: { '': 20 },
      metadata: { made: 'by a test' },
      inputs: [
        { name: 'x', dtype: 'uint8', shape: [2, 3, 8, 8] },
        { name: 'unused', dtype: 'int64', shape: [4] },
      ],
      outputs: [
        { name: 'y', dtype: 'float32', shape: [2, 4, 4, 4] },
        { name: 'place', dtype: 'int64', shape: [2] },
      ],
      nodes: [],
      initializers: [],
    },
  );
  assert.deepEqual(
    model.nodes.map((n) => n.op),
    ['Cast', 'Mul', 'Conv', 'LayerNormalization', 'Reshape', 'ArgMax'],
    'nothing that no output needs',
  );
  const conv = model.nodes[2]!;
  assert.deepEqual(conv.attributes, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  assert.deepEqual(conv.inputs[1], 'conv/weight');
  assert.deepEqual(model.nodes[3]!.attributes, { axis: -1, epsilon: 0.25 });
  assert.deepEqual(model.initializers.get('conv/weight'), { data: weights, shape: [4, 3, 3, 3] });
  assert.ok(!model.initializers.has('idle'));
});

it('parameters can be inputs of the file', () => {
  const model = fromOnnx(toOnnx(network(), { name: 'policy', parameters: 'inputs' }), 'policy.onnx');
  assert.deepEqual(
    model.inputs.map((i) => i.name),
    ['x', 'unused', 'conv/weight'],
  );
});

it('the same graph gives the same bytes', () => {
  const bytes = (): Uint8Array => toOnnx(network(), { name: 'policy', parameters: 'inputs' });
  assert.deepEqual(bytes(), bytes());
});

it('reads values from the fields of their types, free sizes, and no more than it knows', () => {
  const dim = [{ value: { case: 'dimParam', value: 'batch' } }, { value: { case: undefined } }];
  const model = {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'g',
      input: [
        { name: 'x', type: { value: { case: 'tensorType', value: { elemType: 10, shape: { dim } } } } },
      ],
      initializer: [
        { name: 'f', dims: [2n], dataType: ELEMENT.float32, floatData: [1, 2] },
        { name: 'i', dims: [1n], dataType: ELEMENT.int64, int64Data: [-5n] },
        { name: 'j', dims: [1n], dataType: ELEMENT.int32, int32Data: [6] },
        { name: 'b', dims: [2n], dataType: ELEMENT.bool, int32Data: [0, 1] },
        { name: 'half', dims: [1n], dataType: 10, int32Data: [15360] },
      ],
    },
  };
  const read = fromOnnx(toBinary(MODEL, create(MODEL, model as Record<string, unknown>)), 'other.onnx');
  assert.deepEqual(read.inputs, [{ name: 'x', dtype: 'type 10', shape: ['batch', '?'] }]);
  assert.deepEqual(Object.fromEntries(read.initializers), {
    f: { data: Float32Array.of(1, 2), shape: [2] },
    i: { data: BigInt64Array.of(-5n), shape: [1] },
    j: { data: Int32Array.of(6), shape: [1] },
    b: { data: Uint8Array.of(0, 1), shape: [2] },
    half: null,
  });
});

it('refuses what is no model, in words', () => {
  const write = (model: object): Uint8Array =>
    toBinary(MODEL, create(MODEL, model as Record<string, unknown>));
  const opsetImport = [{ domain: '', version: 20n }];
  const weights = { name: 'w', dims: [3n], dataType: 1, floatData: [1] };
  const outside = { name: 'w', dims: [3n], dataType: 1, externalData: [{ key: 'location', value: 'w.bin' }] };
  const BAD: readonly (readonly [Uint8Array, RegExp])[] = [
    [Uint8Array.of(255, 255, 255), /p\.onnx is no ONNX model that can be read: ./],
    [new Uint8Array(0), /it has no graph or names no operator set/],
    [
      write({ opsetImport, graph: { initializer: [weights] } }),
      /the weights w have 1 values, but \[3\] holds 3/,
    ],
    [write({ opsetImport, graph: { initializer: [outside] } }), /the weights w lie in another file/],
  ];
  for (const [bytes, text] of BAD) {
    assert.throws(
      () => fromOnnx(bytes, 'p.onnx'),
      (error: unknown) =>
        error instanceof ArmloopError && error.code === 'ONNX_UNREADABLE' && text.test(error.message),
    );
  }
});
