/** A picture that is changed in place by vector kernels: colours, blur, noise. Interleaved RGB bytes. */
import { Rng } from '../../math/rng.ts';
import { FACTOR_BITS, type PixelKernels, pixelKernels, SUM_BITS, wasmMemory } from './simd.ts';

/**
 * An affine map of colours: y = M x + offset, row by row, on values 0..255. Factors within ±4 and offsets
 * within ±1000: beyond, they count as these.
 */
export interface ColourMap {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
}

/** Standard deviations of noise come in steps of this, so that their tables can be kept. */
export const NOISE_STEP = 0.25;
/** Values of a noise table. */
export const NOISE_BYTES = 1 << 16;
/** Widest blur: radius 16. */
export const LARGEST_BLUR = 6.4;

/** Kernels write pieces of 48 bytes. */
const SPARE = 64;
/** Numbers that a kernel reads, before everything else. */
const NUMBERS = 256;

export class Canvas {
  readonly width: number;
  readonly height: number;
  /** height × width × 3. */
  readonly pixels: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #numbers: Int16Array;
  readonly #kernels: PixelKernels;
  readonly #at: {
    readonly pixels: number;
    readonly padded: number;
    readonly plus: number;
    readonly minus: number;
  };
  #level = -1;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    const size = width * height * 3;
    const radius = blurRadius(LARGEST_BLUR);
    const padded = Math.max((width * 3 + 6 * radius) * height, width * 3 * (height + 2 * radius));
    const parts = [NUMBERS, size, padded, NOISE_BYTES, NOISE_BYTES];
    const starts: number[] = [];
    let end = 0;
    for (const part of parts) {
      starts.push(end);
      end = Math.ceil((end + part + SPARE) / 64) * 64;
    }
    const memory = wasmMemory(Math.ceil(end / 65536));
    this.#at = { pixels: starts[1]!, padded: starts[2]!, plus: starts[3]!, minus: starts[4]! };
    this.#bytes = new Uint8Array(memory.buffer);
    this.#numbers = new Int16Array(memory.buffer, 0, NUMBERS / 2);
    this.pixels = new Uint8Array(memory.buffer, this.#at.pixels, size);
    this.#kernels = pixelKernels(memory);
  }

  /** Every pixel x ← M x + offset, rounded and clamped to 0..255. */
  colour({ matrix, offset }: ColourMap): void {
    const fixed = (x: number, bits: number): number =>
      Math.min(32767, Math.max(-32768, Math.round(x * 2 ** bits)));
    matrix.forEach((m, i) => {
      this.#numbers[i] = fixed(m, FACTOR_BITS);
    });
    offset.forEach((o, i) => {
      this.#numbers[9 + i] = fixed(o + 0.5, SUM_BITS);
    });
    this.#kernels.colour(this.#at.pixels, 0, this.width * this.height);
  }

  /** A Gaussian of at most LARGEST_BLUR along x, then along y, borders repeated, rounded after each. */
  blur(sigma: number): void {
    const taps = blurTaps(sigma);
    const radius = taps.length - 1;
    this.#numbers.set(taps);
    const { pixels, padded } = this.#at;
    const bytes = this.#bytes;
    const row = this.width * 3;
    const wide = row + 6 * radius;
    for (let y = 0; y < this.height; y++) {
      const from = pixels + y * row;
      const to = padded + y * wide;
      bytes.copyWithin(to + 3 * radius, from, from + row);
      for (let k = 0; k < radius; k++) {
        bytes.copyWithin(to + 3 * k, from, from + 3);
        bytes.copyWithin(to + 3 * radius + row + 3 * k, from + row - 3, from + row);
      }
    }
    for (let y = 0; y < this.height; y++)
      this.#kernels.weigh(padded + y * wide + 3 * radius, 3, radius, 0, pixels + y * row, row);
    for (let k = 0; k < radius; k++) {
      bytes.copyWithin(padded + k * row, pixels, pixels + row);
      const last = pixels + (this.height - 1) * row;
      bytes.copyWithin(padded + (radius + this.height + k) * row, last, last + row);
    }
    bytes.copyWithin(padded + radius * row, pixels, pixels + this.height * row);
    this.#kernels.weigh(padded + radius * row, row, radius, 0, pixels, this.height * row);
  }

  /**
   * Adds rounded normal noise of standard deviation level × NOISE_STEP, clamped to 0..255. `start`: 0..NOISE_BYTES / 16,
   * where in the table of noise the picture begins.
   */
  noise(level: number, start: number): void {
    if (level !== this.#level) {
      const { plus, minus } = noiseTable(level);
      this.#bytes.set(plus, this.#at.plus);
      this.#bytes.set(minus, this.#at.minus);
      this.#level = level;
    }
    const count = this.pixels.length;
    let from = 16 * start;
    for (let done = 0; done < count; ) {
      const part = Math.min(count - done, NOISE_BYTES - from);
      this.#kernels.noise(this.#at.pixels + done, this.#at.plus + from, this.#at.minus + from, part);
      done += part;
      from = 0;
    }
  }
}

const blurRadius = (sigma: number): number => Math.max(1, Math.ceil(2.5 * sigma));

/** Weights e^(−k² / 2σ²) for k = 0..r, r = ⌈2.5 σ⌉, in 1/256; with both sides they add up to 256. */
export function blurTaps(sigma: number): Int32Array {
  const radius = blurRadius(sigma);
  const exact = Array.from({ length: radius + 1 }, (_, k) => Math.exp(-(k ** 2) / (2 * sigma ** 2)));
  const sum = 2 * exact.reduce((s, x) => s + x, 0) - 1;
  const taps = Int32Array.from(exact, (x) => Math.round((x / sum) * 256));
  taps[0] = 256 - 2 * taps.subarray(1).reduce((s, x) => s + x, 0);
  return taps;
}

interface NoiseTable {
  /** What is added and what is taken away: one of both is 0. */
  readonly plus: Uint8Array;
  readonly minus: Uint8Array;
}

const noiseTables = new Map<number, NoiseTable>();
let normals: Float32Array | null = null;

/** Drawing each byte's own number would cost more than all the rest. */
export function noiseTable(level: number): NoiseTable {
  let table = noiseTables.get(level);
  if (table === undefined) {
    const rng = new Rng(20_240_229);
    normals ??= Float32Array.from({ length: NOISE_BYTES }, () => rng.normal());
    const plus = Uint8ClampedArray.from(normals, (x) => Math.round(x * level * NOISE_STEP));
    const minus = Uint8ClampedArray.from(normals, (x) => -Math.round(x * level * NOISE_STEP));
    table = { plus: new Uint8Array(plus.buffer), minus: new Uint8Array(minus.buffer) };
    noiseTables.set(level, table);
  }
  return table;
}
