/** Gradient rules of element-wise operations and of the matrix product. */
import {
  add,
  and,
  broadcastTo,
  cast,
  cos,
  div,
  equal,
  erf,
  exp,
  greater,
  less,
  log,
  matmul,
  mul,
  neg,
  not,
  pow,
  reshape,
  sigmoid,
  sign,
  sin,
  square,
  step,
  sub,
  transpose,
  where,
} from '../ops.ts';
import { type Node, sizeOf, type Tensor } from '../tensor.ts';
import { type Rule, type Rules, single, unbroadcast } from './rule.ts';

const CONSTANT = 'it is piecewise constant';
const WHOLE = 'it has no values between whole numbers';

/** Rule of y = f(x) from f'. */
const slope = (derivative: (x: Tensor, y: Tensor) => Tensor) =>
  single((g, node, y) => [mul(g, derivative(node.inputs[0]!, y))]);

/** The larger (or smaller) operand gets the gradient; where they are equal, both get half of it. */
const choice = (wins: (a: Tensor, b: Tensor) => Tensor) =>
  single((g, node) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const tie = mul(cast(equal(a, b), 'float32'), 0.5);
    const share = (x: Tensor, y: Tensor): Tensor =>
      unbroadcast(mul(g, add(cast(wins(x, y), 'float32'), tie)), x.shape);
    return [share(a, b), share(b, a)];
  });

/** Swaps the last two axes. */
const flip = (x: Tensor): Tensor => {
  const rank = x.shape.length;
  return transpose(x, [...x.shape.slice(2).map((_, i) => i), rank - 1, rank - 2]);
};

const matrixProduct: Rule<'MatMul'> = single((g, node: Node<'MatMul'>) => {
  const [a, b] = node.inputs as [Tensor, Tensor];
  const da = unbroadcast(matmul(g, flip(b)), a.shape);
  if (b.shape.length === 2 && a.shape.length > 2) {
    // One product over all rows instead of one for each entry of the batch and a sum.
    const rows = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]);
    return [da, matmul(flip(rows(a)), rows(g))];
  }
  return [da, unbroadcast(matmul(flip(a), g), b.shape)];
});

type MathOps =
  | 'Abs'
  | 'Cos'
  | 'Erf'
  | 'Exp'
  | 'Gelu'
  | 'Log'
  | 'Neg'
  | 'Not'
  | 'Relu'
  | 'Sigmoid'
  | 'Sign'
  | 'Silu'
  | 'Sin'
  | 'Softplus'
  | 'Sqrt'
  | 'Step'
  | 'StopGradient'
  | 'Tanh'
  | 'Cast'
  | 'Clip'
  | 'Add'
  | 'And'
  | 'Div'
  | 'Equal'
  | 'Greater'
  | 'Less'
  | 'Max'
  | 'Min'
  | 'Mul'
  | 'Or'
  | 'Pow'
  | 'Sub'
  | 'Where'
  | 'MatMul'; // prettier-ignore

export const MATH: Pick<Rules, MathOps> = {
  Abs: slope((x) => sign(x)),
  Cos: slope((x) => neg(sin(x))),
  Erf: slope((x) => mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
  Exp: slope((_, y) => y),
  Gelu: slope((x) => {
    // d/dx x Φ(x) = Φ(x) + x φ(x).
    const cumulative = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return add(cumulative, mul(x, density));
  }),
  Log: single((g, node) => [div(g, node.inputs[0]!)]),
  Neg: single((g) => [neg(g)]),
  Not: CONSTANT,
  Relu: slope((_, y) => step(y)),
  Sigmoid: slope((_, y) => mul(y, sub(1, y))),
  Sign: CONSTANT,
  // Of x s with s = sigmoid(x): s + x s (1 - s) = s (1 + x - x s).
  Silu: slope((x, y) => mul(sigmoid(x), add(sub(x, y), 1))),
  Sin: slope((x) => cos(x)),
  Softplus: slope((x) => sigmoid(x)),
  Sqrt: single((g, _, y) => [div(mul(g, 0.5), y)]),
  Step: CONSTANT,
  StopGradient: 'it is there to stop it',
  Tanh: slope((_, y) => sub(1, square(y))),
  Cast: WHOLE,
  Clip: single((g, node: Node<'Clip'>) => {
    const { min, max } = node.attributes;
    const x = node.inputs[0]!;
    return [where(and(not(less(x, min)), not(greater(x, max))), g, 0)];
  }),
  Add: single((g, node) => node.inputs.map((x) => unbroadcast(g, x.shape))),
  And: CONSTANT,
  Div: single((g, node, y) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const da = div(g, b);
    return [unbroadcast(da, a.shape), unbroadcast(neg(mul(da, y)), b.shape)];
  }),
  Equal: CONSTANT,
  Greater: CONSTANT,
  Less: CONSTANT,
  Max: choice(greater),
  Min: choice(less),
  Mul: single((g, node) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    // A square. What a mean spread to all values is doubled before, while it is small.
    if (a === b) {
      const spread = g.producer?.op === 'Expand' ? g.producer.inputs[0]! : null;
      return [mul(spread === null ? mul(g, 2) : broadcastTo(mul(spread, 2), g.shape), a), null];
    }
    return [unbroadcast(mul(g, b), a.shape), unbroadcast(mul(g, a), b.shape)];
  }),
  Or: CONSTANT,
  Pow: single((g, node, y) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const da = mul(g, mul(b, pow(a, sub(b, 1))));
    const positive = greater(a, 0);
    const db = where(positive, mul(mul(g, y), log(where(positive, a, 1))), 0);
    return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
  }),
  Sub: single((g, node) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    return [unbroadcast(g, a.shape), unbroadcast(neg(g), b.shape)];
  }),
  Where: single((g, node) => {
    const [condition, a, b] = node.inputs as [Tensor, Tensor, Tensor];
    return [null, unbroadcast(where(condition, g, 0), a.shape), unbroadcast(where(condition, 0, g), b.shape)];
  }),
  MatMul: matrixProduct,
};
