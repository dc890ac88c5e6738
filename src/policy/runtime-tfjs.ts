/**
 * TensorFlow.js models: LayersModel and GraphModel on any of its backends, SavedModel where tfjs-node is installed.
 * TensorFlow.js is an optional peer: armloop runs without it, and a bundle that needs it says which package is missing.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as Tfjs from '@tensorflow/tfjs';
import { ArmloopError } from '../errors.ts';
import type { TensorData } from '../nn/tensor.ts';
import { type Bundle, bundleFile } from './bundle.ts';
import type { ModelTensor } from './check.ts';
import type { Feeds, PolicyRuntime } from './runtime.ts';

type Tf = typeof Tfjs;
type NamedTensors = Record<string, Tfjs.Tensor>;

/** What tfjs-node adds. */
interface TfNode extends Tf {
  readonly node: {
    loadSavedModel(path: string): Promise<SavedModel>;
  };
}

interface SavedModel {
  readonly inputs: readonly { name: string; shape?: readonly (number | null)[] | undefined }[];
  readonly outputs: readonly { name: string; shape?: readonly (number | null)[] | undefined }[];
  predict(inputs: NamedTensors): Tfjs.Tensor | NamedTensors;
}

/** Fastest first. The names are data: none of the packages need be there. */
const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const PLAIN = [...NATIVE, '@tensorflow/tfjs'];

/** A model as this file runs it. */
interface Model {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Type that each input is to be given in. */
  readonly types: ReadonlyMap<string, string>;
  run(inputs: NamedTensors): Promise<Tfjs.Tensor>;
  dispose(): void;
}

/** Rejects with POLICY_RUNTIME, POLICY_UNREADABLE. */
export async function openTfjs(bundle: Bundle): Promise<PolicyRuntime> {
  const { model, name, action } = bundle.manifest;
  const { runtime } = model;
  if (runtime === 'onnx' || runtime === 'remote') {
    throw new ArmloopError('INTERNAL', { what: `TensorFlow.js does not run ${runtime} policies` });
  }
  const tf = await load(name, runtime === 'tf-saved-model' ? NATIVE : PLAIN);
  await tf.ready();
  try {
    switch (runtime) {
      case 'tfjs-layers':
        return new TfjsRuntime(tf, await layers(tf, bundle, model.file, action.name), name);
      case 'tfjs-graph':
        return new TfjsRuntime(tf, await graph(tf, bundle, model.file, action.name), name);
      case 'tf-saved-model':
        return new TfjsRuntime(tf, await saved(tf as TfNode, bundle, model.file, action.name), name);
      default:
        throw new ArmloopError('INTERNAL', {
          what: `no TensorFlow.js format ${runtime satisfies never}`,
        });
    }
  } catch (error) {
    throw error instanceof ArmloopError ? error : failed(name, error);
  }
}

class TfjsRuntime implements PolicyRuntime {
  readonly declared;
  readonly speaks = 'tensors';
  readonly #tf: Tf;
  readonly #model: Model;
  readonly #policy: string;

  constructor(tf: Tf, model: Model, policy: string) {
    this.#tf = tf;
    this.#model = model;
    this.#policy = policy;
    this.declared = { inputs: model.inputs, outputs: model.outputs };
  }

