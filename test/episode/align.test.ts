import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { latestAt, nanoseconds, rasterNs } from '../../src/episode/align.ts';
import { idleFlags } from '../../src/episode/idle.ts';
import {
  alignRows,
  chooseRows,
  chunkLength,
  chunkRow,
  historyRow,
  type RowSource,
} from '../../src/episode/samples.ts';
import { drivenSpans } from '../../src/episode/spans.ts';
import { Rng } from '../../src/math/rng.ts';
import { ControllerId, Mode, Source } from '../../src/robot/tick.ts';

const seed = { seed: 11, numRuns: 200 };

test('the newest entry at or before a time, as a search through all of them finds it', () => {
  const times = fc
    .array(fc.integer({ min: 0, max: 60 }), { maxLength: 25 })
    .map((l) => l.sort((a, b) => a - b));
  fc.assert(
    fc.property(times, times, (list, queries) => {
      const got = latestAt(Float64Array.from(list), Float64Array.from(queries));
      const want = queries.map((q) => list.findLastIndex((t) => t <= q));
      assert.deepEqual([...got], want);
    }),
    seed,
  );
});

test('a raster begins at its start, ends at or before its end and never drifts', () => {
  assert.deepEqual([...rasterNs(5, 4, 10)], []);
  assert.deepEqual([...rasterNs(5, 5, 10)], [5]);
  const start = nanoseconds(1234.567);
  for (const rateHz of [10, 15, 30, 7.3]) {
    const raster = rasterNs(start, start + 3600e9, rateHz);
    assert.equal(raster.length, Math.floor(3600 * rateHz) + 1);
    const worst = Math.max(...raster.map((t, i) => Math.abs(t - start - (i * 1e9) / rateHz)));
    assert.ok(worst <= 0.5, `${worst} ns off at ${rateHz} Hz`);
  }
  // Ticks at the same nominal times, summed up in seconds, are met exactly.
  let time = 1234.567;
  const ticks: number[] = [];
  for (let i = 0; i <= 100; i++, time += 0.1) ticks.push(nanoseconds(time));
  assert.deepEqual([...rasterNs(ticks[0]!, ticks[100]!, 10)], ticks);
});

interface Made {
  readonly ticks: RowSource;
  readonly framesNs: Float64Array[];
  readonly axes: number;
}

/** A timeline with late ticks, lost ticks, cameras with jitter and lost frames, changes of driver and scene. */
function timeline(seed: number): Made {
  const rng = new Rng(seed);
  const axes = 2;
  const n = 20 + rng.below(200);
  const columns = { timesNs: [], mode: [], source: [], controller: [], epoch: [], stateNs: [], commands: [] };
  const c: Record<keyof typeof columns, number[]> = columns;
  let time = 1e9 + rng.below(1000);
  let mode: number = Mode.active;
  let source: number = Source.human;
  let controller: number = ControllerId.twist;
  let epoch = 0;
  const q = [0, 0];
  for (let i = 0; i < n; i++) {
    time += rng.uniform() < 0.05 ? rng.below(40e6) : 1e6 * (1 + rng.below(3));
    if (rng.uniform() < 0.02) mode = [Mode.active, Mode.holding, Mode.active, Mode.stopping][rng.below(4)]!;
    if (rng.uniform() < 0.02) source = [Source.human, Source.policy, Source.script][rng.below(3)]!;
    if (rng.uniform() < 0.02)
      controller = [ControllerId.twist, ControllerId.home, ControllerId.pose][rng.below(3)]!;
    if (rng.uniform() < 0.01) epoch++;
    const moves = Math.floor(i / 30) % 2 === 0;
    for (let a = 0; a < axes; a++) q[a] = q[a]! + (moves ? rng.normal(0.01) : rng.normal(0.0002));
    c.timesNs.push(time);
    c.mode.push(mode);
    c.source.push(source);
    c.controller.push(controller);
    c.epoch.push(epoch);
    c.stateNs.push(time - rng.below(3e6));
    c.commands.push(...q);
  }
  const framesNs = [0, 1].map(() => {
    const list: number[] = [];
    for (let t = 1e9 + rng.below(60e6); t < time; t += 15e6 + rng.below(5e6))
      if (rng.uniform() > 0.1) list.push(t);
    return Float64Array.from(list);
  });
  const f = (list: number[]): Float64Array => Float64Array.from(list);
  return {
    axes,
    framesNs,
    ticks: {
      timesNs: f(c.timesNs),
      mode: f(c.mode),
      source: f(c.source),
      controller: f(c.controller),
      epoch: f(c.epoch),
      stateNs: f(c.stateNs),
      commands: f(c.commands),
    },
  };
}

