/**
 * Pixel kernels of augmentation on interleaved RGB bytes (height × width × 3). Each is the plain formula in integers;
 * tests hold them against a float version. `out` and `source` do not overlap unless a kernel says "in place".
 */
import { Rng } from '../../math/rng.ts';

/**
 * out(x, y) = source(clamp(x + dx), clamp(y + dy)): the picture moved by (−dx, −dy), borders repeated. Whole rows are
 * copied.
 */
export function shift(
  source: Uint8Array,
  width: number,
  height: number,
  dx: number,
  dy: number,
  out: Uint8Array,
  at: number,
): void {
  const row = width * 3;
  const left = Math.min(width, Math.max(0, -dx));
  const right = Math.min(width, Math.max(0, dx));
  for (let y = 0; y < height; y++) {
    const from = Math.min(height - 1, Math.max(0, y + dy)) * row;
    const to = at + y * row;
    const copied = row - 3 * (left + right);
    if (copied > 0) {
      const start = from + 3 * right;
      out.set(source.subarray(start, start + copied), to + 3 * left);
    }
    for (let x = 0; x < left; x++) copyPixel(source, from, out, to + 3 * x);
    for (let x = width - right; x < width; x++) copyPixel(source, from + row - 3, out, to + 3 * x);
  }
}

function copyPixel(source: Uint8Array, from: number, out: Uint8Array, to: number): void {
  out[to] = source[from]!;
  out[to + 1] = source[from + 1]!;
  out[to + 2] = source[from + 2]!;
}

/**
 * The window (x0, y0, w, h) in source pixels, stretched over the whole picture, bilinear between pixel centres, borders
 * repeated. Positions in 1/256 pixel.
 */
export function stretch(
  source: Uint8Array,
  width: number,
  height: number,
  window: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  out: Uint8Array,
  at: number,
): void {
  const row = width * 3;
  // Columns: byte offsets of both neighbours, and the weight of the right one.
  const left = new Int32Array(width);
  const right = new Int32Array(width);
  const share = new Int32Array(width);
  for (let x = 0; x < width; x++) {
    const p = sourcePlace(window.x, window.width, x, width);
    left[x] = clampTo(p >> 8, width) * 3;
    right[x] = clampTo((p >> 8) + 1, width) * 3;
    share[x] = p & 255;
  }
  const line = new Int32Array(row);
  let o = at;
  for (let y = 0; y < height; y++) {
    const p = sourcePlace(window.y, window.height, y, height);
    const top = clampTo(p >> 8, height) * row;
    const bottom = clampTo((p >> 8) + 1, height) * row;
    const down = p & 255;
    const up = 256 - down;
    for (let i = 0; i < row; i++) line[i] = up * source[top + i]! + down * source[bottom + i]!;
    for (let x = 0; x < width; x++) {
      const l = left[x]!;
      const r = right[x]!;
      const w = share[x]!;
      const v = 256 - w;
      out[o] = (v * line[l]! + w * line[r]! + 32768) >> 16;
      out[o + 1] = (v * line[l + 1]! + w * line[r + 1]! + 32768) >> 16;
      out[o + 2] = (v * line[l + 2]! + w * line[r + 2]! + 32768) >> 16;
      o += 3;
    }
  }
}

/** Where the centre of pixel i of `size` lies in the window, from the centre of source pixel 0, in 1/256. */
function sourcePlace(start: number, length: number, i: number, size: number): number {
  return Math.floor((start + ((i + 0.5) * length) / size - 0.5) * 256 + 0.5);
}

const clampTo = (i: number, size: number): number => Math.min(size - 1, Math.max(0, i));

/** An affine map of colours: y = M x + offset, row by row, on values 0..255. */
export interface ColourMap {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
}

const Q = 12;
const ONE = 1 << Q;

