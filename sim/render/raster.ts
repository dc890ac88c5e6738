/**
 * Triangle rasteriser: depth and triangle number per sample; shading comes later, once per pixel (deferred).
 *
 * Vertices are snapped to 1/256 sample and edge functions are whole numbers below 2^53, so they are exact in float64:
 * with the top-left rule every sample on a shared edge belongs to exactly one triangle. Each row's span is solved
 * from the edge functions, then walked with one addition and one comparison per sample.
 */
import { type Arena, SUBPIXEL } from './arena.ts';

const HALF = SUBPIXEL / 2;
const LOG2 = 8;
/** Covers the rounding of e·(1/k) (below 2^-39 for |e/k| < 2^14) and stays below the smallest step 1/k > 2^-33. */
const TIE = 2 ** -34;

export class Raster {
  /** Larger is nearer; 0 where nothing is. */
  readonly depth: Float32Array;
  /** Number of the triangle in the arena; 0 where nothing is. */
  readonly id: Int32Array;
  width = 0;
  height = 0;
  /** Coverage per sample parity for see-through geoms: bit (y & 1) * 2 + (x & 1). 15 is opaque. */
  mask = 15;

  constructor(maxSamples: number) {
    this.depth = new Float32Array(maxSamples);
    this.id = new Int32Array(maxSamples);
  }

  begin(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.depth.fill(0, 0, width * height);
    this.id.fill(0, 0, width * height);
  }

  /**
   * Draws vertices a, b, c of the arena if they run counter-clockwise on the image (y down: negative area), as the
   * front of a triangle does. Returns 1 when at least one sample was nearer than what was there.
   */
  triangle(arena: Arena, a: number, b: number, c: number, number: number): number {
    const x0 = arena.sx[a]!;
    const y0 = arena.sy[a]!;
    // b and c are swapped: the edge functions below are positive inside.
    const x1 = arena.sx[c]!;
    const y1 = arena.sy[c]!;
    const x2 = arena.sx[b]!;
    const y2 = arena.sy[b]!;
    const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    if (!(area > 0)) return 0;

    const width = this.width;
    const minY = y0 < y1 ? (y0 < y2 ? y0 : y2) : y1 < y2 ? y1 : y2;
    const maxY = y0 > y1 ? (y0 > y2 ? y0 : y2) : y1 > y2 ? y1 : y2;
    const minX = x0 < x1 ? (x0 < x2 ? x0 : x2) : x1 < x2 ? x1 : x2;
    const maxX = x0 > x1 ? (x0 > x2 ? x0 : x2) : x1 > x2 ? x1 : x2;
    // Samples whose centre (256 i + 128) lies in the bounding box.
    let top = (minY + (HALF - 1)) >> LOG2;
    let bottom = (maxY - HALF) >> LOG2;
    let first = (minX + (HALF - 1)) >> LOG2;
    let last = (maxX - HALF) >> LOG2;
    if (top < 0) top = 0;
    if (first < 0) first = 0;
    if (bottom >= this.height) bottom = this.height - 1;
    if (last >= width) last = width - 1;
    if (top > bottom || first > last) return 0;

    // Edge i from vertex i to the next: e = dx (y − yi) − dy (x − xi). On a left edge (dy < 0) and a top edge
    // (dy = 0, dx > 0) samples with e = 0 count; on the others e must be at least 1.
    const dx0 = x1 - x0;
    const dy0 = y1 - y0;
    const dx1 = x2 - x1;
    const dy1 = y2 - y1;
    const dx2 = x0 - x2;
    const dy2 = y0 - y2;
    const py = top * SUBPIXEL + HALF;
    let e0 = dx0 * (py - y0) - dy0 * (HALF - x0) - (dy0 < 0 || (dy0 === 0 && dx0 > 0) ? 0 : 1);
    let e1 = dx1 * (py - y1) - dy1 * (HALF - x1) - (dy1 < 0 || (dy1 === 0 && dx1 > 0) ? 0 : 1);
    let e2 = dx2 * (py - y2) - dy2 * (HALF - x2) - (dy2 < 0 || (dy2 === 0 && dx2 > 0) ? 0 : 1);
    // e(x) = e − 256 dy x ≥ 0: a left bound ceil(e / (256 dy)) for dy < 0, a right bound floor(…) for dy > 0.
    const r0 = dy0 === 0 ? 0 : 1 / (dy0 * SUBPIXEL);
    const r1 = dy1 === 0 ? 0 : 1 / (dy1 * SUBPIXEL);
    const r2 = dy2 === 0 ? 0 : 1 / (dy2 * SUBPIXEL);

    const d0 = arena.d[a]!;
    const d1 = arena.d[c]! - d0;
    const d2 = arena.d[b]! - d0;
    const gx = (d1 * (y2 - y0) - d2 * (y1 - y0)) / area;
    const gy = (d2 * (x1 - x0) - d1 * (x2 - x0)) / area;
    const step = gx * SUBPIXEL;
    const depth = this.depth;
    const id = this.id;
    const opaque = this.mask === 15;
    let wrote = 0;

    for (let y = top; y <= bottom; y++) {
      let left = first;
      let right = last;
      if (dy0 < 0) {
        const q = Math.ceil(e0 * r0 - TIE);
        if (q > left) left = q > last ? last + 1 : q | 0;
      } else if (dy0 > 0) {
        const q = Math.floor(e0 * r0 + TIE);
        if (q < right) right = q < first ? first - 1 : q | 0;
      } else if (e0 < 0) right = -1;
      if (dy1 < 0) {
        const q = Math.ceil(e1 * r1 - TIE);
        if (q > left) left = q > last ? last + 1 : q | 0;
      } else if (dy1 > 0) {
        const q = Math.floor(e1 * r1 + TIE);
        if (q < right) right = q < first ? first - 1 : q | 0;
      } else if (e1 < 0) right = -1;
      if (dy2 < 0) {
        const q = Math.ceil(e2 * r2 - TIE);
        if (q > left) left = q > last ? last + 1 : q | 0;
      } else if (dy2 > 0) {
        const q = Math.floor(e2 * r2 + TIE);
        if (q < right) right = q < first ? first - 1 : q | 0;
      } else if (e2 < 0) right = -1;

      if (left <= right) {
        let d = d0 + gx * (left * SUBPIXEL + HALF - x0) + gy * (y * SUBPIXEL + HALF - y0);
        const row = y * width;
        const end = row + right;
        if (opaque) {
          for (let i = row + left; i <= end; i++) {
            if (d > depth[i]!) {
              depth[i] = d;
              id[i] = number;
              wrote = 1;
            }
            d += step;
          }
        } else {
          const bits = this.mask >> ((y & 1) * 2);
          for (let i = row + left, x = left; i <= end; i++, x++) {
            if (((bits >> (x & 1)) & 1) === 1 && d > depth[i]!) {
              depth[i] = d;
              id[i] = number;
              wrote = 1;
            }
            d += step;
          }
        }
      }
      e0 += dx0 * SUBPIXEL;
      e1 += dx1 * SUBPIXEL;
      e2 += dx2 * SUBPIXEL;
    }
    return wrote;
  }
}
