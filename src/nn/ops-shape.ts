/** Operations that move values without changing them. */
import { axesOf, axisOf, broadcast, needType, refuse } from './shapes.ts';
import { showShape, sizeOf, type Tensor } from './tensor.ts';

/** Same values in the same order under another shape; one axis may be -1 and takes what is left. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  const open = shape.indexOf(-1);
  const known = sizeOf(shape.filter((d) => d !== -1));
  const out = shape.map((d, i) => (i === open ? sizeOf(x.shape) / known : d));
  if (sizeOf(out) !== sizeOf(x.shape) || out.some((d) => !Number.isInteger(d) || d < 1)) {
    refuse('Reshape', [x], `${showShape(shape)} does not hold its ${sizeOf(x.shape)} values`);
  }
  return same(x.shape, out) ? x : x.graph.node('Reshape', [x], {}, [{ shape: out, dtype: x.dtype }])[0]!;
}

/** Axis i of the result is axis perm[i] of x. Without `perm` the axes are reversed. */
export function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  const order = perm ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (order.length !== x.shape.length || x.shape.some((_, i) => !order.includes(i))) {
    refuse('Transpose', [x], `${showShape(order)} is no order of its axes`);
  }
  if (order.every((p, i) => p === i)) return x;
  const shape = order.map((p) => x.shape[p]!);
  return x.graph.node('Transpose', [x], { perm: order }, [{ shape, dtype: x.dtype }])[0]!;
}

