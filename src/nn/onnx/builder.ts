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

/** A value that is not computed yet, because what comes next may be done in the same go. */
export type Later = LaterConv | LaterBytes;

/** A convolution in blocks that can add a bias, and then cut off at zero, while it is computed. */
export interface LaterConv {
  readonly kind: 'conv';
  /** Name of the bias, one value per channel. */
  readonly bias: string | null;
  /** Adds the node. @returns the name of its result. */
  readonly make: (bias: string | null, activation?: 'Relu') => string;
}

/** Bytes that become float32 times a scale: they are best moved while they are bytes. */
export interface LaterBytes {
  readonly kind: 'bytes';
  readonly bytes: string;
  readonly scale: number;
}

/** Domain of ONNX Runtime's operators on blocked images. */
export const NCHWC = 'com.microsoft.nchwc';

/**
 * The order of images in blocks, [N, C / block, height, width, block]: the channel's axis is met twice, first the block and last the
 * place in it. ONNX Runtime's convolutions are fastest so. They take and give it under the shape [N, C, height, width], which forms in
 * this order have here as well.
 */
export const BLOCKED: readonly number[] = [0, 1, 2, 3, 1];
const CHANNELS_LAST: readonly number[] = [0, 2, 3, 1];

const ownOrder = (t: Tensor): number[] => t.shape.map((_, i) => i);

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, i) => v === b[i]);

/**
 * A value can be there with its axes in several orders: `name` gives it as the graph has it, `form` in a wanted order, `made` tells of
 * one that a lowering found. Where only another order is there, a Transpose is added when somebody asks, and none if nobody does.
 */
export class OnnxBuilder {
  readonly nodes: EmittedNode[] = [];
  readonly constants = new Map<string, TensorData & { readonly bool?: boolean }>();
  /** Domains of operators beyond ONNX's own. */
  readonly domains = new Set<string>();
  readonly block: number;
  readonly #names: (t: Tensor) => string;
  readonly #shared = new Map<string, string>();
  readonly #forms = new Map<Tensor, Form[]>();
  readonly #later = new Map<Tensor, Later>();
  readonly #uses: (t: Tensor) => number;
  #count = 0;

  /**
   * @param names how the values of the graph are called in ONNX.
   * @param uses by how many operations of the graph a value is read.
   * @param block channels of a block of blocked images; 0 where ONNX Runtime has none.
   */
  constructor(names: (t: Tensor) => string, uses: (t: Tensor) => number, block = 0) {
    this.#names = names;
    this.#uses = uses;
    this.block = block;
  }

  name(t: Tensor): string {
    this.#settle(t);
    return this.#forms.has(t) ? this.form(t, ownOrder(t)) : this.#names(t);
  }

  /** Name of the value with its axes in another order: axis i of it is axis `order[i]` of t. */
  form(t: Tensor, order: readonly number[]): string {
    this.#settle(t);
    const own = ownOrder(t);
    let forms = this.#forms.get(t);
    if (forms === undefined) {
      forms = [{ order: own, name: this.#names(t) }];
      this.#forms.set(t, forms);
    }
    const known = forms.find((f) => same(f.order, order));
    if (known !== undefined) return known.name;
    const name = same(order, own) ? this.#names(t) : `${this.#names(t)}#${order.join('')}`;
    if (same(order, BLOCKED)) this.#block(t, forms, name);
    else this.#transpose(t, forms, order, name);
    forms.push({ order, name });
    return name;
  }

  /** Shape that an image [N, C, height, width] has in blocks; a single channel is one block of its own. */
  inBlocks([n = 1, c = 1, ...space]: readonly number[]): number[] {
    const block = c === 1 ? 1 : this.block;
    return [n, c / block, ...space, block];
  }

  #block(t: Tensor, forms: readonly Form[], name: string): void {
    const last = forms.find((f) => same(f.order, CHANNELS_LAST));
    const from = last?.name ?? this.name(t);
    this.node('ReorderInput', [from], [name], { channels_last: last === undefined ? 0 : 1 }, NCHWC);
  }

  #transpose(t: Tensor, forms: readonly Form[], order: readonly number[], name: string): void {
    const plain = forms.find((f) => !same(f.order, BLOCKED));
    const last = same(order, CHANNELS_LAST);
    if (plain === undefined && (last || same(order, ownOrder(t)))) {
      const attributes = { channels: t.shape[1]!, channels_last: last ? 1 : 0 };
      this.node('ReorderOutput', [this.form(t, BLOCKED)], [name], attributes, NCHWC);
      return;
    }
    const from = plain ?? { order: ownOrder(t), name: this.name(t) };
    this.node('Transpose', [from.name], [name], { perm: order.map((axis) => from.order.indexOf(axis)) });
  }

  /** Tells that a value is there with its axes in this order, under this name, and in no other order yet. */
  made(t: Tensor, order: readonly number[], name: string): void {
    this.#forms.set(t, [{ order, name }]);
  }

  /** Tells how a value is computed, with more done in one go if `alone` is asked before anybody needs it. */
  madeLater(t: Tensor, later: Later): void {
    this.#later.set(t, later);
  }

  /** How a value is computed that only one operation reads, if it was not computed yet. */
  alone<K extends Later['kind']>(t: Tensor, kind: K): Extract<Later, { readonly kind: K }> | undefined {
    const later = this.#uses(t) === 1 ? this.#later.get(t) : undefined;
    return later?.kind === kind ? (later as Extract<Later, { readonly kind: K }>) : undefined;
  }

  #settle(t: Tensor): void {
    const later = this.#later.get(t);
    if (later === undefined) return;
    this.#later.delete(t);
    if (later.kind === 'conv') this.made(t, BLOCKED, later.make(later.bias));
    else this.node('DequantizeLinear', [later.bytes, this.float(later.scale)], [this.#names(t)]);
  }

  /** The order in which a value was made; null for that of the graph. */
  otherOrder(t: Tensor): readonly number[] | null {
    if (this.#later.get(t)?.kind === 'conv') return BLOCKED;
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

  constant(data: Float32Array, shape: readonly number[]): string {
    return this.#constant(`c ${shape.join(' ')} ${data.join(' ')}`, { data, shape });
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
