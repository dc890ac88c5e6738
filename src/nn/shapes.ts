/** Checks and rules of shapes that the ops share. Every error names the op, its tensors with shapes, and the rule. */
import { ArmloopError } from '../errors.ts';
import type { Graph } from './graph.ts';
import { type DType, showTensor, type Tensor } from './tensor.ts';

/** A tensor, or a number that stands for a scalar. */
export type Operand = Tensor | number;

export function refuse(op: string, tensors: readonly Tensor[], rule: string): never {
  throw new ArmloopError('NN_SHAPE', { op, tensors: tensors.map(showTensor).join(' and '), rule });
}

/** NumPy's rule: shapes are aligned at their last axes, and an axis of 1 stretches. Null where they do not fit. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    out.push(Math.max(x, y));
  }
  return out;
}

export function broadcastOf(op: string, tensors: readonly Tensor[]): number[] {
  let shape: number[] = [];
  for (const t of tensors) {
    shape =
      broadcast(shape, t.shape) ??
      refuse(op, tensors, 'shapes must be equal or 1 on each axis, counted from the last');
  }
  return shape;
}

/** Axis as 0..rank; negative ones count from the end. */
export function axisOf(op: string, x: Tensor, axis: number): number {
  const rank = x.shape.length;
  const out = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || out < 0 || out >= rank) {
    refuse(op, [x], `axis ${axis} is not one of its ${rank} axes`);
  }
  return out;
}

/** Sorted axes without repeats; all of them where none are given. */
export function axesOf(op: string, x: Tensor, axes: number | readonly number[] | undefined): number[] {
  const list = axes === undefined ? x.shape.map((_, i) => i) : typeof axes === 'number' ? [axes] : axes;
  const out = list.map((a) => axisOf(op, x, a)).sort((a, b) => a - b);
  if (new Set(out).size !== out.length) refuse(op, [x], `axes ${list.join(', ')} name one twice`);
  return out;
}

export function needType(op: string, tensors: readonly Tensor[], allowed: readonly DType[]): void {
  for (const t of tensors) {
    if (!allowed.includes(t.dtype))
      refuse(op, tensors, `${t.name} is ${t.dtype}, but ${op} takes ${allowed.join(' or ')}`);
  }
}

/** Both operands as tensors of one graph and one type; a number takes the type of the other. */
export function operands(op: string, a: Operand, b: Operand): readonly [Tensor, Tensor] {
  if (typeof a === 'number') {
    if (typeof b === 'number') throw new TypeError(`${op} of two numbers needs no graph`);
    return [b.graph.constant(a, [], b.dtype), b];
  }
  const right = typeof b === 'number' ? a.graph.constant(b, [], a.dtype) : b;
  if (a.dtype !== right.dtype) refuse(op, [a, right], 'types must be equal; cast one of them');
  return [a, right];
}

/** Number of values that a window of `kernel` with steps of `stride` finds along an axis. */
export const windows = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** The graph of the first tensor among operands. */
export function graphOf(op: string, xs: readonly Operand[]): Graph {
  for (const x of xs) if (typeof x !== 'number') return x.graph;
  throw new TypeError(`${op} needs a tensor`);
}