/** bytes[at..at + pixels × 3) ← M x + offset, rounded and clamped to 0..255. In place. */
export function mapColours(bytes: Uint8Array, at: number, pixels: number, map: ColourMap): void {
  const { matrix: m, offset } = map;
  const diagonal = [1, 2, 3, 5, 6, 7].every((i) => m[i] === 0);
  if (diagonal) {
    mapChannels(bytes, at, pixels, m, offset);
    return;
  }
  const fixed = Int32Array.from(m, (x) => Math.round(x * ONE));
  const [a, b, c, d, e, f, g, h, i] = fixed as unknown as Nine;
  const lift = Int32Array.from(offset, (x) => Math.round((x + 0.5) * ONE));
  const p = lift[0]!;
  const q = lift[1]!;
  const r = lift[2]!;
  // Stores clamp by themselves.
  const clamped = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + at, pixels * 3);
  for (let k = 0; k < clamped.length; k += 3) {
    const x = clamped[k]!;
    const y = clamped[k + 1]!;
    const z = clamped[k + 2]!;
    clamped[k] = (Math.imul(a, x) + Math.imul(b, y) + Math.imul(c, z) + p) >> Q;
    clamped[k + 1] = (Math.imul(d, x) + Math.imul(e, y) + Math.imul(f, z) + q) >> Q;
    clamped[k + 2] = (Math.imul(g, x) + Math.imul(h, y) + Math.imul(i, z) + r) >> Q;
  }
}

type Nine = [number, number, number, number, number, number, number, number, number];

const tables = [new Uint8ClampedArray(256), new Uint8ClampedArray(256), new Uint8ClampedArray(256)] as const;

function mapChannels(
  bytes: Uint8Array,
  at: number,
  pixels: number,
  m: readonly number[],
  offset: readonly number[],
): void {
  for (let c = 0; c < 3; c++) {
    for (let v = 0; v < 256; v++) tables[c]![v] = Math.floor(m[4 * c]! * v + offset[c]! + 0.5);
  }
  const [red, green, blue] = tables;
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset + at, pixels * 3);
  for (let k = 0; k < view.length; k += 3) {
    view[k] = red[view[k]!]!;
    view[k + 1] = green[view[k + 1]!]!;
    view[k + 2] = blue[view[k + 2]!]!;
  }
}

/** Weights e^(−k² / 2σ²) for k = −r..r, r = ⌈2.5 σ⌉, in 1/256, adding up to 256. */
export function blurTaps(sigma: number): Int32Array {
  const radius = Math.max(1, Math.ceil(2.5 * sigma));
  const exact = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = exact.reduce((s, x) => s + x, 0);
  const taps = Int32Array.from(exact, (x) => Math.round((x / sum) * 256));
  taps[radius] = taps[radius]! + 256 - taps.reduce((s, x) => s + x, 0);
  return taps;
}

/** Blurs along x, then along y, with the same symmetric taps, borders repeated. In place. */
export function blur(bytes: Uint8Array, at: number, width: number, height: number, taps: Int32Array): void {
  const row = width * 3;
  const radius = (taps.length - 1) >> 1;
  // One line with its borders repeated, so that the sums need no clamping.
  const padded = new Uint8Array(row + 6 * radius);
  for (let y = 0; y < height; y++) {
    const line = at + y * row;
    padded.set(bytes.subarray(line, line + row), 3 * radius);
    for (let k = 0; k < radius; k++) {
      copyPixel(bytes, line, padded, 3 * k);
      copyPixel(bytes, line + row - 3, padded, 3 * radius + row + 3 * k);
    }
    weigh(padded, 3 * radius, 3, taps, bytes, line, row);
  }
  // The same for a column of rows: the picture with its first and last row repeated.
  const tall = new Uint8Array(row * (height + 2 * radius));
  for (let y = -radius; y < height + radius; y++) {
    const from = at + Math.min(height - 1, Math.max(0, y)) * row;
    tall.set(bytes.subarray(from, from + row), (y + radius) * row);
  }
  weigh(tall, radius * row, row, taps, bytes, at, row * height);
}

