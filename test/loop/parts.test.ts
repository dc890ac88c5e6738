/** Small parts of the loop: rows of a plan, slow producers, histogram, FIFO. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RingEnd, RingView, ring } from '../../src/loop/channel.ts';
import { askFifo, threadId } from '../../src/loop/fifo.ts';
import { Histogram, histogramMemory, quantile } from '../../src/loop/histogram.ts';
import { LockstepRunner, type Producer } from '../../src/loop/lockstep.ts';
import { RowSource } from '../../src/loop/rows.ts';
import { ControllerId, rowLayout, tickLayout } from '../../src/robot/tick.ts';
import { IdealDevice, panda } from '../support/loop-rig.ts';

const { spec, model } = panda();
const tick = tickLayout(spec);
const row = rowLayout(8);

function rows() {
  const rings = { plans: ring(row.size, 64), chunks: ring(row.size, 1024) };
  const end = new RingEnd(rings.plans);
  const chunks = new RingEnd(rings.chunks);
  const source = new RowSource(new RingView(rings.plans), new RingView(rings.chunks), 8, tick);
  const block = new Float64Array(tick.layout.size);
  const put = (seq: number, time: number, q: number): void => {
    const r = new Float64Array(row.size);
    r[row.at('seq')] = seq;
    r[row.at('time')] = time;
    r[row.at('q')] = q;
    assert.ok(end.write(r));
  };
  let seq = 0;
  /** Writes the rows of a chunk whose values are 1000 × chunk + index; `only` the first so many of them. */
  const chunk = (n: number, start: number, times: readonly number[], only = times.length): void => {
    const r = new Float64Array(row.size);
    times.slice(0, only).forEach((time, i) => {
      r[row.at('seq')] = ++seq;
      r[row.at('chunk')] = n;
      r[row.at('rows')] = times.length - i;
      r[row.at('start')] = start;
      r[row.at('time')] = time;
      r[row.at('q')] = 1000 * n + i;
      assert.ok(chunks.write(r));
    });
  };
  const at = (time: number): readonly [number, number] => {
    block[tick.layout.at('in.time')] = time;
    source.update(block);
    return [block[tick.layout.at('in.row.seq')]!, block[tick.layout.at('in.row.q')]!];
  };
  const renumber = (from: number): void => {
    seq = from;
  };
  const start = (): number => block[tick.layout.at('in.row.start')]!;
  return { source, put, chunk, renumber, at, start };
}

test('the row in effect is the newest one that is due, counted from the activation', () => {
  const { source, put, at, start } = rows();
  for (let n = 1; n <= 5; n++) put(n, (n - 1) * 0.01, n * 10);
  assert.deepEqual(at(100), [0, 0], 'no plan runs');
  assert.equal(start(), 0);
  source.begin(100, ControllerId.replay);
  assert.deepEqual(at(100), [1, 10]);
  assert.equal(start(), 100);
  assert.deepEqual(at(100.0099), [1, 10]);
  assert.deepEqual(at(100.01), [2, 20]);
  assert.deepEqual(at(100.035), [4, 40], 'rows that came due while periods were missed are passed over');
  assert.deepEqual(at(101), [5, 50]);
  assert.deepEqual(at(102), [5, 50], 'underrun: the last row stays, the controller sees its time');
  source.end();
  assert.deepEqual(at(103), [0, 0]);
});

test('a new plan drops what the one before left behind, rows under way included', () => {
  const { source, put, at } = rows();
  for (let n = 1; n <= 4; n++) put(n, n * 0.001, n);
  source.begin(10, ControllerId.replay);
  assert.deepEqual(at(10.0025), [2, 2]);
  put(1, 0, 100);
  put(2, 0.001, 200);
  source.begin(20, ControllerId.replay);
  assert.deepEqual(at(20), [1, 100]);
  assert.deepEqual(at(20.001), [2, 200]);
});

test('a newer chunk replaces the waiting rows of the older one, from its first time on', () => {
  const { source, chunk, at } = rows();
  source.begin(10, ControllerId.policy);
  assert.deepEqual(at(10), [0, 0]);
  chunk(1, 10, [0.01, 0.02, 0.03, 0.04, 0.05]);
  assert.deepEqual(at(10.02), [2, 1001]);
  chunk(2, 10, [0.035, 0.045, 0.055]);
  assert.deepEqual(at(10.03), [3, 1002], 'what comes before the newer chunk stays');
  assert.deepEqual(at(10.036), [6, 2000]);
  assert.deepEqual(at(10.05), [7, 2001], 'rows of the older chunk are gone');
  chunk(3, 10, [0.04, 0.06]);
  assert.deepEqual(at(10.051), [9, 3000], 'a chunk that begins in the past takes over at once');
  assert.deepEqual(at(10.06), [10, 3001]);
});

