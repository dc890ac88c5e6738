import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { StepCode } from '../../src/control/controller.ts';
import { createControllers } from '../../src/control/index.ts';
import { ControllerId } from '../../src/robot/tick.ts';
import { Bench, HOME, model, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { SCENARIOS } from './scenarios.ts';

test('the registry has every ControllerId, in order, under its name, and every one has a scenario here', () => {
  const all = createControllers(spec);
  assert.deepEqual(
    all.map((c) => [c.name, c.id]),
    Object.entries(ControllerId),
  );
  assert.deepEqual([...new Set(SCENARIOS.map((s) => s.id))].sort(), all.map((c) => c.id).sort());
});

for (const s of SCENARIOS) {
  const name = `${createControllers(spec)[s.id]!.name}(${s.args.length})`;

  test(`${name}: finite from poisoned memory and outputs, within ranges, never a fault`, () => {
    const bench = new Bench(s.id);
    s.inputs(bench, 0);
    assert.equal(bench.reset(s.args), StepCode.ok);
    for (let i = 0; i < 2500; i++) {
      s.inputs(bench, i);
      assert.notEqual(bench.step(), StepCode.fault, `tick ${i}`);
      spec.axes.forEach((a, k) => {
        const q = bench.view('out.q')[k]!;
        assert.ok(q >= a.min - 1e-12 && q <= a.max + 1e-12, `${a.name} at ${q} in tick ${i}`);
      });
    }
    assert.ok(
      bench.memory.every((x) => !Number.isNaN(x)),
      'reset leaves no part of its memory unset',
    );
  });

  test(`${name}: the first request is the last command`, () => {
    const bench = new Bench(s.id);
    s.inputs(bench, 0);
    bench.reset(s.args);
    bench.step();
    // Speeds begin at zero: one period of the fastest profile moves less than a micrometre or microradian.
    allClose(bench.view('out.requested.q'), HOME, { atol: 1e-6 });
  });

  test(`${name}: memory snapshot, restored in a new instance, goes on bit for bit`, () => {
    const first = new Bench(s.id);
    s.inputs(first, 0);
    first.reset(s.args);
    for (let i = 0; i < 800; i++) {
      s.inputs(first, i);
      first.step();
    }
    const second = new Bench(s.id);
    second.memory.set(first.memory);
    second.block.set(first.block);
    second.time = first.time;
    for (let i = 800; i < 1600; i++) {
      for (const b of [first, second]) {
        s.inputs(b, i);
        b.step();
      }
      allClose(second.view('out.requested.q'), first.view('out.requested.q'), { what: `tick ${i}` });
    }
    assert.deepEqual(new Uint8Array(second.memory.buffer), new Uint8Array(first.memory.buffer));
  });

  test(`${name}: the memory block is all it keeps: a second run in the same instance equals the first`, () => {
    const run = (bench: Bench): number[] => {
      bench.block.fill(0);
      bench.view('out.q').set(HOME);
      bench.view('in.q').set(HOME);
      bench.time = 50;
      s.inputs(bench, 0);
      bench.reset(s.args);
      const out: number[] = [];
      for (let i = 0; i < 400; i++) {
        s.inputs(bench, i);
        bench.step();
        out.push(...bench.view('out.requested.q'));
      }
      return out;
    };
    const bench = new Bench(s.id);
    allClose(run(bench), run(bench), {});
  });
}

test('steps and resets allocate nothing; the same measurement notices one small object per step', () => {
  const child = fileURLToPath(new URL('./allocation-child.js', import.meta.url));
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=128', '--single-threaded'];
  const measure = (...args: string[]): Record<string, number> =>
    JSON.parse(execFileSync(process.execPath, [...flags, child, ...args], { encoding: 'utf8' })).result;
  const LIMIT = 8;
  const clean = measure();
  assert.equal(Object.keys(clean).length, SCENARIOS.length);
  for (const [name, bytes] of Object.entries(clean)) {
    assert.ok(bytes < LIMIT, `${name} allocates ${bytes} bytes a step`);
  }
  for (const [name, bytes] of Object.entries(measure('leak'))) {
    assert.ok(bytes > LIMIT, `${name}: an object per step shows as ${bytes} bytes only`);
  }
});

test('memory blocks may lie anywhere in the cycle memory: neighbours stay untouched', () => {
  for (const s of SCENARIOS) {
    const size = createControllers(spec)[s.id]!.memorySize;
    const whole = new Float64Array(size + 20).fill(7);
    const bench = new Bench(s.id, whole.subarray(10, 10 + size));
    s.inputs(bench, 0);
    bench.reset(s.args);
    bench.run(50);
    assert.ok([...whole.subarray(0, 10), ...whole.subarray(10 + size)].every((x) => x === 7));
  }
  assert.ok(model.axes === 8 && tick.layout.size > 0);
});
