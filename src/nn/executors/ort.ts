/** Runs graphs and ONNX files with ONNX Runtime: on the CPU, or on an NVIDIA GPU where its CUDA provider is installed. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ArmloopError } from '../../errors.ts';
import { Graph } from '../graph.ts';
import { type OnnxOptions, toOnnx } from '../onnx/write.ts';
import { type DType, showShape, sizeOf, type TensorData } from '../tensor.ts';
import type { Executor } from './executor.ts';

export type Provider = 'cpu' | 'cuda';

export interface OrtOptions {
  /** Threads of one operation. Results are bit-identical only for the same number. */
  readonly threads: number;
  /** Default `cpu`. `cuda` is refused where ONNX Runtime was installed without it. */
  readonly provider?: Provider;
  /** Values of the parameters, or `inputs` to feed them; needed for a graph that has some, and not for a file. */
  readonly parameters?: OnnxOptions['parameters'];
  /** Other ways to say some operations, as for the ONNX writer. */
  readonly lowerings?: OnnxOptions['lowerings'];
  /** Channels of a block of blocked images, see `channelBlock`. */
  readonly channelBlock?: number;
  /** `into`: for `runInto` alone, which then spares the copies of all results. Default `copied`. */
  readonly results?: 'copied' | 'into';
  /** Writes a profile of each node to files that start so. It costs time. */
  readonly profile?: string;
}

/** Name, type and shape of an input or output; a text stands for a size that each run may choose. */
export interface Port {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/**
 * Results that were given memory to go to are there when a run ends, yet ONNX Runtime's binding for Node then copies each of them into
 * a new array: for the state of a training of a million parameters, ten times as long as it takes to compute. It does so in the
 * order of the outputs, and ends with this error at one that is no tensor, so an empty sequence in front spares the copies. A
 * binding that copied sequences as well would do what it did without.
 */
const NO_COPIES = 'results stay where they are';
const NOT_A_TENSOR = 'Non tensor type is temporarily not supported.';

export class OrtExecutor implements Executor {
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, Port>;
  readonly #noCopies: Readonly<Record<string, null>>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(port);
    this.#inputs = new Map(this.inputs.map((p) => [p.name, p]));
    this.outputs = session.outputMetadata.map(port).filter((p) => p.name !== NO_COPIES);
    this.#noCopies = session.outputNames.includes(NO_COPIES) ? { [NO_COPIES]: null } : {};
  }

  /** @param model a graph with its outputs named, or the bytes of an ONNX file. */
  static async open(model: Graph | Uint8Array, options: OrtOptions): Promise<OrtExecutor> {
    const bytes = model instanceof Graph ? toOnnx(model, onnxOptions(options)) : model;
    const provider = options.provider ?? 'cpu';
    const session = await InferenceSession.create(bytes, {
      executionProviders: [provider],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: provider === 'cpu' ? 3 : 4,
      ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    }).catch((cause: Error) => {
      if (provider === 'cpu') throw cause;
      throw new ArmloopError('NN_PROVIDER', { provider, reason: cause.message }, { cause });
    });
    return new OrtExecutor(session);
  }

  async run(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>> {
    const tensors: Record<string, OrtTensor> = {};
    for (const { name } of this.inputs) tensors[name] = this.fed(name, feeds[name]);
    for (const name of Object.keys(feeds)) if (tensors[name] === undefined) this.fed(name, feeds[name]);
    const results = await this.#session.run(tensors);
    return Object.fromEntries(
      Object.entries(results).map(([name, t]) => [
        name,
        { data: t.data as TensorData['data'], shape: t.dims },
      ]),
    );
  }

  /**
   * As `run`, with ONNX Runtime's own tensors and without checks; results go into the memory of `into`. For loops that run
   * one graph many times.
   */
  async runInto(
    feeds: Readonly<Record<string, OrtTensor>>,
    into: Readonly<Record<string, OrtTensor>>,
  ): Promise<void> {
    await this.#session.run(feeds, { ...this.#noCopies, ...into }).catch((error: Error) => {
      if (error.message !== NOT_A_TENSOR) throw error;
    });
  }

  /** Ends a profile that was asked for and closes its file. */
  endProfile(): void {
    this.#session.endProfiling();
  }

  /** ONNX Runtime's tensor for an input, over the same memory. @throws NN_FEED when the value does not fit. */
  fed(name: string, value: TensorData | undefined): OrtTensor {
    const input = this.#inputs.get(name);
    const reason =
      input === undefined
        ? 'the graph has no such input'
        : value === undefined
          ? 'it was not given'
          : misfit(input, value);
    if (reason !== null) throw new ArmloopError('NN_FEED', { input: name, reason });
    return ortTensor(input!.dtype as DType, value!.data, value!.shape);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

const ARRAYS = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
  uint8: Uint8Array,
} as const;

/** Why a value is none for an input, or null. */
function misfit(input: Port, { data, shape }: TensorData): string | null {
  const array = ARRAYS[input.dtype as DType];
  const fits =
    shape.length === input.shape.length &&
    input.shape.every((d, i) => typeof d === 'string' || d === shape[i]);
  if (!fits) return `its shape is ${showShape(shape)}, not [${input.shape.join(', ')}]`;
  if (array === undefined) return `its type is ${input.dtype}, which this executor does not feed`;
  if (!(data instanceof array))
    return `it came as ${data.constructor.name}, but ${input.dtype} is a ${array.name}`;
  if (data.length === sizeOf(shape)) return null;
  return `it has ${data.length} values, but ${showShape(shape)} holds ${sizeOf(shape)}`;
}

/** ONNX Runtime's tensor over the same memory. */
export const ortTensor = (dtype: DType, data: TensorData['data'], shape: readonly number[]): OrtTensor =>
  new OrtTensor(dtype, data as Float32Array, shape);

const onnxOptions = (options: OrtOptions): OnnxOptions => ({
  name: 'armloop',
  parameters: options.parameters ?? new Map(),
  ...(options.lowerings === undefined ? {} : { lowerings: options.lowerings }),
  ...(options.channelBlock === undefined ? {} : { channelBlock: options.channelBlock }),
  ...(options.results === 'into' ? { emptySequence: NO_COPIES } : {}),
});

function port(meta: InferenceSession.ValueMetadata): Port {
  return meta.isTensor
    ? { name: meta.name, dtype: meta.type, shape: meta.shape }
    : { name: meta.name, dtype: 'no tensor', shape: [] };
}
