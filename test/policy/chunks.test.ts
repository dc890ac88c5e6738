import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RingEnd, RingView, ring } from '../../src/loop/channel.ts';
import { RowSource } from '../../src/loop/rows.ts';
import { Rng } from '../../src/math/rng.ts';
import { ChunkPlanner, ensembleWeights } from '../../src/policy/chunks.ts';
import type { PolicyManifest } from '../../src/policy/manifest.ts';
import { addHermite, Pieces, QUINTIC, shift } from '../../src/policy/trajectory.ts';
import { ControllerId, rowLayout } from '../../src/robot/tick.ts';
import { HOME, spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';
import { jointManifest } from '../support/policy.ts';

const N = spec.axes.length;
const RATE = 20;
const STEP = 1 / RATE;

function manifest(chunk: Partial<PolicyManifest['chunk']>): PolicyManifest {
  const m = jointManifest(spec);
  return { ...m, rateHz: RATE, chunk: { ...m.chunk, ...chunk } };
}

/** A smooth way of the policy's mind, and a different one in each chunk. */
function knots(horizon: number, first: number, observed: number, rng: Rng, off: number): Float64Array {
  const out = new Float64Array(horizon * N);
  const shifts = Array.from({ length: N }, () => rng.uniform(-off, off));
  for (let k = 0; k < horizon; k++) {
    const t = observed + (k + first) * STEP;
    for (let a = 0; a < N; a++) {
      out[k * N + a] =
        a === spec.gripperAxis
          ? Math.sin(3 * t) > 0
            ? 0.08
            : 0
          : HOME[a]! + 0.2 * Math.sin(t + a) + shifts[a]!;
    }
  }
  return out;
}

/** Largest jump between two states of 3 values an axis, each order in units of how large it may be. */
function jump(a: Float64Array, b: Float64Array): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const scale = [1, 10, 1000][i % 3]!;
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!) / scale);
  }
  return worst;
}

test('a quintic goes from state to state, and a shifted one is the same curve', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 6, maxLength: 6 }),
      fc.double({ min: 0.02, max: 2, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (s, h, part) => {
        const pieces = new Pieces(1, 2);
        pieces.add(5, h);
        addHermite(pieces.coefficients, 0, h, s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!);
        const out = new Float64Array(3);
        assert.ok(pieces.evaluate(5, out));
        allClose(out, s.slice(0, 3), { atol: 1e-12 });
        assert.ok(pieces.evaluate(5 + h, out));
        const size = Math.max(1, ...s.map(Math.abs)) / Math.min(1, h * h);
        allClose(out, s.slice(3), { atol: 1e-11 * size });

        assert.ok(pieces.evaluate(5 + part * h, out));
        const shifted = pieces.coefficients.slice(0, QUINTIC);
        shift(shifted, 0, part * h);
        allClose([shifted[0]!, shifted[1]!, 2 * shifted[2]!], out, { atol: 1e-11 * size });
      },
    ),
  );
});

test('C2 across random chunks and delivery times, in every execution mode', () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer({ min: 0, max: 1e6 }),
        execution: fc.constantFrom('asynchronous', 'ensemble', 'synchronous'),
        horizon: fc.integer({ min: 1, max: 16 }),
        every: fc.integer({ min: 1, max: 16 }),
        first: fc.integer({ min: 0, max: 2 }),
        blendMs: fc.integer({ min: 1, max: 400 }),
      }),
      ({ seed, execution, horizon, every, first, blendMs }) => {
        const rng = new Rng(seed);
        const chunk = {
          execution,
          horizon,
          every: Math.min(every, horizon),
          first,
          blendMs,
          ensembleDecay: 0.1,
        };
        const planner = new ChunkPlanner(spec, manifest({ ...chunk, execution } as PolicyManifest['chunk']));
        planner.begin();
        const before = new Float64Array(3 * N);
        const after = new Float64Array(3 * N);
        let from = 0;
        let joined = 0;
        for (let c = 0; c < 12; c++) {
          // Any time after its observation; sometimes two chunks come right after each other.
          const observed = Math.floor(from * RATE) * STEP;
          from = Math.max(from + 1e-4, observed + rng.uniform(0, 3 * STEP));
          const covered = planner.pieces.evaluate(from, before);
          if (!planner.plan(observed, knots(horizon, first, observed, rng, 0.2), from)) continue;
          const { pieces } = planner;
          // With nothing in effect, a chunk that begins later is waited for.
          if (covered && pieces.evaluate(from, after)) {
            assert.ok(Math.abs(pieces.begin - from) < 1e-12);
            assert.ok(jump(before, after) < 1e-9, `chunk ${c}: ${jump(before, after)}`);
            joined++;
          }
          for (let p = 1; p < pieces.count; p++) {
            const end = new Float64Array(3 * N);
            const joint = new Pieces(N, 1);
            joint.add(pieces.times[p - 1]!, pieces.durations[p - 1]!);
            const at = pieces.at(p - 1, 0);
            joint.coefficients.set(pieces.coefficients.subarray(at, at + N * QUINTIC));
            assert.ok(Math.abs(joint.end - pieces.times[p]!) < 1e-12, 'without a gap');
            joint.evaluate(joint.end, end);
            pieces.evaluate(pieces.times[p]!, after);
            assert.ok(jump(end, after) < 1e-9, `chunk ${c}, piece ${p}: ${jump(end, after)}`);
          }
        }
        fc.pre(joined > 0);
      },
    ),
    { numRuns: 300 },
  );
});

