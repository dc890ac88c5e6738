/**
 * Sine and cosine of two angles at once, in f64x2.
 *
 * Reduction: with k = nearest(x · 2/π), x − k π/2 is taken in three parts of π/2, of which the first two have 33 bits, so that
 * their products with k are exact for |k| < 2²⁰, that is |x| up to 1.6e6 (Cody & Waite 1980; the constants are
 * those of fdlibm's e_rem_pio2.c). Beyond that the result loses bits. The remainder is kept as a sum y0 + y1.
 * Polynomials on |y| ≤ π/4: fdlibm's k_sin.c and k_cos.c, error below 2⁻⁵⁸ (Sun Microsystems, freely distributable).
 */
import type { WasmFunction } from './wasm.ts';

const SIN = [
  -0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 2.7557313707070068e-6,
  -2.5050760253406863e-8, 1.58969099521155e-10,
] as const;
const COS = [
  0.0416666666666666, -0.001388888888887411, 2.480158728947673e-5, -2.7557314351390663e-7,
  2.087572321298175e-9, -1.1359647557788195e-11,
] as const;
const TWO_OVER_PI = 0.6366197723675814;
const PIO2 = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
/** 1.5 · 2⁵²: adding it rounds to an integer, which is then in the low bits. */
const ROUND = 6755399441055744;

/** Locals that `emitSinCos` works in; made once per function. */
export interface TrigLocals {
  readonly t: number;
  readonly y0: number;
  readonly y1: number;
  readonly z: number;
  readonly p: number;
  readonly r: number;
}

export function trigLocals(f: WasmFunction): TrigLocals {
  const v = (): number => f.local('v128');
  return { t: v(), y0: v(), y1: v(), z: v(), p: v(), r: v() };
}

/** The v128 local x → locals sin and cos. x is left as it is. */
export function emitSinCos(f: WasmFunction, l: TrigLocals, x: number, sin: number, cos: number): void {
  const c = (value: number): WasmFunction => f.f64x2(value, value);
  const { t, y0, y1, z, p, r } = l;
  // t = k in its low bits; p = k.
  f.get(x);
  c(TWO_OVER_PI).op('f64x2.mul');
  c(ROUND).op('f64x2.add').tee(t);
  c(ROUND).op('f64x2.sub').set(p);
  // r = x − k·P1 (exact), z = k·P2 (exact), y0 = r − z, y1 = (r − y0) − z − k·P3
  f.get(x).get(p);
  c(PIO2[0]).op('f64x2.mul', 'f64x2.sub').set(r);
  f.get(p);
  c(PIO2[1]).op('f64x2.mul').set(z);
  f.get(r).get(z).op('f64x2.sub').set(y0);
  f.get(r).get(y0).op('f64x2.sub').get(z).op('f64x2.sub');
  f.get(p);
  c(PIO2[2]).op('f64x2.mul', 'f64x2.sub').set(y1);
  // The sum again as a rounded part and a rest.
  f.get(y0).get(y0).get(y1).op('f64x2.add').tee(y0).op('f64x2.sub').get(y1).op('f64x2.add').set(y1);
  f.get(y0).get(y0).op('f64x2.mul').set(z);
  // cos: w = 1 − z/2; w + (((1 − w) − z/2) + (z·z·C(z) − y0·y1))
  poly(f, COS, z);
  f.get(z).get(z).op('f64x2.mul', 'f64x2.mul').get(y0).get(y1).op('f64x2.mul', 'f64x2.sub').set(p);
  f.get(z);
  c(0.5).op('f64x2.mul').set(r);
  c(1).get(r).op('f64x2.sub').set(cos);
  c(1).get(cos).op('f64x2.sub').get(r).op('f64x2.sub').get(p).op('f64x2.add');
  f.get(cos).op('f64x2.add').set(cos);
  // sin: v = z·y0; y0 − ((z·(y1/2 − v·S(z)) − y1) − v·S1)
  f.get(z).get(y0).op('f64x2.mul').set(p);
  f.get(y0).get(z).get(y1);
  c(0.5).op('f64x2.mul').get(p);
  poly(f, SIN.slice(1), z);
  f.op('f64x2.mul', 'f64x2.sub', 'f64x2.mul').get(y1).op('f64x2.sub').get(p);
  c(SIN[0]).op('f64x2.mul', 'f64x2.sub', 'f64x2.sub').set(sin);
  // Quadrant: odd k swaps the two; bit 1 of k is the sign of the sine, bit 1 of k + 1 that of the cosine.
  f.i64(0n).op('i64x2.splat').get(t).i64(1n).op('i64x2.splat', 'v128.and', 'i64x2.sub').set(z);
  f.get(cos).get(sin).get(z).op('v128.bitselect');
  f.get(t).i64(2n).op('i64x2.splat', 'v128.and').i32(62).op('i64x2.shl', 'v128.xor').set(r);
  f.get(sin).get(cos).get(z).op('v128.bitselect');
  f.get(t).i64(1n).op('i64x2.splat', 'i64x2.add').i64(2n).op('i64x2.splat', 'v128.and');
  f.i32(62).op('i64x2.shl', 'v128.xor').set(cos);
  f.get(r).set(sin);
}

/** Leaves c[0] + z (c[1] + z (c[2] + …)) on the stack. */
function poly(f: WasmFunction, c: readonly number[], z: number): void {
  f.f64x2(c.at(-1)!, c.at(-1)!);
  for (let i = c.length - 2; i >= 0; i--) {
    f.get(z).op('f64x2.mul').f64x2(c[i]!, c[i]!).op('f64x2.add');
  }
}
