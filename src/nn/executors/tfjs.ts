/**
 * Runs a graph with TensorFlow.js, on whichever backend the given namespace has: the GPU of @tensorflow/tfjs-node-gpu, or plain
 * JavaScript, which serves as an independent check. It is an optional package and loaded only when asked for.
 */
import type * as TF from '@tensorflow/tfjs';
import { ArmloopError } from '../../errors.ts';
import type { Graph } from '../graph.ts';
import { neededBy } from '../reach.ts';
import { type DType, type Node, showShape, sizeOf, type Tensor, type TensorData } from '../tensor.ts';
import { valuesOf } from '../values.ts';
import type { Executor } from './executor.ts';
import { INTERPRET, type TensorFlow, TF_TYPES } from './tfjs-ops.ts';

export type { TensorFlow } from './tfjs-ops.ts';

/** Packages with TensorFlow.js in them, the fastest first. */
export const TENSORFLOW_PACKAGES = [
  '@tensorflow/tfjs-node-gpu',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs',
] as const;

/**
 * The first of the packages that is installed, ready to run.
 * @throws NN_PEER_MISSING when none can be loaded.
 */
export async function loadTensorFlow(packages: readonly string[] = TENSORFLOW_PACKAGES): Promise<TensorFlow> {
  let cause: unknown;
  for (const name of packages) {
    try {
      const module = (await import(name)) as TensorFlow & { readonly default?: TensorFlow };
      const tf = module.default ?? module;
      await tf.ready();
      return tf;
    } catch (error) {
      cause = error;
    }
  }
  const reason = `${(cause as Error | undefined)?.message ?? 'none was named'}`.split('\n')[0]!;
  throw new ArmloopError('NN_PEER_MISSING', { name: packages.at(-1) ?? '', reason }, { cause });
}

export interface TfjsOptions {
  readonly tf: TensorFlow;
  /** Values of every parameter, or `inputs` to feed them in each run. */
  readonly parameters?: ReadonlyMap<string, Float32Array> | 'inputs';
}

export class TfjsExecutor implements Executor {
  readonly #graph: Graph;
  readonly #tf: TensorFlow;
  readonly #nodes: readonly Node[];
  /** What each run is given. */
  readonly #inputs: ReadonlyMap<string, Tensor>;
  /** Parameters and constants, which stay from run to run. */
  readonly #fixed = new Map<Tensor, TF.Tensor>();

  private constructor(graph: Graph, options: TfjsOptions) {
    this.#graph = graph;
    this.#tf = options.tf;
    const needed = neededBy(graph);
    this.#nodes = graph.nodes.filter((n) => n.outputs.some((t) => needed.has(t)));
    for (const [t, { data }] of graph.constants) if (needed.has(t)) this.#fixed.set(t, this.#tensor(t, data));
    const parameters = [...graph.parameters].map(([name, p]) => [name, p.tensor] as const);
    if (options.parameters === 'inputs') {
      this.#inputs = new Map([...graph.inputs, ...parameters]);
      return;
    }
    this.#inputs = graph.inputs;
    for (const [, tensor] of parameters) {
      if (needed.has(tensor))
        this.#fixed.set(tensor, this.#tensor(tensor, valuesOf(options.parameters ?? new Map(), tensor)));
    }
  }

  static async open(graph: Graph, options: TfjsOptions): Promise<TfjsExecutor> {
    await options.tf.ready();
    return new TfjsExecutor(graph, options);
  }

  async run(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>> {
    for (const [name, value] of Object.entries(feeds)) fed(name, this.#inputs.get(name), value);
    const results = this.#tf.tidy(() => {
      const values = new Map(this.#fixed);
      for (const [name, t] of this.#inputs) values.set(t, this.#tensor(t, fed(name, t, feeds[name])));
      for (const node of this.#nodes) {
        const xs = node.inputs.map((t) => values.get(t)!);
        const interpret = INTERPRET[node.op] as (
          tf: TensorFlow,
          xs: readonly TF.Tensor[],
          node: Node,
        ) => TF.Tensor | TF.Tensor[];
        const made = interpret(this.#tf, xs, node);
        for (const [i, t] of node.outputs.entries())
          values.set(t, Array.isArray(made) ? made[i]! : (made as TF.Tensor));
      }
      // A result may be an input or a constant itself; copies can be let go of freely.
      return [...this.#graph.outputs.values()].map((t) => this.#tf.clone(values.get(t)!));
    });
    const out: Record<string, TensorData> = {};
    for (const [i, [name, t]] of [...this.#graph.outputs].entries()) {
      out[name] = { data: asType(await results[i]!.data(), t.dtype), shape: t.shape };
      results[i]!.dispose();
    }
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const t of this.#fixed.values()) t.dispose();
    this.#fixed.clear();
    return Promise.resolve();
  }

  #tensor(t: Tensor, data: TensorData['data']): TF.Tensor {
    const values = data instanceof Float32Array ? data : Int32Array.from(data as Int32Array, Number);
    const type = TF_TYPES[t.dtype];
    return this.#tf.tensor(type === 'bool' ? Uint8Array.from(values) : values, [...t.shape], type);
  }
}

/** The values of an input. @throws NN_FEED when there is no such input, or when they do not fit it. */
export function fed(input: string, t: Tensor | undefined, value: TensorData | undefined): TensorData['data'] {
  if (t === undefined) throw new ArmloopError('NN_FEED', { input, reason: 'the graph has no such input' });
  const { shape } = value ?? t;
  const same = shape.length === t.shape.length && shape.every((d, i) => d === t.shape[i]);
  const reason =
    value === undefined
      ? 'it was not given'
      : !same
        ? `its shape is ${showShape(shape)}, not ${showShape(t.shape)}`
        : value.data.length !== sizeOf(shape)
          ? `it has ${value.data.length} values, but ${showShape(shape)} holds ${sizeOf(shape)}`
          : null;
  if (reason !== null) throw new ArmloopError('NN_FEED', { input, reason });
  return value!.data;
}

function asType(values: Float32Array | Int32Array | Uint8Array, dtype: DType): TensorData['data'] {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values);
    case 'int64':
      return BigInt64Array.from(values, BigInt);
    case 'int32':
      return Int32Array.from(values);
    default:
      return Uint8Array.from(values);
  }
}
