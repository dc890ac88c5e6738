/**
 * MessagePack as the openpi policy client and server speak it (openpi-client, msgpack_numpy.py): a NumPy array is a map
 * with the binary keys __ndarray__ (true), data (bytes in C order), dtype (as '<f4') and shape. Python tells binary keys
 * from text, so they are written by hand here; any writer of JSON-like maps would make them text.
 */
import { decode } from '@msgpack/msgpack';
import type { TensorData } from '../nn/tensor.ts';

/** Type strings of NumPy; '|' where there is no byte order. */
const DTYPES = [
  ['<f4', Float32Array],
  ['<f8', Float64Array],
  ['<i4', Int32Array],
  ['<i8', BigInt64Array],
  ['|u1', Uint8Array],
] as const;

const KEYS = { array: '__ndarray__', scalar: '__npgeneric__', data: 'data', dtype: 'dtype', shape: 'shape' };

/** Grows as it is written to; the memory is kept for the next message. */
class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  begin(): void {
    this.#at = 0;
  }

  /** The message, valid until the next one is begun. */
  get message(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  map(size: number): void {
    this.#head(size, 0x80, 16, null, 0xde, 0xdf);
  }

  list(size: number): void {
    this.#head(size, 0x90, 16, null, 0xdc, 0xdd);
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.#head(bytes.length, 0xa0, 32, 0xd9, 0xda, 0xdb);
    this.#put(bytes);
  }

  binary(bytes: Uint8Array): void {
    this.#head(bytes.length, null, 0, 0xc4, 0xc5, 0xc6);
    this.#put(bytes);
  }

  yes(): void {
    this.#room(1);
    this.#bytes[this.#at++] = 0xc3;
  }

  /** A whole number in 0..2^32. */
  whole(value: number): void {
    this.#head(value, 0x00, 128, 0xcc, 0xcd, 0xce);
  }

  /** The shortest of the forms of a size: in the tag itself below `small`, then 8, 16, 32 bits behind a tag. */
  #head(
    size: number,
    tag: number | null,
    small: number,
    tag8: number | null,
    tag16: number,
    tag32: number,
  ): void {
    this.#room(5);
    if (tag !== null && size < small) {
      this.#bytes[this.#at++] = tag | size;
    } else if (tag8 !== null && size < 1 << 8) {
      this.#bytes[this.#at++] = tag8;
      this.#bytes[this.#at++] = size;
    } else if (size < 1 << 16) {
      this.#bytes[this.#at++] = tag16;
      this.#view.setUint16(this.#at, size);
      this.#at += 2;
    } else {
      this.#bytes[this.#at++] = tag32;
      this.#view.setUint32(this.#at, size);
      this.#at += 4;
    }
  }

  #put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + more));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

export class ObservationPacker {
  readonly #writer = new Writer();
  readonly #keys = {
    array: Buffer.from(KEYS.array, 'utf8'),
    data: Buffer.from(KEYS.data, 'utf8'),
    dtype: Buffer.from(KEYS.dtype, 'utf8'),
    shape: Buffer.from(KEYS.shape, 'utf8'),
  };

  /** The observation as one message: arrays as NumPy arrays, text as text. Valid until the next call. */
  pack(values: Readonly<Record<string, TensorData | string>>): Uint8Array {
    const w = this.#writer;
    const entries = Object.entries(values);
    w.begin();
    w.map(entries.length);
    for (const [name, value] of entries) {
      w.text(name);
      if (typeof value === 'string') w.text(value);
      else this.#array(value);
    }
    return w.message;
  }

  #array({ data, shape }: TensorData): void {
    const w = this.#writer;
    const dtype = DTYPES.find(([, type]) => data instanceof type)![0];
    w.map(4);
    w.binary(this.#keys.array);
    w.yes();
    w.binary(this.#keys.data);
    w.binary(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    w.binary(this.#keys.dtype);
    w.text(dtype);
    w.binary(this.#keys.shape);
    w.list(shape.length);
    for (const d of shape) w.whole(d);
  }
}

/** An array of a message. */
export interface NumpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
}

const text = (key: unknown): string =>
  key instanceof Uint8Array ? Buffer.from(key).toString('utf8') : String(key);

/** Reads a message: maps with text keys, NumPy arrays as NumpyArray, scalars as numbers. Throws on what is none. */
export function unpack(message: Uint8Array): unknown {
  return revive(decode(message, { mapKeyConverter: text }));
}

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const map = value as Readonly<Record<string, unknown>>;
  if (map[KEYS.scalar] !== undefined) return map[KEYS.data];
  if (map[KEYS.array] !== true) {
    return Object.fromEntries(Object.entries(map).map(([key, v]) => [key, revive(v)]));
  }
  const { data, dtype, shape } = map;
  const name = text(dtype);
  const type = DTYPES.find(([known]) => known === name || known.replace('|', '<') === name)?.[1];
  if (type === undefined) throw new TypeError(`an array of type ${name}; known: ${DTYPES.map((d) => d[0])}`);
  if (!(data instanceof Uint8Array) || !Array.isArray(shape))
    throw new TypeError('an array without data or shape');
  // A copy: views of these types must be aligned. (`slice` of a Buffer would be none.)
  const values = new type(new Uint8Array(data).buffer);
  const count = shape.reduce((n: number, d: unknown) => n * Number(d), 1);
  if (values.length !== count) throw new TypeError(`${values.length} values in an array of shape [${shape}]`);
  return { shape: shape.map(Number), values } satisfies NumpyArray;
}

/** Whether a value of a message is an array of floats. */
export function isFloatArray(
  value: unknown,
): value is NumpyArray & { readonly values: Float32Array | Float64Array } {
  if (typeof value !== 'object' || value === null) return false;
  const { values } = value as Partial<NumpyArray>;
  return values instanceof Float32Array || values instanceof Float64Array;
}
