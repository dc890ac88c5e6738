/** Collects the nodes and constants of an ONNX graph while a graph of ours is lowered to it. */
import { sizeOf, type Tensor, type TensorData } from '../tensor.ts';

export type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface EmittedNode {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Numbers are integers; floats are wrapped. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

interface Form {
  readonly order: readonly number[];
  readonly name: string;
}

const ownOrder = (t: Tensor): number[] => t.shape.map((_, i) => i);

const same = (a: readonly number[], b: readonly number[]): boolean => a.every((v, i) => v === b[i]);

/**
 * A value can be there with its axes in several orders: `name` gives it as the graph has it, `form` in a wanted order, `made` tells of
 * one that a lowering found. Where only another order is there, a Transpose is added when somebody asks, and none if nobody does.
 */
export class OnnxBuilder {
  readonly nodes: EmittedNode[] = [];
  readonly constants = new Map<string, TensorData & { readonly bool?: boolean }>();
  /** Domains of operators beyond ONNX's own. */
  readonly domains = new Set<string>();
  readonly #names: (t: Tensor) => string;
  readonly #shared = new Map<string, string>();
  readonly #forms = new Map<Tensor, Form[]>();
  #count = 0;

  /** @param names how the values of the graph are called in ONNX. */
  constructor(names: (t: Tensor) => string) {
    this.#names = names;
  }

  name(t: Tensor): string {
    return this.#forms.has(t) ? this.form(t, ownOrder(t)) : this.#names(t);
  }

  /** Name of the value with its axes in another order: axis i of it is axis `order[i]` of t. */
  form(t: Tensor, order: readonly number[]): string {
    const own = ownOrder(t);
    let forms = this.#forms.get(t);
    if (forms === undefined) {
      forms = [{ order: own, name: this.#names(t) }];
      this.#forms.set(t, forms);
    }
    const known = forms.find((f) => same(f.order, order));
    if (known !== undefined) return known.name;
    const from = forms[0]!;
    const perm = order.map((axis) => from.order.indexOf(axis));
    const name = same(order, own) ? this.#names(t) : `${this.#names(t)}#${order.join('')}`;
    this.node('Transpose', [from.name], [name], { perm });
    forms.push({ order, name });
    return name;
  }

  /** Tells that a value is there with its axes in this order, under this name, and in no other order yet. */
  made(t: Tensor, order: readonly number[], name: string): void {
    this.#forms.set(t, [{ order, name }]);
  }

  /** The order in which a value was made; null for that of the graph. */
  otherOrder(t: Tensor): readonly number[] | null {
    const forms = this.#forms.get(t);
    return forms === undefined || same(forms[0]!.order, ownOrder(t)) ? null : forms[0]!.order;
  }

  /** A node whose results are values of the graph. */
  node(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): void {
    if (domain !== '') this.domains.add(domain);
    this.nodes.push({ op, domain, name: `${outputs[0]}`, inputs, outputs, attributes });
  }

  /**
   * A node with a result of its own, which is not a value of the graph; an equal one is made only once.
   * @returns the name of the result.
   */
  inner(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string {
    const key = JSON.stringify([op, domain, inputs, attributes]);
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const name = `${op}#${++this.#count}`;
    this.#shared.set(key, name);
    this.node(op, inputs, [name], attributes, domain);
    return name;
  }

  /** A vector of int64, for axes, shapes, pads and the like. */
  ints(values: readonly number[]): string {
    return this.#constant(`i ${values.join(' ')}`, {
      data: BigInt64Array.from(values, BigInt),
      shape: [values.length],
    });
  }

  int(value: number): string {
    return this.#constant(`i0 ${value}`, { data: BigInt64Array.of(BigInt(value)), shape: [] });
  }

  float(value: number): string {
    return this.#constant(`f ${value}`, { data: Float32Array.of(value), shape: [] });
  }

  floats(values: readonly number[]): string {
    return this.#constant(`fs ${values.join(' ')}`, {
      data: Float32Array.from(values),
      shape: [values.length],
    });
  }

  int32s(values: readonly number[]): string {
    return this.#constant(`js ${values.join(' ')}`, {
      data: Int32Array.from(values),
      shape: [values.length],
    });
  }

  /** The identity matrix, under another shape. */
  identity(size: number, shape: readonly number[]): string {
    const data = new Float32Array(size * size);
    for (let i = 0; i < size; i++) data[i * (size + 1)] = 1;
    return this.#constant(`identity ${size} ${shape.join(' ')}`, { data, shape });
  }

  zeros(shape: readonly number[]): string {
    const data = new Float32Array(sizeOf(shape));
    return this.#constant(`zeros ${shape.join(' ')}`, { data, shape });
  }

  /** A row of ones, [1, size]. */
  ones(size: number): string {
    return this.#constant(`ones ${size}`, { data: new Float32Array(size).fill(1), shape: [1, size] });
  }

  #constant(key: string, data: TensorData): string {
    let name = this.#shared.get(key);
    if (name === undefined) {
      name = `constant#${++this.#count}`;
      this.#shared.set(key, name);
      this.constants.set(name, data);
    }
    return name;
  }
}
