import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Augmenter, colourMap } from '../../../src/learn/data/augment.ts';
import { shift, stretch } from '../../../src/learn/data/augment-kernels.ts';
import {
  blurTaps,
  Canvas,
  type ColourMap,
  LARGEST_BLUR,
  NOISE_BYTES,
  NOISE_STEP,
  noiseTable,
} from '../../../src/learn/data/canvas.ts';
import { Rng } from '../../../src/math/rng.ts';

function picture(width: number, height: number, seed: number): Uint8Array {
  const rng = new Rng(seed);
  return Uint8Array.from({ length: width * height * 3 }, () => rng.below(256));
}

const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));
const side = fc.integer({ min: 1, max: 9 });
const runs = { seed: 21, numRuns: 150 };
const AT = 5;

/** What a canvas makes of a picture. */
function painted(
  source: Uint8Array,
  width: number,
  height: number,
  paint: (canvas: Canvas) => void,
): Uint8Array {
  const canvas = new Canvas(width, height);
  canvas.pixels.set(source);
  paint(canvas);
  return canvas.pixels.slice();
}

/** Runs a kernel into guarded memory and hands back what it wrote. */
function guarded(length: number, run: (out: Uint8Array) => void): Uint8Array {
  const out = new Uint8Array(length + 2 * AT).fill(77);
  run(out);
  assert.deepEqual([...out.subarray(0, AT), ...out.subarray(AT + length)], new Array(2 * AT).fill(77));
  return out.slice(AT, AT + length);
}

test('shift: every pixel from where it was, borders repeated, however far', () => {
  const far = fc.integer({ min: -12, max: 12 });
  fc.assert(
    fc.property(side, side, far, far, fc.nat(), (w, h, dx, dy, seed) => {
      const source = picture(w, h, seed);
      const got = guarded(source.length, (out) => shift(source, w, h, dx, dy, out, AT));
      const want = source.map((_, i) => {
        const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
        return source[(clamp(y + dy, 0, h - 1) * w + clamp(x + dx, 0, w - 1)) * 3 + (i % 3)]!;
      });
      assert.deepEqual(got, want);
    }),
    runs,
  );
});

test('stretch: bilinear between pixel centres', () => {
  const at = fc.double({ min: -3, max: 3, noNaN: true });
  const size = fc.double({ min: 0.5, max: 9, noNaN: true });
  fc.assert(
    fc.property(side, side, at, at, size, size, (w, h, x0, y0, ww, wh) => {
      const source = picture(w, h, w * 31 + h);
      const window = { x: x0, y: y0, width: ww, height: wh };
      const got = guarded(source.length, (out) => stretch(source, w, h, window, out, AT));
      const pixel = (x: number, y: number, c: number): number =>
        source[(clamp(y, 0, h - 1) * w + clamp(x, 0, w - 1)) * 3 + c]!;
      got.forEach((value, i) => {
        const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
        const px = x0 + ((x + 0.5) * ww) / w - 0.5;
        const py = y0 + ((y + 0.5) * wh) / h - 0.5;
        const [fx, fy] = [px - Math.floor(px), py - Math.floor(py)];
        const row = (yy: number): number =>
          pixel(Math.floor(px), yy, i % 3) * (1 - fx) + pixel(Math.floor(px) + 1, yy, i % 3) * fx;
        const want = row(Math.floor(py)) * (1 - fy) + row(Math.floor(py) + 1) * fy;
        // Positions in 1/256 pixel: at most 1/512 off in each direction, times the largest slope of 255, and rounding.
        assert.ok(Math.abs(value - want) <= 0.5 + (2 * 255) / 512 + 0.01, `${value} for ${want}`);
      });
    }),
    runs,
  );
  const whole = picture(8, 6, 3);
  const same = guarded(whole.length, (out) =>
    stretch(whole, 8, 6, { x: 0, y: 0, width: 8, height: 6 }, out, AT),
  );
  assert.deepEqual(same, whole);
});

test('colours: an affine map, rounded and clamped', () => {
  // Three of them stay below 4.
  const factor = fc.double({ min: 0.3, max: 1.5, noNaN: true });
  fc.assert(
    fc.property(
      factor,
      factor,
      factor,
      fc.constantFrom(0, 0.4, -1),
      fc.constantFrom(1, 0.5),
      (a, b, c, hue, s) => {
        const source = picture(7, 5, 9);
        const map = colourMap({ gain: [a, 1, b], brightness: c, contrast: a, saturation: s, hue });
        const got = painted(source, 7, 5, (canvas) => canvas.colour(map));
        for (let p = 0; p < 35; p++) {
          const x = [...source.subarray(3 * p, 3 * p + 3)];
          for (let i = 0; i < 3; i++) {
            const sum = [0, 1, 2].reduce((t, j) => t + map.matrix[3 * i + j]! * x[j]!, map.offset[i]!);
            // Three factors off by half of 1/8192 each, times 255; three products and the offset by half of 1/32 each.
            const within = 0.5 + (3 * 255) / 16384 + 4 / 64 + 1e-3;
            assert.ok(
              Math.abs(got[3 * p + i]! - clamp(sum, 0, 255)) <= within,
              `${got[3 * p + i]} for ${sum}`,
            );
          }
        }
      },
    ),
    runs,
  );
});

