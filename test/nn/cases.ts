/** One small graph for every op and its variants: gradients, executors and the ONNX writer are all tested over them. */
import assert from 'node:assert/strict';
import { ArmloopError } from '../../src/errors.ts';
import { Rng } from '../../src/math/rng.ts';
import { gradients } from '../../src/nn/gradients.ts';
import { Graph } from '../../src/nn/graph.ts';
import { hash } from '../../src/nn/init.ts';
import * as ops from '../../src/nn/ops.ts';
import { type DType, sizeOf, type Tensor, type TensorData } from '../../src/nn/tensor.ts';

export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  /** Range that values are drawn from; whole numbers for whole types. Default ±2, with a gap of 0.2 around 0. */
  readonly range?: readonly [number, number];
  /** All values at least so far apart, so that a small change does not change their order. */
  readonly apart?: boolean;
}

export interface OpCase {
  readonly name: string;
  readonly inputs: readonly InputSpec[];
  readonly build: (...xs: Tensor[]) => Tensor | readonly Tensor[];
}

const f = (shape: readonly number[], range?: readonly [number, number]): InputSpec =>
  range === undefined ? { shape } : { shape, range };
const apart = (shape: readonly number[]): InputSpec => ({ shape, apart: true });
const positive = (shape: readonly number[]): InputSpec => f(shape, [1.5, 3]);
const whole = (shape: readonly number[], below: number, dtype: DType = 'int64'): InputSpec => ({
  shape,
  dtype,
  range: [0, below],
});
const c = (name: string, inputs: readonly InputSpec[], build: OpCase['build']): OpCase => ({
  name,
  inputs,
  build,
});

const A = [3, 4] as const;

const { abs, cos, erf, exp, gelu, neg, relu, sigmoid, silu, sin, softplus, square, tanh } = ops;
const UNARY = { abs, cos, erf, exp, gelu, neg, relu, sigmoid, silu, sin, softplus, square, tanh };

