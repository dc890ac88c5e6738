/**
 * Symbolic scalars as a graph without cycles. Equal expressions are one node (hash-consing), constants are folded, zeros
 * and ones vanish, and signs move outwards until a sum or difference takes them in, so that an algorithm written for
 * dense vectors leaves only the operations that the robot needs. Nodes are in an order in which they can be computed:
 * operands come first.
 *
 * Folding reorders products with constants and signs alone, so results differ from the loops' by rounding.
 */

/** A node of a graph: its index there. */
export type Expr = number & { readonly expr: unique symbol };

export const OP = {
  constant: 0,
  input: 1,
  add: 2,
  sub: 3,
  mul: 4,
  div: 5,
  neg: 6,
  sin: 7,
  cos: 8,
  sqrt: 9,
  abs: 10,
  exp: 11,
  log: 12,
  tanh: 13,
  min: 14,
  max: 15,
  /** |a| with the sign of b. */
  copysign: 16,
  /** a > 0 ? b : c. */
  select: 17,
} as const;

export type OpCode = (typeof OP)[keyof typeof OP];
type Unary = 'neg' | 'sin' | 'cos' | 'sqrt' | 'abs' | 'exp' | 'log' | 'tanh';
type Binary = 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'copysign';

const NONE = -1;

export class Graph {
  /** Per node: what it does, and its operands (-1 without). */
  readonly ops: OpCode[] = [];
  readonly a: number[] = [];
  readonly b: number[] = [];
  readonly c: number[] = [];
  /** Value of constants, index of inputs. */
  readonly values: number[] = [];
  /** Inputs made so far. */
  inputs = 0;
  readonly #constants = new Map<number, Expr>();
  readonly #known = new Map<number, Map<number, Expr>>();

  readonly zero = this.constant(0);
  readonly one = this.constant(1);

  get size(): number {
    return this.ops.length;
  }

  constant(value: number): Expr {
    const v = value === 0 ? 0 : value; // One zero.
    let made = this.#constants.get(v);
    if (made === undefined) {
      made = this.#push(OP.constant, NONE, NONE, NONE, v);
      this.#constants.set(v, made);
    }
    return made;
  }

  input(): Expr {
    return this.#push(OP.input, NONE, NONE, NONE, this.inputs++);
  }

  /** `count` inputs that follow each other. */
  vector(count: number): Expr[] {
    return Array.from({ length: count }, () => this.input());
  }

  /** Value of a constant, else NaN. */
  valueOf(e: Expr): number {
    return this.ops[e] === OP.constant ? this.values[e]! : Number.NaN;
  }

  add(x: Expr, y: Expr): Expr {
    const cx = this.valueOf(x);
    const cy = this.valueOf(y);
    if (cx === 0) return y;
    if (cy === 0) return x;
    if (!Number.isNaN(cx + cy)) return this.constant(cx + cy);
    if (this.ops[y] === OP.neg) return this.sub(x, this.a[y]! as Expr);
    if (this.ops[x] === OP.neg) return this.sub(y, this.a[x]! as Expr);
    if (cy < 0) return this.sub(x, this.constant(-cy));
    if (cx < 0) return this.sub(y, this.constant(-cx));
    // x + (z − x) = z
    if (this.ops[y] === OP.sub && this.b[y] === x) return this.a[y]! as Expr;
    if (this.ops[x] === OP.sub && this.b[x] === y) return this.a[x]! as Expr;
    return this.#commuting(OP.add, x, y);
  }

