/** The executor of a provider, for graphs whose parameters are fed in each run: training steps, and looks at what they learn. */
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Graph } from '../graph.ts';
import type { TensorData } from '../tensor.ts';
import type { Executor } from './executor.ts';
import { OrtExecutor, type OrtOptions } from './ort.ts';
import { loadTensorFlow } from './tfjs.ts';
import { TfjsStepExecutor } from './tfjs-step.ts';

/** `cpu` and `cuda` by ONNX Runtime; `tfjs` by TensorFlow.js, on the fastest of its packages that is installed. */
export type Provider = 'cpu' | 'cuda' | 'tfjs';

/** Runs one graph many times, between ONNX Runtime's tensors whoever computes: they are views of the caller's memory. */
export interface StepExecutor extends Executor {
  readonly inputs: readonly { readonly name: string }[];
  /** A tensor for an input, over the same memory. @throws NN_FEED when the value does not fit. */
  fed(name: string, value: TensorData | undefined): OrtTensor;
  /** Results go into the memory of `into`. */
  runInto(
    feeds: Readonly<Record<string, OrtTensor>>,
    into: Readonly<Record<string, OrtTensor>>,
  ): Promise<void>;
  /** Ends a profile that was asked for; ONNX Runtime's providers have one. */
  endProfile(): void;
}

export interface StepOptions extends Omit<OrtOptions, 'provider' | 'parameters'> {
  /** Default `cpu`. `tfjs` has threads and lowerings of its own. */
  readonly provider?: Provider;
}

/** @throws NN_PROVIDER, or NN_PEER_MISSING where no TensorFlow.js is installed. */
export async function openStepExecutor(
  graph: Graph,
  { provider = 'cpu', ...options }: StepOptions,
): Promise<StepExecutor> {
  if (provider === 'tfjs') return TfjsStepExecutor.open(graph, await loadTensorFlow());
  return OrtExecutor.open(graph, { ...options, provider, parameters: 'inputs' });
}
