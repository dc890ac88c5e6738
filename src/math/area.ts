/**
 * Centre crop and resize by area of RGB pictures: how training and deployment bring a camera frame to the size that a
 * policy takes. One piece of code for both, so that a policy sees in deployment what it was trained on.
 *
 * A pixel of the result is the mean of the source under it, edge pixels counted by the share that is covered; computed
 * along x, then along y, in float32, rounded once at the end. Enlarged pictures get blocks with mixed borders.
 */

const CHANNELS = 3;

export interface CropBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The largest box of the aspect outWidth × outHeight in the middle of a picture, in whole pixels. */
export function centreCrop(width: number, height: number, outWidth: number, outHeight: number): CropBox {
  const wide = width * outHeight > height * outWidth;
  const w = wide ? Math.max(1, Math.round((height * outWidth) / outHeight)) : width;
  const h = wide ? height : Math.max(1, Math.round((width * outHeight) / outWidth));
  return { x: (width - w) >> 1, y: (height - h) >> 1, width: w, height: h };
}

/** Source pixels and weights of each pixel of one side. */
interface Taps {
  /** First source pixel. */
  readonly from: Int32Array;
  /** Weights at start[i]..start[i + 1], for from[i], from[i] + 1, … */
  readonly start: Int32Array;
  readonly weights: Float32Array;
}

function taps(size: number, out: number): Taps {
  const scale = size / out;
  const from = new Int32Array(out);
  const start = new Int32Array(out + 1);
  const weights: number[] = [];
  for (let i = 0; i < out; i++) {
    const low = i * scale;
    const high = Math.min(size, (i + 1) * scale);
    const first = Math.min(size - 1, Math.floor(low + 1e-9));
    from[i] = first;
    for (let s = first; s < size; s++) {
      const covered = Math.min(high, s + 1) - Math.max(low, s);
      if (covered <= 1e-9) break;
      weights.push(covered / scale);
    }
    start[i + 1] = weights.length;
  }
  return { from, start, weights: Float32Array.from(weights) };
}

/** For pictures of one size into pictures of one size. Not for two callers at once: it keeps a scratch row. */
export class AreaResizer {
  readonly crop: CropBox;
  readonly width: number;
  readonly height: number;
  readonly #stride: number;
  readonly #x: Taps;
  readonly #y: Taps;
  /** All source rows, squeezed along x: crop.height × width × 3. */
  readonly #squeezed: Float32Array;

  /** Sizes in pixels, of the source and of the result. */
  constructor(width: number, height: number, outWidth: number, outHeight: number) {
    this.crop = centreCrop(width, height, outWidth, outHeight);
    this.width = outWidth;
    this.height = outHeight;
    this.#stride = width * CHANNELS;
    this.#x = taps(this.crop.width, outWidth);
    this.#y = taps(this.crop.height, outHeight);
    this.#squeezed = new Float32Array(this.crop.height * outWidth * CHANNELS);
  }

  /** `source`: height × width × 3 values 0..255; writes out[at..at + height × width × 3) of the result's size. */
  resize(source: Uint8Array, out: Uint8Array, at = 0): void {
    const { crop, width, height } = this;
    const row = width * CHANNELS;
    if (crop.width === width && crop.height === height) {
      for (let y = 0; y < height; y++) {
        const from = (crop.y + y) * this.#stride + crop.x * CHANNELS;
        out.set(source.subarray(from, from + row), at + y * row);
      }
      return;
    }
    this.#squeeze(source);
    const squeezed = this.#squeezed;
    const { from, start, weights } = this.#y;
    for (let y = 0; y < height; y++) {
      const first = from[y]! * row;
      const begin = start[y]!;
      const end = start[y + 1]!;
      for (let i = 0; i < row; i++) {
        let sum = 0;
        for (let t = begin, p = first + i; t < end; t++, p += row) sum += weights[t]! * squeezed[p]!;
        out[at + y * row + i] = (sum + 0.5) | 0;
      }
    }
  }

  #squeeze(source: Uint8Array): void {
    const { crop, width } = this;
    const squeezed = this.#squeezed;
    const { from, start, weights } = this.#x;
    let o = 0;
    for (let y = 0; y < crop.height; y++) {
      const line = (crop.y + y) * this.#stride + crop.x * CHANNELS;
      for (let x = 0; x < width; x++) {
        let p = line + from[x]! * CHANNELS;
        let r = 0;
        let g = 0;
        let b = 0;
        for (let t = start[x]!; t < start[x + 1]!; t++, p += CHANNELS) {
          const w = weights[t]!;
          r += w * source[p]!;
          g += w * source[p + 1]!;
          b += w * source[p + 2]!;
        }
        squeezed[o++] = r;
        squeezed[o++] = g;
        squeezed[o++] = b;
      }
    }
  }
}
