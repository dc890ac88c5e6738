/** Policies as ONNX files, run by ONNX Runtime on the CPU. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { ArmloopError } from '../errors.ts';
import type { TensorData } from '../nn/tensor.ts';
import { type Bundle, readOnnx } from './bundle.ts';
import type { ModelTensor } from './check.ts';
import type { Feeds, PolicyRuntime, RuntimeOptions } from './runtime.ts';

class OnnxRuntime implements PolicyRuntime {
  readonly declared;
  readonly speaks = 'tensors';
  readonly #session: InferenceSession;
  readonly #policy: string;
  readonly #output: string;
  readonly #tensors: Record<string, Tensor> = {};
  readonly #fetches: readonly string[];

  constructor(session: InferenceSession, policy: string, output: string) {
    this.#session = session;
    this.#policy = policy;
    this.#output = output;
    this.#fetches = [output];
    this.declared = { inputs: session.inputMetadata.map(told), outputs: session.outputMetadata.map(told) };
  }

  async run(feeds: Feeds): Promise<Float32Array> {
    for (const name in feeds) this.#wrap(name, feeds[name] as TensorData);
    let outputs: InferenceSession.OnnxValueMapType;
    try {
      outputs = await this.#session.run(this.#tensors, this.#fetches);
    } catch (error) {
      throw failed(this.#policy, error);
    }
    return outputs[this.#output]!.data as Float32Array;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }

  /** One tensor over the memory of each input, for good: it is filled anew for every call. */
  #wrap(name: string, { data, shape }: TensorData): void {
    if (this.#tensors[name]?.data === data) return;
    this.#tensors[name] = new Tensor(typeOf(data), data, shape);
  }
}

/** Rejects with POLICY_UNREADABLE, POLICY_CHANGED, POLICY_RUNTIME. */
export async function openOnnx(bundle: Bundle, { threads = 1 }: RuntimeOptions): Promise<PolicyRuntime> {
  const { name, action } = bundle.manifest;
  const bytes = readOnnx(bundle);
  try {
    const session = await InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Threads that spin between two calls would take the core from the loop.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new OnnxRuntime(session, name, action.name);
  } catch (error) {
    throw failed(name, error);
  }
}

function failed(policy: string, error: unknown): ArmloopError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ArmloopError('POLICY_RUNTIME', { policy, runtime: 'ONNX Runtime', reason }, { cause: error });
}

function typeOf(data: TensorData['data']): 'float32' | 'int64' | 'int32' | 'uint8' {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof BigInt64Array) return 'int64';
  return data instanceof Int32Array ? 'int32' : 'uint8';
}

function told(value: InferenceSession.ValueMetadata): ModelTensor {
  if (!value.isTensor) return { name: value.name, type: 'no tensor', shape: null };
  return { name: value.name, type: value.type, shape: value.shape };
}