  async run(feeds: Feeds): Promise<Float32Array> {
    const inputs: NamedTensors = {};
    let output: Tfjs.Tensor | null = null;
    try {
      for (const [name, value] of Object.entries(feeds)) {
        inputs[name] = this.#tensor(value as TensorData, this.#model.types.get(name) ?? 'float32');
      }
      output = await this.#model.run(inputs);
      return Float32Array.from(await output.data());
    } catch (error) {
      throw failed(this.#policy, error);
    } finally {
      for (const tensor of Object.values(inputs)) tensor.dispose();
      output?.dispose();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#model.dispose();
  }

  /** TensorFlow.js has float32 and int32 (and bool): bytes and int64 go as what the model declares of the two. */
  #tensor({ data, shape }: TensorData, type: string): Tfjs.Tensor {
    const dtype = type === 'int32' ? 'int32' : 'float32';
    const plain = data instanceof BigInt64Array ? Int32Array.from(data, Number) : data;
    const values = dtype === 'int32' ? Int32Array.from(plain) : Float32Array.from(plain);
    return this.#tf.tensor(values, [...shape], dtype);
  }
}

async function layers(tf: Tf, bundle: Bundle, file: string, output: string): Promise<Model> {
  const model = await tf.loadLayersModel({ load: async () => artifacts(bundle, file) });
  const outputs = model.outputNames.map((name, i) => told(name, model.outputs[i]!.shape));
  const at = model.outputNames.indexOf(output);
  return {
    inputs: model.inputNames.map((name, i) => told(name, model.inputs[i]!.shape)),
    outputs,
    types: new Map(model.inputNames.map((name, i) => [name, model.inputs[i]!.dtype])),
    run: async (inputs) => {
      const list = model.inputNames.map((name) => inputs[name]!);
      const answer = model.predict(list.length === 1 ? list[0]! : list);
      if (!Array.isArray(answer)) return answer;
      for (const [i, tensor] of answer.entries()) if (i !== at) tensor.dispose();
      return answer[at]!;
    },
    dispose: () => model.dispose(),
  };
}

async function graph(tf: Tf, bundle: Bundle, file: string, output: string): Promise<Model> {
  const model = await tf.loadGraphModel({ load: async () => artifacts(bundle, file) });
  return {
    inputs: model.inputs.map((t) => told(plain(t.name), t.shape)),
    outputs: model.outputs.map((t) => told(plain(t.name), t.shape)),
    types: new Map(model.inputs.map((t) => [plain(t.name), t.dtype])),
    run: async (inputs) => model.execute(inputs, output) as Tfjs.Tensor,
    dispose: () => model.dispose(),
  };
}

async function saved(tf: TfNode, bundle: Bundle, file: string, output: string): Promise<Model> {
  const model = await tf.node.loadSavedModel(dirname(bundleFile(bundle, join(file, 'saved_model.pb'))));
  return {
    inputs: model.inputs.map((t) => told(plain(t.name), t.shape)),
    outputs: model.outputs.map((t) => told(plain(t.name), t.shape)),
    types: new Map(),
    run: async (inputs) => {
      const answer = model.predict(inputs);
      return answer instanceof tf.Tensor ? answer : (answer as NamedTensors)[output]!;
    },
    dispose: () => {},
  };
}

/** The node of a tensor name: `state` of `state:0`. */
const plain = (name: string): string => name.replace(/:\d+$/, '');

/** Types are left open: tensors are given in what the model declares. */
const told = (name: string, shape: unknown): ModelTensor => ({
  name,
  type: null,
  shape: Array.isArray(shape) ? (shape as (number | null)[]) : null,
});

interface ModelJson {
  readonly modelTopology: object;
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: Tfjs.io.WeightsManifestEntry[];
  }[];
  readonly format?: string;
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly signature?: object;
}

/** model.json and its weights, all of them files of the bundle. */
function artifacts(bundle: Bundle, file: string): Tfjs.io.ModelArtifacts {
  const json = JSON.parse(readFileSync(bundleFile(bundle, file), 'utf8')) as ModelJson;
  const groups = json.weightsManifest;
  const parts = groups.flatMap((g) =>
    g.paths.map((path) => readFileSync(bundleFile(bundle, join(dirname(file), path)))),
  );
  const all = Buffer.concat(parts);
  return {
    modelTopology: json.modelTopology,
    weightSpecs: groups.flatMap((g) => g.weights),
    weightData: all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength) as ArrayBuffer,
    ...(json.format === undefined ? {} : { format: json.format }),
    ...(json.generatedBy === undefined ? {} : { generatedBy: json.generatedBy }),
    ...(json.convertedBy == null ? {} : { convertedBy: json.convertedBy }),
    ...(json.signature === undefined ? {} : { signature: json.signature }),
  };
}

/** The first of the packages that is installed. */
async function load(policy: string, packages: readonly string[]): Promise<Tf> {
  for (const name of packages) {
    try {
      const module = (await import(name)) as Tf & { default?: Tf };
      return module.default ?? module;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw failed(policy, error);
    }
  }
  const reason = `none of ${packages.join(', ')} is installed; run npm install ${packages.at(-1)}`;
  throw new ArmloopError('POLICY_RUNTIME', { policy, runtime: 'TensorFlow.js', reason });
}

function failed(policy: string, error: unknown): ArmloopError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ArmloopError('POLICY_RUNTIME', { policy, runtime: 'TensorFlow.js', reason }, { cause: error });
}
