import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmloopError } from '../../../src/errors.ts';
import { Arena } from '../../../src/model/code/arena.ts';
import { instantiate, type WasmExport, wasm } from '../../../src/model/code/engine.ts';
import { LANE_MEMORY_OPS, MEMORY_OPS, OPS, type Op } from '../../../src/model/code/opcodes.ts';
import { type ValueType, WasmModule } from '../../../src/model/code/wasm.ts';

/** Builds, validates and joins to an arena. */
function start(
  module: WasmModule,
  arena: Arena,
  imports: Record<string, (...a: number[]) => number> = {},
): Readonly<Record<string, WasmExport>> {
  const bytes = module.build();
  assert.ok(wasm.validate(bytes));
  return instantiate(bytes, arena.memory, imports);
}

test('integers keep their value through LEB128, at every length', () => {
  const values = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 2 ** 31 - 1, -(2 ** 31), 1234567];
  const module = new WasmModule();
  values.forEach((v, i) => {
    module.func(`i${i}`, [], ['i32']).i32(v);
    // Shown through a double, which holds all 32-bit values and these 64-bit ones.
    module
      .func(`l${i}`, [], ['f64'])
      .i64(BigInt(v) * 1048576n)
      .op('f64.convert_i64_s');
  });
  const f = start(module, new Arena(64));
  values.forEach((v, i) => {
    assert.equal(f[`i${i}`]!(), v);
    assert.equal(f[`l${i}`]!(), v * 1048576);
  });
});

test('y = a x + y over two lanes at a time, with an odd rest', () => {
  const module = new WasmModule();
  const f = module.func('axpy', ['i32', 'i32', 'f64', 'i32'], ['i32']);
  const [x, y, a, count] = [0, 1, 2, 3];
  const even = f.local('i32');
  f.get(count).i32(-2).op('i32.and').set(even);
  const at = f.local('i32');
  f.repeat(even, 2, (i) => {
    f.get(i).i32(3).op('i32.shl').set(at);
    f.get(y).get(at).op('i32.add');
    f.get(y).get(at).op('i32.add').memory('v128.load');
    f.get(x).get(at).op('i32.add').memory('v128.load');
    f.get(a).op('f64x2.splat', 'f64x2.mul', 'f64x2.add').memory('v128.store');
  });
  f.get(even).get(count).op('i32.lt_s').if();
  f.get(even).i32(3).op('i32.shl').set(at);
  f.get(y).get(at).op('i32.add');
  f.get(y).get(at).op('i32.add').memory('f64.load');
  f.get(x).get(at).op('i32.add').memory('f64.load').get(a).op('f64.mul', 'f64.add').memory('f64.store');
  f.end();
  f.get(count);
  const arena = new Arena(1024);
  const xs = arena.alloc(7);
  const ys = arena.alloc(7);
  const { axpy } = start(module, arena);
  for (const n of [0, 1, 2, 7]) {
    xs.forEach((_, i) => {
      xs[i] = i + 1;
      ys[i] = 100 * i;
    });
    assert.equal(axpy!(xs.byteOffset, ys.byteOffset, 0.5, n), n);
    assert.deepEqual(
      [...ys],
      [...ys.keys()].map((i) => 100 * i + (i < n ? 0.5 * (i + 1) : 0)),
    );
  }
});

test('lanes: constants, shuffles, extraction, single-lane loads and stores', () => {
  const module = new WasmModule();
  const f = module.func('mix', ['i32'], ['f64']);
  const v = f.local('v128');
  f.get(0).f64x2(1, 2).f64x2(3, 4).shuffle(1, 2).memory('v128.store', 16); // 2 3
  f.get(0).get(0).memory('v128.load64_splat').laneMemory('v128.store64_lane', 1, 8); // [1] = [0]
  f.get(0).f64x2(5, 6).laneMemory('v128.load64_lane', 1, 0).set(v); // 5 [0]
  f.get(v).f64(10).replaceLane(0).tee(v).extractLane(0);
  f.get(v).extractLane(1).op('f64.add');
  const arena = new Arena(1024);
  const m = arena.alloc(4);
  m[0] = 7;
  const { mix } = start(module, arena);
  assert.equal(mix!(m.byteOffset), 17);
  assert.deepEqual([...m], [7, 7, 2, 3]);
});

