/** Derivatives by differences with an error bound that comes from the differences themselves. */
import assert from 'node:assert/strict';

/** Writes f(x) to out. */
export type Vectorial = (x: Float64Array, out: Float64Array) => void;

/**
 * Asserts that `got` (outputs × inputs, row-major) is the Jacobian of f at x.
 *
 * Central differences of fourth order at steps h and h/2: D(h) = f' + c h⁴ + …, so what truncation leaves in D(h/2) is
 * |D(h) - D(h/2)| / 15 as h → 0; a whole |D(h) - D(h/2)| is allowed. Rounding: each f is off by `noise` · sup|f| (its
 * condition times ε), and the weights of D(h/2) sum up to 3 / h. That bound itself may not exceed `most` of the
 * largest entry (at least 1), so that a step that is too long cannot excuse everything.
 */
export function isJacobian(
  f: Vectorial,
  x: Float64Array,
  outputs: number,
  got: Float64Array,
  { h = 2e-3, noise = 1e-13, most = 1e-6, what = 'Jacobian' } = {},
): void {
  const inputs = x.length;
  assert.equal(got.length, outputs * inputs, `${what}: size`);
  const at = x.slice();
  const y = new Float64Array(outputs);
  let largest = 0;
  const difference = (j: number, step: number): Float64Array => {
    const d = new Float64Array(outputs);
    for (const [shift, weight] of [
      [1, 8],
      [-1, -8],
      [2, -1],
      [-2, 1],
    ] as const) {
      at.set(x);
      at[j] = x[j]! + shift * step;
      y.fill(Number.NaN);
      f(at, y);
      for (let i = 0; i < outputs; i++) {
        d[i]! += (weight * y[i]!) / (12 * step);
        largest = Math.max(largest, Math.abs(y[i]!));
      }
    }
    return d;
  };
  const scale = got.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  for (let j = 0; j < inputs; j++) {
    const wide = difference(j, h);
    const d = difference(j, h / 2);
    for (let i = 0; i < outputs; i++) {
      const bound = Math.abs(wide[i]! - d[i]!) + (3 / h) * noise * largest;
      const value = got[i * inputs + j]!;
      assert.ok(bound <= most * scale, `${what}[${i}, ${j}]: differences know it to ${bound} only`);
      assert.ok(
        Math.abs(value - d[i]!) <= bound,
        `${what}[${i}, ${j}] is ${value}, differences give ${d[i]} ± ${bound}`,
      );
    }
  }
}