test('the colour map does to colours what its options say', () => {
  const plain = { gain: [1, 1, 1], brightness: 1, contrast: 1, saturation: 1, hue: 0 };
  const apply = (change: Partial<typeof plain>, x: readonly number[]): number[] => {
    const { matrix, offset } = colourMap({ ...plain, ...change });
    return offset.map((o, i) => o + [0, 1, 2].reduce((s, j) => s + matrix[3 * i + j]! * x[j]!, 0));
  };
  const near = (got: readonly number[], want: readonly number[]): void => {
    got.forEach((g, i) => {
      assert.ok(Math.abs(g - want[i]!) < 1e-9, `${got} for ${want}`);
    });
  };
  const x = [200, 40, 90];
  near(apply({}, x), x);
  near(apply({ gain: [1.1, 1, 0.9] }, x), [220, 40, 81]);
  near(apply({ brightness: 0.5 }, x), [100, 20, 45]);
  near(apply({ contrast: 0.5 }, x), [164, 84, 109]);
  const grey = 0.299 * 200 + 0.587 * 40 + 0.114 * 90;
  near(apply({ saturation: 0 }, x), [grey, grey, grey]);
  // A third of a turn moves each channel to the next; greys stay.
  near(apply({ hue: (2 * Math.PI) / 3 }, x), [90, 200, 40]);
  near(apply({ hue: 1, saturation: 0.3 }, [60, 60, 60]), [60, 60, 60]);
  near(apply({ contrast: 0.5, hue: 1, saturation: 0.3 }, [60, 60, 60]), [94, 94, 94]);
});

test('every value of every channel through maps that saturate at either end', () => {
  const all = Uint8Array.from({ length: 256 * 3 }, (_, i) => (Math.floor(i / 3) * (1 + 2 * (i % 3))) & 255);
  const maps: ColourMap[] = [
    { matrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], offset: [0, 0, 0] },
    { matrix: [-1, 0, 0, 0, -1, 0, 0, 0, -1], offset: [255, 255, 255] },
    { matrix: [2, 1, 0.5, -1, 2, -0.5, 0.3, 0.3, 0.4], offset: [-300, 200, 0] },
  ];
  for (const map of maps) {
    const got = painted(all, 64, 4, (canvas) => canvas.colour(map));
    got.forEach((g, k) => {
      const [p, i] = [3 * Math.floor(k / 3), k % 3];
      const sum = [0, 1, 2].reduce((t, j) => t + map.matrix[3 * i + j]! * all[p + j]!, map.offset[i]!);
      assert.ok(Math.abs(g - clamp(sum, 0, 255)) <= 0.61, `${g} for ${sum}`);
    });
  }
  assert.deepEqual(
    painted(all, 64, 4, (canvas) => canvas.colour(maps[0]!)),
    all,
    'nothing changes nothing',
  );
});

test('blur: a Gaussian along x, then along y', () => {
  fc.assert(
    fc.property(side, side, fc.double({ min: 0.2, max: LARGEST_BLUR, noNaN: true }), (w, h, sigma) => {
      const taps = blurTaps(sigma);
      const radius = taps.length - 1;
      const weight = (t: number): number => taps[Math.abs(t)]!;
      const source = picture(w, h, 13);
      const pass = (of: ArrayLike<number>, dx: number, dy: number): number[] =>
        Array.from(of, (_, i) => {
          const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
          let sum = 0;
          for (let t = -radius; t <= radius; t++) {
            const from = clamp(y + t * dy, 0, h - 1) * w + clamp(x + t * dx, 0, w - 1);
            sum += weight(t) * of[from * 3 + (i % 3)]!;
          }
          return Math.floor((sum + 128) / 256);
        });
      const got = painted(source, w, h, (canvas) => canvas.blur(sigma));
      assert.deepEqual([...got], pass(pass(source, 1, 0), 0, 1));
    }),
    runs,
  );
  // Taps follow the Gaussian to the rounding of 1/256, and leave the mean as it is.
  const taps = blurTaps(1.3);
  const exact = [...taps.keys()].map((k) => Math.exp(-(k ** 2) / (2 * 1.3 ** 2)));
  const sum = 2 * exact.reduce((s, e) => s + e, 0) - 1;
  taps.forEach((t, k) => {
    if (k > 0) assert.ok(Math.abs(t - (256 * exact[k]!) / sum) <= 0.5);
  });
  assert.equal(2 * taps.reduce((s, t) => s + t, 0) - taps[0]!, 256);
});

