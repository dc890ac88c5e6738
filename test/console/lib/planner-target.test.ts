import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { rollPitchYaw } from '../../../src/console/lib/format.ts';
import {
  figureOf,
  figures,
  fromRollPitchYaw,
  kindsOf,
  poseOf,
  SLIDER,
  scaled,
  sliderOf,
  targetHere,
  weightAt,
  withFigure,
  withPose,
} from '../../../src/console/lib/planner-target.ts';
import { MPC_TASKS } from '../../../src/plan/mpc/tasks.ts';

const TOOL = [0.5, 0.1, 0.4, 1, 0, 0, 0];

test('angles typed in degrees become the turn that shows the same angles', () => {
  const angle = fc.double({ min: -179, max: 179, noNaN: true });
  const pitch = fc.double({ min: -89, max: 89, noNaN: true });
  fc.assert(
    fc.property(angle, pitch, angle, (r, p, y) => {
      const q = fromRollPitchYaw(r, p, y);
      assert.ok(Math.abs(Math.hypot(...q) - 1) < 1e-12);
      const back = rollPitchYaw(q[0]!, q[1]!, q[2]!, q[3]!);
      for (const [i, want] of [r, p, y].entries()) assert.ok(Math.abs(back[i]! - want) < 1e-6, `${back}`);
    }),
    { seed: 1 },
  );
});

test('a slider of weights reads as it was set, its left end is off, and numbers are ones that people write', () => {
  assert.equal(weightAt(SLIDER.min), 0);
  assert.equal(sliderOf(0), SLIDER.min);
  assert.equal(weightAt(0), 1);
  for (let s = SLIDER.min + SLIDER.step; s <= SLIDER.max; s += SLIDER.step) {
    const weight = weightAt(s);
    assert.ok(String(Number(weight.toPrecision(2))) === String(weight));
    assert.ok(Math.abs(sliderOf(weight) - s) <= SLIDER.step / 2, `${s} → ${weight}`);
  }
  assert.equal(sliderOf(1e9), SLIDER.max);
});

test('the final weight goes with the running one as the task has them; a task without is left alone', () => {
  assert.deepEqual(scaled(1, { weight: 0.2, final: 1 }, { weight: 0.2, final: 1 }), { weight: 1, final: 5 });
  assert.deepEqual(scaled(0, { weight: 2, final: 2 }, { weight: 2, final: 2 }), { weight: 0, final: 0 });
  assert.deepEqual(scaled(3, { weight: 0, final: 4 }, { weight: 0, final: 7 }), { weight: 3, final: 7 });
  assert.deepEqual(scaled(3, undefined, { weight: 1, final: 7 }), { weight: 3, final: 7 });
});

test('every task can be started: the page makes a target of a kind that it takes, or it needs none', () => {
  for (const task of MPC_TASKS) {
    const [kind] = kindsOf(task);
    if (kind === undefined) {
      assert.ok(task.targets.includes('phases') || task.targets.includes('scene'), task.name);
      continue;
    }
    assert.ok(task.targets.includes(kind));
    const target = targetHere(kind, TOOL, new Float64Array(7).fill(0.3));
    assert.equal(target.kind, kind);
    if (target.kind === 'joints') assert.deepEqual(target.q, new Array(7).fill(0.3));
    else assert.deepEqual(poseOf(target), TOOL);
  }
});

test('figures are known again by their numbers, another way is not taken for one, and the handle moves the middle', () => {
  const circle = targetHere('path', TOOL, []);
  assert.ok(circle.kind === 'path');
  for (const figure of figures) {
    const way = withFigure(circle, figure, 0.07);
    assert.ok(way.kind === 'path');
    assert.equal(figureOf(way)?.figure, figure);
    assert.ok(Math.abs(figureOf(way)!.size - 0.07) < 1e-12);
  }
  assert.equal(figureOf({ ...circle, phase: [0.3, 0, 0] }), null);
  const moved = withPose(circle, [0.6, ...TOOL.slice(1)]);
  assert.ok(moved.kind === 'path');
  assert.equal(moved.pose[0], 0.6);
  assert.deepEqual(moved.amplitude, circle.amplitude);
});
