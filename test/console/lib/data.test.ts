import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EpisodeFilter, matches } from '../../../src/console/lib/episode-filter.ts';
import { bytes, clock, rollPitchYaw, shortTime, signed } from '../../../src/console/lib/format.ts';
import { History } from '../../../src/console/lib/history.ts';
import { Trace } from '../../../src/console/lib/trace.ts';
import { type EpisodeSummary, type TraceHeader, traceLayout } from '../../../src/server/protocol.ts';

test('history keeps the newest samples at its rate, and shows gaps', () => {
  const history = new History(1, 1, 10);
  const column = history.columns[0]!;
  assert.equal(history.times[0], -1);
  assert.equal(history.times.at(-1), 0);
  assert.equal(
    history.push(5, () => 1),
    true,
  );
  assert.equal(
    history.push(5.05, () => 2),
    false,
    'within the period',
  );
  assert.equal(
    history.push(5.1, () => 3),
    true,
  );
  assert.deepEqual(column.slice(-3), [null, 1, 3]);
  history.push(5.8, () => 4);
  assert.deepEqual(column.slice(-8), [3, null, null, null, null, null, null, 4], 'a pause is a gap');
  history.push(5.9, () => Number.NaN);
  assert.equal(column.at(-1), null, 'what is not a number is a gap');
  history.push(1, () => 7);
  assert.deepEqual(column.slice(-2), [null, 7], 'time that runs backwards starts anew');
});

test('history does not drift when messages come a little faster than its rate', () => {
  const history = new History(1, 1, 30);
  let taken = 0;
  for (let i = 0; i < 600; i++) if (history.push(i / 60, () => i)) taken++;
  assert.ok(Math.abs(taken - 300) <= 1, `${taken} of 300`);
});

function traceBytes(header: TraceHeader, rows: Float64Array): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 * Math.ceil((4 + text.length) / 8);
  const out = new Uint8Array(start + rows.byteLength);
  new DataView(out.buffer).setUint32(0, text.length, true);
  out.set(text, 4);
  out.set(new Uint8Array(rows.buffer), start);
  return out.buffer;
}

test('a trace is read back, and found by time', () => {
  const layout = traceLayout(2, 1);
  const header: TraceHeader = { layout: layout.toJSON(), rows: 3, axes: [], scene: null };
  const rows = new Float64Array(3 * layout.size);
  for (let i = 0; i < 3; i++) {
    rows[i * layout.size + layout.at('time')] = i * 0.5;
    rows[i * layout.size + layout.at('q') + 1] = 10 + i;
  }
  const trace = Trace.parse(traceBytes(header, rows));
  assert.equal(trace.count, 3);
  assert.equal(trace.duration, 1);
  assert.deepEqual(
    [-1, 0, 0.49, 0.5, 0.99, 1, 7].map((t) => trace.rowAt(t)),
    [0, 0, 0, 1, 1, 2, 2],
  );
  assert.deepEqual(trace.column('q', 1), [10, 11, 12]);
  assert.equal(trace.at(0, 'nothing'), -1);
});

test('a trace that is cut short is refused', () => {
  const layout = traceLayout(2, 1);
  const header: TraceHeader = { layout: layout.toJSON(), rows: 3, axes: [], scene: null };
  const whole = traceBytes(header, new Float64Array(3 * layout.size));
  assert.throws(() => Trace.parse(whole.slice(0, whole.byteLength - 8)), /cut short/);
  assert.throws(() => Trace.parse(whole.slice(0, 50)), /cut short/);
  assert.throws(() => Trace.parse(new ArrayBuffer(2)), /cut short/);
});

test('episodes are filtered by words, label, flags and trash', () => {
  const episode = {
    id: 'a1',
    task: 'Lift the cube',
    operator: 'Ada',
    label: 'failure',
    cause: 'dropped the object',
    flags: ['gap in camera front'],
    sources: ['human'],
    trashed: false,
  } as unknown as EpisodeSummary;
  const all: EpisodeFilter = { text: '', label: 'all', flaggedOnly: false, trash: false };
  assert.equal(matches(episode, all), true);
  assert.equal(matches(episode, { ...all, text: 'CUBE ada' }), true);
  assert.equal(matches(episode, { ...all, text: 'gap front' }), true);
  assert.equal(matches(episode, { ...all, text: 'cube bob' }), false);
  assert.equal(matches(episode, { ...all, label: 'success' }), false);
  assert.equal(matches({ ...episode, flags: [] }, { ...all, flaggedOnly: true }), false);
  assert.equal(matches(episode, { ...all, trash: true }), false);
  assert.equal(matches({ ...episode, trashed: true }, { ...all, trash: true }), true);
});

test('numbers keep their width', () => {
  assert.equal(signed(-0.5, 2), '−0.50');
  assert.equal(signed(0.5, 2), '\u20070.50');
  assert.equal(signed(-0.001, 2), '\u20070.00', 'no minus on zero');
  assert.equal(signed(Number.NaN, 2), '–');
  assert.equal(clock(0), '0:00');
  assert.equal(clock(59.96, 1), '0:59.9');
  assert.equal(clock(61.25, 1), '1:01.2');
  assert.equal(clock(600), '10:00');
  assert.equal(shortTime(80e-6), '80 µs');
  assert.equal(shortTime(0.0123), '12.3 ms');
  assert.equal(bytes(999), '999 B');
  assert.equal(bytes(1_234_567), '1.2 MB');
  assert.equal(bytes(999_900), '1.0 MB');
});

test('angles of a quaternion', () => {
  const half = Math.SQRT1_2;
  assert.deepEqual(rollPitchYaw(0, 0, half, half).map(Math.round), [0, 0, 90]);
  assert.deepEqual(
    rollPitchYaw(1, 0, 0, 0).map((a) => Math.round(Math.abs(a))),
    [180, 0, 0],
  );
});
