/**
 * The part of ONNX's file format that policies use, as protobuf descriptors: message and field names, numbers and types
 * are those of `onnx/onnx.proto` (https://github.com/onnx/onnx, Apache-2.0). Fields that are not listed here survive reading
 * as unknown fields.
 */
import { create, createFileRegistry, type DescMessage, type Message } from '@bufbuild/protobuf';
import {
  DescriptorProtoSchema,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  OneofDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/** Element types of ONNX tensors (TensorProto.DataType). */
export const ELEMENT = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;

/** Kinds of attributes (AttributeProto.AttributeType). */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

export interface TensorProto extends Message {
  dims: bigint[];
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: bigint[];
  name: string;
  rawData: Uint8Array;
  externalData: { key: string; value: string }[];
}

export interface AttributeProto extends Message {
  name: string;
  type: number;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
}

export interface NodeProto extends Message {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  domain: string;
  attribute: AttributeProto[];
}

export interface DimensionProto extends Message {
  value: { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } | { case: undefined };
}

export interface ValueInfoProto extends Message {
  name: string;
  type?: {
    value:
      | { case: 'tensorType'; value: { elemType: number; shape?: { dim: DimensionProto[] } } }
      | { case: undefined };
  };
}

export interface ModelProto extends Message {
  irVersion: bigint;
  opsetImport: { domain: string; version: bigint }[];
  producerName: string;
  producerVersion: string;
  graph?: {
    node: NodeProto[];
    name: string;
    initializer: TensorProto[];
    input: ValueInfoProto[];
    output: ValueInfoProto[];
  };
  metadataProps: { key: string; value: string }[];
}

type Field = readonly [
  name: string,
  number: number,
  type: Type | string,
  ...marks: ('many' | 'packed' | 'value')[],
];

const { STRING, BYTES, INT32, INT64, FLOAT, DOUBLE, UINT64 } = Type;

/** `many` is repeated, `packed` repeated and packed, `value` a member of the oneof of that name. */
const MESSAGES: Readonly<Record<string, readonly Field[]>> = {
  ModelProto: [
    ['ir_version', 1, INT64],
    ['opset_import', 8, 'OperatorSetIdProto', 'many'],
    ['producer_name', 2, STRING],
    ['producer_version', 3, STRING],
    ['domain', 4, STRING],
    ['model_version', 5, INT64],
    ['doc_string', 6, STRING],
    ['graph', 7, 'GraphProto'],
    ['metadata_props', 14, 'StringStringEntryProto', 'many'],
  ],
  OperatorSetIdProto: [
    ['domain', 1, STRING],
    ['version', 2, INT64],
  ],
  StringStringEntryProto: [
    ['key', 1, STRING],
    ['value', 2, STRING],
  ],
  GraphProto: [
    ['node', 1, 'NodeProto', 'many'],
    ['name', 2, STRING],
    ['initializer', 5, 'TensorProto', 'many'],
    ['doc_string', 10, STRING],
    ['input', 11, 'ValueInfoProto', 'many'],
    ['output', 12, 'ValueInfoProto', 'many'],
    ['value_info', 13, 'ValueInfoProto', 'many'],
  ],
  NodeProto: [
    ['input', 1, STRING, 'many'],
    ['output', 2, STRING, 'many'],
    ['name', 3, STRING],
    ['op_type', 4, STRING],
    ['attribute', 5, 'AttributeProto', 'many'],
    ['doc_string', 6, STRING],
    ['domain', 7, STRING],
  ],
  // The enum `type` is declared as int32, which has the same form in the file.
  AttributeProto: [
    ['name', 1, STRING],
    ['f', 2, FLOAT],
    ['i', 3, INT64],
    ['s', 4, BYTES],
    ['t', 5, 'TensorProto'],
    ['g', 6, 'GraphProto'],
    ['floats', 7, FLOAT, 'many'],
    ['ints', 8, INT64, 'many'],
    ['strings', 9, BYTES, 'many'],
    ['doc_string', 13, STRING],
    ['type', 20, INT32],
    ['ref_attr_name', 21, STRING],
  ],
  TensorProto: [
    ['dims', 1, INT64, 'many'],
    ['data_type', 2, INT32],
    ['float_data', 4, FLOAT, 'packed'],
    ['int32_data', 5, INT32, 'packed'],
    ['string_data', 6, BYTES, 'many'],
    ['int64_data', 7, INT64, 'packed'],
    ['name', 8, STRING],
    ['raw_data', 9, BYTES],
    ['double_data', 10, DOUBLE, 'packed'],
    ['uint64_data', 11, UINT64, 'packed'],
    ['doc_string', 12, STRING],
    ['external_data', 13, 'StringStringEntryProto', 'many'],
    ['data_location', 14, INT32],
  ],
  ValueInfoProto: [
    ['name', 1, STRING],
    ['type', 2, 'TypeProto'],
    ['doc_string', 3, STRING],
  ],
  TypeProto: [
    ['tensor_type', 1, 'TypeProto.Tensor', 'value'],
    ['sequence_type', 4, 'TypeProto.Sequence', 'value'],
    ['denotation', 6, STRING],
  ],
  'TypeProto.Tensor': [
    ['elem_type', 1, INT32],
    ['shape', 2, 'TensorShapeProto'],
  ],
  'TypeProto.Sequence': [['elem_type', 1, 'TypeProto']],
  TensorShapeProto: [['dim', 1, 'TensorShapeProto.Dimension', 'many']],
  'TensorShapeProto.Dimension': [
    ['dim_value', 1, INT64, 'value'],
    ['dim_param', 2, STRING, 'value'],
    ['denotation', 3, STRING],
  ],
};

const messageType = (name: string): DescriptorOf => {
  const fields = MESSAGES[name]!;
  const nested = Object.keys(MESSAGES).filter((other) => other.startsWith(`${name}.`));
  return create(DescriptorProtoSchema, {
    name: name.split('.').at(-1)!,
    field: fields.map(fieldType),
    nestedType: nested.map(messageType),
    oneofDecl: fields.some((f) => f.includes('value', 3))
      ? [create(OneofDescriptorProtoSchema, { name: 'value' })]
      : [],
  });
};
type DescriptorOf = ReturnType<typeof create<typeof DescriptorProtoSchema>>;

function fieldType([name, number, type, ...marks]: Field): ReturnType<
  typeof create<typeof FieldDescriptorProtoSchema>
> {
  return create(FieldDescriptorProtoSchema, {
    name,
    number,
    label: marks.includes('many') || marks.includes('packed') ? Label.REPEATED : Label.OPTIONAL,
    ...(typeof type === 'string' ? { type: Type.MESSAGE, typeName: `.onnx.${type}` } : { type }),
    ...(marks.includes('packed') ? { options: create(FieldOptionsSchema, { packed: true }) } : {}),
    ...(marks.includes('value') ? { oneofIndex: 0 } : {}),
  });
}

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'onnx.proto',
    package: 'onnx',
    syntax: 'proto2',
    messageType: Object.keys(MESSAGES)
      .filter((name) => !name.includes('.'))
      .map(messageType),
  }),
  () => undefined,
);

/** Descriptor of a whole model. */
export const MODEL: DescMessage = registry.getMessage('onnx.ModelProto')!;
