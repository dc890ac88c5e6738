/**
 * Movements of pictures of interleaved RGB bytes (height × width × 3). Each is the plain formula in integers; tests hold
 * them against a float version. `out` and `source` do not overlap.
 */
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
