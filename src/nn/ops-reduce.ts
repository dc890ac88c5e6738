/** Operations that sum up or compare along axes. */
import type { OpName } from './op-set.ts';
import { axesOf, axisOf, needType } from './shapes.ts';
import type { Tensor } from './tensor.ts';

export interface ReduceOptions {
  /** Leaves the reduced axes in place, with 1 value. Default false. */
  readonly keepDims?: boolean;
}

type Axes = number | readonly number[];
type Reduction = Extract<OpName, `Reduce${string}`>;

function reduce(
  op: Reduction,
  x: Tensor,
  axes: Axes | undefined,
  options: ReduceOptions | undefined,
): Tensor {
  needType(op, [x], ['float32']);
  const over = axesOf(op, x, axes);
  const keepDims = options?.keepDims ?? false;
  if (over.length === 0) return x;
  const shape = keepDims
    ? x.shape.map((d, i) => (over.includes(i) ? 1 : d))
    : x.shape.filter((_, i) => !over.includes(i));
  return x.graph.node(op, [x], { axes: over, keepDims }, [{ shape, dtype: x.dtype }])[0]!;
}

/** Sum over the axes; over all of them where none are given. */
export const sum = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  reduce('ReduceSum', x, axes, options);
/** Mean over the axes; over all of them where none are given. */
export const mean = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  reduce('ReduceMean', x, axes, options);
/** Largest over the axes; equal largest values share the gradient. */
export const max = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  reduce('ReduceMax', x, axes, options);
/** log Σ eˣ over the axes, without overflow. */
export const logSumExp = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  reduce('ReduceLogSumExp', x, axes, options);

/** eˣ / Σ eˣ along an axis. */
export function softmax(x: Tensor, axis = -1): Tensor {
  needType('Softmax', [x], ['float32']);
  return x.graph.node('Softmax', [x], { axis: axisOf('Softmax', x, axis) }, [x])[0]!;
}

/** log of softmax, without loss of precision. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  needType('LogSoftmax', [x], ['float32']);
  return x.graph.node('LogSoftmax', [x], { axis: axisOf('LogSoftmax', x, axis) }, [x])[0]!;
}

/** Where along the axis the largest value is, the first of equal ones; int64, without the axis. */
export function argMax(x: Tensor, axis: number): Tensor {
  needType('ArgMax', [x], ['float32']);
  const at = axisOf('ArgMax', x, axis);
  const shape = x.shape.filter((_, i) => i !== at);
  return x.graph.node('ArgMax', [x], { axis: at }, [{ shape, dtype: 'int64' }])[0]!;
}

/** Running sum along an axis, the value itself included; `reverse` runs from the end. */
export function cumsum(x: Tensor, axis: number, options?: { readonly reverse?: boolean }): Tensor {
  needType('CumSum', [x], ['float32']);
  const attributes = { axis: axisOf('CumSum', x, axis), reverse: options?.reverse ?? false };
  return x.graph.node('CumSum', [x], attributes, [x])[0]!;
}
