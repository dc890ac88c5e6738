import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IkSolver } from '../../src/control/ik.ts';
import { quatAngle } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { distance3 } from '../../src/math/vec.ts';
import { HOME, model, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const nan = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);

test('random reachable targets: at least 99 % solved from home, within joint ranges, answers verified', () => {
  const ik = new IkSolver(spec, model);
  const rng = new Rng(31);
  const target = nan(7);
  const reached = nan(7);
  let solved = 0;
  const total = 300;
  for (let i = 0; i < total; i++) {
    const q = Float64Array.from(spec.axes, (a) =>
      rng.uniform(a.min + 0.05 * (a.max - a.min), a.max - 0.05 * (a.max - a.min)),
    );
    model.pose(q, model.tool, target);
    const out = nan(8);
    const result = ik.solve(target, HOME, out);
    spec.axes.forEach((a, k) => {
      assert.ok(out[k]! >= a.min && out[k]! <= a.max, `${a.name} at ${out[k]}`);
    });
    model.pose(out, model.tool, reached);
    allClose(
      [result.linear, result.angular],
      [distance3(reached, 0, target, 0), quatAngle(reached, 3, target, 3)],
      { atol: 1e-12 },
    );
    if (result.solved) {
      solved++;
      assert.ok(result.linear <= 1e-6 && result.angular <= 1e-6);
    }
  }
  assert.ok(solved >= 0.99 * total, `${solved} of ${total}`);
});

test('a target near the seed is solved near the seed, in few steps, with the gripper as it was', () => {
  const ik = new IkSolver(spec, model);
  const rng = new Rng(32);
  const target = nan(7);
  for (let i = 0; i < 50; i++) {
    const q = HOME.map((x, k) => (k < 7 ? x + rng.uniform(-0.2, 0.2) : 0.03));
    model.pose(q, model.tool, target);
    const seed = HOME.slice();
    seed[7] = 0.05;
    const out = nan(8);
    const result = ik.solve(target, seed, out);
    assert.ok(result.solved && result.iterations < 30, `${result.iterations} steps`);
    assert.equal(out[7], 0.05);
    for (let k = 0; k < 7; k++)
      assert.ok(Math.abs(out[k]! - HOME[k]!) < 0.6, `joint ${k + 1} went to ${out[k]}`);
  }
});

test('an unreachable target is said to be one, with the best that there is; same inputs, same answer', () => {
  const ik = new IkSolver(spec, model);
  const target = new Float64Array([2, 0, 0.4, 1, 0, 0, 0]);
  const a = nan(8);
  const b = nan(8);
  const result = ik.solve(target, HOME, a, { restarts: 3 });
  assert.equal(result.solved, false);
  assert.ok(result.linear > 0.8 && result.linear < 2);
  new IkSolver(spec, model).solve(target, HOME, b, { restarts: 3 });
  allClose(a, b, {});
});
