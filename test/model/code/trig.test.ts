import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { Arena } from '../../../src/model/code/arena.ts';
import { compileWasm } from '../../../src/model/code/compile.ts';
import { Graph } from '../../../src/model/code/expression.ts';

// Sine and cosine to 2⁻²²⁰, in fixed-point numbers.
const BITS = 256n;
const ONE = 1n << BITS;

/** π by Machin's formula, 16 atan(1/5) − 4 atan(1/239). */
const PI = (() => {
  const atan = (inverse: bigint): bigint => {
    let term = ONE / inverse;
    let sum = term;
    for (let k = 3n; term !== 0n; k += 2n) {
      term = -term / (inverse * inverse);
      sum += term / k;
    }
    return sum;
  };
  return 16n * atan(5n) - 4n * atan(239n);
})();

/** The exact value of a double. */
function fixed(x: number): bigint {
  let [mantissa, shift] = [x, 0];
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    shift++;
  }
  return (BigInt(mantissa) << BITS) >> BigInt(shift);
}

function series(r: bigint, first: bigint, start: bigint): bigint {
  let term = first;
  let sum = term;
  for (let k = start; term !== 0n; k += 2n) {
    term = -(((((term * r) >> BITS) * r) >> BITS) / (k * (k + 1n)));
    sum += term;
  }
  return sum;
}

function exact(x: number): { sin: bigint; cos: bigint } {
  const turns = (fixed(x) + PI) / (2n * PI);
  const r = fixed(x) - turns * 2n * PI;
  return { sin: series(r, r, 2n), cos: series(r, ONE, 1n) };
}

/** |got − want| in units of the last place of got. */
function ulps(got: number, want: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, got);
  const exponent = ((view.getUint16(0) >> 4) & 0x7ff) - 1075;
  const gap = fixed(got) - want;
  return Number(gap < 0n ? -gap : gap) / 2 ** (256 + exponent);
}

test('sine and cosine of the WebAssembly form are within 1 ulp up to 1e5, near multiples of π/2 too', () => {
  const g = new Graph();
  const x = g.vector(3);
  const arena = new Arena(1024);
  const trig = {
    name: 'trig',
    graph: g,
    inputs: [{ name: 'x', elements: x }],
    outputs: [{ name: 'o', elements: x.flatMap((e) => [g.sin(e), g.cos(e)]) }],
  };
  const both = compileWasm(
    { key: '', functions: () => [trig, { ...trig, name: 'pair', each: 'independent' }] },
    null,
    arena,
  );
  const [at, out] = [arena.alloc(6), arena.alloc(12)];
  const rng = new Rng(5);
  const cases: number[] = [0, 1e-300, -1e-9, 0.5, 1e5];
  for (let i = 0; i < 4000; i++) cases.push(rng.uniform(-4, 4), rng.uniform(-1e5, 1e5));
  // Doubles next to multiples of π/2, where the sine or the cosine is smallest.
  for (let k = -2000; k <= 2000; k++) {
    const multiple = (k < 1000 ? k : k * 31) * (Math.PI / 2);
    for (const step of [0, 1, -1]) cases.push(multiple + step * Math.abs(multiple) * 2 ** -52);
  }
  let worst = 0;
  cases.forEach((value, i) => {
    at.fill(value);
    if (i % 2 === 0) both['trig']!(at.byteOffset, out.byteOffset);
    else both['pair']!(2, at.byteOffset, out.byteOffset);
    const { sin, cos } = exact(value);
    const outputs = i % 2 === 0 ? 6 : 12;
    for (let k = 0; k < outputs; k += 2) {
      const error = Math.max(value === 0 ? 0 : ulps(out[k]!, sin), ulps(out[k + 1]!, cos));
      assert.ok(error <= 1, `${value}: ${out[k]}, ${out[k + 1]} are off by ${error} ulp`);
      worst = Math.max(worst, error);
    }
  });
  assert.ok(worst > 0.4, 'the errors were measured: rounding alone gives up to a half');
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    at.fill(value);
    both['trig']!(at.byteOffset, out.byteOffset);
    assert.ok(Number.isNaN(out[0]!) && Number.isNaN(out[1]!));
  }
});