  sub(x: Expr, y: Expr): Expr {
    const cx = this.valueOf(x);
    const cy = this.valueOf(y);
    if (cy === 0) return x;
    if (cx === 0) return this.neg(y);
    if (x === y) return this.zero;
    if (!Number.isNaN(cx - cy)) return this.constant(cx - cy);
    if (this.ops[y] === OP.neg) return this.add(x, this.a[y]! as Expr);
    if (this.ops[x] === OP.neg) return this.neg(this.add(this.a[x]! as Expr, y));
    if (cy < 0) return this.add(x, this.constant(-cy));
    // x − (x − z) = z, x − (x + z) = −z, (y + z) − y = z, (y − z) − y = −z
    if (this.ops[y] === OP.sub && this.a[y] === x) return this.b[y]! as Expr;
    if (this.ops[y] === OP.add && this.a[y] === x) return this.neg(this.b[y]! as Expr);
    if (this.ops[y] === OP.add && this.b[y] === x) return this.neg(this.a[y]! as Expr);
    if (this.ops[x] === OP.add && this.a[x] === y) return this.b[x]! as Expr;
    if (this.ops[x] === OP.add && this.b[x] === y) return this.a[x]! as Expr;
    if (this.ops[x] === OP.sub && this.a[x] === y) return this.neg(this.b[x]! as Expr);
    // The other way round may be there already.
    const turned = this.#find(OP.sub, y, x, NONE);
    return turned === undefined ? this.#node(OP.sub, x, y) : this.neg(turned);
  }

  mul(x: Expr, y: Expr): Expr {
    const cx = this.valueOf(x);
    const cy = this.valueOf(y);
    if (cx === 0 || cy === 0) return this.zero;
    if (cx === 1) return y;
    if (cy === 1) return x;
    if (!Number.isNaN(cx * cy)) return this.constant(cx * cy);
    if (!Number.isNaN(cy)) return this.mul(y, x);
    if (cx < 0) return this.neg(this.mul(this.constant(-cx), y));
    if (this.ops[x] === OP.neg) return this.neg(this.mul(this.a[x]! as Expr, y));
    if (this.ops[y] === OP.neg) return this.neg(this.mul(x, this.a[y]! as Expr));
    if (!Number.isNaN(cx) && this.ops[y] === OP.mul) {
      const inner = this.valueOf(this.a[y]! as Expr);
      if (!Number.isNaN(inner)) return this.mul(this.constant(cx * inner), this.b[y]! as Expr);
    }
    return Number.isNaN(cx) ? this.#commuting(OP.mul, x, y) : this.#node(OP.mul, x, y);
  }

  div(x: Expr, y: Expr): Expr {
    const cy = this.valueOf(y);
    if (!Number.isNaN(cy)) return this.mul(this.constant(1 / cy), x);
    const cx = this.valueOf(x);
    if (cx === 0) return this.zero;
    if (this.ops[x] === OP.neg) return this.neg(this.div(this.a[x]! as Expr, y));
    if (this.ops[y] === OP.neg) return this.neg(this.div(x, this.a[y]! as Expr));
    return this.#node(OP.div, x, y);
  }

  neg(x: Expr): Expr {
    const cx = this.valueOf(x);
    if (!Number.isNaN(cx)) return this.constant(-cx);
    if (this.ops[x] === OP.neg) return this.a[x]! as Expr;
    if (this.ops[x] === OP.sub) {
      const turned = this.#find(OP.sub, this.b[x]!, this.a[x]!, NONE);
      if (turned !== undefined) return turned;
    }
    return this.#node(OP.neg, x);
  }

  sin(x: Expr): Expr {
    return this.ops[x] === OP.neg ? this.neg(this.sin(this.a[x]! as Expr)) : this.#unary('sin', x);
  }

  cos(x: Expr): Expr {
    return this.ops[x] === OP.neg ? this.cos(this.a[x]! as Expr) : this.#unary('cos', x);
  }

  sqrt(x: Expr): Expr {
    return this.#unary('sqrt', x);
  }

  abs(x: Expr): Expr {
    return this.ops[x] === OP.neg ? this.abs(this.a[x]! as Expr) : this.#unary('abs', x);
  }

  exp(x: Expr): Expr {
    return this.#unary('exp', x);
  }

  log(x: Expr): Expr {
    return this.#unary('log', x);
  }

  tanh(x: Expr): Expr {
    return this.ops[x] === OP.neg ? this.neg(this.tanh(this.a[x]! as Expr)) : this.#unary('tanh', x);
  }

  min(x: Expr, y: Expr): Expr {
    return this.#binary('min', x, y);
  }

  max(x: Expr, y: Expr): Expr {
    return this.#binary('max', x, y);
  }

  copysign(x: Expr, y: Expr): Expr {
    return this.#binary('copysign', x, y);
  }

  /** test > 0 ? yes : no. */
  select(test: Expr, yes: Expr, no: Expr): Expr {
    const c = this.valueOf(test);
    if (!Number.isNaN(c)) return c > 0 ? yes : no;
    return yes === no ? yes : this.#node(OP.select, test, yes, no);
  }

