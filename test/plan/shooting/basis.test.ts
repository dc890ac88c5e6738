import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { Basis } from '../../../src/plan/shooting/basis.ts';
import type { NoiseShape } from '../../../src/plan/shooting/settings.ts';

const SPLINES = ['zero', 'linear', 'cubic'] as const;
const free = (nu: number, side: number): Float64Array => new Float64Array(nu).fill(side * Infinity);
const knots = (count: number, spline: 'zero' | 'linear' | 'cubic'): NoiseShape => ({
  kind: 'knots',
  count,
  spline,
});

describe('splines through knots', () => {
  it('weights of a stage sum to 1 and reach at most four knots, for every count', () => {
    for (const spline of SPLINES) {
      for (const horizon of [1, 2, 7, 50]) {
        for (let count = 1; count <= 12; count++) {
          const basis = new Basis(knots(count, spline), horizon, 1);
          assert.equal(basis.knots, Math.min(count, horizon));
          for (let t = 0; t < horizon; t++) {
            const row = Array.from({ length: basis.knots }, (_, k) => basis.weight(t, k));
            const sum = row.reduce((a, b) => a + b, 0);
            assert.ok(Math.abs(sum - 1) < 1e-14, `${spline} ${count} of ${horizon}, stage ${t}: ${row}`);
            assert.ok(row.filter((w) => w !== 0).length <= (spline === 'cubic' ? 4 : 2));
          }
        }
      }
    }
  });

  it('goes through its knots, and draws a straight line as one', () => {
    for (const spline of ['linear', 'cubic'] as const) {
      const basis = new Basis(knots(6, spline), 26, 1);
      const out = new Float64Array(26);
      const theta = Float64Array.of(3, -1, 4, 1, -5, 9);
      basis.controls(theta, 0, new Float64Array(26), free(1, -1), free(1, 1), out, 0);
      for (let k = 0; k < 6; k++) assert.ok(Math.abs(out[5 * k]! - theta[k]!) < 1e-13);
      const line = Float64Array.from({ length: 6 }, (_, k) => 2 - 0.5 * k);
      basis.controls(line, 0, new Float64Array(26), free(1, -1), free(1, 1), out, 0);
      for (let t = 0; t < 26; t++) assert.ok(Math.abs(out[t]! - (2 - 0.1 * t)) < 1e-13, `stage ${t}`);
    }
    const held = new Basis(knots(3, 'zero'), 7, 1);
    const out = new Float64Array(7);
    held.controls(Float64Array.of(1, 2, 3), 0, new Float64Array(7), free(1, -1), free(1, 1), out, 0);
    assert.deepEqual([...out], [1, 1, 1, 2, 2, 3, 3]);
  });

  it('is smooth where it is cubic: slopes from both sides of a knot agree', () => {
    const step = 1000;
    const basis = new Basis(knots(6, 'cubic'), 5 * step + 1, 1);
    const out = new Float64Array(5 * step + 1);
    basis.controls(
      Float64Array.of(0, 1, -2, 3, 0, 1),
      0,
      new Float64Array(out.length),
      free(1, -1),
      free(1, 1),
      out,
      0,
    );
    for (let k = 1; k < 5; k++) {
      const left = out[k * step]! - out[k * step - 1]!;
      const right = out[k * step + 1]! - out[k * step]!;
      // Second differences of a smooth curve fall with step²: |p''| ≤ 60 between these knots.
      assert.ok(Math.abs(right - left) < 60 / step ** 2, `knot ${k}: ${left}, ${right}`);
    }
  });

  it('finds the knots of what it drew', () => {
    const rng = new Rng(4);
    for (const spline of SPLINES) {
      const basis = new Basis(knots(7, spline), 31, 2);
      const theta = Float64Array.from({ length: 14 }, () => rng.normal());
      const us = new Float64Array(62);
      basis.controls(theta, 0, new Float64Array(62), free(2, -1), free(2, 1), us, 0);
      const found = new Float64Array(14);
      basis.project(us, found);
      for (let p = 0; p < 14; p++) assert.ok(Math.abs(found[p]! - theta[p]!) < 1e-10);
    }
  });

  it('holds controls to the limits about any base, at any place of the samples', () => {
    const rng = new Rng(5);
    const low = Float64Array.of(-1, -3);
    const high = Float64Array.of(2, 0.5);
    const base = Float64Array.from({ length: 40 }, (_, i) => rng.uniform(low[i % 2]!, high[i % 2]!));
    for (const shape of [{ kind: 'white' }, knots(5, 'cubic')] as const) {
      const basis = new Basis(shape, 20, 2);
      const size = basis.knots * 2;
      const thetas = Float64Array.from({ length: 3 * size }, () => rng.normal(4));
      const out = new Float64Array(4 * 40).fill(Number.NaN);
      basis.controls(thetas, size, base, low, high, out, 80);
      for (let i = 0; i < out.length; i++) {
        if (i < 80 || i >= 120) assert.ok(Number.isNaN(out[i]!));
        else assert.ok(out[i]! >= low[i % 2]! && out[i]! <= high[i % 2]!);
      }
    }
  });

  it('bounds parameters so that nothing within reach is lost and 0 stays inside', () => {
    const rng = new Rng(6);
    const low = Float64Array.of(-1);
    const high = Float64Array.of(2);
    const base = Float64Array.from({ length: 20 }, () => rng.uniform(-1, 2));
    for (const shape of [{ kind: 'white' }, knots(5, 'zero'), knots(5, 'linear')] as const) {
      const basis = new Basis(shape, 20, 1);
      const [from, to] = [new Float64Array(basis.knots), new Float64Array(basis.knots)];
      basis.bounds(base, low, high, from, to);
      const out = new Float64Array(20);
      for (const [theta, limit] of [
        [from, -1],
        [to, 2],
      ] as const) {
        basis.controls(theta, 0, base, low, high, out, 0);
        assert.ok(
          out.every((u) => u === limit),
          `${JSON.stringify(shape)}: ${out}`,
        );
      }
      assert.ok(from.every((v) => v <= 0) && to.every((v) => v >= 0));
    }
    const white = new Basis({ kind: 'white' }, 20, 1);
    const [from, to] = [new Float64Array(20), new Float64Array(20)];
    white.bounds(base, low, high, from, to);
    assert.deepEqual(
      [...from],
      [...base].map((b) => -1 - b),
    );
    assert.deepEqual(
      [...to],
      [...base].map((b) => 2 - b),
    );
  });
});
