/** How each operation is said in plain ONNX, operator set 20 (https://onnx.ai/onnx/operators/). */
import type { OpName } from '../op-set.ts';
import type { Node } from '../tensor.ts';
import type { OnnxBuilder } from './builder.ts';
import { ELEMENT } from './schema.ts';

export type Lowering<K extends OpName> = (node: Node<K>, to: OnnxBuilder) => void;
export type Lowerings = { readonly [K in OpName]: Lowering<K> };

/** Same inputs and outputs, no attributes. */
const plain =
  (op: string) =>
  (node: Node, to: OnnxBuilder): void => {
    to.node(op, ...ends(node, to));
  };

function ends(node: Node, to: OnnxBuilder): [inputs: string[], outputs: string[]] {
  return [node.inputs.map((t) => to.name(t)), node.outputs.map((t) => to.name(t))];
}

const reduction =
  (op: string) =>
  (node: Node<Extract<OpName, `Reduce${string}`>>, to: OnnxBuilder): void => {
    const { axes, keepDims } = node.attributes;
    const [[x], outputs] = ends(node, to);
    to.node(op, [x!, to.ints(axes)], outputs, { keepdims: Number(keepDims) });
  };

const alongAxis =
  (op: string) =>
  (node: Node<'Softmax' | 'LogSoftmax' | 'Concat' | 'Gather'>, to: OnnxBuilder): void => {
    to.node(op, ...ends(node, to), { axis: node.attributes.axis });
  };

const both = (list: readonly number[]): number[] => [...list, ...list];

