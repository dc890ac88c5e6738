import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, inputRow } from '../../../src/console/lib/contract.ts';
import { Curves, latest, remaining } from '../../../src/console/lib/curves.ts';
import { brief, count, duration, percent } from '../../../src/console/lib/format.ts';
import { sourceColor, sourceSpans } from '../../../src/console/lib/source-lane.ts';
import { Trace } from '../../../src/console/lib/trace.ts';
import { addressOf, placeOf } from '../../../src/console/lib/views.ts';
import { Source } from '../../../src/robot/tick.ts';
import type { MetricsLine } from '../../../src/server/learning-protocol.ts';
import { traceLayout } from '../../../src/server/protocol.ts';
import { jointManifest } from '../../support/policy.ts';
import { spec } from '../../support/scripted-rig.ts';

function trained(step: number, loss: number): MetricsLine {
  return { step, time: step / 20, loss, metrics: {}, gradNorm: 1, lr: 0.1, samplesPerS: 640, waitedMs: 0 };
}
function looked(step: number, loss: number, error: Record<string, number>): MetricsLine {
  return { step, time: step / 20, validation: { loss, metrics: {}, error, samples: 8 } };
}

test('curves have one row a step; a look at held-out episodes joins the row of its step', () => {
  const curves = new Curves();
  curves.push([
    trained(10, 3),
    trained(20, 2),
    looked(20, 2.5, { rad: 0.1 }),
    looked(25, 2.4, { rad: 0.2, m: 0.01 }),
  ]);
  curves.push([trained(30, Number.NaN)]);
  assert.deepEqual(curves.steps, [10, 20, 25, 30]);
  assert.deepEqual(curves.loss, [3, 2, null, null], 'what is not finite is a gap');
  assert.deepEqual(curves.heldOut, [null, 2.5, 2.4, null]);
  assert.deepEqual(curves.errors.get('rad'), [null, 0.1, 0.2, null]);
  assert.deepEqual(
    curves.errors.get('m'),
    [null, null, 0.01, null],
    'a unit that comes late has gaps before',
  );
  assert.equal(latest(curves.heldOut), 2.4);
  assert.equal(latest(curves.heldOut, 1), 2.5);
  assert.ok(Number.isNaN(latest(curves.heldOut, 0)));
  assert.ok(Math.abs(curves.stepsPerS - 20) < 1e-9);
  curves.clear();
  assert.equal(curves.length, 0);
  assert.ok(Number.isNaN(curves.stepsPerS));
});

test('what is left is told by steps, and by the time budget when that ends first', () => {
  const at = { step: 1000, elapsed: 50 };
  assert.equal(remaining({ steps: 3000, budget: null }, at, 20), 100);
  assert.equal(remaining({ steps: 3000, budget: 80 }, at, 20), 30);
  assert.equal(remaining({ steps: 3000, budget: 800 }, at, 20), 100);
  assert.equal(remaining({ steps: 3000, budget: 80 }, at, Number.NaN), 30, 'no speed yet');
  assert.equal(remaining({ steps: 3000, budget: 80 }, { step: 1000, elapsed: 90 }, 20), 0);
});

test('numbers read short', () => {
  assert.deepEqual([0, 0.1234, -0.0123456, 12345, 1e-4, 1.26e-5, -2e7, Number.NaN].map(brief), [
    '0',
    '0.123',
    '−0.0123',
    '12300',
    '1e−4',
    '1.3e−5',
    '−2e7',
    '–',
  ]);
  assert.deepEqual([59, 60, 181, 599.6, 1500, 3600, 8000].map(duration), [
    '59 s',
    '1 min',
    '3 min 1 s',
    '10 min',
    '25 min',
    '1 h',
    '2 h 13 min',
  ]);
  assert.deepEqual([999, 1000, 1234567].map(count), ['999', '1\u202f000', '1\u202f234\u202f567']);
  assert.equal(percent(0.905), '91 %');
});

test('addresses lead to views and back', () => {
  assert.deepEqual(placeOf(''), { view: 'live', item: null });
  assert.deepEqual(placeOf('#/training'), { view: 'training', item: null });
  assert.deepEqual(placeOf('#/nowhere/x'), { view: 'live', item: 'x' });
  for (const view of ['episodes', 'policies'] as const)
    assert.deepEqual(placeOf(addressOf(view, 'a b/c')), { view, item: 'a b/c' });
});

test('the contract of a policy reads in words', () => {
  const m = jointManifest(spec);
  assert.deepEqual(m.inputs.map(inputRow), [
    { name: 'state', what: 'in.q', size: String(spec.axes.length), how: 'as measured' },
  ]);
  const told = new Map(answers(m));
  assert.equal(told.get('horizon'), '8 steps (400 ms), a new chunk every 4 (200 ms)');
  assert.equal(told.get('sees'), '1 observation, none older than 200 ms');
  assert.equal(told.get('made for'), 'panda-sim');
});

test('who drove is told in spans without gaps', () => {
  const layout = traceLayout(1, 0);
  const sources = [Source.none, Source.policy, Source.policy, Source.human, Source.policy];
  const rows = new Float64Array(sources.length * layout.size);
  sources.forEach((source, i) => {
    rows[i * layout.size + layout.at('time')] = i / 2;
    rows[i * layout.size + layout.at('source')] = source;
  });
  const header = Buffer.from(
    JSON.stringify({ layout: layout.toJSON(), rows: sources.length, axes: [], scene: null }),
  );
  const start = 8 * Math.ceil((4 + header.length) / 8);
  const data = new ArrayBuffer(start + rows.byteLength);
  new DataView(data).setUint32(0, header.length, true);
  new Uint8Array(data).set(header, 4);
  new Float64Array(data, start).set(rows);
  const spans = sourceSpans(Trace.parse(data));
  assert.deepEqual(
    spans.map((s) => [s.source, s.from, s.to]),
    [
      ['none', 0, 0.5],
      ['policy', 0.5, 1.5],
      ['human', 1.5, 2],
      ['policy', 2, 2],
    ],
  );
  assert.notEqual(sourceColor('policy'), sourceColor('human'));
  assert.equal(sourceColor('safety'), sourceColor('none'));
});
