/**
 * A computation with static shapes, built once and run many times. It holds inputs, parameters (what training changes),
 * constants, nodes, and the named tensors that are its outputs. ops.ts adds nodes; gradients.ts differentiates; executors
 * run it.
 */
import { ArmloopError } from '../errors.ts';
import type { Init } from './init.ts';
import type { OpAttributes, OpName } from './op-set.ts';
import { type DType, type Node, showShape, sizeOf, type Tensor, type TensorData } from './tensor.ts';

export interface Parameter {
  readonly tensor: Tensor;
  readonly init: Init;
}

type Values = TensorData['data'];

/** A shape and a type of a node's output. */
export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export class Graph {
  readonly #inputs = new Map<string, Tensor>();
  readonly #parameters = new Map<string, Parameter>();
  readonly #constants = new Map<Tensor, TensorData>();
  readonly #outputs = new Map<string, Tensor>();
  readonly #nodes: Node[] = [];
  readonly #scalars = new Map<string, Tensor>();
  readonly #taken = new Set<string>();
  #scopes = '';
  #tensors = 0;

  /** By name, in the order in which they were made. */
  get inputs(): ReadonlyMap<string, Tensor> {
    return this.#inputs;
  }

  /** By name, in the order in which they were made. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#parameters;
  }

  get constants(): ReadonlyMap<Tensor, TensorData> {
    return this.#constants;
  }

  get outputs(): ReadonlyMap<string, Tensor> {
    return this.#outputs;
  }

  /** In an order in which they can be computed. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** A value that each run is fed. Its name is used as it is, whatever the scope. */
  input(name: string, shape: readonly number[], dtype: DType = 'float32'): Tensor {
    this.#claim(name, 'input');
    const tensor = this.#tensor(name, shape, dtype, null);
    this.#inputs.set(name, tensor);
    return tensor;
  }

  /** A float32 value that training changes, named within the scopes in force: `encoder/conv1/weight`. */
  parameter(name: string, shape: readonly number[], init: Init): Tensor {
    const full = this.#scopes + name;
    this.#claim(full, 'parameter');
    const tensor = this.#tensor(full, shape, 'float32', null);
    this.#parameters.set(full, { tensor, init });
    return tensor;
  }

  /** Values fixed for good. A number makes a scalar; without a shape, an array makes a vector. */
  constant(values: Values | readonly number[] | number, shape?: readonly number[], dtype?: DType): Tensor {
    if (typeof values === 'number') return this.#scalar(values, shape ?? [], dtype ?? 'float32');
    const type = dtype ?? dtypeOf(values);
    const data = typed(values, type);
    const dims = shape ?? [data.length];
    if (data.length !== sizeOf(dims)) {
      const what = `the constant of shape ${showShape(dims)}`;
      throw new ArmloopError('LENGTH_MISMATCH', { what, got: data.length, want: sizeOf(dims) });
    }
    const tensor = this.#tensor(this.#fresh('constant'), dims, type, null);
    this.#constants.set(tensor, { data, shape: dims });
    return tensor;
  }

  /** Names what is built inside: parameters and nodes get `name/` before theirs. Scopes nest. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.#scopes;
    this.#scopes = `${outer}${name}/`;
    try {
      return build();
    } finally {
      this.#scopes = outer;
    }
  }

  /** Names a tensor as a result of the graph. */
  output(name: string, tensor: Tensor): void {
    if (tensor.graph !== this) {
      throw new ArmloopError('NN_GRAPH', {
        what: `output ${name}`,
        reason: `${tensor.name} belongs to another graph`,
      });
    }
    if (this.#outputs.has(name) || this.#inputs.has(name) || this.#parameters.has(name)) {
      throw new ArmloopError('NN_GRAPH', {
        what: `output ${name}`,
        reason: 'an input, parameter or output has that name already',
      });
    }
    this.#outputs.set(name, tensor);
  }

  /** Adds a node. For ops.ts, which checks the shapes first: user code calls those functions instead. */
  node<K extends OpName>(
    op: K,
    inputs: readonly Tensor[],
    attributes: OpAttributes[K],
    outputs: readonly OutputSpec[],
  ): readonly Tensor[] {
    for (const t of inputs) {
      if (t.graph !== this) {
        throw new ArmloopError('NN_GRAPH', {
          what: op,
          reason: `its input ${t.name} belongs to another graph`,
        });
      }
    }
    const made: Tensor[] = [];
    const node = { op, name: this.#fresh(op), inputs, outputs: made, attributes } as unknown as Node;
    this.#nodes.push(node);
    outputs.forEach((o, i) => {
      made.push(this.#tensor(i === 0 ? node.name : `${node.name}:${i}`, o.shape, o.dtype, node));
    });
    return made;
  }

  #scalar(value: number, shape: readonly number[], dtype: DType): Tensor {
    const key = `${Object.is(value, -0) ? '-0' : value} ${showShape(shape)} ${dtype}`;
    const known = this.#scalars.get(key);
    if (known !== undefined) return known;
    const data = typed(new Array<number>(sizeOf(shape)).fill(value), dtype);
    const tensor = this.#tensor(this.#fresh('constant'), shape, dtype, null);
    this.#constants.set(tensor, { data, shape });
    this.#scalars.set(key, tensor);
    return tensor;
  }

  #tensor(name: string, shape: readonly number[], dtype: DType, producer: Node | null): Tensor {
    const bad = shape.find((d) => !Number.isInteger(d) || d < 1);
    if (bad !== undefined) {
      const rule = 'every axis is a whole number of at least 1';
      throw new ArmloopError('NN_SHAPE', { op: name, tensors: showShape(shape), rule });
    }
    return { graph: this, id: this.#tensors++, name, shape: [...shape], dtype, producer };
  }

  #claim(name: string, what: string): void {
    if (this.#taken.has(name)) {
      throw new ArmloopError('NN_GRAPH', {
        what: `${what} ${name}`,
        reason: 'something has that name already',
      });
    }
    this.#taken.add(name);
  }

  #fresh(word: string): string {
    let name = `${this.#scopes}${word}`;
    for (let i = 2; this.#taken.has(name); i++) name = `${this.#scopes}${word}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** The type that plain numbers and typed arrays stand for; bytes are uint8 unless said otherwise. */
function dtypeOf(values: Values | readonly number[]): DType {
  if (values instanceof BigInt64Array) return 'int64';
  if (values instanceof Int32Array) return 'int32';
  return values instanceof Uint8Array ? 'uint8' : 'float32';
}

/** The values in the array that holds the type. */
export function typed(values: Values | readonly number[], dtype: DType): Values {
  switch (dtype) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values, Number);
    case 'int64':
      return values instanceof BigInt64Array
        ? values
        : BigInt64Array.from(values as readonly number[], BigInt);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(values, Number);
    case 'bool':
    case 'uint8':
      return values instanceof Uint8Array ? values : Uint8Array.from(values, Number);
    default:
      throw new TypeError(`unknown type ${dtype satisfies never}`);
  }
}
