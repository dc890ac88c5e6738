/**
 * The safetensors format (huggingface/safetensors, README "Format"): uint64 length of the header, little-endian; the
 * header, JSON of name → {dtype, shape, data_offsets} and of texts under `__metadata__`, padded with spaces; then the
 * values, back to back. Python reads it with `safetensors.safe_open`.
 *
 * The format has no checksum. Ours is one more tensor, the last: 32 bytes, SHA-256 of every byte before them.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export type TensorValues = Float32Array | Int32Array | BigInt64Array | Uint8Array;

export interface StoredTensor {
  readonly values: TensorValues;
  readonly shape: readonly number[];
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const CHECKSUM = 'sha256';
const CHECKSUM_BYTES = 32;
/** The reference reader refuses headers above 100 MB; ours are some kB. */
const LONGEST_HEADER = 100_000_000;

const TYPES = {
  F32: Float32Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
} as const;
type TypeName = keyof typeof TYPES;

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** `tensors` in the order given. The name `sha256` is taken. */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const header: Record<string, Entry | Readonly<Record<string, string>>> = { __metadata__: metadata };
  let end = 0;
  const place = (name: string, dtype: TypeName, shape: readonly number[], bytes: number): void => {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  };
  // Wide elements first, so that each tensor starts at a multiple of its element size.
  const sorted = [...tensors].sort(([, a], [, b]) => width(b.values) - width(a.values));
  for (const [name, { values, shape }] of sorted) place(name, typeName(values), shape, values.byteLength);
  place(CHECKSUM, 'U8', [CHECKSUM_BYTES], CHECKSUM_BYTES);

  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(start + end);
  file.fill(0x20, 8, start);
  file.set(json, 8);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  let at = start;
  for (const [, { values }] of sorted) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  file.set(createHash('sha256').update(file.subarray(0, at)).digest(), at);
  return file;
}

const width = (values: TensorValues): number => values.BYTES_PER_ELEMENT;

function typeName(values: TensorValues): TypeName {
  for (const [name, type] of Object.entries(TYPES)) if (values instanceof type) return name as TypeName;
  throw new TypeError('no such type of values');
}

/** Throws plain errors that say what is wrong. Values are copies. */
export function decodeTensors(file: Uint8Array): TensorFile {
  // Everything but the checksum itself is under the checksum, so it comes first.
  const sum = file.byteLength - CHECKSUM_BYTES;
  if (sum < 8) throw new Error(`it ends after ${file.byteLength} bytes`);
  const want = createHash('sha256').update(file.subarray(0, sum)).digest();
  if (!want.equals(file.subarray(sum))) throw new Error('its checksum is wrong: it was cut off or changed');
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (length > Math.min(LONGEST_HEADER, sum - 8))
    throw new Error(`its header of ${length} bytes does not fit`);
  const start = 8 + length;
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Record<string, unknown>;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__' || name === CHECKSUM) continue;
    tensors.set(name, tensorAt(file, start, name, value as Entry));
  }
  return { tensors, metadata: (header['__metadata__'] ?? {}) as Record<string, string> };
}

/** The texts of a file, read without its values and without the checksum. Throws plain errors. */
export function readMetadata(path: string): Readonly<Record<string, string>> {
  const fd = openSync(path, 'r');
  try {
    const size = Buffer.alloc(8);
    readSync(fd, size, 0, 8, 0);
    const length = Number(size.readBigUInt64LE());
    if (length > Math.min(LONGEST_HEADER, fstatSync(fd).size)) throw new Error('its header does not fit');
    const header = Buffer.alloc(length);
    readSync(fd, header, 0, length, 8);
    return (JSON.parse(header.toString()) as { __metadata__: Record<string, string> }).__metadata__;
  } finally {
    closeSync(fd);
  }
}

function tensorAt(file: Uint8Array, start: number, name: string, entry: Entry): StoredTensor {
  const type = TYPES[entry.dtype as TypeName];
  if (type === undefined) throw new Error(`${name} is of type ${entry.dtype}, which is not read here`);
  const [from, to] = entry.data_offsets;
  const bytes = entry.shape.reduce((n, d) => n * d, type.BYTES_PER_ELEMENT);
  if (to - from !== bytes || from < 0 || start + to > file.byteLength)
    throw new Error(`${name} has ${to - from} bytes, but its shape needs ${bytes}`);
  // Not file.slice: that of a Buffer is a view, at an offset that may not suit the element type.
  const copy = new Uint8Array(bytes);
  copy.set(file.subarray(start + from, start + to));
  return { values: new type(copy.buffer), shape: entry.shape };
}
