import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quatToMatrix } from '../../src/math/quat.ts';
import { denormalise, FeatureReader, featureProblem, normalise } from '../../src/policy/features.ts';
import type { Feature, Normaliser } from '../../src/policy/manifest.ts';
import { spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const { layout } = tick;
const raw = (field: string, width: number, axes?: number[]): Feature => ({
  field,
  encode: 'raw',
  unit: '1',
  width,
  ...(axes === undefined ? {} : { axes }),
});

test('reads whole fields, picked components and poses in the order of the features', () => {
  const block = Float64Array.from({ length: layout.size }, (_, i) => i);
  const tool = Float64Array.of(0.1, 0.2, 0.3, 0.5, -0.5, 0.5, 0.5);
  layout.view(block, 'out.tool').set(tool);
  const reader = new FeatureReader(layout, [
    raw('in.q', spec.axes.length),
    { field: 'out.tool', encode: 'pose9', unit: 'm|1', width: 9 },
    raw('out.tool', 2, [2, 0]),
  ]);
  assert.equal(reader.size, spec.axes.length + 11);
  const out = new Float64Array(reader.size + 2).fill(Number.NaN);
  reader.read(block, out, 1);
  const r = new Float64Array(9);
  quatToMatrix(r, 0, tool, 3);
  const want = [
    ...layout.view(block, 'in.q'),
    ...[0.1, 0.2, 0.3],
    ...[r[0]!, r[3]!, r[6]!, r[1]!, r[4]!, r[7]!],
    ...[0.3, 0.1],
  ];
  allClose(out.subarray(1, -1), want, { atol: 1e-15 });
  assert.ok(Number.isNaN(out[0]) && Number.isNaN(out.at(-1)), 'writes nothing beside its vector');
});

test('says in words what cannot be read', () => {
  const pose9: Feature = { field: 'in.q', encode: 'pose9', unit: '1', width: 9 };
  assert.equal(featureProblem(layout, raw('in.x', 1)), 'the tick has no field in.x');
  assert.match(featureProblem(layout, pose9)!, /in\.q has 8 values, but pose9 takes a pose of 7/);
  assert.match(featureProblem(layout, { ...pose9, field: 'out.tool', width: 7 })!, /width is 7, but pose9/);
  assert.match(featureProblem(layout, { ...pose9, field: 'out.tool', axes: [0] })!, /axes must be left out/);
  assert.match(featureProblem(layout, raw('in.q', 1, [8]))!, /8 values, so there is no component 8/);
  assert.match(featureProblem(layout, raw('in.q', 7))!, /width is 7, but 8 values are taken/);
  assert.throws(() => new FeatureReader(layout, [raw('in.x', 1)]), { code: 'POLICY_FEATURE' });
});

test('normalisers are inverted, over whole histories, and repeat with their length', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: 0.1, max: 9, noNaN: true })),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
      fc.integer({ min: 1, max: 4 }),
      (pairs, steps) => {
        const n: Normaliser = {
          method: 'mean-std',
          offset: pairs.map((p) => p[0]),
          scale: pairs.map((p) => p[1]),
        };
        const count = pairs.length * steps;
        const x = Float64Array.from({ length: count + 2 }, (_, i) => Math.sin(7 * i) * 5);
        const y = x.slice();
        normalise(n, y, 1, count);
        for (let i = 0; i < count; i++) {
          const k = i % pairs.length;
          assert.equal(y[1 + i], (x[1 + i]! - n.offset[k]!) / n.scale[k]!);
        }
        denormalise(n, y, 1, count);
        allClose(y, x, { atol: 1e-12 });
        assert.deepEqual([y[0], y.at(-1)], [x[0], x.at(-1)]);
      },
    ),
  );
});
