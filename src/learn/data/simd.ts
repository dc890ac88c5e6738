/**
 * Three pixel kernels as WebAssembly with 128-bit SIMD, written down instruction by instruction: 16 bytes at a time
 * they take a tenth of what loops over typed arrays do. Numbers of instructions: WebAssembly core specification 2.0,
 * section 5.4. Every Node that armloop runs on has them.
 *
 * All three write whole pieces of 16 (48) bytes: give them that much room behind the end.
 */

type Code = readonly number[];

/** Unsigned and signed LEB128 (section 5.2.2). */
function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return out;
}

function signed(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    out.push(last ? low : low | 0x80);
    if (last) return out;
  }
}

const I32 = 0x7f;
const V128 = 0x7b;

const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number, ...value: readonly Code[]): Code => [...value.flat(), 0x21, ...unsigned(local)];
const constant = (value: number): Code => [0x41, ...signed(value)];
const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
const subtract = (a: Code, b: Code): Code => [...a, ...b, 0x6b];
/** Goes round again while the last value, a 32-bit whole number, is above 0. */
const loop = (body: readonly Code[], left: Code): Code => [
  ...[0x03, 0x40],
  ...body.flat(),
  ...left,
  ...constant(0),
  ...[0x4a, 0x0d, 0x00, 0x0b],
];

const simd = (op: number, ...operands: readonly Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(op)];
/** Alignment 1: any address will do. */
const memory = (op: number, ...operands: readonly Code[]): Code => [...simd(op, ...operands), 0x00, 0x00];
const load = (at: Code): Code => memory(0x00, at);
const loadSplat16 = (at: Code): Code => memory(0x08, at);
const store = (at: Code, value: Code): Code => memory(0x0b, at, value);
const splat16 = (value: number): Code => simd(0x10, constant(value));
const shuffle = (a: Code, b: Code, lanes: readonly number[]): Code => [...simd(0x0d, a, b), ...lanes];
const addSaturated8 = (a: Code, b: Code): Code => simd(0x70, a, b);
const subtractSaturated8 = (a: Code, b: Code): Code => simd(0x73, a, b);
const narrow = (low: Code, high: Code): Code => simd(0x66, low, high);
const widenLow = (a: Code): Code => simd(0x89, a);
const widenHigh = (a: Code): Code => simd(0x8a, a);
const shiftLeft16 = (a: Code, bits: number): Code => simd(0x8b, a, constant(bits));
const shiftRightSigned16 = (a: Code, bits: number): Code => simd(0x8c, a, constant(bits));
const shiftRight16 = (a: Code, bits: number): Code => simd(0x8d, a, constant(bits));
const add16 = (a: Code, b: Code): Code => simd(0x8e, a, b);
const addSaturated16 = (a: Code, b: Code): Code => simd(0x8f, a, b);
const multiply16 = (a: Code, b: Code): Code => simd(0x95, a, b);
/** (a b + 2^14) / 2^15. */
const multiplyQ15 = (a: Code, b: Code): Code => simd(0x82, a, b);

interface Kernel {
  readonly name: string;
  /** All i32. */
  readonly parameters: number;
  readonly ints: number;
  readonly vectors: number;
  readonly body: readonly Code[];
}

/** noise(at, plus, minus, count): bytes ← (bytes + plus) − minus, each held within 0..255. */
function noiseKernel(): Kernel {
  const [at, plus, minus, count] = [0, 1, 2, 3];
  const forward = [at, plus, minus].map((p) => set(p, add(get(p), constant(16))));
  const value = subtractSaturated8(addSaturated8(load(get(at)), load(get(plus))), load(get(minus)));
  const body = loop(
    [store(get(at), value), ...forward, set(count, subtract(get(count), constant(16)))],
    get(count),
  );
  return { name: 'noise', parameters: 4, ints: 0, vectors: 0, body: [body] };
}

/**
 * weigh(source, stride, radius, weights, out, count): out[i] = (128 + Σ w_|t| source[i + t stride]) / 256, t = −radius..radius;
 * weights: radius + 1 values of 16 bits, the middle first, adding up to 256 with both sides; radius at least 1.
 */
function weighKernel(): Kernel {
  const [source, stride, radius, weights, out, count] = [0, 1, 2, 3, 4, 5];
  const [left, off, weight] = [6, 7, 8];
  const [low, high, a, b, w] = [9, 10, 11, 12, 13];
  const half = (sum: number): Code => shiftRight16(add16(get(sum), splat16(128)), 8);
  const inner = loop(
    [
      set(a, load(subtract(get(source), get(off)))),
      set(b, load(add(get(source), get(off)))),
      set(w, loadSplat16(get(weight))),
      set(low, add16(get(low), multiply16(add16(widenLow(get(a)), widenLow(get(b))), get(w)))),
      set(high, add16(get(high), multiply16(add16(widenHigh(get(a)), widenHigh(get(b))), get(w)))),
      set(off, add(get(off), get(stride))),
      set(weight, add(get(weight), constant(2))),
      set(left, subtract(get(left), constant(1))),
    ],
    get(left),
  );
  const outer = loop(
    [
      set(a, load(get(source))),
      set(w, loadSplat16(get(weights))),
      set(low, multiply16(widenLow(get(a)), get(w))),
      set(high, multiply16(widenHigh(get(a)), get(w))),
      set(left, get(radius)),
      set(off, get(stride)),
      set(weight, add(get(weights), constant(2))),
      inner,
      store(get(out), narrow(half(low), half(high))),
      ...[source, out].map((p) => set(p, add(get(p), constant(16)))),
      set(count, subtract(get(count), constant(16))),
    ],
    get(count),
  );
  return { name: 'weigh', parameters: 6, ints: 3, vectors: 5, body: [outer] };
}

