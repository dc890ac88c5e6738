import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ArmloopError } from '../../src/errors.ts';
import { gradients } from '../../src/nn/gradients.ts';
import { Graph } from '../../src/nn/graph.ts';
import * as ops from '../../src/nn/ops.ts';
import type { Tensor } from '../../src/nn/tensor.ts';

const g = new Graph();
const a = g.input('a', [2, 3]);
const b = g.input('b', [4, 5]);
const ids = g.input('ids', [2], 'int64');
const picture = g.input('picture', [1, 3, 8, 8]);
const kernel = g.input('kernel', [4, 2, 3, 3]);
const v = g.input('v', [7]);

const BAD: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'broadcasting',
    () => ops.add(a, b),
    /Add does not fit a \[2, 3\] and b \[4, 5\]: shapes must be equal or 1/,
  ],
  ['types', () => ops.mul(a, ids), /Mul does not fit a \[2, 3\] and ids \[2\] int64: types must be equal/],
  [
    'whole numbers',
    () => ops.exp(ids),
    /Exp does not fit ids \[2\] int64: ids is int64, but Exp takes float32/,
  ],
  [
    'matmul',
    () => ops.matmul(a, b),
    /MatMul does not fit a \[2, 3\] and b \[4, 5\]: the last axis of the first/,
  ],
  ['matmul of a vector', () => ops.matmul(a, v), /MatMul .* both need at least 2 axes/],
  [
    'reshape',
    () => ops.reshape(a, [4, -1]),
    /Reshape does not fit a \[2, 3\]: \[4, -1\] does not hold its 6 values/,
  ],
  ['transpose', () => ops.transpose(a, [0, 0]), /Transpose does not fit a \[2, 3\]: \[0, 0\] is no order/],
  ['concat', () => ops.concat([a, b], 0), /Concat does not fit a \[2, 3\] and b \[4, 5\]: all but axis 0/],
  ['split', () => ops.split(a, [1, 1], 1), /Split does not fit a \[2, 3\]: sizes 1, 1/],
  [
    'slice',
    () => ops.slice(a, { 1: [2, 2] }),
    /Slice does not fit a \[2, 3\]: range \[2, 2, 1\] of axis 1 holds nothing/,
  ],
  ['slice backwards', () => ops.slice(a, { 1: [0, 2, -1] }), /steps back/],
  ['axis', () => ops.sum(a, 2), /ReduceSum does not fit a \[2, 3\]: axis 2 is not one of its 2 axes/],
  ['axes twice', () => ops.mean(a, [0, -2]), /ReduceMean .*axes 0, -2 name one twice/],
  [
    'gather',
    () => ops.gather(a, a, 0),
    /Gather does not fit a \[2, 3\]: a is float32, but Gather takes int64 or int32/,
  ],
  [
    'expand',
    () => ops.broadcastTo(a, [2, 4]),
    /Expand does not fit a \[2, 3\]: it does not broadcast to \[2, 4\]/,
  ],
  [
    'channels',
    () => ops.conv2d(picture, kernel),
    /Conv does not fit picture \[1, 3, 8, 8\] and kernel \[4, 2, 3, 3\]: the channels/,
  ],
  ['rank', () => ops.conv1d(picture, kernel), /Conv .*the signal must be \[N, channels, length\]/],
  [
    'pool',
    () => ops.maxPool(picture, { kernel: 2, padding: 2 }),
    /MaxPool .*padding must be below the kernel/,
  ],
  ['window', () => ops.avgPool(picture, { kernel: 9 }), /AveragePool .*the padded signal is smaller/],
  [
    'groups',
    () => ops.groupNorm(picture, 2, v, v),
    /GroupNorm does not fit picture .*not a multiple of 2 groups/,
  ],
  ['norm', () => ops.layerNorm(a, v, v), /LayerNorm does not fit a \[2, 3\] and v \[7\] and v \[7\]/],
  ['clip', () => ops.clip(a, 1, 0), /Clip .*the lower limit 1 is not below/],
  ['empty axis', () => g.input('none', [2, 0]), /\[2, 0\]: every axis is a whole number of at least 1/],
];

for (const [name, build, text] of BAD) {
  it(`shape errors name op, tensors and rule: ${name}`, () => {
    assert.throws(build, (error: unknown) => {
      assert.ok(error instanceof ArmloopError && error.code === 'NN_SHAPE', `${error}`);
      assert.match(error.message, text);
      return true;
    });
  });
}

it('tensors of two graphs do not mix, and names are given once', () => {
  const other = new Graph().input('other', [2, 3]);
  assert.throws(() => ops.add(a, other), /belongs to another graph/);
  assert.throws(
    () => g.input('a', [1]),
    /input a cannot be part of the graph: something has that name already/,
  );
  assert.throws(() => g.output('a', b), /output a cannot be part of the graph/);
  assert.throws(() => g.output('far', other), /other belongs to another graph/);
});

it('scopes name parameters and nodes', () => {
  const graph = new Graph();
  const made = (): Tensor => graph.parameter('weight', [2], { kind: 'zeros' });
  const [first, second] = graph.scope('encoder', () => [
    graph.scope('one', made),
    graph.scope('two', made),
  ]) as [Tensor, Tensor];
  assert.deepEqual([...graph.parameters.keys()], ['encoder/one/weight', 'encoder/two/weight']);
  assert.equal(graph.scope('head', () => ops.add(first, second)).name, 'head/Add');
});

it('a gradient is asked of one value, and only for what it depends on', () => {
  assert.throws(() => gradients(a, [a]), /a loss is one float32 value/);
  assert.throws(() => gradients(ops.sum(a), [b]), /b \[4, 5\] has no gradient: .* does not depend on it/);
  assert.throws(() => gradients(ops.sum(ops.stopGradient(a)), [a]), /has no gradient/);
});
