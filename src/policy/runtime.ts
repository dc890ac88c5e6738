/** What runs the model of a policy: a session of ONNX Runtime, of TensorFlow.js, or a server elsewhere. */
import { ArmloopError } from '../errors.ts';
import type { TensorData } from '../nn/tensor.ts';
import type { Bundle } from './bundle.ts';
import type { ModelTensor } from './check.ts';

/** Values of the inputs by name; text only for what a remote policy is asked to do. */
export type Feeds = Readonly<Record<string, TensorData | string>>;

export interface PolicyRuntime extends AsyncDisposable {
  /** What the model declares, for the check; null when it does not tell. */
  readonly declared: {
    readonly inputs: readonly ModelTensor[];
    readonly outputs: readonly ModelTensor[];
  } | null;
  /** Whether tensors have their batch dimension, and tasks are numbers; remote policies take single observations and text. */
  readonly speaks: 'tensors' | 'observations';
  /**
   * The normalised actions, H × A values in order, valid until the next call. One call at a time; the arrays of `feeds`
   * must be the same ones in every call. Rejects with POLICY_RUNTIME, POLICY_REMOTE.
   */
  run(feeds: Feeds): Promise<Float32Array>;
}

export interface RuntimeOptions {
  /** Threads of ONNX Runtime. Default 1: inference shares the machine with the loop and the simulation. */
  readonly threads?: number | undefined;
  /** How long a remote policy may take to answer, ms. Default: 3 × latencyMs, at least 1000. */
  readonly timeoutMs?: number | undefined;
}

/** Opens the runtime that the manifest names. Rejects with POLICY_RUNTIME, POLICY_UNREADABLE, POLICY_CHANGED, POLICY_REMOTE. */
export async function openRuntime(bundle: Bundle, options: RuntimeOptions = {}): Promise<PolicyRuntime> {
  const { model } = bundle.manifest;
  switch (model.runtime) {
    case 'onnx':
      return (await import('./runtime-onnx.ts')).openOnnx(bundle, options);
    case 'tfjs-layers':
    case 'tfjs-graph':
    case 'tf-saved-model':
      return (await import('./runtime-tfjs.ts')).openTfjs(bundle);
    case 'remote':
      return (await import('./runtime-remote.ts')).openRemote(bundle, options);
    default:
      throw new ArmloopError('INTERNAL', { what: `no runtime ${model satisfies never}` });
  }
}