export const CASES: readonly OpCase[] = [
  ...Object.entries(UNARY).map(([name, op]) => c(name, [f(A)], op)),
  c('log', [positive(A)], (x) => ops.log(x)),
  c('sqrt', [positive(A)], (x) => ops.sqrt(x)),
  c('sign and step', [f(A), f(A)], (x, y) => ops.add(ops.mul(ops.sign(x), y), ops.mul(ops.step(x), y))),
  c('stopGradient', [f(A), f(A)], (x, y) => ops.mul(ops.stopGradient(ops.add(x, 0)), y)),
  c('clip', [apart(A)], (x) => ops.clip(x, -0.65, 0.85)),
  c(
    'cast',
    [f(A), whole(A, 5), whole(A, 5, 'int32'), whole(A, 200, 'uint8'), whole(A, 2, 'bool')],
    (x, a, b, u, t) => [a, b, u, t].reduce((y, w) => ops.mul(y, ops.add(ops.cast(w, 'float32'), 1)), x),
  ),
  c('add', [f(A), f([4])], (x, y) => ops.add(x, y)),
  c('sub', [f([3, 1]), f([2, 1, 4])], (x, y) => ops.sub(x, y)),
  c('mul', [f([2, 3, 1]), f(A)], (x, y) => ops.mul(x, y)),
  c('mul by a number', [f(A)], (x) => ops.mul(-1.5, x)),
  c('div', [f(A), positive([3, 1])], (x, y) => ops.div(x, y)),
  c('pow', [positive(A), f(A)], (x, y) => ops.pow(x, y)),
  c('pow of a negative base', [f(A)], (x) => ops.pow(x, 3)),
  c('maximum', [apart(A), f([4], [-0.01, 0.01])], (x, y) => ops.maximum(x, y)),
  c('minimum', [f([4], [-0.01, 0.01]), apart(A)], (x, y) => ops.minimum(x, y)),
  c('where with comparisons', [apart(A), f(A), f([4])], (x, y, z) =>
    ops.where(ops.or(ops.and(ops.greater(x, 0), ops.less(x, 1)), ops.not(ops.greater(x, -1))), y, z),
  ),
  c('equal', [whole(A, 3), f(A)], (i, x) => ops.where(ops.equal(i, 1), x, 0)),
  c('matmul', [f([3, 4]), f([4, 2])], (x, y) => ops.matmul(x, y)),
  c('matmul, shared right side', [f([2, 3, 4]), f([4, 2])], (x, y) => ops.matmul(x, y)),
  c('matmul, batches', [f([2, 1, 3, 4]), f([3, 4, 2])], (x, y) => ops.matmul(x, y)),
  c('matmul of transposes', [f([2, 4, 3]), f([2, 2, 4])], (x, y) =>
    ops.matmul(ops.transpose(x, [0, 2, 1]), ops.transpose(y, [0, 2, 1])),
  ),
  c('transpose', [f([2, 3, 4])], (x) => ops.transpose(x, [2, 0, 1])),
  c('reshape', [f([2, 3, 4])], (x) => ops.reshape(x, [4, -1])),
  c('expandDims and squeeze', [f([3, 1])], (x) => ops.expandDims(ops.squeeze(x, 1), 0)),
  c('broadcastTo', [f([3, 1])], (x) => ops.broadcastTo(x, [2, 3, 4])),
  c('broadcastTo before a sum', [f([3, 1]), f(A)], (x, y) => ops.mul(ops.broadcastTo(x, A), y)),
  c('concat', [f([2, 1]), f([2, 3])], (x, y) => ops.concat([x, y, x], 1)),
  c('stack', [f(A), f(A)], (x, y) => ops.stack([x, y], 1)),
  c('split', [f([2, 6])], (x) => ops.split(x, [1, 2, 3], 1)),
  c('split, one part unused', [f([2, 6])], (x) => ops.split(x, 3, -1)[1]!),
  c('slice', [f([4, 5])], (x) => ops.slice(x, { 0: [1, -1], 1: [-3, 5] })),
  c('slice with steps', [f([7, 8])], (x) => ops.slice(x, { 0: [1, 7, 2], 1: [0, 8, 3] })),
  c('pad', [f([2, 3])], (x) => ops.pad(x, { 0: [1, 0], 1: [2, 3] }, 0.5)),
  c('gather', [f([5, 3]), whole([2, 4], 5)], (x, i) => ops.gather(x, i, 0)),
  c('gather along a middle axis', [f([2, 4, 3]), whole([2], 4, 'int32')], (x, i) => ops.gather(x, i, 1)),
  c('oneHot', [whole([2, 3], 4), f([2, 3, 4])], (i, x) => ops.mul(ops.oneHot(i, 4), x)),
  c('cumsum', [f(A)], (x) => ops.cumsum(x, 1)),
  c('cumsum, reversed', [f(A)], (x) => ops.cumsum(x, 0, { reverse: true })),
  c('sum', [f([2, 3, 4])], (x) => ops.sum(x, [0, 2])),
  c('sum of all', [f(A)], (x) => ops.sum(x)),
  c('mean', [f([2, 3, 4])], (x) => ops.mean(x, -1, { keepDims: true })),
  c('max', [apart([3, 4])], (x) => ops.max(x, 1)),
  c('max of all', [apart([3, 4])], (x) => ops.max(x, undefined, { keepDims: true })),
  c('logSumExp', [f([2, 3, 4])], (x) => ops.logSumExp(x, [1, 2])),
  c('logSumExp of large values', [f(A, [90, 95])], (x) => ops.logSumExp(x, 1, { keepDims: true })),
  c('softmax', [f(A)], (x) => ops.softmax(x)),
  c('softmax, first axis', [f(A)], (x) => ops.softmax(x, 0)),
  c('logSoftmax', [f(A)], (x) => ops.logSoftmax(x, 1)),
  c('argMax', [apart(A), f([3])], (x, y) => ops.mul(ops.cast(ops.argMax(x, 1), 'float32'), y)),
  c('layerNorm', [f([2, 3, 5]), f([5]), f([5])], (x, s, b) => ops.layerNorm(x, s, b)),
  c('groupNorm', [f([2, 4, 3, 2]), f([4]), f([4])], (x, s, b) => ops.groupNorm(x, 2, s, b)),
  c('groupNorm of a sequence', [f([2, 4, 3]), f([4]), f([4])], (x, s, b) => ops.groupNorm(x, 4, s, b)),
  c('dropout', [f(A), whole(A, 2, 'bool')], (x, m) => ops.dropout(x, ops.cast(m, 'float32'), 0.25)),
  c('conv2d', [f([2, 3, 5, 6]), f([4, 3, 3, 2]), f([4])], (x, w, b) => ops.conv2d(x, w, b)),
  c('conv2d, stride and padding', [f([2, 3, 6, 7]), f([4, 3, 3, 3]), f([4])], (x, w, b) =>
    ops.conv2d(x, w, b, { stride: 2, padding: 1 }),
  ),
  c('conv2d, even size, stride 2', [f([2, 3, 8, 8]), f([4, 3, 3, 3])], (x, w) =>
    ops.conv2d(x, w, undefined, { stride: 2, padding: 1 }),
  ),
  c('conv2d, each axis its own', [f([1, 2, 7, 6]), f([3, 2, 3, 1])], (x, w) =>
    ops.conv2d(x, w, undefined, { stride: [3, 2], padding: [2, 0] }),
  ),
  c('conv2d, 1 × 1', [f([2, 3, 4, 4]), f([5, 3, 1, 1])], (x, w) => ops.conv2d(x, w)),
  c('conv1d', [f([2, 3, 8]), f([4, 3, 5]), f([4])], (x, w, b) => ops.conv1d(x, w, b, { padding: 2 })),
  c('conv1d, stride 2', [f([2, 3, 8]), f([4, 3, 3])], (x, w) =>
    ops.conv1d(x, w, undefined, { stride: 2, padding: 1 }),
  ),
  c('conv2d, many channels', [f([2, 6, 5, 5]), f([2, 6, 3, 3])], (x, w) =>
    ops.conv2d(x, w, undefined, { stride: 2, padding: 1 }),
  ),
  c('conv2d, many channels, stride 1', [f([1, 13, 4, 3]), f([2, 13, 2, 2])], (x, w) => ops.conv2d(x, w)),
  c('conv1d, many channels', [f([2, 12, 6]), f([2, 12, 5])], (x, w) =>
    ops.conv1d(x, w, undefined, { padding: 2 }),
  ),
  c('a bias for many rows', [f([2, 9, 3]), f([3])], (x, b) => ops.add(x, b)),
  c('two convolutions', [f([2, 2, 8, 8]), f([3, 2, 3, 3]), f([2, 3, 3, 3])], (x, v, w) => {
    const h = ops.tanh(ops.conv2d(x, v, undefined, { stride: 2, padding: 1 }));
    return ops.conv2d(h, w, undefined, { stride: 2, padding: 1 });
  }),
  c('conv2d, 1 × 1, stride 2', [f([2, 3, 5, 4]), f([4, 3, 1, 1])], (x, w) =>
    ops.conv2d(x, w, undefined, { stride: 2 }),
  ),
  c(
    'a convolution among ops that keep its order, and ops that need another',
    [f([2, 5, 6, 4]), f([3, 5, 3, 3]), f([3]), f([2, 3, 6, 4]), f([3, 1, 4])],
    (x, w, b, other, small) => {
      // Values near those of b, which are not near 0.
      const near = ops.mul(ops.tanh(ops.conv2d(x, w, undefined, { padding: 1 })), 0.05);
      const y = ops.relu(ops.add(near, ops.reshape(b, [3, 1, 1])));
      const mixed = ops.mul(ops.sub(other, y), ops.sigmoid(small));
      const rows = ops.reshape(ops.exp(mixed), [2, -1]);
      return [mixed, rows, ops.sum(y, [0, 2]), ops.sum(y, [0, 1]), ops.transpose(y, [2, 3, 0, 1])];
    },
  ),
  c('a sum of two convolutions', [f([2, 5, 3, 4]), f([3, 5, 3, 3]), f([3, 5, 1, 1])], (x, v, w) =>
    ops.square(ops.add(ops.conv2d(x, v, undefined, { padding: 1 }), ops.conv2d(x, w))),
  ),
  c('conv1d between transposes', [f([2, 8, 3]), f([5, 3, 4]), f([4])], (x, w, b) => {
    const y = ops.conv1d(ops.transpose(x, [0, 2, 1]), ops.transpose(w, [2, 1, 0]), undefined, { padding: 2 });
    return ops.tanh(ops.add(ops.transpose(y, [0, 2, 1]), b));
  }),
  c('convTranspose2d, strides beyond the kernel', [f([2, 3, 3, 2]), f([3, 2, 2, 1])], (x, w) =>
    ops.convTranspose2d(x, w, undefined, { stride: [3, 2], outputPadding: [1, 1] }),
  ),
  c('convTranspose1d', [f([2, 3, 4]), f([3, 2, 4]), f([2])], (x, w, b) =>
    ops.convTranspose1d(x, w, b, { stride: 2, padding: 1 }),
  ),
  c('convTranspose2d', [f([2, 3, 3, 2]), f([3, 2, 3, 3])], (x, w) =>
    ops.convTranspose2d(x, w, undefined, { stride: 2, padding: 1, outputPadding: 1 }),
  ),
  c('upsample', [f([2, 3, 4])], (x) => ops.upsample(x, 2)),
  c('upsample of a picture', [f([1, 2, 2, 3])], (x) => ops.upsample(x, 3)),
  c('maxPool', [apart([1, 2, 4, 6])], (x) => ops.maxPool(x, { kernel: 2 })),
  c('maxPool, overlapping', [apart([1, 2, 5, 5])], (x) =>
    ops.maxPool(x, { kernel: 3, stride: 2, padding: 1 }),
  ),
  c('avgPool', [f([2, 2, 4, 4])], (x) => ops.avgPool(x, { kernel: 2 })),
  c('avgPool, overlapping', [f([2, 2, 7])], (x) => ops.avgPool(x, { kernel: 3, stride: 2, padding: 1 })),
];