test('functions call each other and the host', () => {
  const module = new WasmModule();
  const exp = module.import('exp', ['f64'], ['f64']);
  const twice = module.inner(['f64'], ['f64']);
  twice.get(0).call(exp).get(0).call(exp).op('f64.add');
  module.func('run', ['f64'], ['f64']).get(0).call(twice);
  const { run } = start(module, new Arena(64), { exp: Math.exp });
  assert.equal(run!(1.5), 2 * Math.exp(1.5));
  assert.throws(() => module.import('late', [], []));
});

test('every named instruction is the one that the engine knows by that shape', () => {
  for (const name of Object.keys(OPS) as Op[]) {
    const [params, result] = shape(name);
    const module = new WasmModule();
    const f = module.func('f', params, result === null ? [] : [result]);
    for (let i = 0; i < params.length; i++) f.get(i);
    f.op(name);
    assert.ok(wasm.validate(module.build()), name);
  }
  for (const name of [...Object.keys(MEMORY_OPS)] as (keyof typeof MEMORY_OPS)[]) {
    const type = name.split('.')[0] as ValueType;
    const store = name.endsWith('store');
    const module = new WasmModule();
    const f = module.func('f', store ? ['i32', type] : ['i32'], store ? [] : [type]);
    f.get(0);
    if (store) f.get(1);
    f.memory(name, 8);
    assert.ok(wasm.validate(module.build()), name);
  }
  for (const name of Object.keys(LANE_MEMORY_OPS) as (keyof typeof LANE_MEMORY_OPS)[]) {
    const module = new WasmModule();
    const f = module.func('f', ['i32', 'v128'], name.includes('load') ? ['v128'] : []);
    f.get(0).get(1).laneMemory(name, 1, 8);
    assert.ok(wasm.validate(module.build()), name);
  }
});

/** Operands and result of an instruction, from its name alone. */
function shape(name: Op): [ValueType[], ValueType | null] {
  if (name === 'unreachable' || name === 'return') return [[], null];
  if (name === 'drop') return [['f64'], null];
  if (name === 'select') return [['f64', 'f64', 'i32'], 'f64'];
  const [kind, verb] = name.split('.') as [string, string];
  const scalar = kind as 'i32' | 'i64' | 'f64';
  const vector = kind.includes('x') || kind === 'v128';
  if (verb.includes('_true')) return [['v128'], 'i32'];
  if (verb === 'bitselect') return [['v128', 'v128', 'v128'], 'v128'];
  if (verb === 'splat') return [[kind === 'i64x2' ? 'i64' : 'f64'], 'v128'];
  const converts = /_(i32|i64|f64)(_|$)/.exec(verb);
  const unary = ['abs', 'neg', 'ceil', 'floor', 'trunc', 'nearest', 'sqrt', 'not', 'eqz'].includes(verb);
  if (vector) {
    if (/^sh[lr]/.test(verb)) return [['v128', 'i32'], 'v128'];
    return [unary || /convert|trunc_sat/.test(verb) ? ['v128'] : ['v128', 'v128'], 'v128'];
  }
  if (/^(trunc|wrap|extend|reinterpret|convert)_/.test(verb)) return [[converts![1] as ValueType], scalar];
  const compares = /^(eqz?|ne|[lg][te])(_[su])?$/.test(verb);
  return [unary ? [scalar] : [scalar, scalar], compares ? 'i32' : scalar];
}

test('an arena gives aligned zeros, knows its arrays and says when it is full', () => {
  const arena = new Arena(1000);
  const a = arena.alloc(3);
  const b = arena.alloc(5);
  assert.equal(a.byteOffset % 16, 0);
  assert.equal(b.byteOffset % 16, 0);
  assert.ok(b.byteOffset >= a.byteOffset + a.byteLength && a.byteOffset > 0);
  assert.equal(arena.pointer(a), a.byteOffset);
  assert.equal(arena.pointer(new Float64Array(a)), -1);
  const s = arena.slice(b, 2, 2);
  b[3] = 9;
  assert.equal(s[1], 9);
  assert.equal(arena.f64[s.byteOffset / 8 + 1], 9);
  assert.equal(arena.pointer(s), b.byteOffset + 16);
  assert.throws(() => arena.slice(b, 4, 2), RangeError);
  assert.throws(
    () => arena.alloc(9000),
    (e: unknown) => e instanceof ArmloopError && e.code === 'MODEL_ARENA_FULL',
  );
  assert.equal(arena.allocInt32(4).byteOffset % 16, 0);
});