/** out[o + i] = Σ taps[t] source[from + i + (t − r) stride] / 256, rounded; taps symmetric, so each pair costs one product. */
function weigh(
  source: Uint8Array,
  from: number,
  stride: number,
  taps: Int32Array,
  out: Uint8Array,
  o: number,
  count: number,
): void {
  const radius = (taps.length - 1) >> 1;
  const w0 = taps[radius]!;
  const w1 = taps[radius + 1]!;
  const w2 = radius > 1 ? taps[radius + 2]! : 0;
  const w3 = radius > 2 ? taps[radius + 3]! : 0;
  const s2 = radius > 1 ? 2 * stride : 0;
  const s3 = radius > 2 ? 3 * stride : 0;
  for (let i = 0; i < count; i++) {
    const p = from + i;
    let sum = 128 + Math.imul(w0, source[p]!) + Math.imul(w1, source[p - stride]! + source[p + stride]!);
    sum +=
      Math.imul(w2, source[p - s2]! + source[p + s2]!) + Math.imul(w3, source[p - s3]! + source[p + s3]!);
    for (let t = 4; t <= radius; t++) {
      sum += Math.imul(taps[radius + t]!, source[p - t * stride]! + source[p + t * stride]!);
    }
    out[o + i] = sum >> 8;
  }
}

/** Standard deviations of noise are drawn in steps of this, so that their tables can be kept. */
export const NOISE_STEP = 0.25;
/** Bytes of a noise table. */
export const NOISE_BYTES = 1 << 16;

interface NoiseTable {
  /** What is added and what is taken away; one of both is 0 for each byte. Four bytes to a word. */
  readonly plus: Uint32Array;
  readonly minus: Uint32Array;
}

const noiseTables = new Map<number, NoiseTable>();
let normals: Float32Array | null = null;

/** Rounded normal numbers of that standard deviation: drawing each byte's own would cost more than all the rest. */
function noiseTable(level: number): NoiseTable {
  let table = noiseTables.get(level);
  if (table === undefined) {
    const rng = new Rng(20_240_229);
    normals ??= Float32Array.from({ length: NOISE_BYTES }, () => rng.normal());
    const plus = new Uint8ClampedArray(NOISE_BYTES);
    const minus = new Uint8ClampedArray(NOISE_BYTES);
    for (let i = 0; i < NOISE_BYTES; i++) {
      const value = Math.round(normals[i]! * level * NOISE_STEP);
      plus[i] = value;
      minus[i] = -value;
    }
    table = { plus: new Uint32Array(plus.buffer), minus: new Uint32Array(minus.buffer) };
    noiseTables.set(level, table);
  }
  return table;
}

/** Sums of four bytes each, those above 255 held there: the top bits apart, so that no carry leaves its byte. */
function addBytes(x: number, y: number): number {
  const sum = ((x & 0x7f7f7f7f) + (y & 0x7f7f7f7f)) ^ ((x ^ y) & 0x80808080);
  const over = ((x & y) | ((x | y) & ~sum)) & 0x80808080;
  return sum | Math.imul(over >>> 7, 255);
}

/**
 * Adds normal noise of standard deviation level × NOISE_STEP, rounded and clamped, to `count` bytes, from place `start`
 * of the table on. In place.
 */
export function addNoise(bytes: Uint8Array, at: number, count: number, level: number, start: number): void {
  const { plus, minus } = noiseTable(level);
  const mask = plus.length - 1;
  const words = (bytes.byteOffset + at) % 4 === 0 ? count >> 2 : 0;
  let t = start >> 2;
  if (words > 0) {
    const view = new Uint32Array(bytes.buffer, bytes.byteOffset + at, words);
    for (let i = 0; i < words; i++) {
      t = (t + 1) & mask;
      // x − y held at 0 is the complement of (255 − x) + y held at 255.
      view[i] = ~addBytes(~addBytes(view[i]!, plus[t]!), minus[t]!);
    }
  }
  const add = new Uint8Array(plus.buffer);
  const take = new Uint8Array(minus.buffer);
  const clamped = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + at, count);
  for (let i = 4 * words; i < count; i++) {
    const k = (4 * t + 4 + i - 4 * words) & (NOISE_BYTES - 1);
    clamped[i] = clamped[i]! + add[k]! - take[k]!;
  }
}