  scale(factor: number, x: Expr): Expr {
    return this.mul(this.constant(factor), x);
  }

  square(x: Expr): Expr {
    return this.mul(x, x);
  }

  /** Σ of any number of terms, in the order given. */
  sum(...terms: readonly Expr[]): Expr {
    let total = this.zero;
    for (const term of terms) total = this.add(total, term);
    return total;
  }

  /** Σ xs[i] ys[i]. */
  dot(xs: readonly Expr[], ys: readonly Expr[]): Expr {
    let total = this.zero;
    for (let i = 0; i < xs.length; i++) total = this.add(total, this.mul(xs[i]!, ys[i]!));
    return total;
  }

  #unary(name: Unary, x: Expr): Expr {
    const c = this.valueOf(x);
    return Number.isNaN(c) ? this.#node(OP[name], x) : this.constant(compute(OP[name], c, 0, 0));
  }

  #binary(name: Binary, x: Expr, y: Expr): Expr {
    const [cx, cy] = [this.valueOf(x), this.valueOf(y)];
    if (Number.isNaN(cx) || Number.isNaN(cy)) return this.#node(OP[name], x, y);
    return this.constant(compute(OP[name], cx, cy, 0));
  }

  #commuting(op: OpCode, x: Expr, y: Expr): Expr {
    return x < y ? this.#node(op, x, y) : this.#node(op, y, x);
  }

  #node(op: OpCode, a: number, b: number = NONE, c: number = NONE): Expr {
    return this.#find(op, a, b, c) ?? this.#push(op, a, b, c, 0);
  }

  #find(op: OpCode, a: number, b: number, c: number): Expr | undefined {
    return this.#known.get(a * 32 + op)?.get((b + 1) * 2 ** 26 + c + 1);
  }

  #push(op: OpCode, a: number, b: number, c: number, value: number): Expr {
    const made = this.ops.length as Expr;
    this.ops.push(op);
    this.a.push(a);
    this.b.push(b);
    this.c.push(c);
    this.values.push(value);
    if (a !== NONE) {
      const key = a * 32 + op;
      let inner = this.#known.get(key);
      if (inner === undefined) {
        inner = new Map();
        this.#known.set(key, inner);
      }
      inner.set((b + 1) * 2 ** 26 + c + 1, made);
    }
    return made;
  }
}

/** One operation on numbers, as the generated code does it. */
export function compute(op: OpCode, a: number, b: number, c: number): number {
  switch (op) {
    case OP.add:
      return a + b;
    case OP.sub:
      return a - b;
    case OP.mul:
      return a * b;
    case OP.div:
      return a / b;
    case OP.neg:
      return -a;
    case OP.sin:
      return Math.sin(a);
    case OP.cos:
      return Math.cos(a);
    case OP.sqrt:
      return Math.sqrt(a);
    case OP.abs:
      return Math.abs(a);
    case OP.exp:
      return Math.exp(a);
    case OP.log:
      return Math.log(a);
    case OP.tanh:
      return Math.tanh(a);
    case OP.min:
      return Math.min(a, b);
    case OP.max:
      return Math.max(a, b);
    case OP.copysign:
      return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);
    case OP.select:
      return a > 0 ? b : c;
    case OP.constant:
    case OP.input:
      throw new Error('leaves are not computed');
  }
}

/** Values of some expressions at numbers for the inputs: the reference that emitted code is tested against. */
export function evaluate(graph: Graph, outputs: readonly Expr[], inputs: ArrayLike<number>): Float64Array {
  const values = new Float64Array(graph.size);
  const last = outputs.reduce((m, e) => Math.max(m, e), -1);
  for (let i = 0; i <= last; i++) {
    const op = graph.ops[i]!;
    if (op === OP.constant) values[i] = graph.values[i]!;
    else if (op === OP.input) values[i] = inputs[graph.values[i]!]!;
    else values[i] = compute(op, values[graph.a[i]!]!, values[graph.b[i]!] ?? 0, values[graph.c[i]!] ?? 0);
  }
  return Float64Array.from(outputs, (e) => values[e]!);
}