const rule = { sources: [Source.human, Source.script], maxGapNs: 25e6 };

test('driven spans: each tick lies in one exactly when it is driven, and each border has a reason', () => {
  let checked = 0;
  for (let s = 0; s < 60; s++) {
    const { ticks } = timeline(s);
    const spans = drivenSpans(ticks, rule);
    const driven = (i: number): boolean =>
      ticks.mode[i] === Mode.active &&
      (ticks.source[i] === Source.human || ticks.source[i] === Source.script) &&
      ticks.controller[i] !== ControllerId.home;
    const joined = (i: number): boolean =>
      ticks.epoch[i] === ticks.epoch[i - 1] && ticks.timesNs[i]! - ticks.timesNs[i - 1]! <= 25e6;
    const of = new Map<number, number>();
    spans.forEach(({ first, last }, k) => {
      for (let i = first; i <= last; i++) of.set(i, k);
    });
    for (let i = 0; i < ticks.timesNs.length; i++) {
      assert.equal(of.has(i), driven(i), `tick ${i} of seed ${s}`);
      if (i > 0 && driven(i) && driven(i - 1)) {
        assert.equal(of.get(i) === of.get(i - 1), joined(i), `border at tick ${i} of seed ${s}`);
        checked++;
      }
    }
  }
  assert.ok(checked > 1000);
});

/** Looks at every interval. */
function naiveIdle(
  times: Float64Array,
  commands: Float64Array,
  tolerance: Float64Array,
  min: number,
): number[] {
  const axes = tolerance.length;
  const idle = new Array<number>(times.length).fill(0);
  for (let i = 0; i < times.length; i++)
    for (let j = i; j < times.length; j++) {
      if (times[j]! - times[i]! < min) continue;
      let still = true;
      for (let a = 0; a < axes; a++) {
        const values = [...Array(j - i + 1).keys()].map((k) => commands[(i + k) * axes + a]!);
        still &&= Math.max(...values) - Math.min(...values) <= tolerance[a]!;
      }
      if (still) idle.fill(1, i, j + 1);
    }
  return idle;
}

test('idle: exactly the entries of some long enough interval in which no axis leaves its tolerance', () => {
  const step = fc.record({
    dt: fc.integer({ min: 1, max: 4 }),
    a: fc.integer({ min: -2, max: 2 }),
    b: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 12 }),
      (steps, min) => {
        let [time, a, b] = [0, 0, 0];
        const times: number[] = [];
        const commands: number[] = [];
        for (const s of steps) {
          time += s.dt;
          a += s.a;
          b += s.b ? 0 : 1;
          times.push(time);
          commands.push(a, b);
        }
        const tolerance = Float64Array.of(2, 1);
        const [t, c] = [Float64Array.from(times), Float64Array.from(commands)];
        assert.deepEqual([...idleFlags(t, c, { minNs: min, tolerance })], naiveIdle(t, c, tolerance, min));
      },
    ),
    { seed: 3, numRuns: 400 },
  );
});

