import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AreaResizer, centreCrop } from '../../src/math/area.ts';

/** Mean of the source over the box of an output pixel, pixel by pixel. */
function naive(source: Uint8Array, width: number, height: number, w: number, h: number): number[] {
  const crop = centreCrop(width, height, w, h);
  const out: number[] = [];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let c = 0; c < 3; c++) {
        const [x0, x1] = [(x * crop.width) / w, ((x + 1) * crop.width) / w];
        const [y0, y1] = [(y * crop.height) / h, ((y + 1) * crop.height) / h];
        let sum = 0;
        for (let sy = 0; sy < crop.height; sy++)
          for (let sx = 0; sx < crop.width; sx++) {
            const across = Math.max(0, Math.min(x1, sx + 1) - Math.max(x0, sx));
            const down = Math.max(0, Math.min(y1, sy + 1) - Math.max(y0, sy));
            sum += across * down * source[((crop.y + sy) * width + crop.x + sx) * 3 + c]!;
          }
        out.push(sum / ((x1 - x0) * (y1 - y0)));
      }
  return out;
}

test('each pixel is the mean of the source under it', () => {
  const side = fc.integer({ min: 1, max: 19 });
  fc.assert(
    fc.property(side, side, side, side, fc.integer(), (width, height, w, h, seed) => {
      const source = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + seed * 31) & 255);
      const out = new Uint8Array(w * h * 3 + 5).fill(99);
      new AreaResizer(width, height, w, h).resize(source, out, 3);
      naive(source, width, height, w, h).forEach((want, i) => {
        // Half a step of rounding, and float32 sums of at most 361 values below 256.
        assert.ok(Math.abs(out[3 + i]! - want) <= 0.5 + 1e-3, `value ${i}: ${out[3 + i]} for ${want}`);
      });
      assert.deepEqual([...out.subarray(0, 3), ...out.subarray(-2)], [99, 99, 99, 99, 99]);
    }),
    { seed: 5, numRuns: 150 },
  );
});

test('the crop is the largest of its aspect, in the middle', () => {
  assert.deepEqual(centreCrop(320, 240, 96, 96), { x: 40, y: 0, width: 240, height: 240 });
  assert.deepEqual(centreCrop(240, 320, 96, 96), { x: 0, y: 40, width: 240, height: 240 });
  assert.deepEqual(centreCrop(96, 96, 96, 96), { x: 0, y: 0, width: 96, height: 96 });
  assert.deepEqual(centreCrop(100, 100, 32, 16), { x: 0, y: 25, width: 100, height: 50 });
});

test('a frame of the right size comes through as it is', () => {
  const source = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => i * 5);
  const out = new Uint8Array(source.length);
  new AreaResizer(4, 3, 4, 3).resize(source, out);
  assert.deepEqual(out, source);
});
