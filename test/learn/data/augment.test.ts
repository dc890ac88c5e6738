import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Augmenter, colourMap } from '../../../src/learn/data/augment.ts';
import {
  addNoise,
  blur,
  blurTaps,
  mapColours,
  NOISE_BYTES,
  NOISE_STEP,
  shift,
  stretch,
} from '../../../src/learn/data/augment-kernels.ts';
import { Rng } from '../../../src/math/rng.ts';

function picture(width: number, height: number, seed: number): Uint8Array {
  const rng = new Rng(seed);
  return Uint8Array.from({ length: width * height * 3 }, () => rng.below(256));
}

const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));
const side = fc.integer({ min: 1, max: 9 });
const runs = { seed: 21, numRuns: 150 };
const AT = 5;

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

test('colours: an affine map, rounded and clamped, in both of its forms', () => {
  const factor = fc.double({ min: 0.3, max: 1.8, noNaN: true });
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
        const got = guarded(source.length, (out) => {
          out.set(source, AT);
          mapColours(out, AT, 35, map);
        });
        for (let p = 0; p < 35; p++) {
          const x = [...source.subarray(3 * p, 3 * p + 3)];
          for (let i = 0; i < 3; i++) {
            const sum = [0, 1, 2].reduce((t, j) => t + map.matrix[3 * i + j]! * x[j]!, map.offset[i]!);
            // Factors in 1/4096: three of them off by half a step each, times 255.
            const within = 0.5 + (3 * 255) / 8192 + 1e-3;
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

test('blur: a Gaussian along x, then along y', () => {
  fc.assert(
    fc.property(side, side, fc.double({ min: 0.2, max: 2.5, noNaN: true }), (w, h, sigma) => {
      const taps = blurTaps(sigma);
      assert.equal(
        taps.reduce((s, t) => s + t, 0),
        256,
      );
      const radius = (taps.length - 1) / 2;
      const source = picture(w, h, 13);
      const pass = (of: ArrayLike<number>, dx: number, dy: number): number[] =>
        Array.from(of, (_, i) => {
          const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
          let sum = 0;
          for (let t = -radius; t <= radius; t++) {
            const from = clamp(y + t * dy, 0, h - 1) * w + clamp(x + t * dx, 0, w - 1);
            sum += taps[t + radius]! * of[from * 3 + (i % 3)]!;
          }
          return Math.floor((sum + 128) / 256);
        });
      const got = guarded(source.length, (out) => {
        out.set(source, AT);
        blur(out, AT, w, h, taps);
      });
      assert.deepEqual([...got], pass(pass(source, 1, 0), 0, 1));
    }),
    runs,
  );
  // Taps follow the Gaussian to the rounding of 1/256.
  const taps = blurTaps(1.3);
  const radius = (taps.length - 1) / 2;
  const exact = [...taps.keys()].map((i) => Math.exp(-((i - radius) ** 2) / (2 * 1.3 ** 2)));
  const sum = exact.reduce((s, e) => s + e, 0);
  taps.forEach((t, i) => {
    if (i !== radius) assert.ok(Math.abs(t - (256 * exact[i]!) / sum) <= 0.5);
  });
});

test('noise has mean 0 and the wanted deviation, and is clamped', () => {
  const level = 6 / NOISE_STEP;
  const grey = new Uint8Array(NOISE_BYTES).fill(128);
  addNoise(grey, 0, grey.length, level, 17);
  const mean = grey.reduce((s, x) => s + x - 128, 0) / grey.length;
  const spread = Math.sqrt(grey.reduce((s, x) => s + (x - 128) ** 2, 0) / grey.length);
  // Four standard errors of 65536 draws; rounding adds 1/12 to the variance.
  assert.ok(Math.abs(mean) < (4 * 6) / 256, `mean ${mean}`);
  assert.ok(Math.abs(spread - Math.sqrt(36 + 1 / 12)) < (4 * 6) / (256 * Math.SQRT2), `deviation ${spread}`);
  const edges = Uint8Array.of(...new Array(500).fill(0), ...new Array(500).fill(255));
  addNoise(edges, 0, 1000, 40 / NOISE_STEP, 5);
  assert.ok(edges.subarray(0, 500).some((x) => x > 0) && edges.subarray(0, 500).every((x) => x < 200));
  assert.ok(edges.subarray(500).some((x) => x < 255) && edges.subarray(500).every((x) => x > 55));
});

test('noise of four bytes at a time is noise byte by byte, for every value and place', () => {
  const level = 60 / NOISE_STEP;
  const noise = new Int16Array(NOISE_BYTES);
  const up = new Uint8Array(NOISE_BYTES + 4);
  const down = new Uint8Array(NOISE_BYTES + 4).fill(255);
  // From 0 and from 255 the noise itself can be read, at a place that words do not reach.
  addNoise(up, 1, NOISE_BYTES, level, 0);
  addNoise(down, 1, NOISE_BYTES, level, 0);
  for (let i = 0; i < NOISE_BYTES; i++) noise[i] = up[1 + i]! > 0 ? up[1 + i]! : down[1 + i]! - 255;
  const values = Uint8Array.from({ length: NOISE_BYTES - 3 }, (_, i) => (i * 37) & 255);
  const got = values.slice();
  addNoise(got, 0, got.length, level, 0);
  got.forEach((g, i) => {
    assert.equal(g, clamp(values[i]! + noise[i]!, 0, 255), `byte ${i}: ${values[i]} with ${noise[i]}`);
  });
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
