/** What an ONNX file says: its inputs, outputs, nodes and weights. Reading it needs no runtime. */
import { fromBinary } from '@bufbuild/protobuf';
import { ArmloopError } from '../../errors.ts';
import { showShape, sizeOf, type TensorData } from '../tensor.ts';
import {
  ATTRIBUTE,
  type AttributeProto,
  ELEMENT,
  MODEL,
  type ModelProto,
  type TensorProto,
} from './schema.ts';

/** An input or output; a text stands for a size that each run may choose, and an unknown type is `type N`. */
export interface OnnxPort {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export type OnnxAttribute = number | string | TensorData | readonly number[] | readonly string[] | null;

export interface OnnxNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Null for kinds that this reader does not know, such as graphs. */
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly name: string;
  /** Version of each operator set by domain; ONNX's own is ''. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Without those that have a value in the file. */
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly nodes: readonly OnnxNode[];
  /** Weights and constants by name; null for types that this reader does not know. */
  readonly initializers: ReadonlyMap<string, TensorData | null>;
}

/**
 * Reads the bytes of a .onnx file.
 * @param file how errors call it.
 * @throws ONNX_UNREADABLE when they are no model, or when its weights lie in other files.
 */
export function fromOnnx(bytes: Uint8Array, file: string): OnnxModel {
  let model: ModelProto;
  try {
    model = fromBinary(MODEL, bytes) as ModelProto;
  } catch (cause) {
    throw new ArmloopError('ONNX_UNREADABLE', { file, reason: (cause as Error).message }, { cause });
  }
  const { graph } = model;
  if (graph === undefined || model.opsetImport.length === 0) {
    throw new ArmloopError('ONNX_UNREADABLE', { file, reason: 'it has no graph or names no operator set' });
  }
  const initializers = new Map(graph.initializer.map((t) => [t.name, tensorData(t, file)]));
  return {
    irVersion: Number(model.irVersion),
    producer: model.producerName,
    name: graph.name,
    opsets: Object.fromEntries(model.opsetImport.map((o) => [o.domain, Number(o.version)])),
    metadata: Object.fromEntries(model.metadataProps.map((p) => [p.key, p.value])),
    inputs: graph.input.filter((i) => !initializers.has(i.name)).map(port),
    outputs: graph.output.map(port),
    nodes: graph.node.map((n) => ({
      op: n.opType,
      domain: n.domain,
      name: n.name,
      inputs: n.input,
      outputs: n.output,
      attributes: Object.fromEntries(n.attribute.map((a) => [a.name, attribute(a, file)])),
    })),
    initializers,
  };
}

type Info = NonNullable<ModelProto['graph']>['input'][number];

function port(info: Info): OnnxPort {
  const value = info.type?.value;
  if (value?.case !== 'tensorType') return { name: info.name, dtype: 'no tensor', shape: [] };
  const { elemType, shape } = value.value;
  const dims = (shape?.dim ?? []).map((d) =>
    d.value.case === 'dimValue' ? Number(d.value.value) : d.value.case === 'dimParam' ? d.value.value : '?',
  );
  return { name: info.name, dtype: TYPES.get(elemType) ?? `type ${elemType}`, shape: dims };
}

const TYPES = new Map<number, string>(Object.entries(ELEMENT).map(([name, number]) => [number, name]));

function attribute(a: AttributeProto, file: string): OnnxAttribute {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  switch (a.type) {
    case ATTRIBUTE.float:
      return a.f;
    case ATTRIBUTE.int:
      return Number(a.i);
    case ATTRIBUTE.string:
      return text(a.s);
    case ATTRIBUTE.tensor:
      return a.t === undefined ? null : tensorData(a.t, file);
    case ATTRIBUTE.floats:
      return a.floats;
    case ATTRIBUTE.ints:
      return a.ints.map(Number);
    case ATTRIBUTE.strings:
      return a.strings.map(text);
    default:
      return null;
  }
}

/** Values are either raw bytes or in the field of their type. */
function tensorData(t: TensorProto, file: string): TensorData | null {
  if (t.externalData.length > 0) {
    throw new ArmloopError('ONNX_UNREADABLE', { file, reason: `the weights ${t.name} lie in another file` });
  }
  const shape = t.dims.map(Number);
  // A copy: the bytes of a file are a Buffer, whose slices share one memory and may start anywhere in it.
  const raw = t.rawData.length > 0 ? new Uint8Array(t.rawData).buffer : null;
  const data = values(t, raw);
  if (data !== null && data.length !== sizeOf(shape)) {
    const reason = `the weights ${t.name} have ${data.length} values, but ${showShape(shape)} holds ${sizeOf(shape)}`;
    throw new ArmloopError('ONNX_UNREADABLE', { file, reason });
  }
  return data === null ? null : { data, shape };
}

function values(t: TensorProto, raw: ArrayBuffer | null): TensorData['data'] | null {
  switch (t.dataType) {
    case ELEMENT.float32:
      return raw === null ? Float32Array.from(t.floatData) : new Float32Array(raw);
    case ELEMENT.int64:
      return raw === null ? BigInt64Array.from(t.int64Data) : new BigInt64Array(raw);
    case ELEMENT.int32:
      return raw === null ? Int32Array.from(t.int32Data) : new Int32Array(raw);
    case ELEMENT.bool:
    case ELEMENT.uint8:
      return raw === null ? Uint8Array.from(t.int32Data) : new Uint8Array(raw);
    default:
      return null;
  }
}
