/**
 * Every operation that a graph can hold, with its attributes. Each has a gradient rule (gradients.ts), a form in ONNX
 * (onnx/lower.ts) and one in TensorFlow.js (executors/tfjs-ops.ts); the compiler refuses a table that lacks one.
 * Everything else in ops.ts is composed of these.
 */
import type { DType } from './tensor.ts';

/** No attributes. */
type None = Readonly<Record<string, never>>;

export interface ReduceAttributes {
  /** Sorted, none negative. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Over the spatial axes of [N, C, length] or [N, C, height, width], one entry each. */
export interface WindowAttributes {
  readonly strides: readonly number[];
  /** Zeros put before and after each axis. */
  readonly padding: readonly number[];
}

export interface PoolAttributes extends WindowAttributes {
  readonly kernel: readonly number[];
}

export interface OpAttributes {
  // One input, shape kept.
  readonly Abs: None;
  readonly Cos: None;
  readonly Erf: None;
  readonly Exp: None;
  readonly Gelu: None;
  readonly Log: None;
  readonly Neg: None;
  readonly Not: None;
  readonly Relu: None;
  readonly Sigmoid: None;
  readonly Sign: None;
  /** x / (1 + e^-x). */
  readonly Silu: None;
  readonly Sin: None;
  readonly Softplus: None;
  readonly Sqrt: None;
  /** 1 where the input is above 0, else 0. */
  readonly Step: None;
  readonly StopGradient: None;
  readonly Tanh: None;
  readonly Cast: { readonly to: DType };
  readonly Clip: { readonly min: number; readonly max: number };
  // Two inputs, broadcast as in NumPy.
  readonly Add: None;
  readonly And: None;
  readonly Div: None;
  readonly Equal: None;
  readonly Greater: None;
  readonly Less: None;
  readonly Max: None;
  readonly Min: None;
  readonly Mul: None;
  readonly Or: None;
  readonly Pow: None;
  readonly Sub: None;
  /** (condition, then, else) */
  readonly Where: None;
  // Linear algebra and shapes.
  readonly MatMul: None;
  readonly Transpose: { readonly perm: readonly number[] };
  readonly Reshape: None;
  readonly Expand: None;
  readonly Concat: { readonly axis: number };
  readonly Split: { readonly axis: number; readonly sizes: readonly number[] };
  /** One entry per axis of the input; steps above 0. */
  readonly Slice: {
    readonly starts: readonly number[];
    readonly ends: readonly number[];
    readonly steps: readonly number[];
  };
  /** One entry per axis of the input. */
  readonly Pad: {
    readonly before: readonly number[];
    readonly after: readonly number[];
    readonly value: number;
  };
  /** (x, whole numbers): the axis is replaced by the shape of the indices. */
  readonly Gather: { readonly axis: number };
  /** Whole numbers to float32 rows of 0 and 1 on a new last axis. */
  readonly OneHot: { readonly depth: number };
  readonly CumSum: { readonly axis: number; readonly reverse: boolean };
  // Reductions.
  readonly ArgMax: { readonly axis: number };
  readonly ReduceLogSumExp: ReduceAttributes;
  readonly ReduceMax: ReduceAttributes;
  readonly ReduceMean: ReduceAttributes;
  readonly ReduceSum: ReduceAttributes;
  readonly LogSoftmax: { readonly axis: number };
  readonly Softmax: { readonly axis: number };
  /** (x, scale, bias) over the last axis → (y, mean, 1 / standard deviation), the last two with a last axis of 1. */
  readonly LayerNorm: { readonly epsilon: number };
  // Convolution is one trilinear form in signal, kernel and result; each of the three ops solves for one of them.
  /** (signal [N, C, …], kernel [K, C, …]) → result [N, K, …] */
  readonly Conv: WindowAttributes;
  /** (result [N, K, …], kernel [K, C, …]) → signal [N, C, …] */
  readonly ConvTranspose: WindowAttributes;
  /** (signal [N, C, …], result [N, K, …]) → kernel [K, C, …] */
  readonly ConvKernel: WindowAttributes;
  readonly AveragePool: PoolAttributes;
  readonly MaxPool: PoolAttributes;
}

export type OpName = keyof OpAttributes;