test('half a chunk is not followed: it is taken in when its last row is there', () => {
  const { source, chunk, at } = rows();
  source.begin(10, ControllerId.policy);
  chunk(1, 10, [0, 0.01, 0.02]);
  assert.deepEqual(at(10), [1, 1000]);
  chunk(2, 10, [0.01, 0.02, 0.03], 2);
  assert.deepEqual(at(10.02), [3, 1002], 'the older chunk goes on meanwhile');
  // Its third row, which the helper numbers as the first of one.
  chunk(2, 10, [0.03]);
  assert.deepEqual(at(10.03), [6, 2000]);
});

test('rows of another activation, of an older chunk, and out of number are dropped', () => {
  const { source, chunk, renumber, at } = rows();
  source.begin(10, ControllerId.policy);
  chunk(1, 9, [0, 0.01]);
  assert.deepEqual(at(10.01), [0, 0], 'made for the activation before');
  renumber(0);
  chunk(5, 10, [0, 0.01]);
  assert.deepEqual(at(10), [1, 5000]);
  chunk(4, 10, [0.005, 0.02]);
  assert.deepEqual(at(10.03), [2, 5001], 'older than what is followed');
  source.begin(20, ControllerId.policy);
  renumber(0);
  chunk(1, 20, [0, 0.01]);
  source.begin(30, ControllerId.policy);
  assert.deepEqual(at(30.1), [0, 0], 'a chunk left in the ring by the activation before');
});

test('a refused activation leaves the rows of what drives as they are', () => {
  const { source, chunk, at } = rows();
  source.begin(10, ControllerId.policy);
  chunk(1, 10, [0, 0.01, 0.02]);
  assert.deepEqual(at(10), [1, 1000]);
  source.begin(10.01, ControllerId.jog);
  assert.deepEqual(at(10.01), [0, 0]);
  source.refused();
  assert.deepEqual(at(10.02), [3, 1002]);
});

test('a tick takes in a bounded number of rows, and none is lost', () => {
  const { source, put, at } = rows();
  source.begin(1, ControllerId.replay);
  for (let n = 1; n <= 1000; n++) {
    put(n, n * 0.001, n);
    if (n % 60 === 0) at(1);
  }
  for (let n = 1; n <= 1000; n++) assert.deepEqual(at(1 + n * 0.001), [n, n]);
});

test('lockstep: a slow producer answers its number of ticks later, however long it took', async () => {
  const asked: number[] = [];
  const seen = new Map<number, number>();
  let seq = 0;
  const producer: Producer = {
    everyTicks: 10,
    latencyTicks: 7,
    request: async (record) => {
      asked.push(record[0]!);
      // Real time, a different one each time: it must not matter.
      await new Promise((resolve) => setTimeout(resolve, (asked.length % 3) * 4));
      return record[0];
    },
    deliver: (answer, end) => {
      const r = new Float64Array(row.size);
      r[row.at('seq')] = ++seq;
      r[row.at('q')] = answer as number;
      end.write(r);
      seen.set(answer as number, runner.tick);
    },
  };
  const runner = new LockstepRunner({
    spec,
    model,
    controllers: [],
    devices: [new IdealDevice(spec)],
    producers: [producer],
  });
  await runner.run(60);
  assert.deepEqual(asked, [0, 10, 20, 30, 40, 50]);
  assert.deepEqual(
    [...seen],
    [0, 10, 20, 30, 40, 50].map((t) => [t, t + 7]),
  );
});

test('histogram: quantiles of what came between two looks', () => {
  const histogram = new Histogram(histogramMemory());
  const block = new Float64Array(2);
  const add = (seconds: number): void => {
    block[1] = seconds;
    histogram.between(block, 0, 1);
  };
  assert.ok(Number.isNaN(quantile(histogram.counts(), null, 0.5)));
  for (let i = 1; i <= 100; i++) add(i * 10e-6);
  const first = histogram.counts();
  assert.ok(Math.abs(quantile(first, null, 0.5) - 500e-6) < 2e-6);
  assert.ok(Math.abs(quantile(first, null, 0.99) - 990e-6) < 2e-6);
  for (let i = 0; i < 10; i++) add(0.02);
  add(-1);
  add(5);
  assert.ok(Math.abs(quantile(histogram.counts(), first, 0.5) - 0.02) < 100e-6);
  assert.equal(histogram.largest, 5);
});

test('FIFO that is not asked for or not granted is said in plain words', () => {
  assert.deepEqual(askFifo(0), { granted: false, reason: 'not asked for (loop.fifoPriority is 0)' });
  const refused = askFifo(500);
  assert.equal(refused.granted, false);
  assert.match(refused.reason, /chrt|SCHED_FIFO 500|proc/);
  if (process.platform === 'linux') assert.ok(threadId()! > 0);
});