/** Puts an axis of 1 at `axis` of the result. */
export function expandDims(x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + x.shape.length + 1 : axis;
  if (!(at >= 0 && at <= x.shape.length)) refuse('expandDims', [x], `axis ${axis} is outside the result`);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Takes away axes of 1. */
export function squeeze(x: Tensor, axes: number | readonly number[]): Tensor {
  const gone = axesOf('squeeze', x, axes);
  if (gone.some((a) => x.shape[a] !== 1)) refuse('squeeze', [x], `axes ${gone.join(', ')} are not all 1`);
  return reshape(
    x,
    x.shape.filter((_, i) => !gone.includes(i)),
  );
}

/** Repeats axes of 1 until x has the shape. */
export function broadcastTo(x: Tensor, shape: readonly number[]): Tensor {
  const fit = broadcast(x.shape, shape);
  if (fit === null || !same(fit, shape))
    refuse('Expand', [x], `it does not broadcast to ${showShape(shape)}`);
  return same(x.shape, shape) ? x : x.graph.node('Expand', [x], {}, [{ shape, dtype: x.dtype }])[0]!;
}

/** Joins along an axis; all other axes must be equal. */
export function concat(xs: readonly Tensor[], axis: number): Tensor {
  const [first] = xs;
  if (first === undefined) throw new TypeError('concat needs a tensor');
  if (xs.length === 1) return first;
  const at = axisOf('Concat', first, axis);
  for (const x of xs) {
    const fits =
      x.shape.length === first.shape.length && x.shape.every((d, i) => i === at || d === first.shape[i]);
    if (!fits || x.dtype !== first.dtype)
      refuse('Concat', xs, `all but axis ${at} and the types must be equal`);
  }
  const total = xs.reduce((n, x) => n + x.shape[at]!, 0);
  const shape = first.shape.map((d, i) => (i === at ? total : d));
  return first.graph.node('Concat', xs, { axis: at }, [{ shape, dtype: first.dtype }])[0]!;
}

/** Joins equal shapes along a new axis. */
export const stack = (xs: readonly Tensor[], axis: number): Tensor =>
  concat(
    xs.map((x) => expandDims(x, axis)),
    axis,
  );

/** Parts of the stated sizes along an axis, or as many equal parts as stated. */
export function split(x: Tensor, parts: number | readonly number[], axis: number): readonly Tensor[] {
  const at = axisOf('Split', x, axis);
  const size = x.shape[at]!;
  const sizes = typeof parts === 'number' ? new Array<number>(parts).fill(size / parts) : [...parts];
  if (sizes.reduce((a, b) => a + b, 0) !== size || sizes.some((s) => !Number.isInteger(s) || s < 1)) {
    refuse('Split', [x], `sizes ${sizes.join(', ')} are not whole or do not add up to its axis ${at}`);
  }
  if (sizes.length === 1) return [x];
  const outputs = sizes.map((s) => ({ shape: x.shape.map((d, i) => (i === at ? s : d)), dtype: x.dtype }));
  return x.graph.node('Split', [x], { axis: at, sizes }, outputs);
}

/**
 * Part of x: per axis [start, end) or [start, end, step]; negative numbers count from the end, and an axis not named is
 * kept whole. `slice(x, { 1: [0, 3] })` is NumPy's `x[:, 0:3]`.
 */
export function slice(
  x: Tensor,
  ranges: Readonly<Record<number, readonly [number, number] | readonly [number, number, number]>>,
): Tensor {
  const starts = x.shape.map(() => 0);
  const ends = [...x.shape];
  const steps = x.shape.map(() => 1);
  for (const [key, [start, end, step = 1]] of Object.entries(ranges)) {
    const at = axisOf('Slice', x, Number(key));
    const size = x.shape[at]!;
    starts[at] = start < 0 ? start + size : start;
    ends[at] = Math.min(end < 0 ? end + size : end, size);
    steps[at] = step;
    const whole = [start, end, step].every(Number.isInteger);
    if (!whole || step < 1 || starts[at]! < 0 || starts[at]! >= ends[at]!) {
      refuse(
        'Slice',
        [x],
        `range ${showShape([start, end, step])} of axis ${at} holds nothing or steps back`,
      );
    }
  }
  const shape = starts.map((s, i) => Math.ceil((ends[i]! - s) / steps[i]!));
  if (same(shape, x.shape)) return x;
  return x.graph.node('Slice', [x], { starts, ends, steps }, [{ shape, dtype: x.dtype }])[0]!;
}

/** Puts values before and after axes: `pad(x, { 1: [1, 2] })` adds one before and two after axis 1. */
export function pad(
  x: Tensor,
  amounts: Readonly<Record<number, readonly [number, number]>>,
  value = 0,
): Tensor {
  needType('Pad', [x], ['float32']);
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const [key, [b, a]] of Object.entries(amounts)) {
    const at = axisOf('Pad', x, Number(key));
    if (![a, b].every((n) => Number.isInteger(n) && n >= 0)) {
      refuse('Pad', [x], `amounts ${b} and ${a} of axis ${at} are not whole numbers of at least 0`);
    }
    before[at] = b;
    after[at] = a;
  }
  const shape = x.shape.map((d, i) => d + before[i]! + after[i]!);
  if (same(shape, x.shape)) return x;
  return x.graph.node('Pad', [x], { before, after, value }, [{ shape, dtype: x.dtype }])[0]!;
}

/**
 * Rows of x by number: the axis is replaced by the shape of the indices, so embeddings are
 * `gather(table [n, d], ids [b, t], 0)` of shape [b, t, d]. Indices are whole numbers in 0..size of the axis.
 */
export function gather(x: Tensor, indices: Tensor, axis: number): Tensor {
  needType('Gather', [indices], ['int64', 'int32']);
  const at = axisOf('Gather', x, axis);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return x.graph.node('Gather', [x, indices], { axis: at }, [{ shape, dtype: x.dtype }])[0]!;
}

/** Whole numbers in 0..depth as rows of 0 and a 1 on a new last axis, float32. */
export function oneHot(indices: Tensor, depth: number): Tensor {
  needType('OneHot', [indices], ['int64', 'int32']);
  const shape = [...indices.shape, depth];
  return indices.graph.node('OneHot', [indices], { depth }, [{ shape, dtype: 'float32' }])[0]!;
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);
