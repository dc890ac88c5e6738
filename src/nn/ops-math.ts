/** Operations on single values, element by element, and the matrix product. */
import type { OpAttributes, OpName } from './op-set.ts';
import { broadcastOf, graphOf, needType, type Operand, operands, refuse } from './shapes.ts';
import type { DType, Tensor } from './tensor.ts';

const FLOAT = ['float32'] as const;
const NUMBER = ['float32', 'int64', 'int32', 'uint8'] as const;

type Unary =
  | 'Abs'
  | 'Cos'
  | 'Erf'
  | 'Exp'
  | 'Gelu'
  | 'Log'
  | 'Neg'
  | 'Relu'
  | 'Sigmoid'
  | 'Sign'
  | 'Silu'
  | 'Sin'
  | 'Softplus'
  | 'Sqrt'
  | 'Step'
  | 'Tanh';

const unary =
  (op: Unary) =>
  (x: Tensor): Tensor => {
    needType(op, [x], FLOAT);
    return x.graph.node(op, [x], {}, [x])[0]!;
  };

export const neg = unary('Neg');
export const exp = unary('Exp');
export const log = unary('Log');
export const sqrt = unary('Sqrt');
/** |x|; its gradient at 0 is 0. */
export const abs = unary('Abs');
export const tanh = unary('Tanh');
export const sigmoid = unary('Sigmoid');
/** max(x, 0); its gradient at 0 is 0. */
export const relu = unary('Relu');
/** log(1 + eˣ). */
export const softplus = unary('Softplus');
/** x Φ(x) with Φ the cumulative normal distribution, exact, not by tanh (Hendrycks and Gimpel 2016). */
export const gelu = unary('Gelu');
/** x σ(x), also called swish (Elfwing et al. 2017). */
export const silu = unary('Silu');
export const sin = unary('Sin');
export const cos = unary('Cos');
export const erf = unary('Erf');
/** -1, 0 or 1; no gradient flows. */
export const sign = unary('Sign');
/** 1 where x > 0, else 0; no gradient flows. */
export const step = unary('Step');

export const square = (x: Tensor): Tensor => mul(x, x);

type Binary = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow' | 'Max' | 'Min';
type Comparison = 'Equal' | 'Less' | 'Greater';

function binary(
  op: Binary | Comparison,
  a: Operand,
  b: Operand,
  types: readonly DType[],
  out?: DType,
): Tensor {
  const pair = operands(op, a, b);
  needType(op, pair, types);
  const shape = broadcastOf(op, pair);
  if (op === 'Mul') {
    const [x, y] = pair;
    if (isOne(x) && y.shape.length === shape.length) return y;
    if (isOne(y) && x.shape.length === shape.length) return x;
  }
  return node(op, unexpanded(op, pair, shape), {}, shape, out ?? pair[0].dtype);
}

/** Whether it is one constant 1: the gradient of a loss begins with it. */
function isOne(x: Tensor): boolean {
  const values = x.graph.constants.get(x)?.data;
  return values?.length === 1 && Number(values[0]) === 1;
}

/** Leaves out an Expand that the op's own broadcasting makes needless. */
function unexpanded(
  op: string,
  pair: readonly [Tensor, Tensor],
  shape: readonly number[],
): readonly Tensor[] {
  const sources = pair.map((t) => (t.producer?.op === 'Expand' ? t.producer.inputs[0]! : t));
  for (const candidate of [sources, [sources[0]!, pair[1]], [pair[0], sources[1]!]]) {
    const fits = broadcastOf(op, candidate);
    if (fits.length === shape.length && fits.every((d, i) => d === shape[i])) return candidate;
  }
  return pair;
}

