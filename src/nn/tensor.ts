/** The nouns of the training engine: symbolic tensors, their values, and the nodes between them. */
import type { Graph } from './graph.ts';
import type { OpAttributes, OpName } from './op-set.ts';

export type DType = 'float32' | 'int64' | 'int32' | 'bool' | 'uint8';

/** A tensor of a graph: a shape and a type known while the graph is built, values only when it runs. */
export interface Tensor {
  readonly graph: Graph;
  /** Number within its graph; a tensor depends only on tensors with smaller ones. */
  readonly id: number;
  /** Unique within its graph, with its scopes: `encoder/conv1/weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** What computes it; null for inputs, parameters and constants. */
  readonly producer: Node | null;
}

/** Values of a tensor in row-major order. bool and uint8 are both bytes; the graph says which is meant. */
export interface TensorData {
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

interface NodeOf<K extends OpName> {
  readonly op: K;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
}

/** One operation of a graph. `Node<'Conv'>` is a convolution, `Node` any of them. */
export type Node<K extends OpName = OpName> = { [P in K]: NodeOf<P> }[K];

/** Number of values of a shape; 1 for a scalar. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** A shape for people: `[8, 3, 64, 64]`. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** A tensor for people: name, shape, and its type where it is not float32. */
export const showTensor = (t: Tensor): string =>
  `${t.name} ${showShape(t.shape)}${t.dtype === 'float32' ? '' : ` ${t.dtype}`}`;
