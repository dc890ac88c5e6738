/** A graph as an ONNX file. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Graph } from '../graph.ts';
import { neededBy } from '../reach.ts';
import type { DType, Node, Tensor, TensorData } from '../tensor.ts';
import { valuesOf } from '../values.ts';
import { type AttributeValue, type EmittedNode, OnnxBuilder } from './builder.ts';
import { LOWERINGS, type Lowering, type Lowerings } from './lower.ts';
import { ATTRIBUTE, ELEMENT, MODEL } from './schema.ts';

/** Operator set of ONNX 1.15 and its file format, which ONNX Runtime reads since 1.17. */
export const OPSET = 20;
const IR_VERSION = 9;

export interface OnnxOptions {
  readonly name: string;
  /** Values of every parameter, written into the file; `inputs` leaves them to each run. */
  readonly parameters: ReadonlyMap<string, Float32Array> | 'inputs';
  /** Other ways to say some operations. Default: plain ONNX for all. */
  readonly lowerings?: Partial<Lowerings>;
  /** Channels of a block in which these keep images; default 0, not in blocks. */
  readonly channelBlock?: number;
  /** Name of one more output, in front of all others: an empty sequence, for `OrtExecutor.runInto`. */
  readonly emptySequence?: string;
  /** Key and value pairs kept in the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The part of the graph that its outputs need, as the bytes of a .onnx file. */
export function toOnnx(graph: Graph, options: OnnxOptions): Uint8Array {
  const needed = neededBy(graph);
  const names = new Map<Tensor, string>();
  for (const [name, t] of graph.outputs) if (t.producer !== null && !names.has(t)) names.set(t, name);
  const nodes = graph.nodes.filter((node) => node.outputs.some((t) => needed.has(t)));
  const uses = new Map<Tensor, number>();
  for (const t of [...nodes.flatMap((node) => node.inputs), ...graph.outputs.values()])
    uses.set(t, (uses.get(t) ?? 0) + 1);
  const nameOf = (t: Tensor): string => {
    const fixed = graph.inputs.has(t.name) || graph.parameters.has(t.name) || !graph.outputs.has(t.name);
    return names.get(t) ?? (fixed ? t.name : `${t.name}'`);
  };
  const builder = new OnnxBuilder(nameOf, (t) => uses.get(t) ?? 0, options.channelBlock);
  const table = { ...LOWERINGS, ...options.lowerings };
  for (const node of nodes) (table[node.op] as Lowering<Node['op']>)(node as never, builder);
  for (const [name, t] of graph.outputs)
    if (builder.name(t) !== name) builder.node('Identity', [builder.name(t)], [name]);
  const outputs = [...graph.outputs].map(([name, t]) => valueInfo(name, t.shape, t.dtype));
  if (options.emptySequence !== undefined) {
    builder.node('SequenceEmpty', [], [options.emptySequence]);
    const elemType = tensorType([], 'float32');
    outputs.unshift({
      name: options.emptySequence,
      type: { value: { case: 'sequenceType', value: { elemType } } },
    });
  }
  const inputs = [...graph.inputs].map(([name, t]) => valueInfo(name, t.shape, t.dtype));
  const initializers = [...builder.constants].map(([name, data]) => tensorProto(name, data));
  for (const [t, data] of graph.constants) {
    if (needed.has(t)) initializers.push(tensorProto(builder.name(t), data, t.dtype));
  }
  for (const [name, { tensor }] of graph.parameters) {
    if (!needed.has(tensor)) continue;
    if (options.parameters === 'inputs') inputs.push(valueInfo(name, tensor.shape, 'float32'));
    else
      initializers.push(
        tensorProto(name, { data: valuesOf(options.parameters, tensor), shape: tensor.shape }),
      );
  }
  const model = create(MODEL, {
    irVersion: BigInt(IR_VERSION),
    opsetImport: [
      { domain: '', version: BigInt(OPSET) },
      ...[...builder.domains].map((domain) => ({ domain, version: 1n })),
    ],
    producerName: 'armloop',
    graph: {
      name: options.name,
      node: builder.nodes.map(nodeProto),
      initializer: initializers,
      input: inputs,
      output: outputs,
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  } as Record<string, unknown>);
  return toBinary(MODEL, model);
}

const valueInfo = (name: string, shape: readonly number[], dtype: DType): object => ({
  name,
  type: tensorType(shape, dtype),
});

function tensorType(shape: readonly number[], dtype: DType): object {
  const dim = shape.map((d) => ({ value: { case: 'dimValue', value: BigInt(d) } }));
  return { value: { case: 'tensorType', value: { elemType: ELEMENT[dtype], shape: { dim } } } };
}

function tensorProto(name: string, { data, shape }: TensorData, dtype?: DType): object {
  const type: DType =
    dtype ??
    (data instanceof Float32Array
      ? 'float32'
      : data instanceof BigInt64Array
        ? 'int64'
        : data instanceof Int32Array
          ? 'int32'
          : 'uint8');
  return {
    name,
    dims: shape.map(BigInt),
    dataType: ELEMENT[type],
    // Little-endian in the file, as on every machine that Node runs on.
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function nodeProto(node: EmittedNode): object {
  return {
    opType: node.op,
    domain: node.domain,
    name: node.name,
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
  };
}

function attributeProto(name: string, value: AttributeValue): object {
  if (typeof value === 'number') return { name, type: ATTRIBUTE.int, i: BigInt(value) };
  if (typeof value === 'string') return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: ATTRIBUTE.float, f: value.float };
  return { name, type: ATTRIBUTE.ints, ints: value.map(BigInt) };
}
