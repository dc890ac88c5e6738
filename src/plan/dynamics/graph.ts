/**
 * An ONNX graph as a learned model, evaluated in place: solvers do not wait, and ONNX Runtime answers by a promise alone. For the
 * graphs that dynamics networks are: vectors through linear layers, element by element functions, sums, products, parts. In
 * double precision with the file's weights; Jacobians go forward along with the values.
 *
 *   const model = new GraphModel(fromOnnx(bytes, file));       // src/nn/onnx/read.ts
 *
 * The file has two inputs of one row, x (nx) and u (nu), in this order, and as its first output the next state (nx).
 */
import type { OnnxModel, OnnxNode } from '../../nn/onnx/read.ts';
import { sizeOf, type TensorData } from '../../nn/tensor.ts';
import { invalid } from '../check.ts';
import { binary, concat, linear, MAPS, map, part, type Step, type Value } from './graph-steps.ts';
import type { LearnedModel } from './learned.ts';

const PASSED = ['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'];
const OPS = [...MAPS, 'Add', 'Sub', 'Mul', 'Div', 'MatMul', 'Gemm', 'Concat', 'Slice', 'Constant', ...PASSED];

export class GraphModel implements LearnedModel {
  readonly nx: number;
  readonly nu: number;
  readonly batch = Number.MAX_SAFE_INTEGER;
  readonly #x: Value;
  readonly #u: Value;
  readonly #out: Value;
  readonly #steps: readonly Step[];

