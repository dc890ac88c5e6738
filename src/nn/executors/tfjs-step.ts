/** Training steps by TensorFlow.js: the graph of the step as it is, parameters and moments as inputs and outputs. */
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Graph } from '../graph.ts';
import type { TensorData } from '../tensor.ts';
import { ortTensor } from './ort.ts';
import { fed, type TensorFlow, TfjsExecutor } from './tfjs.ts';

export class TfjsStepExecutor implements AsyncDisposable {
  readonly #graph: Graph;
  readonly #executor: TfjsExecutor;
  readonly inputs: readonly { readonly name: string }[];

  private constructor(graph: Graph, executor: TfjsExecutor) {
    this.#graph = graph;
    this.#executor = executor;
    this.inputs = [...graph.inputs.keys(), ...graph.parameters.keys()].map((name) => ({ name }));
  }

  static async open(graph: Graph, tf: TensorFlow): Promise<TfjsStepExecutor> {
    return new TfjsStepExecutor(graph, await TfjsExecutor.open(graph, { tf, parameters: 'inputs' }));
  }

  run(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>> {
    return this.#executor.run(feeds);
  }

  /** @throws NN_FEED when the value does not fit. */
  fed(name: string, value: TensorData | undefined): OrtTensor {
    const t = this.#graph.inputs.get(name) ?? this.#graph.parameters.get(name)?.tensor;
    return ortTensor(t?.dtype ?? 'float32', fed(name, t, value), t?.shape ?? []);
  }

  async runInto(
    feeds: Readonly<Record<string, OrtTensor>>,
    into: Readonly<Record<string, OrtTensor>>,
  ): Promise<void> {
    const given = Object.entries(feeds).map(
      ([name, t]) => [name, { data: t.data as TensorData['data'], shape: t.dims }] as const,
    );
    const results = await this.#executor.run(Object.fromEntries(given));
    for (const [name, t] of Object.entries(into))
      (t.data as Float32Array).set(results[name]!.data as Float32Array);
  }

  endProfile(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.#executor[Symbol.asyncDispose]();
  }
}
