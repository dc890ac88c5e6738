/** How each operation is said in TensorFlow.js, with functions that every backend has. */
import type * as TF from '@tensorflow/tfjs';
import type { OpName, PoolAttributes, WindowAttributes } from '../op-set.ts';
import type { DType, Node } from '../tensor.ts';

/** The namespace of @tensorflow/tfjs, tfjs-node or tfjs-node-gpu. */
export type TensorFlow = typeof TF;
type T = TF.Tensor;

type Interpret<K extends OpName> = (tf: TensorFlow, xs: readonly T[], node: Node<K>) => T | readonly T[];

/** TensorFlow.js has no int64 and no uint8: both are int32 in it. */
export const TF_TYPES = {
  float32: 'float32',
  int64: 'int32',
  int32: 'int32',
  uint8: 'int32',
  bool: 'bool',
} as const satisfies Record<DType, TF.DataType>;

type One = (tf: TensorFlow, x: T) => T;
type Two = (tf: TensorFlow, x: T, y: T) => T;
const one =
  (op: One) =>
  (tf: TensorFlow, [x]: readonly T[]): T =>
    op(tf, x!);
const two =
  (op: Two) =>
  (tf: TensorFlow, [x, y]: readonly T[]): T =>
    op(tf, x!, y!);

const order = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** [N, C, length] and [N, C, height, width] with channels last, and a height of 1 where there is none. */
function channelsLast(tf: TensorFlow, x: T): TF.Tensor4D {
  const four = x.rank === 3 ? tf.expandDims(x, 2) : x;
  return tf.transpose(four, [0, 2, 3, 1]) as TF.Tensor4D;
}

/** Back to what the graph says. */
function channelsFirst(tf: TensorFlow, x: T, node: Node): T {
  return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [...node.outputs[0]!.shape]);
}

/** [K, C, …] as TensorFlow's kernel [height, width, C, K]. */
function kernel(tf: TensorFlow, w: T): TF.Tensor4D {
  const four = w.rank === 3 ? tf.expandDims(w, 2) : w;
  return tf.transpose(four, [2, 3, 1, 0]) as TF.Tensor4D;
}

type Pads = [[number, number], [number, number], [number, number], [number, number]];

function pads({ padding }: WindowAttributes): Pads {
  const [h, w] = pair(padding, 0);
  return [
    [0, 0],
    [h, h],
    [w, w],
    [0, 0],
  ]; // prettier-ignore
}

/** One number for height and one for width. */
const pair = (list: readonly number[], lone: number): [number, number] =>
  list.length === 1 ? [lone, list[0]!] : [list[0]!, list[1]!];

/** Pooling of a signal that was padded before, because TensorFlow leaves padding out of means. */
function pool(
  tf: TensorFlow,
  x: T,
  attributes: PoolAttributes,
  fill: number,
): [TF.Tensor4D, [number, number], [number, number]] {
  const padded = tf.pad(channelsLast(tf, x), pads(attributes), fill);
  return [padded, pair(attributes.kernel, 1), pair(attributes.strides, 1)];
}