test('noise: rounded normal numbers from the table, clamped, for every value and place', () => {
  const level = 6 / NOISE_STEP;
  const { plus, minus } = noiseTable(level);
  const noise = Float64Array.from(plus, (p, i) => p - minus[i]!);
  const mean = noise.reduce((s, x) => s + x, 0) / noise.length;
  const spread = Math.sqrt(noise.reduce((s, x) => s + x ** 2, 0) / noise.length);
  // Four standard errors of 65536 draws; rounding adds 1/12 to the variance.
  assert.ok(Math.abs(mean) < (4 * 6) / 256, `mean ${mean}`);
  assert.ok(Math.abs(spread - Math.sqrt(36 + 1 / 12)) < (4 * 6) / (256 * Math.SQRT2), `deviation ${spread}`);
  // Larger than the table, from its first place and from a late one.
  const [w, h] = [200, 150];
  const source = picture(w, h, 8);
  for (const [strength, start] of [
    [level, 0],
    [60 / NOISE_STEP, 4000],
  ] as const) {
    const table = noiseTable(strength);
    const got = painted(source, w, h, (canvas) => canvas.noise(strength, start));
    const wrong = got.findIndex((g, i) => {
      const at = (16 * start + i) % NOISE_BYTES;
      return g !== clamp(source[i]! + table.plus[at]! - table.minus[at]!, 0, 255);
    });
    assert.equal(wrong, -1, `byte ${wrong}`);
  }
});

test('a canvas keeps to its picture, and one strength after another leaves nothing behind', () => {
  const source = picture(5, 3, 2);
  const canvas = new Canvas(5, 3);
  const paint = (level: number): Uint8Array => {
    canvas.pixels.set(source);
    canvas.blur(1);
    canvas.colour({ matrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], offset: [5, 0, 0] });
    canvas.noise(level, 7);
    return canvas.pixels.slice();
  };
  const [weak, strong] = [paint(8), paint(80)];
  assert.notDeepEqual(weak, strong);
  assert.deepEqual(paint(8), weak);
});

test('a sample is changed by its own draw: the same again, another for another step, slot, input or seed', () => {
  const [w, h] = [24, 16];
  const bytes = w * h * 3;
  const source = new Uint8Array(2 * bytes);
  source.set(picture(w, h, 1));
  source.set(picture(w, h, 1), bytes);
  const options = { shift: 3, brightness: 0.2, saturation: 0.3, hueDeg: 20 };
  const run = (seed: number, step: number, slot: number, input = 0): Uint8Array => {
    const out = new Uint8Array(2 * bytes);
    new Augmenter(options, seed).images({ step, slot, input }, source, w, h, 2, out, 0);
    return out;
  };
  const one = run(1, 2, 3);
  assert.deepEqual(run(1, 2, 3), one);
  for (const other of [run(2, 2, 3), run(1, 3, 3), run(1, 2, 4), run(1, 2, 3, 1)])
    assert.notDeepEqual(other, one);
  // Both pictures of the history moved and coloured alike.
  assert.deepEqual(one.subarray(0, bytes), one.subarray(bytes));
  assert.deepEqual(source.subarray(0, bytes), picture(w, h, 1), 'the source is left as it was');
});

test('one option more leaves the draws of the others as they were', () => {
  const [w, h] = [24, 16];
  const source = picture(w, h, 1);
  const run = (options: object): Uint8Array => {
    const out = new Uint8Array(source.length);
    new Augmenter(options, 5).images({ step: 8, slot: 1, input: 0 }, source, w, h, 1, out, 0);
    return out;
  };
  const shifted = run({ shift: 4 });
  const both = run({ shift: 4, brightness: 0.3 });
  const factor = [...both.keys()]
    .filter((i) => shifted[i]! > 60 && both[i]! < 255)
    .map((i) => both[i]! / shifted[i]!);
  assert.ok(factor.length > 100);
  assert.ok(Math.max(...factor) - Math.min(...factor) < 0.02, 'the same shift, one brightness');
});

test('shifts reach every offset within their limit and none beyond', () => {
  const [w, h] = [9, 9];
  const source = new Uint8Array(w * h * 3);
  source.fill(255, (4 * w + 4) * 3, (4 * w + 4) * 3 + 3);
  const seen = new Set<string>();
  const augmenter = new Augmenter({ shift: 2 }, 3);
  const out = new Uint8Array(source.length);
  for (let slot = 0; slot < 400; slot++) {
    augmenter.images({ step: 0, slot, input: 0 }, source, w, h, 1, out, 0);
    const at = out.indexOf(255) / 3;
    seen.add(`${(at % w) - 4},${Math.floor(at / w) - 4}`);
  }
  assert.equal(seen.size, 25);
  assert.ok([...seen].every((s) => s.split(',').every((d) => Math.abs(Number(d)) <= 2)));
});
