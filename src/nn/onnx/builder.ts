/** Collects the nodes and constants of an ONNX graph while a graph of ours is lowered to it. */
import type { Tensor, TensorData } from '../tensor.ts';

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

export class OnnxBuilder {
  readonly nodes: EmittedNode[] = [];
  readonly constants = new Map<string, TensorData & { readonly bool?: boolean }>();
  /** Domains of operators beyond ONNX's own. */
  readonly domains = new Set<string>();
  readonly #names: (t: Tensor) => string;
  readonly #shared = new Map<string, string>();
  #count = 0;

  /** @param names how the values of the graph are called in ONNX. */
  constructor(names: (t: Tensor) => string) {
    this.#names = names;
  }

  name(t: Tensor): string {
    return this.#names(t);
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