export const INTERPRET: { readonly [K in OpName]: Interpret<K> } = {
  Abs: one((tf, x) => tf.abs(x)),
  Cos: one((tf, x) => tf.cos(x)),
  Erf: one((tf, x) => tf.erf(x)),
  Exp: one((tf, x) => tf.exp(x)),
  Gelu: one((tf, x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))),
  Log: one((tf, x) => tf.log(x)),
  Neg: one((tf, x) => tf.neg(x)),
  Not: one((tf, x) => tf.logicalNot(x)),
  Relu: one((tf, x) => tf.relu(x)),
  Sigmoid: one((tf, x) => tf.sigmoid(x)),
  Sign: one((tf, x) => tf.sign(x)),
  Silu: one((tf, x) => tf.mul(x, tf.sigmoid(x))),
  Sin: one((tf, x) => tf.sin(x)),
  Softplus: one((tf, x) => tf.softplus(x)),
  Sqrt: one((tf, x) => tf.sqrt(x)),
  Step: one((tf, x) => tf.step(x)),
  StopGradient: one((_, x) => x),
  Tanh: one((tf, x) => tf.tanh(x)),
  Cast: (tf, [x], node) => tf.cast(x!, TF_TYPES[node.attributes.to]),
  Clip: (tf, [x], node) => tf.clipByValue(x!, node.attributes.min, node.attributes.max),
  Add: two((tf, x, y) => tf.add(x, y)),
  And: two((tf, x, y) => tf.logicalAnd(x, y)),
  Div: two((tf, x, y) => tf.div(x, y)),
  Equal: two((tf, x, y) => tf.equal(x, y)),
  Greater: two((tf, x, y) => tf.greater(x, y)),
  Less: two((tf, x, y) => tf.less(x, y)),
  Max: two((tf, x, y) => tf.maximum(x, y)),
  Min: two((tf, x, y) => tf.minimum(x, y)),
  Mul: two((tf, x, y) => tf.mul(x, y)),
  Or: two((tf, x, y) => tf.logicalOr(x, y)),
  Pow: two((tf, x, y) => tf.pow(x, y)),
  Sub: two((tf, x, y) => tf.sub(x, y)),
  Where: (tf, [c, x, y]) => tf.where(c!, x!, y!),
  MatMul: (tf, [x, y], node) => {
    // Its own broadcasting of unequal batches reads the wrong matrices (tfjs-backend-cpu 4.22).
    const batch = node.outputs[0]!.shape.slice(0, -2);
    const whole = (t: T): T => tf.broadcastTo(t, [...batch, ...t.shape.slice(-2)]);
    return tf.matMul(whole(x!), whole(y!));
  },
  Transpose: (tf, [x], node) => tf.transpose(x!, [...node.attributes.perm]),
  Reshape: (tf, [x], node) => tf.reshape(x!, [...node.outputs[0]!.shape]),
  Expand: (tf, [x], node) => tf.broadcastTo(x!, [...node.outputs[0]!.shape]),
  Concat: (tf, xs, node) => tf.concat([...xs], node.attributes.axis),
  Split: (tf, [x], node) => tf.split(x!, [...node.attributes.sizes], node.attributes.axis),
  Slice: (tf, [x], node) => {
    const { starts, ends, steps } = node.attributes;
    return tf.stridedSlice(x!, [...starts], [...ends], [...steps]);
  },
  Pad: (tf, [x], node) => {
    const { before, after, value } = node.attributes;
    return tf.pad(
      x!,
      before.map((b, i) => [b, after[i]!] as [number, number]),
      value,
    );
  },
  Gather: (tf, [x, i], node) => {
    // Flat and back: the backends differ in how they take indices of several axes.
    const rows = tf.gather(x!, tf.reshape(i!, [i!.size]) as TF.Tensor1D, node.attributes.axis);
    return tf.reshape(rows, [...node.outputs[0]!.shape]);
  },
  OneHot: (tf, [x], node) => tf.cast(tf.oneHot(x as TF.Tensor1D, node.attributes.depth), 'float32'),
  CumSum: (tf, [x], node) => tf.cumsum(x!, node.attributes.axis, false, node.attributes.reverse),
  ArgMax: (tf, [x], node) => tf.argMax(x!, node.attributes.axis),
  ReduceLogSumExp: (tf, [x], node) => tf.logSumExp(x!, [...node.attributes.axes], node.attributes.keepDims),
  ReduceMax: (tf, [x], node) => tf.max(x!, [...node.attributes.axes], node.attributes.keepDims),
  ReduceMean: (tf, [x], node) => tf.mean(x!, [...node.attributes.axes], node.attributes.keepDims),
  ReduceSum: (tf, [x], node) => tf.sum(x!, [...node.attributes.axes], node.attributes.keepDims),
  // These two work along the last axis only.
  LogSoftmax: (tf, [x], node) => alongLast(tf, x!, node.attributes.axis, (last) => tf.logSoftmax(last)),
  Softmax: (tf, [x], node) => alongLast(tf, x!, node.attributes.axis, (last) => tf.softmax(last)),
  LayerNorm: (tf, [x, scale, bias], node) => {
    const { mean, variance } = tf.moments(x!, -1, true);
    const inverse = tf.rsqrt(tf.add(variance, node.attributes.epsilon));
    return [tf.add(tf.mul(tf.mul(tf.sub(x!, mean), inverse), scale!), bias!), mean, inverse];
  },
  Conv: (tf, [x, w], node) => {
    const strides = pair(node.attributes.strides, 1);
    const y = tf.conv2d(channelsLast(tf, x!), kernel(tf, w!), strides, pads(node.attributes));
    return channelsFirst(tf, y, node);
  },
  ConvTranspose: (tf, [y, w], node) => {
    const [n = 1, c = 1, ...space] = node.outputs[0]!.shape;
    const [height, width] = pair(space, 1);
    const strides = pair(node.attributes.strides, 1);
    const shape: [number, number, number, number] = [n, height, width, c];
    const x = tf.conv2dTranspose(channelsLast(tf, y!), kernel(tf, w!), shape, strides, pads(node.attributes));
    return channelsFirst(tf, x, node);
  },
  ConvKernel: (tf, [x, y], node) => {
    // Batch and channels change places: the result becomes a kernel that is spread by the stride.
    const signal = tf.transpose(channelsLast(tf, x!), [3, 1, 2, 0]) as TF.Tensor4D;
    const spread = tf.transpose(channelsLast(tf, y!), [1, 2, 0, 3]) as TF.Tensor4D;
    const dilations = pair(node.attributes.strides, 1);
    const full = tf.conv2d(signal, spread, 1, pads(node.attributes), 'NHWC', dilations);
    const [k = 1, c = 1, ...window] = node.outputs[0]!.shape;
    const cut = tf.slice(full, [0, 0, 0, 0], [c, ...pair(window, 1), k]);
    return tf.reshape(tf.transpose(cut, [3, 0, 1, 2]), [...node.outputs[0]!.shape]);
  },
  AveragePool: (tf, [x], node) => {
    const [padded, size, strides] = pool(tf, x!, node.attributes, 0);
    return channelsFirst(tf, tf.avgPool(padded, size, strides, 'valid'), node);
  },
  MaxPool: (tf, [x], node) => {
    const [padded, size, strides] = pool(tf, x!, node.attributes, Number.NEGATIVE_INFINITY);
    return channelsFirst(tf, tf.maxPool(padded, size, strides, 'valid'), node);
  },
};

function alongLast(tf: TensorFlow, x: T, axis: number, op: (x: T) => T): T {
  const last = x.rank - 1;
  if (axis === last) return op(x);
  const swap = order(0, x.rank).map((i) => (i === axis ? last : i === last ? axis : i));
  return tf.transpose(op(tf.transpose(x, swap)), swap);
}
