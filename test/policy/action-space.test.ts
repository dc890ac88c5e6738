import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quatAngle, quatExp } from '../../src/math/quat.ts';
import { ActionSpace, pose9ToPose } from '../../src/policy/action-space.ts';
import { poseToPose9 } from '../../src/policy/features.ts';
import { spec, tick } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const { layout } = tick;
const value = fc.double({ min: -2, max: 2, noNaN: true });
const vector = (n: number): fc.Arbitrary<number[]> => fc.array(value, { minLength: n, maxLength: n });

/** A pose from six numbers: position and rotation vector. */
function pose(six: readonly number[]): Float64Array {
  const out = new Float64Array(7);
  out.set(six.slice(0, 3));
  quatExp(out, 3, Float64Array.from(six), 3);
  return out;
}

function block(q: readonly number[], tool: Float64Array, fields: 'command' | 'measured'): Float64Array {
  const b = new Float64Array(layout.size).fill(Number.NaN);
  layout.view(b, fields === 'command' ? 'out.q' : 'in.q').set(q);
  layout.view(b, fields === 'command' ? 'out.toolCmd' : 'out.tool').set(tool);
  return b;
}

test('a command comes back from its action, in every space and reference', () => {
  fc.assert(
    fc.property(vector(8), vector(8), vector(6), vector(6), (q, seen, tool, seenTool) => {
      const command = block(q, pose(tool), 'command');
      const observed = block(seen, pose(seenTool), 'measured');
      for (const reference of ['absolute', 'observed', 'level'] as const) {
        const joint = new ActionSpace(spec, layout, { space: 'joint', reference });
        const action = new Float64Array(joint.size);
        const back = new Float64Array(joint.commandSize);
        joint.encode(command, observed, action);
        assert.equal(action[7], q[7], 'the opening is absolute');
        assert.ok(joint.decode(action, 0, observed, back));
        allClose(back, q, { atol: 1e-14 });

        const space = new ActionSpace(spec, layout, { space: 'tool', reference });
        const action9 = new Float64Array(space.size);
        const target = new Float64Array(space.commandSize);
        space.encode(command, observed, action9);
        assert.equal(action9[9], q[7]);
        assert.ok(space.decode(action9, 0, observed, target));
        allClose(target.subarray(0, 3), pose(tool).subarray(0, 3), { atol: 1e-13 });
        assert.ok(quatAngle(target, 3, pose(tool), 3) < 1e-7);
        assert.equal(target[7], q[7]);
      }
    }),
  );
});

test('an observed action moves with the arm: the same action from another pose is the same motion of the tool', () => {
  const space = new ActionSpace(spec, layout, { space: 'tool', reference: 'observed' });
  const zeros = new Float64Array(8);
  const from = block([...zeros], pose([0.4, 0.1, 0.3, 0, Math.PI, 0]), 'measured');
  // 5 cm along the tool's own z, which points down.
  const action = new Float64Array(10);
  poseToPose9(action, 0, pose([0, 0, 0.05, 0, 0, 0]), 0);
  const out = new Float64Array(8);
  assert.ok(space.decode(action, 0, from, out));
  allClose(out.subarray(0, 3), [0.4, 0.1, 0.25], { atol: 1e-15 });
});

test('a level action undoes a lean of the tool instead of adding to it, and turns with the heading', () => {
  const space = new ActionSpace(spec, layout, { space: 'tool', reference: 'level' });
  const zeros = new Float64Array(8);
  const upright = block([...zeros], pose([0.4, 0.1, 0.3, 0, Math.PI, 0]), 'measured');
  const command = block([...zeros], pose([0.4, 0.1, 0.3, 0, Math.PI, 0]), 'command');
  const action = new Float64Array(10);
  space.encode(command, upright, action);
  // The same action, from a tool that leans by 0.2 rad about the axis that it is turned about.
  const leaning = block([...zeros], pose([0.5, 0.1, 0.3, 0, Math.PI - 0.2, 0]), 'measured');
  const out = new Float64Array(8);
  assert.ok(space.decode(action, 0, leaning, out));
  allClose(out.subarray(0, 3), [0.5, 0.1, 0.3], { atol: 1e-12 });
  assert.ok(quatAngle(out, 3, pose([0, 0, 0, 0, Math.PI, 0]), 3) < 1e-7);
});

test('columns that are no rotation are made one, by Gram–Schmidt: the first keeps its direction', () => {
  fc.assert(
    fc.property(vector(6), (six) => {
      const [ax, ay, az, bx, by, bz] = six as [number, number, number, number, number, number];
      const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
      fc.pre(Math.hypot(ax, ay, az) > 1e-3 && cross > 1e-3);
      const out = new Float64Array(7);
      assert.ok(pose9ToPose(out, 0, Float64Array.of(1, 2, 3, ...six), 0));
      allClose([Math.hypot(out[3]!, out[4]!, out[5]!, out[6]!)], [1], { atol: 1e-12 });
      const again = new Float64Array(9);
      poseToPose9(again, 0, out, 0);
      const a = Math.hypot(ax, ay, az);
      allClose(again.subarray(3, 6), [ax / a, ay / a, az / a], { atol: 1e-7 });
      // The second column stays in the half plane of the two.
      assert.ok(again[6]! * bx + again[7]! * by + again[8]! * bz > 0);
    }),
  );
});

test('what tells no pose is refused, and writes nothing', () => {
  const good = [1, 2, 3, 1, 0, 0, 0, 1, 0];
  const bad: readonly (readonly number[])[] = [
    [1, 2, 3, 0, 0, 0, 0, 1, 0],
    [1, 2, 3, 1, 0, 0, 2, 0, 0],
    [1, 2, 3, 1, 0, 0, 0, Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 2, 3, 1, 0, 0, 0, 1, 0],
  ];
  const out = new Float64Array(7).fill(7);
  for (const nine of bad) assert.equal(pose9ToPose(out, 0, Float64Array.from(nine), 0), false, String(nine));
  assert.ok(out.every((x) => x === 7));
  assert.ok(pose9ToPose(out, 0, Float64Array.from(good), 0));

  const space = new ActionSpace(spec, layout, { space: 'joint', reference: 'absolute' });
  const target = new Float64Array(8);
  assert.equal(space.decode(Float32Array.of(0, 0, 0, Number.NaN, 0, 0, 0, 0), 0, target, target), false);
});