export const add = (a: Operand, b: Operand): Tensor => binary('Add', a, b, NUMBER);
export const sub = (a: Operand, b: Operand): Tensor => binary('Sub', a, b, NUMBER);
export const mul = (a: Operand, b: Operand): Tensor => binary('Mul', a, b, NUMBER);
export const div = (a: Operand, b: Operand): Tensor => binary('Div', a, b, FLOAT);
/** aᵇ; the gradient reaches b only where a > 0. */
export const pow = (a: Operand, b: Operand): Tensor => binary('Pow', a, b, FLOAT);
/** The larger of both; where they are equal, each gets half of the gradient. */
export const maximum = (a: Operand, b: Operand): Tensor => binary('Max', a, b, FLOAT);
/** The smaller of both; where they are equal, each gets half of the gradient. */
export const minimum = (a: Operand, b: Operand): Tensor => binary('Min', a, b, FLOAT);
export const equal = (a: Operand, b: Operand): Tensor => binary('Equal', a, b, NUMBER, 'bool');
export const less = (a: Operand, b: Operand): Tensor => binary('Less', a, b, NUMBER, 'bool');
export const greater = (a: Operand, b: Operand): Tensor => binary('Greater', a, b, NUMBER, 'bool');

function logical(op: 'And' | 'Or', a: Tensor, b: Tensor): Tensor {
  needType(op, [a, b], ['bool']);
  return node(op, [a, b], {}, broadcastOf(op, [a, b]), 'bool');
}
export const and = (a: Tensor, b: Tensor): Tensor => logical('And', a, b);
export const or = (a: Tensor, b: Tensor): Tensor => logical('Or', a, b);
export function not(x: Tensor): Tensor {
  needType('Not', [x], ['bool']);
  return node('Not', [x], {}, x.shape, 'bool');
}

/** `a` where the condition holds, `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const graph = graphOf('Where', [a, b, condition]);
  const type = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32';
  const [x, y] = [a, b].map((v) => (typeof v === 'number' ? graph.constant(v, [], type) : v)) as [
    Tensor,
    Tensor,
  ];
  needType('Where', [condition], ['bool']);
  if (x.dtype !== y.dtype) refuse('Where', [condition, x, y], 'both choices must have one type');
  return node('Where', [condition, x, y], {}, broadcastOf('Where', [condition, x, y]), type);
}

/** Other type, same values: bool becomes 0 and 1; numbers lose their fraction on the way to whole ones. */
export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : node('Cast', [x], { to }, x.shape, to);
}

/** min ≤ x ≤ max; the gradient is 1 inside and at the limits, 0 outside. */
export function clip(x: Tensor, min: number, max: number): Tensor {
  needType('Clip', [x], FLOAT);
  if (!(min <= max)) refuse('Clip', [x], `the lower limit ${min} is not below the upper one ${max}`);
  return node('Clip', [x], { min, max }, x.shape, x.dtype);
}

/** The same values; no gradient flows back through it. */
export const stopGradient = (x: Tensor): Tensor => node('StopGradient', [x], {}, x.shape, x.dtype);

/**
 * Matrix product of the last two axes: [..., m, k] times [..., k, n] is [..., m, n]; the axes before them broadcast.
 * Vectors are not promoted: reshape them.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  needType('MatMul', [a, b], FLOAT);
  if (a.shape.length < 2 || b.shape.length < 2) refuse('MatMul', [a, b], 'both need at least 2 axes');
  if (a.shape.at(-1) !== b.shape.at(-2)) {
    refuse('MatMul', [a, b], 'the last axis of the first must equal the last but one of the second');
  }
  const batch = [a, b].map((t) => ({ ...t, shape: t.shape.slice(0, -2) }));
  const lead = broadcastOf('MatMul', batch);
  return node('MatMul', [a, b], {}, [...lead, a.shape.at(-2)!, b.shape.at(-1)!], 'float32');
}

function node<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attributes: OpAttributes[K],
  shape: readonly number[],
  dtype: DType,
): Tensor {
  return inputs[0]!.graph.node(op, inputs, attributes, [{ shape, dtype }])[0]!;
}
