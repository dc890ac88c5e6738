/** The operations of GraphModel: a row of values, and its Jacobian with respect to z = (x, u), carried forward. */

export interface Value {
  readonly v: Float64Array;
  /** n × nz; null for what does not depend on z. */
  readonly J: Float64Array | null;
}

/** `run` writes the values of `out`, `derive` its Jacobian at those values. Neither allocates. */
export interface Step {
  readonly out: Value;
  run(): void;
  derive(): void;
}

/** Functions of one number. */
export const MAPS: readonly string[] = [
  'Tanh',
  'Relu',
  'Sigmoid',
  'Softplus',
  'Sin',
  'Cos',
  'Exp',
  'Log',
  'Sqrt',
  'Neg',
  'Abs',
];

/** y_i = f(x_i), one of MAPS. */
export function map(op: string, { v: x, J }: Value, nz: number): Step {
  const out = value(x.length, nz, J !== null);
  const slope = new Float64Array(x.length);
  return {
    out,
    run: () => apply(op, x, out.v, slope),
    derive: () => {
      if (J === null) return;
      for (let i = 0; i < x.length; i++) {
        const s = slope[i]!;
        for (let k = i * nz; k < (i + 1) * nz; k++) out.J![k] = s * J[k]!;
      }
    },
  };
}

/** Values and slopes. In one loop over arrays: a number that a function returns may be put on the heap. */
function apply(op: string, x: Float64Array, y: Float64Array, slope: Float64Array): void {
  for (let i = 0; i < x.length; i++) {
    const z = x[i]!;
    switch (op) {
      case 'Tanh':
        y[i] = Math.tanh(z);
        slope[i] = 1 - y[i]! * y[i]!;
        break;
      case 'Relu':
        y[i] = z > 0 ? z : 0;
        slope[i] = z > 0 ? 1 : 0;
        break;
      case 'Sigmoid':
        y[i] = 1 / (1 + Math.exp(-z));
        slope[i] = y[i]! * (1 - y[i]!);
        break;
      case 'Softplus':
        y[i] = Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
        slope[i] = 1 / (1 + Math.exp(-z));
        break;
      case 'Sin':
        y[i] = Math.sin(z);
        slope[i] = Math.cos(z);
        break;
      case 'Cos':
        y[i] = Math.cos(z);
        slope[i] = -Math.sin(z);
        break;
      case 'Exp':
        y[i] = Math.exp(z);
        slope[i] = y[i]!;
        break;
      case 'Log':
        y[i] = Math.log(z);
        slope[i] = 1 / z;
        break;
      case 'Sqrt':
        y[i] = Math.sqrt(z);
        slope[i] = 0.5 / y[i]!;
        break;
      case 'Neg':
        y[i] = -z;
        slope[i] = -1;
        break;
      default:
        y[i] = Math.abs(z);
        slope[i] = Math.sign(z);
    }
  }
}

/** Add, Sub, Mul, Div of rows as long as each other, or of a row and one number. */
export function binary(op: string, a: Value, b: Value, nz: number): Step {
  const n = Math.max(a.v.length, b.v.length);
  const [ia, ib] = [a.v.length === 1 ? 0 : 1, b.v.length === 1 ? 0 : 1];
  const out = value(n, nz, a.J !== null || b.J !== null);
  return {
    out,
    run: () => {
      for (let i = 0; i < n; i++) {
        const p = a.v[ia * i]!;
        const q = b.v[ib * i]!;
        out.v[i] = op === 'Add' ? p + q : op === 'Sub' ? p - q : op === 'Mul' ? p * q : p / q;
      }
    },
    derive: () => {
      if (out.J === null) return;
      for (let i = 0; i < n; i++) {
        const p = a.v[ia * i]!;
        const q = b.v[ib * i]!;
        const da = op === 'Mul' ? q : op === 'Div' ? 1 / q : 1;
        const db = op === 'Mul' ? p : op === 'Div' ? -p / (q * q) : op === 'Sub' ? -1 : 1;
        for (let k = 0; k < nz; k++) {
          const ja = a.J === null ? 0 : a.J[ia * i * nz + k]!;
          const jb = b.J === null ? 0 : b.J[ib * i * nz + k]!;
          out.J[i * nz + k] = da * ja + db * jb;
        }
      }
    },
  };
}

/** y = x W + b, W rows × columns. */
export function linear({ v: x, J }: Value, W: Float64Array, bias: Float64Array | null, nz: number): Step {
  const rows = x.length;
  const n = W.length / rows;
  const out = value(n, nz, J !== null);
  return {
    out,
    run: () => {
      for (let j = 0; j < n; j++) out.v[j] = bias === null ? 0 : bias[bias.length === 1 ? 0 : j]!;
      for (let i = 0; i < rows; i++) {
        const p = x[i]!;
        for (let j = 0; j < n; j++) out.v[j]! += p * W[i * n + j]!;
      }
    },
    derive: () => {
      if (J === null) return;
      out.J!.fill(0);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < n; j++) {
          const w = W[i * n + j]!;
          if (w === 0) continue;
          for (let k = 0; k < nz; k++) out.J![j * nz + k]! += w * J[i * nz + k]!;
        }
      }
    },
  };
}

/** One row after the other. */
export function concat(parts: readonly Value[], nz: number): Step {
  const n = parts.reduce((sum, p) => sum + p.v.length, 0);
  const out = value(
    n,
    nz,
    parts.some((p) => p.J !== null),
  );
  return {
    out,
    run: () => {
      let at = 0;
      for (let p = 0; p < parts.length; p++) {
        const { v } = parts[p]!;
        for (let i = 0; i < v.length; i++) out.v[at++] = v[i]!;
      }
    },
    derive: () => {
      let at = 0;
      for (let p = 0; p < parts.length; p++) {
        const { v, J } = parts[p]!;
        if (J !== null) for (let k = 0; k < J.length; k++) out.J![at + k] = J[k]!;
        at += v.length * nz;
      }
    },
  };
}

/** Numbers `from` to `to` of a row. */
export function part({ v: x, J }: Value, from: number, to: number, nz: number): Step {
  const n = Math.max(0, to - from);
  const out = value(n, nz, J !== null);
  return {
    out,
    run: () => {
      for (let i = 0; i < n; i++) out.v[i] = x[from + i]!;
    },
    derive: () => {
      if (J === null) return;
      for (let k = 0; k < n * nz; k++) out.J![k] = J[from * nz + k]!;
    },
  };
}

function value(n: number, nz: number, depends: boolean): Value {
  return { v: new Float64Array(n), J: depends ? new Float64Array(n * nz) : null };
}