export const LOWERINGS: Lowerings = {
  Abs: plain('Abs'),
  Cos: plain('Cos'),
  Erf: plain('Erf'),
  Exp: plain('Exp'),
  Gelu: plain('Gelu'),
  Log: plain('Log'),
  Neg: plain('Neg'),
  Not: plain('Not'),
  Relu: plain('Relu'),
  Sigmoid: plain('Sigmoid'),
  Sign: plain('Sign'),
  Silu: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('Mul', [x!, to.inner('Sigmoid', [x!])], outputs);
  },
  Sin: plain('Sin'),
  Softplus: plain('Softplus'),
  Sqrt: plain('Sqrt'),
  Step: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('Cast', [to.inner('Greater', [x!, to.float(0)])], outputs, { to: ELEMENT.float32 });
  },
  StopGradient: plain('Identity'),
  Tanh: plain('Tanh'),
  Cast: (node, to) => to.node('Cast', ...ends(node, to), { to: ELEMENT[node.attributes.to] }),
  Clip: (node, to) => {
    const { min, max } = node.attributes;
    const [[x], outputs] = ends(node, to);
    to.node('Clip', [x!, to.float(min), to.float(max)], outputs);
  },
  Add: plain('Add'),
  And: plain('And'),
  Div: plain('Div'),
  Equal: plain('Equal'),
  Greater: plain('Greater'),
  Less: plain('Less'),
  Max: plain('Max'),
  Min: plain('Min'),
  Mul: plain('Mul'),
  Or: plain('Or'),
  Pow: plain('Pow'),
  Sub: plain('Sub'),
  Where: plain('Where'),
  MatMul: plain('MatMul'),
  Transpose: (node, to) => to.node('Transpose', ...ends(node, to), { perm: node.attributes.perm }),
  Reshape: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('Reshape', [x!, to.ints(node.outputs[0]!.shape)], outputs);
  },
  Expand: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('Expand', [x!, to.ints(node.outputs[0]!.shape)], outputs);
  },
  Concat: alongAxis('Concat'),
  Split: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('Split', [x!, to.ints(node.attributes.sizes)], outputs, { axis: node.attributes.axis });
  },
  Slice: (node, to) => {
    const { starts, ends: stops, steps } = node.attributes;
    const { shape } = node.inputs[0]!;
    const cut = shape
      .map((_, i) => i)
      .filter((i) => starts[i] !== 0 || stops[i] !== shape[i] || steps[i] !== 1);
    const pick = (list: readonly number[]): string => to.ints(cut.map((i) => list[i]!));
    const [[x], outputs] = ends(node, to);
    to.node('Slice', [x!, pick(starts), pick(stops), to.ints(cut), pick(steps)], outputs);
  },
  Pad: (node, to) => {
    const { before, after, value } = node.attributes;
    const [[x], outputs] = ends(node, to);
    to.node('Pad', [x!, to.ints([...before, ...after]), to.float(value)], outputs);
  },
  Gather: alongAxis('Gather'),
  OneHot: (node, to) => {
    const [[x], outputs] = ends(node, to);
    // ONNX Runtime has it for int64 alone.
    const rows = node.inputs[0]!.dtype === 'int64' ? x! : to.inner('Cast', [x!], { to: ELEMENT.int64 });
    to.node('OneHot', [rows, to.int(node.attributes.depth), to.floats([0, 1])], outputs);
  },
  CumSum: (node, to) => {
    const [[x], outputs] = ends(node, to);
    to.node('CumSum', [x!, to.int(node.attributes.axis)], outputs, {
      reverse: Number(node.attributes.reverse),
    });
  },
  ArgMax: (node, to) => to.node('ArgMax', ...ends(node, to), { axis: node.attributes.axis, keepdims: 0 }),
  ReduceLogSumExp: reduction('ReduceLogSumExp'),
  ReduceMax: reduction('ReduceMax'),
  ReduceMean: reduction('ReduceMean'),
  ReduceSum: reduction('ReduceSum'),
  LogSoftmax: alongAxis('LogSoftmax'),
  Softmax: alongAxis('Softmax'),
  LayerNorm: (node, to) => {
    to.node('LayerNormalization', ...ends(node, to), {
      axis: -1,
      epsilon: { float: node.attributes.epsilon },
    });
  },
  Conv: (node, to) => {
    const { strides, padding } = node.attributes;
    to.node('Conv', ...ends(node, to), {
      kernel_shape: node.inputs[1]!.shape.slice(2),
      strides,
      pads: both(padding),
    });
  },
  ConvTranspose: (node, to) => {
    const { strides, padding } = node.attributes;
    const [x, w] = node.inputs as [Node['inputs'][0], Node['inputs'][0]];
    const kernel = w.shape.slice(2);
    const shortest = x.shape.slice(2).map((d, i) => (d - 1) * strides[i]! + kernel[i]! - 2 * padding[i]!);
    to.node('ConvTranspose', ...ends(node, to), {
      kernel_shape: kernel,
      strides,
      pads: both(padding),
      output_padding: node.outputs[0]!.shape.slice(2).map((d, i) => d - shortest[i]!),
    });
  },
  ConvKernel: (node, to) => {
    // Batch and channels change places: the result becomes a kernel that is spread by the stride.
    const { strides, padding } = node.attributes;
    const [[x, y], outputs] = ends(node, to);
    const kernel = node.outputs[0]!.shape.slice(2);
    const swap = { perm: [1, 0, ...kernel.map((_, i) => i + 2)] };
    const full = to.inner('Conv', [to.inner('Transpose', [x!], swap), to.inner('Transpose', [y!], swap)], {
      kernel_shape: node.inputs[1]!.shape.slice(2),
      strides: kernel.map(() => 1),
      dilations: strides,
      pads: both(padding),
    });
    const axes = kernel.map((_, i) => i + 2);
    const cut = to.inner('Slice', [full, to.ints(axes.map(() => 0)), to.ints(kernel), to.ints(axes)]);
    to.node('Transpose', [cut], outputs, swap);
  },
  AveragePool: (node, to) => {
    const { kernel, strides, padding } = node.attributes;
    const attributes = { kernel_shape: kernel, strides, pads: both(padding), count_include_pad: 1 };
    to.node('AveragePool', ...ends(node, to), attributes);
  },
  MaxPool: (node, to) => {
    const { kernel, strides, padding } = node.attributes;
    to.node('MaxPool', ...ends(node, to), { kernel_shape: kernel, strides, pads: both(padding) });
  },
};