test('rows: what was known at each sample time, by brute force over everything that came before', () => {
  const idle = { minNs: 30e6, tolerance: Float64Array.of(0.004, 0.004) };
  let rowsSeen = 0;
  let staleSeen = 0;
  for (let s = 0; s < 60; s++) {
    const { ticks, framesNs } = timeline(s);
    const spans = drivenSpans(ticks, rule);
    const rows = alignRows(ticks, spans, framesNs, { rateHz: 100, idle, maxAgeNs: 20e6 });
    const times = [...ticks.timesNs];
    const wanted: number[] = [];
    for (const span of spans) {
      const still = naiveIdle(
        ticks.timesNs.subarray(span.first, span.last + 1),
        ticks.commands.subarray(span.first * 2, (span.last + 1) * 2),
        idle.tolerance,
        idle.minNs,
      );
      const scene = times.findIndex((_, i) => ticks.epoch[i] === ticks.epoch[span.first]);
      for (let t = times[span.first]!; t <= times[span.last]!; t += 10e6) {
        const frame = framesNs.map((list) =>
          [...list].findLastIndex((f) => f <= t && (scene === 0 || f >= times[scene]!)),
        );
        if (frame.includes(-1)) continue;
        const row = wanted.push(t) - 1;
        const tick = times.findLastIndex((x, i) => x <= t && i >= span.first && i <= span.last);
        assert.equal(rows.timesNs[row], t);
        assert.equal(rows.tick[row], tick);
        assert.deepEqual(
          rows.frames.map((f) => f[row]),
          frame,
        );
        const ages = frame.map((f, c) => t - framesNs[c]![f]!);
        assert.deepEqual(
          rows.frameAgeNs.map((f) => f[row]),
          ages,
        );
        assert.ok(ages.every((age) => age >= 0));
        const stateAge = t - ticks.stateNs[tick]!;
        assert.equal(rows.stateAgeNs[row], stateAge);
        assert.equal(rows.idle[row], still[tick - span.first], `idle at row ${row} of seed ${s}`);
        assert.equal(rows.stale[row], Math.max(stateAge, ...ages) > 20e6 ? 1 : 0);
        staleSeen += rows.stale[row]!;
      }
    }
    assert.equal(rows.timesNs.length, wanted.length);
    assert.equal(
      rows.spans.reduce((sum, r) => sum + r.last - r.first + 1, 0),
      wanted.length,
    );
    rowsSeen += wanted.length;
  }
  assert.ok(rowsSeen > 500 && staleSeen > 20, `${rowsSeen} rows, ${staleSeen} stale`);
});

test('histories begin with their first, chunks end with their last and say which steps are real', () => {
  const span = { first: 10, last: 20 };
  const history = (row: number, stride: number) => [0, 1, 2].map((k) => historyRow(span, row, k, 3, stride));
  assert.deepEqual(history(10, 1), [10, 10, 10]);
  assert.deepEqual(history(11, 1), [10, 10, 11]);
  assert.deepEqual(history(15, 2), [11, 13, 15]);
  const chunk = (row: number, first: number, stride: number) =>
    [0, 1, 2, 3].map((k) => chunkRow(span, row, k, first, stride));
  assert.deepEqual(chunk(12, 0, 1), [12, 13, 14, 15]);
  assert.deepEqual(chunk(18, 1, 1), [19, 20, 20, 20]);
  assert.equal(chunkLength(span, 18, 4, 1, 1), 2);
  assert.deepEqual(chunk(17, 1, 2), [19, 20, 20, 20]);
  assert.equal(chunkLength(span, 17, 4, 1, 2), 1);
  assert.equal(chunkLength(span, 20, 4, 1, 1), 0);
  assert.equal(chunkLength(span, 10, 4, 0, 1), 4);
});

test('chosen rows: something to learn, nothing stale in the history, idle ones on request', () => {
  const rows = {
    spans: [
      { first: 0, last: 5 },
      { first: 6, last: 7 },
    ],
    idle: Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0),
    stale: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0),
  };
  const shape = { steps: 2, horizon: 3, first: 1, stride: 1 };
  const kept = chooseRows(rows, { ...shape, idle: 'keep' });
  assert.deepEqual([...kept.rows], [0, 1, 2, 6]);
  assert.deepEqual([...kept.spans], [0, 0, 0, 1]);
  assert.deepEqual(kept.dropped, { idle: 0, stale: 2 });
  const dropped = chooseRows(rows, { ...shape, idle: 'drop' });
  assert.deepEqual([...dropped.rows], [0, 6]);
  assert.deepEqual(dropped.dropped, { idle: 2, stale: 2 });
});