test('after the blend the new chunk is followed as it is, and passes its steps at their times', () => {
  for (const [execution, blendMs] of [
    ['asynchronous', 120],
    ['asynchronous', 0],
    ['ensemble', 120],
  ] as const) {
    const planner = new ChunkPlanner(
      spec,
      manifest({ execution, horizon: 12, every: 12, first: 1, blendMs }),
    );
    planner.begin();
    const rng = new Rng(5);
    assert.ok(planner.plan(0, knots(12, 1, 0, rng, 0.3), 0.03));
    const second = knots(12, 1, 0.3, rng, 0.3);
    assert.ok(planner.plan(0.3, second, 0.41));
    const state = new Float64Array(3 * N);
    for (let k = 0; k < 12; k++) {
      const t = 0.3 + (k + 1) * STEP;
      if (t < 0.41 + blendMs / 1000) continue;
      // An ensemble still hears the first chunk, up to its last step at 0.6.
      if (execution === 'ensemble' && t < 0.61) continue;
      assert.ok(planner.pieces.evaluate(t, state));
      const q = Array.from({ length: N }, (_, a) => state[3 * a]!);
      allClose(q, second.subarray(k * N, (k + 1) * N), { atol: 1e-12, what: `${execution} step ${k}` });
    }
  }
});

test('a gripper that steps neither overshoots nor comes early', () => {
  const planner = new ChunkPlanner(
    spec,
    manifest({ execution: 'asynchronous', horizon: 8, every: 8, first: 0 }),
  );
  const q = new Float64Array(8 * N);
  for (let k = 0; k < 8; k++) q.set([...HOME.subarray(0, 7), k < 4 ? 0.08 : 0.01], k * N);
  assert.ok(planner.plan(0, q, 0.01));
  const state = new Float64Array(3 * N);
  for (let t = 0.01; t < 8 * STEP; t += 0.002) {
    assert.ok(planner.pieces.evaluate(t, state));
    const opening = state[3 * spec.gripperAxis]!;
    assert.ok(opening <= 0.08 + 1e-12 && opening >= 0.01 - 1e-12, `${opening} at ${t}`);
    if (t <= 3 * STEP) assert.ok(opening > 0.08 - 1e-12);
    if (t >= 4 * STEP) assert.ok(opening < 0.01 + 1e-12);
  }
});

test('the ensemble weighs exp(−m i), oldest first', () => {
  const w = new Float64Array(3);
  ensembleWeights(3, 0.5, w);
  const sum = 1 + Math.exp(-0.5) + Math.exp(-1);
  allClose(w, [1 / sum, Math.exp(-0.5) / sum, Math.exp(-1) / sum], { atol: 1e-15 });

  // Three chunks that each say one number: at a step that all three know, the weighted mean.
  const planner = new ChunkPlanner(
    spec,
    manifest({ execution: 'ensemble', horizon: 10, every: 1, first: 1, blendMs: 0, ensembleDecay: 0.5 }),
  );
  planner.begin();
  const say = (x: number): Float64Array => new Float64Array(10 * N).fill(x);
  for (const [i, x] of [0.1, 0.2, 0.4].entries()) {
    assert.ok(planner.plan(i * STEP, say(x), i * STEP + 0.01));
  }
  const state = new Float64Array(3 * N);
  const at = (t: number): number => {
    assert.ok(planner.pieces.evaluate(t, state));
    return state[0]!;
  };
  // Steps 3..10 are in all three, step 11 in the last two, step 12 in the last one.
  const both = 1 + Math.exp(-0.5);
  allClose([at(5 * STEP)], [w[0]! * 0.1 + w[1]! * 0.2 + w[2]! * 0.4], { atol: 1e-12 });
  allClose([at(11 * STEP)], [0.2 / both + (Math.exp(-0.5) * 0.4) / both], { atol: 1e-12 });
  allClose([at(12 * STEP)], [0.4], { atol: 1e-12 });
});