/** Fraction bits of the factors and of the sums in `colour`. */
export const FACTOR_BITS = 13;
export const SUM_BITS = 5;

/**
 * colour(at, numbers, pixels): (r, g, b) ← M (r, g, b) + offset, rounded, within 0..255, 16 pixels at a time.
 * numbers: 12 values of 16 bits: M row by row in 1/2^13, then the offsets in 1/2^5 with half a step for rounding.
 */
function colourKernel(): Kernel {
  const [at, numbers, pixels] = [0, 1, 2];
  const first = 3;
  const factor = (i: number): number => first + i;
  const raw = [12, 13, 14].map(factor);
  const channel = [15, 16, 17].map(factor);
  const wide = [18, 19, 20, 21, 22, 23].map(factor);
  const result = [24, 25, 26].map(factor);
  const places = Array.from({ length: 16 }, (_, i) => i);
  const constants = Array.from({ length: 12 }, (_, i) =>
    set(factor(i), loadSplat16(add(get(numbers), constant(2 * i)))),
  );
  const [v0, v1, v2] = raw.map(get) as [Code, Code, Code];
  // Byte p = 3 i + c of the three vectors is channel c of pixel i.
  const apart = channel.map((local, c) => {
    const both = places.map((i) => (3 * i + c < 32 ? 3 * i + c : 0));
    const rest = places.map((i) => (3 * i + c < 32 ? i : 3 * i + c - 16));
    return set(local, shuffle(shuffle(v0, v1, both), v2, rest));
  });
  // A value x becomes x 2^7, so that the product with m 2^13 is x m 2^5.
  const widened = channel.flatMap((local, c) => [
    set(wide[2 * c]!, shiftLeft16(widenLow(get(local)), 7)),
    set(wide[2 * c + 1]!, shiftLeft16(widenHigh(get(local)), 7)),
  ]);
  const row = (i: number, half: number): Code => {
    const products = [0, 1, 2].map((j) => multiplyQ15(get(wide[2 * j + half]!), get(factor(3 * i + j))));
    const sum = products.reduce((s, p) => addSaturated16(s, p));
    return shiftRightSigned16(addSaturated16(sum, get(factor(9 + i))), SUM_BITS);
  };
  const mapped = result.map((local, i) => set(local, narrow(row(i, 0), row(i, 1))));
  const [red, green, blue] = result.map(get) as [Code, Code, Code];
  const together = [0, 1, 2].map((k) => {
    const of = places.map((j) => ({ c: (16 * k + j) % 3, i: Math.floor((16 * k + j) / 3) }));
    const two = of.map(({ c, i }) => (c === 0 ? i : c === 1 ? 16 + i : 0));
    const all = of.map(({ c, i }, j) => (c < 2 ? j : 16 + i));
    return store(add(get(at), constant(16 * k)), shuffle(shuffle(red, green, two), blue, all));
  });
  const body = loop(
    [
      ...raw.map((local, k) => set(local, load(add(get(at), constant(16 * k))))),
      ...apart,
      ...widened,
      ...mapped,
      ...together,
      set(at, add(get(at), constant(48))),
      set(pixels, subtract(get(pixels), constant(16))),
    ],
    get(pixels),
  );
  return { name: 'colour', parameters: 3, ints: 0, vectors: 27, body: [...constants, body] };
}

const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const text = (value: string): Code => vector([...new TextEncoder().encode(value)].map((b) => [b]));

function module(kernels: readonly Kernel[]): Uint8Array {
  const types = kernels.map((k) => [
    0x60,
    ...vector(Array.from({ length: k.parameters }, () => [I32])),
    ...vector([]),
  ]);
  const bodies = kernels.map((k) => {
    const locals = vector([
      [...unsigned(k.ints), I32],
      [...unsigned(k.vectors), V128],
    ]);
    const code = [...locals, ...k.body.flat(), 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(types)),
    ...section(2, vector([[...text('env'), ...text('memory'), 0x02, 0x00, 0x01]])),
    ...section(3, vector(kernels.map((_, i) => unsigned(i)))),
    ...section(7, vector(kernels.map((k, i) => [...text(k.name), 0x00, ...unsigned(i)]))),
    ...section(10, vector(bodies)),
  ]);
}

export interface PixelKernels {
  noise(at: number, plus: number, minus: number, count: number): void;
  weigh(source: number, stride: number, radius: number, weights: number, out: number, count: number): void;
  colour(at: number, numbers: number, pixels: number): void;
}

/** The part of the JavaScript interface of WebAssembly that is needed; TypeScript declares it for browsers only. */
interface Wasm {
  readonly Memory: new (size: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

/** Pages of 64 KiB. */
export function wasmMemory(pages: number): WasmMemory {
  return new wasm.Memory({ initial: pages });
}

let compiled: object | null = null;

/** The kernels over a memory of their caller; all places are bytes in it. */
export function pixelKernels(memory: WasmMemory): PixelKernels {
  compiled ??= new wasm.Module(module([noiseKernel(), weighKernel(), colourKernel()]));
  return new wasm.Instance(compiled, { env: { memory } }).exports as PixelKernels;
}
