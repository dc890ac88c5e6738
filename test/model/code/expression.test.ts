import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rng } from '../../../src/math/rng.ts';
import { Arena } from '../../../src/model/code/arena.ts';
import { compileJs, compileWasm } from '../../../src/model/code/compile.ts';
import { forwardDerivative, gradient, reverseDerivative } from '../../../src/model/code/differentiate.ts';
import { type Expr, evaluate, Graph } from '../../../src/model/code/expression.ts';
import { type FunctionSpec, programOf } from '../../../src/model/code/program.ts';
import { allClose } from '../../support/close.ts';
import { isJacobian } from '../../support/differences.ts';

test('constants fold, zeros and ones vanish, signs move outwards, equal expressions are one', () => {
  const g = new Graph();
  const [x, y] = g.vector(2) as [Expr, Expr];
  const c = (v: number): Expr => g.constant(v);
  assert.equal(g.add(x, g.zero), x);
  assert.equal(g.mul(x, g.one), x);
  assert.equal(g.mul(x, g.zero), g.zero);
  assert.equal(g.sub(x, x), g.zero);
  assert.equal(g.add(x, y), g.add(y, x));
  assert.equal(g.mul(x, y), g.mul(y, x));
  assert.equal(g.neg(g.neg(x)), x);
  assert.equal(g.add(x, g.neg(y)), g.sub(x, y));
  assert.equal(g.mul(g.neg(x), g.neg(y)), g.mul(x, y));
  assert.equal(g.sub(y, x), g.neg(g.sub(x, y)));
  assert.equal(g.mul(c(2), g.mul(c(3), x)), g.mul(c(6), x));
  assert.equal(g.mul(c(-2), x), g.neg(g.mul(c(2), x)));
  assert.equal(g.add(x, g.sub(y, x)), y);
  assert.equal(g.sub(g.add(x, y), x), y);
  assert.equal(g.sub(x, g.add(x, y)), g.neg(y));
  assert.equal(g.sin(g.neg(x)), g.neg(g.sin(x)));
  assert.equal(g.cos(g.neg(x)), g.cos(x));
  assert.equal(g.valueOf(g.sqrt(c(9))), 3);
  assert.equal(g.valueOf(g.div(c(1), c(4))), 0.25);
  assert.equal(g.select(c(1), x, y), x);
  // −(x − y) costs one difference, not two operations.
  const spec = { name: 'f', graph: g, inputs: [{ name: 'x', elements: [x, y] }] };
  const made = programOf({ ...spec, outputs: [{ name: 'o', elements: [g.neg(g.sub(x, y))] }] });
  assert.equal(made.operations, 1);
});

/** An expression of every operation, far from kinks where `smooth`. */
function everything(g: Graph, [x, y, z]: readonly Expr[]): Expr[] {
  const [a, b, c] = [x!, y!, z!];
  const positive = g.add(g.constant(1.5), g.square(a));
  return [
    g.add(g.sin(g.mul(a, b)), g.cos(g.sub(c, g.scale(2, a)))),
    g.div(g.sqrt(positive), g.add(g.exp(g.scale(0.3, b)), g.log(positive))),
    g.mul(g.tanh(c), g.abs(g.sub(b, g.constant(7)))),
    g.add(g.min(a, g.constant(5)), g.max(g.mul(b, c), g.constant(-40))),
    g.copysign(g.add(g.square(b), g.one), g.sub(a, g.constant(9))),
    g.select(g.add(a, g.constant(9)), g.mul(a, c), b),
    g.neg(g.mul(a, g.sin(g.sin(b)))),
    g.constant(-2.5),
    a,
  ];
}