export interface BuiltCase {
  readonly graph: Graph;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly feeds: Readonly<Record<string, TensorData>>;
}

/** The graph of a case with inputs x0, x1, … and outputs y0, y1, …, and values drawn from the name of the case. */
export function buildCase(of: OpCase): BuiltCase {
  const graph = new Graph();
  const inputs = of.inputs.map((s, i) => graph.input(`x${i}`, s.shape, s.dtype));
  const built = of.build(...inputs);
  const outputs = 'graph' in built ? [built] : [...built];
  outputs.forEach((y, i) => {
    graph.output(`y${i}`, y);
  });
  const rng = new Rng(hash(of.name));
  const feeds = Object.fromEntries(of.inputs.map((s, i) => [`x${i}`, draw(s, rng)]));
  return { graph, inputs, outputs, feeds };
}

/** The graph of a case with the gradients of the sum of its squared outputs as further outputs. */
export function withGradients(of: OpCase): BuiltCase {
  const built = buildCase(of);
  const floats = built.outputs.filter((y) => y.dtype === 'float32');
  const loss = floats.map((y) => ops.sum(ops.square(y))).reduce((a, b) => ops.add(a, b));
  built.inputs.forEach((x, i) => {
    if (x.dtype !== 'float32') return;
    try {
      built.graph.output(`g${i}`, gradients(loss, [x])[0]!);
    } catch (error) {
      assert.ok(error instanceof ArmloopError && error.code === 'NN_NO_GRADIENT');
    }
  });
  return built;
}

function draw(spec: InputSpec, rng: Rng): TensorData {
  const { shape, dtype = 'float32' } = spec;
  const count = sizeOf(shape);
  if (dtype !== 'float32') {
    const values = Array.from({ length: count }, () => rng.below(spec.range![1]));
    if (dtype === 'int64') return { shape, data: BigInt64Array.from(values, BigInt) };
    return { shape, data: dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values) };
  }
  if (spec.apart === true) return { shape, data: Float32Array.from(shuffled(count, rng)) };
  const [low, high] = spec.range ?? [-2, 2];
  const data = Float32Array.from({ length: count }, () => {
    const v = rng.uniform(low, high);
    return spec.range === undefined && Math.abs(v) < 0.2 ? v + Math.sign(v) * 0.2 : v;
  });
  return { shape, data };
}

/** Values 0.1 + 0.3 k, in any order. */
function shuffled(count: number, rng: Rng): number[] {
  const values = Array.from({ length: count }, (_, i) => 0.3 * (i - (count >> 1)) + 0.1);
  for (let i = count - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
