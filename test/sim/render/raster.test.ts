/** The fill rule: triangles that share edges cover every sample between them exactly once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena, SUBPIXEL } from '../../../sim/render/arena.ts';
import { Raster } from '../../../sim/render/raster.ts';
import { Rng } from '../../../src/math/rng.ts';

const SIZE = 64;

/** Draws one triangle alone and returns the samples that it covers. */
function covered(arena: Arena, a: number, b: number, c: number): Set<number> {
  const raster = new Raster(SIZE * SIZE);
  raster.begin(SIZE, SIZE);
  raster.triangle(arena, a, b, c, 1);
  const out = new Set<number>();
  raster.id.forEach((id, i) => {
    if (id === 1) out.add(i);
  });
  return out;
}

test('a fan of triangles covers a polygon once: no crack, no overlap', () => {
  const rng = new Rng(7);
  for (let round = 0; round < 200; round++) {
    const arena = new Arena(64, 64);
    const n = 3 + rng.below(9);
    // Counter-clockwise as seen on the image (y down), some vertices far outside, some on sample centres.
    const radius = round % 4 === 0 ? 4000 : rng.uniform(2, 40);
    const snap = round % 3 === 0 ? SUBPIXEL / 2 : 1;
    const put = (v: number, x: number, y: number): void => {
      arena.sx[v] = Math.round((x * SUBPIXEL) / snap) * snap;
      arena.sy[v] = Math.round((y * SUBPIXEL) / snap) * snap;
      arena.d[v] = 1;
    };
    put(0, rng.uniform(10, 54), rng.uniform(10, 54));
    const start = rng.uniform(0, 6);
    for (let i = 0; i < n; i++) {
      const angle = start - (2 * Math.PI * i) / n;
      put(1 + i, 32 + radius * Math.cos(angle), 32 + radius * Math.sin(angle));
    }
    const times = new Uint8Array(SIZE * SIZE);
    for (let i = 0; i < n; i++) {
      for (const s of covered(arena, 0, 1 + i, 1 + ((i + 1) % n))) times[s]!++;
    }
    for (let i = 0; i < times.length; i++) {
      assert.ok(
        times[i]! <= 1,
        `round ${round}: sample ${i % SIZE}, ${Math.floor(i / SIZE)} covered ${times[i]} times`,
      );
      const x = (i % SIZE) + 0.5;
      const y = Math.floor(i / SIZE) + 0.5;
      // Half the inner radius of the polygon is inside for sure, as the fan's middle is.
      const inner = radius * Math.cos(Math.PI / n) - 1;
      const centre = Math.hypot(arena.sx[0]! / SUBPIXEL - 32, arena.sy[0]! / SUBPIXEL - 32) < inner;
      if (centre && Math.hypot(x - 32, y - 32) < inner) {
        assert.equal(times[i], 1, `round ${round}: crack at ${x}, ${y}`);
      }
    }
  }
});

test('a back face and a degenerate triangle leave nothing', () => {
  const arena = new Arena(3, 3);
  const set = (v: number, x: number, y: number): void => {
    arena.sx[v] = x * SUBPIXEL;
    arena.sy[v] = y * SUBPIXEL;
    arena.d[v] = 1;
  };
  set(0, 5, 5);
  set(1, 5, 40);
  set(2, 40, 5);
  assert.ok(covered(arena, 0, 1, 2).size > 500);
  assert.equal(covered(arena, 0, 2, 1).size, 0);
  set(2, 5, 60);
  assert.equal(covered(arena, 0, 1, 2).size, 0);
});

test('spans agree with the edge functions evaluated one sample at a time', () => {
  const rng = new Rng(11);
  for (let round = 0; round < 300; round++) {
    const arena = new Arena(3, 3);
    const scale = round % 2 === 0 ? 60 : 6;
    for (let v = 0; v < 3; v++) {
      arena.sx[v] = Math.round(rng.uniform(2, 2 + scale) * SUBPIXEL);
      arena.sy[v] = Math.round(rng.uniform(2, 2 + scale) * SUBPIXEL);
      arena.d[v] = rng.uniform(0.5, 1);
    }
    const got = covered(arena, 0, 1, 2);
    for (let i = 0; i < SIZE * SIZE; i++) {
      const px = (i % SIZE) * SUBPIXEL + SUBPIXEL / 2;
      const py = Math.floor(i / SIZE) * SUBPIXEL + SUBPIXEL / 2;
      let inside = true;
      for (let k = 0; k < 3; k++) {
        const from = [0, 2, 1][k]!;
        const to = [2, 1, 0][k]!;
        const dx = arena.sx[to]! - arena.sx[from]!;
        const dy = arena.sy[to]! - arena.sy[from]!;
        const e = dx * (py - arena.sy[from]!) - dy * (px - arena.sx[from]!);
        if (e < 0 || (e === 0 && !(dy < 0 || (dy === 0 && dx > 0)))) inside = false;
      }
      const area =
        (arena.sx[2]! - arena.sx[0]!) * (arena.sy[1]! - arena.sy[0]!) -
        (arena.sx[1]! - arena.sx[0]!) * (arena.sy[2]! - arena.sy[0]!);
      assert.equal(
        got.has(i),
        inside && area > 0,
        `round ${round}, sample ${i % SIZE}, ${Math.floor(i / SIZE)}`,
      );
    }
  }
});