test('both forms give what the graph says, for every operation, alone and over many evaluations', () => {
  const g = new Graph();
  const x = g.vector(3);
  const shared = g.input();
  const out = everything(g, x).map((e, i) => (i === 0 ? g.mul(shared, e) : e));
  const inputs = [
    { name: 'x', elements: x },
    { name: 's', elements: [shared], shared: true },
  ];
  const one: FunctionSpec = { name: 'one', graph: g, inputs, outputs: [{ name: 'o', elements: out }] };
  const specs: FunctionSpec[] = [
    one,
    { ...one, name: 'pairs', each: 'independent' },
    { ...one, name: 'rows', each: 'sequence' },
  ];
  const source = { key: 'test', functions: () => specs };
  const arena = new Arena(8192);
  const wasm = compileWasm(source, null, arena);
  const js = compileJs(source, null);
  const rng = new Rng(3);
  const count = 5; // Odd: the last pair is one.
  const [xs, s, got] = [arena.alloc(3 * count), arena.alloc(1), arena.alloc(out.length * count)];
  s[0] = 1.25;
  for (let i = 0; i < xs.length; i++) xs[i] = rng.uniform(-3, 3);
  const want = new Float64Array(got.length);
  for (let k = 0; k < count; k++) {
    want.set(evaluate(g, out, [...xs.subarray(3 * k, 3 * k + 3), s[0]]), out.length * k);
  }
  const close = { rtol: 4e-16, atol: 4e-16 };
  const check = (what: string, values: Float64Array, upTo = values.length): void => {
    allClose(values.subarray(0, upTo), want.subarray(0, upTo), { ...close, what });
    values.fill(Number.NaN);
  };
  wasm['one']!(xs.byteOffset, s.byteOffset, got.byteOffset);
  check('wasm, one', got, out.length);
  for (const name of ['pairs', 'rows']) {
    wasm[name]!(count, xs.byteOffset, s.byteOffset, got.byteOffset);
    check(`wasm, ${name}`, got);
    wasm[name]!(1, xs.byteOffset, s.byteOffset, got.byteOffset);
    assert.ok(Number.isNaN(got[out.length]!), 'nothing beyond the count is written');
    check(`wasm, ${name} of one`, got, out.length);
    wasm[name]!(0, xs.byteOffset, s.byteOffset, got.byteOffset);
    assert.ok(got.every(Number.isNaN));
    js[name]!(count, xs, 0, s, 0, got, 0);
    check(`js, ${name}`, got);
  }
  js['one']!(xs, s, got);
  check('js, one', got, out.length);
});

test('a program too long for one function is cut, with the same values', () => {
  const g = new Graph();
  const x = g.vector(2) as [Expr, Expr];
  let [a, b] = x;
  for (let i = 0; i < 4000; i++) [a, b] = [g.add(g.scale(0.5, b), g.sin(a)), g.sub(a, g.scale(0.25, b))];
  const elements = [a, b, x[0], g.constant(4)];
  const inputs = [{ name: 'x', elements: x }];
  const long: FunctionSpec = { name: 'long', graph: g, inputs, outputs: [{ name: 'o', elements }] };
  const source = {
    key: '',
    functions: () => [
      long,
      { ...long, name: 'pairs', each: 'independent' as const },
      { ...long, name: 'rows', each: 'sequence' as const },
    ],
  };
  const arena = new Arena(1 << 20);
  const [js, wasm] = [compileJs(source, null), compileWasm(source, null, arena)];
  const [xs, got] = [arena.alloc(6), arena.alloc(12)];
  xs.set([0.3, -0.7, 1.9, 0.2, -2.5, 0.4]);
  const want = [0, 2, 4].flatMap((k) => [...evaluate(g, elements, xs.subarray(k, k + 2))]);
  js['long']!(xs, got);
  allClose(got.subarray(0, 4), want.slice(0, 4), { what: 'js' });
  for (const name of ['pairs', 'rows']) {
    got.fill(Number.NaN);
    js[name]!(3, xs, 0, got, 0);
    allClose(got, want, { what: `js, ${name}` });
    got.fill(Number.NaN);
    // 4000 sines, each within an ulp of the host's, of values that the recursion does not let grow apart.
    wasm[name]!(3, xs.byteOffset, got.byteOffset);
    allClose(got, want, { atol: 1e-11, what: `wasm, ${name}` });
  }
  got.fill(Number.NaN);
  wasm['long']!(xs.byteOffset, got.byteOffset);
  allClose(got.subarray(0, 4), want.slice(0, 4), { atol: 1e-11, what: 'wasm' });
  assert.ok(Number.isNaN(got[4]!));
});

test('forward and reverse derivatives agree with differences and with each other', () => {
  const g = new Graph();
  const x = g.vector(3);
  const f = everything(g, x);
  const value = (z: Float64Array, out: Float64Array): void => out.set(evaluate(g, f, z));
  const columns = x.map((_, j) =>
    forwardDerivative(
      g,
      f,
      x,
      x.map((_, k) => (k === j ? g.one : g.zero)),
    ),
  );
  const forward = f.flatMap((_, i) => columns.map((c) => c[i]!));
  const reverse = f.flatMap((e) => gradient(g, e, x));
  const weights = f.map((_, i) => g.constant(i - 2));
  const contracted = reverseDerivative(g, f, weights, x);
  const rng = new Rng(4);
  for (let i = 0; i < 20; i++) {
    const z = Float64Array.from([0, 1, 2], () => rng.uniform(-2, 2));
    const J = evaluate(g, forward, z);
    isJacobian(value, z, f.length, J, { what: `state ${i}` });
    allClose(evaluate(g, reverse, z), J, { atol: 1e-13, rtol: 1e-13, what: 'reverse' });
    const want = x.map((_, j) => f.reduce((s, _, k) => s + (k - 2) * J[k * 3 + j]!, 0));
    allClose(evaluate(g, contracted, z), want, { atol: 1e-12, what: 'contraction' });
  }
});