test('a synchronous arm follows `every` steps from where it is, and rests until the next chunk', () => {
  const planner = new ChunkPlanner(
    spec,
    manifest({ execution: 'synchronous', horizon: 8, every: 4, first: 1 }),
  );
  planner.begin();
  const rng = new Rng(3);
  const first = knots(8, 1, 0, rng, 0.1);
  assert.ok(planner.plan(0, first, 0.35));
  const state = new Float64Array(3 * N);
  for (let k = 0; k < 4; k++) {
    assert.ok(planner.pieces.evaluate(0.35 + (k + 1) * STEP, state));
    const q = Array.from({ length: N }, (_, a) => state[3 * a]!);
    allClose(q, first.subarray(k * N, (k + 1) * N), { atol: 1e-12 });
  }
  const rests = planner.restsAt;
  allClose([rests], [0.35 + 5 * STEP], { atol: 1e-12 });
  assert.ok(planner.pieces.evaluate(rests + 0.4, state), 'it holds there until the next one comes');
  allClose(
    Array.from(state, (x, i) => (i % 3 === 0 ? 0 : x)),
    new Float64Array(3 * N),
    { atol: 1e-12 },
  );
});

test('a chunk whose steps are all past is no chunk', () => {
  const planner = new ChunkPlanner(
    spec,
    manifest({ execution: 'asynchronous', horizon: 4, every: 4, first: 1 }),
  );
  planner.begin();
  assert.equal(planner.plan(0, knots(4, 1, 0, new Rng(1), 0), 0.26), false);
  assert.equal(planner.pieces.count, 0);
});

test('through the ring: no stale row is followed, whenever chunks come', () => {
  const row = rowLayout(N);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.constantFrom('asynchronous', 'ensemble'),
      (seed, execution) => {
        const rng = new Rng(seed);
        const m = manifest({
          execution,
          horizon: 8,
          every: 2,
          first: 1,
          blendMs: 60,
        } as PolicyManifest['chunk']);
        const planner = new ChunkPlanner(spec, m);
        const rings = { plans: ring(row.size, 4), chunks: ring(row.size, 1024) };
        const end = new RingEnd(rings.chunks);
        const source = new RowSource(new RingView(rings.plans), new RingView(rings.chunks), N, tick);
        const block = new Float64Array(tick.layout.size);
        const at = (name: string): number => tick.layout.at(`in.row.${name}`);
        source.begin(50, ControllerId.policy);
        planner.begin();
        let chunk = 0;
        let deliverAt = rng.uniform(0, 0.1);
        let observed = 0;
        let seen = 0;
        const state = new Float64Array(3 * N);
        for (let i = 0; i < 2000; i++) {
          const now = i / 1000;
          if (now >= deliverAt) {
            if (planner.plan(observed, knots(8, 1, observed, rng, 0.1), now)) {
              assert.ok(planner.write(end, 50, 49.9 + now));
              chunk++;
            }
            observed = Math.floor(now * RATE) * STEP;
            // Often soon, sometimes so late that the rows run out.
            deliverAt = now + rng.uniform(0.002, rng.uniform() < 0.2 ? 0.8 : 0.1);
          }
          block[tick.layout.at('in.time')] = 50 + now;
          source.update(block);
          if (block[at('seq')] === 0) continue;
          assert.equal(block[at('chunk')], chunk, 'always of the newest chunk');
          const s = now - block[at('time')]!;
          assert.ok(s >= -1e-9);
          if (!planner.pieces.evaluate(now, state)) {
            assert.ok(s > block[at('duration')]! - 1e-5, 'beyond its end every tick can see that it ran out');
            continue;
          }
          seen++;
          for (let a = 0; a < N; a++) {
            const c = ['q', 'qd', 'qdd', 'c3', 'c4', 'c5'].map((f) => block[at(f) + a]!) as number[];
            const q = c[0]! + s * (c[1]! + s * (c[2]! / 2 + s * (c[3]! + s * (c[4]! + s * c[5]!))));
            assert.ok(Math.abs(q - state[3 * a]!) < 1e-9, `axis ${a} at ${now}`);
          }
        }
        assert.ok(seen > 200);
      },
    ),
    { numRuns: 20 },
  );
});
