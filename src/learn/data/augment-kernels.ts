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
  const scaleX = window.width / width;
  const scaleY = window.height / height;
  let o = at;
  for (let y = 0; y < height; y++) {
    const py = Math.floor((window.y + (y + 0.5) * scaleY - 0.5) * 256 + 0.5);
    const fy = py & 255;
    const top = Math.min(height - 1, Math.max(0, py >> 8)) * row;
    const bottom = Math.min(height - 1, Math.max(0, (py >> 8) + 1)) * row;
    for (let x = 0; x < width; x++) {
      const px = Math.floor((window.x + (x + 0.5) * scaleX - 0.5) * 256 + 0.5);
      const fx = px & 255;
      const left = Math.min(width - 1, Math.max(0, px >> 8)) * 3;
      const right = Math.min(width - 1, Math.max(0, (px >> 8) + 1)) * 3;
      const a = (256 - fx) * (256 - fy);
      const b = fx * (256 - fy);
      const c = (256 - fx) * fy;
      const d = fx * fy;
      for (let k = 0; k < 3; k++) {
        const sum =
          a * source[top + left + k]! +
          b * source[top + right + k]! +
          c * source[bottom + left + k]! +
          d * source[bottom + right + k]!;
        out[o++] = (sum + 32768) >> 16;
      }
    }
  }
}

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
  const [a, b, c, d, e, f, g, h, i] = m.map((x) => Math.round(x * ONE)) as Nine;
  const p = Math.round((offset[0]! + 0.5) * ONE);
  const q = Math.round((offset[1]! + 0.5) * ONE);
  const r = Math.round((offset[2]! + 0.5) * ONE);
  // Stores clamp by themselves.
  const clamped = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + at, pixels * 3);
  for (let k = 0; k < pixels * 3; k += 3) {
    const x = clamped[k]!;
    const y = clamped[k + 1]!;
    const z = clamped[k + 2]!;
    clamped[k] = (a * x + b * y + c * z + p) >> Q;
    clamped[k + 1] = (d * x + e * y + f * z + q) >> Q;
    clamped[k + 2] = (g * x + h * y + i * z + r) >> Q;
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
  const end = at + pixels * 3;
  for (let k = at; k < end; k += 3) {
    bytes[k] = red[bytes[k]!]!;
    bytes[k + 1] = green[bytes[k + 1]!]!;
    bytes[k + 2] = blue[bytes[k + 2]!]!;
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
  for (let i = 0; i < count; i++) {
    const p = from + i;
    let sum = 128 + w0 * source[p]! + w1 * (source[p - stride]! + source[p + stride]!);
    if (radius > 1) sum += w2 * (source[p - 2 * stride]! + source[p + 2 * stride]!);
    for (let t = 3; t <= radius; t++) {
      sum += taps[radius + t]! * (source[p - t * stride]! + source[p + t * stride]!);
    }
    out[o + i] = sum >> 8;
  }
}

/** Standard normal numbers in 1/1024: drawing each byte's own would cost more than all the rest. */
export const NORMALS = 1 << 16;
let normals: Int16Array | null = null;

export function normalTable(): Int16Array {
  if (normals === null) {
    const rng = new Rng(20_240_229);
    normals = Int16Array.from({ length: NORMALS }, () => Math.round(1024 * rng.normal()));
  }
  return normals;
}

/**
 * bytes[at + i] += sigma × normal[(start + i × step) mod 65536], rounded and clamped, for `count` bytes. An odd `step`
 * visits the whole table; different starts and steps give each picture its own noise. In place.
 */
export function addNoise(
  bytes: Uint8Array,
  at: number,
  count: number,
  sigma: number,
  start: number,
  step: number,
): void {
  const table = normalTable();
  const gain = Math.round(sigma * 64);
  const clamped = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + at, count);
  let t = start;
  for (let i = 0; i < count; i++) {
    t = (t + step) & (NORMALS - 1);
    clamped[i] = clamped[i]! + ((table[t]! * gain + 32768) >> 16);
  }
}