  /** Throws PLAN_PROBLEM_INVALID for a node that is not among those above, and for sizes that do not fit. */
  constructor(model: OnnxModel) {
    const [x, u] = model.inputs;
    if (x === undefined || u === undefined || model.inputs.length !== 2) {
      throw invalid('the number of inputs of the graph', model.inputs.length, 'it has two, x and u');
    }
    this.nx = width(x.name, x.shape);
    this.nu = width(u.name, u.shape);
    const nz = this.nx + this.nu;
    this.#x = { v: new Float64Array(this.nx), J: unit(this.nx, nz, 0) };
    this.#u = { v: new Float64Array(this.nu), J: unit(this.nu, nz, this.nx) };
    const values = new Map<string, Value>([
      [x.name, this.#x],
      [u.name, this.#u],
    ]);
    const builder = new Builder(model, values, nz);
    for (const node of model.nodes) builder.add(node);
    this.#steps = builder.steps;
    const [out] = model.outputs;
    const value = values.get(out?.name ?? '');
    if (value?.v.length !== this.nx) {
      throw invalid("the size of the graph's first output", value?.v.length ?? 0, `it is nx = ${this.nx}`);
    }
    this.#out = value;
  }

  evaluate(count: number, xs: Float64Array, us: Float64Array, out: Float64Array): void {
    const { nx } = this;
    for (let b = 0; b < count; b++) {
      this.#feed(b, xs, us);
      for (let s = 0; s < this.#steps.length; s++) this.#steps[s]!.run();
      for (let i = 0; i < nx; i++) out[b * nx + i] = this.#out.v[i]!;
    }
  }

  jacobian(count: number, xs: Float64Array, us: Float64Array, fx: Float64Array, fu: Float64Array): void {
    const { nx, nu } = this;
    const { J } = this.#out;
    for (let b = 0; b < count; b++) {
      this.#feed(b, xs, us);
      for (let s = 0; s < this.#steps.length; s++) {
        this.#steps[s]!.run();
        this.#steps[s]!.derive();
      }
      for (let i = 0; i < nx; i++) {
        const row = i * (nx + nu);
        for (let k = 0; k < nx; k++) fx[(b * nx + i) * nx + k] = J === null ? 0 : J[row + k]!;
        for (let k = 0; k < nu; k++) fu[(b * nx + i) * nu + k] = J === null ? 0 : J[row + nx + k]!;
      }
    }
  }

  #feed(b: number, xs: Float64Array, us: Float64Array): void {
    const { nx, nu } = this;
    for (let i = 0; i < nx; i++) this.#x.v[i] = xs[b * nx + i]!;
    for (let i = 0; i < nu; i++) this.#u.v[i] = us[b * nu + i]!;
  }
}

/** Makes a step of each node, and the values between them. */
class Builder {
  readonly steps: Step[] = [];
  readonly #values: Map<string, Value>;
  readonly #constants = new Map<string, TensorData>();
  readonly #nz: number;
  readonly #rank: number;

  constructor(model: OnnxModel, values: Map<string, Value>, nz: number) {
    this.#values = values;
    this.#nz = nz;
    this.#rank = model.inputs[0]!.shape.length;
    for (const [name, data] of model.initializers) if (data !== null) this.#constants.set(name, data);
  }

  add(node: OnnxNode): void {
    const { op, inputs, attributes } = node;
    if (node.domain !== '' || !OPS.includes(op)) {
      throw invalid(`the node ${node.name}`, op, `a graph that is evaluated in place has ${OPS.join(', ')}`);
    }
    const [out] = node.outputs;
    if (op === 'Constant') {
      const { value } = attributes;
      if (value === null || typeof value !== 'object' || !('data' in value)) {
        throw invalid(`the constant ${node.name}`, typeof value, 'it is a tensor');
      }
      this.#constants.set(out!, value);
      return;
    }
    if (PASSED.includes(op)) {
      const constant = this.#constants.get(inputs[0]!);
      if (constant !== undefined) this.#constants.set(out!, constant);
      else this.#values.set(out!, this.#value(inputs[0]!));
      return;
    }
    const made = this.#step(node);
    this.#values.set(out!, made.out);
    this.steps.push(made);
  }

  #step(node: OnnxNode): Step {
    const { op, inputs, attributes } = node;
    const nz = this.#nz;
    if (op === 'MatMul' || op === 'Gemm') {
      const { weight, rows } = this.#weight(node);
      const bias = inputs[2] === undefined ? null : this.#value(inputs[2]).v;
      const scale = (name: string): number => (attributes[name] as number | undefined) ?? 1;
      const alpha = op === 'Gemm' ? scale('alpha') : 1;
      const beta = op === 'Gemm' ? scale('beta') : 1;
      const x = this.#value(inputs[0]!);
      if (x.v.length !== rows) {
        throw invalid(`the input of ${node.name}`, x.v.length, `its weight has ${rows} rows`);
      }
      return linear(
        x,
        weight.map((w) => alpha * w),
        bias?.map((b) => beta * b) ?? null,
        nz,
      );
    }
    if (op === 'Concat') this.#along(node, attributes['axis'] as number);
    if (op === 'Concat')
      return concat(
        inputs.map((i) => this.#value(i)),
        nz,
      );
    if (op === 'Slice') {
      this.#along(node, inputs[3] === undefined ? 0 : this.#whole(inputs[3]));
      const x = this.#value(inputs[0]!);
      const [from, to, by] = [this.#whole(inputs[1]!), this.#whole(inputs[2]!), inputs[4]];
      if ((by !== undefined && this.#whole(by) !== 1) || from === null || to === null) {
        throw invalid(`the slice ${node.name}`, 'of several axes or steps', 'it takes one part of the row');
      }
      const n = x.v.length;
      const at = (i: number): number => Math.min(n, i < 0 ? n + i : i);
      return part(x, at(from), at(to), nz);
    }
    const a = this.#value(inputs[0]!);
    if (inputs.length === 1) return map(op, a, nz);
    const b = this.#value(inputs[1]!);
    const [n, m] = [a.v.length, b.v.length];
    if (n !== m && n !== 1 && m !== 1)
      throw invalid(`the sizes at ${node.name}`, `${n} and ${m}`, 'they are equal');
    return binary(op, a, b, nz);
  }

  /** Refuses what goes along another axis than that of the row. */
  #along({ name, op }: OnnxNode, axis: number | null): void {
    if (axis !== -1 && axis !== this.#rank - 1)
      throw invalid(`the axis of ${name}`, String(axis), `${op} goes along the row`);
  }

  /** rows × columns, row-major. */
  #weight(node: OnnxNode): { weight: Float64Array; rows: number } {
    const { inputs, attributes, name } = node;
    const data = this.#constants.get(inputs[1]!);
    if (data?.shape.length !== 2 || attributes['transA'] === 1) {
      throw invalid(`the weight of ${name}`, inputs[1] ?? 'none', 'it is a matrix that the file holds');
    }
    const [r, c] = data.shape as [number, number];
    const flat = Float64Array.from(data.data as Float32Array);
    if (attributes['transB'] !== 1) return { weight: flat, rows: r };
    return { weight: flat.map((_, k) => flat[(k % r) * c + Math.floor(k / r)]!), rows: c };
  }

  #value(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const data = this.#constants.get(name);
    if (data === undefined || !(data.data instanceof Float32Array)) {
      throw invalid(
        `the tensor ${name}`,
        data === undefined ? 'missing' : 'of whole numbers',
        'nodes take float32',
      );
    }
    width(name, data.shape);
    return { v: Float64Array.from(data.data), J: null };
  }

  /** The one whole number of a constant; null when there are several. */
  #whole(name: string): number | null {
    const data = this.#constants.get(name)?.data;
    return data?.length === 1 ? Number(data[0]) : null;
  }
}

/** Numbers of a row; refuses more than one row. A text in a shape stands for one. */
function width(name: string, shape: readonly (number | string)[]): number {
  const n = sizeOf(shape.map((d) => (typeof d === 'number' ? d : 1)));
  const last = shape.at(-1) ?? 1;
  if (n !== last) throw invalid(`the shape of ${name}`, `[${shape.join(', ')}]`, 'it is one row');
  return n;
}

/** n × nz with ones from column `at` on. */
function unit(n: number, nz: number, at: number): Float64Array {
  const J = new Float64Array(n * nz);
  for (let i = 0; i < n; i++) J[i * nz + at + i] = 1;
  return J;
}
