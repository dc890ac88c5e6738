import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatestEnd, LatestView, latest } from '../../../src/loop/channel.ts';
import { PlanSource } from '../../../src/loop/plan-source.ts';
import { evaluatePlan, planOffsets } from '../../../src/plan/mpc/evaluate.ts';
import { Predictor } from '../../../src/plan/mpc/predict.ts';
import { shiftTrajectory, trajectory } from '../../../src/plan/mpc/shift.ts';
import { planLayout } from '../../../src/robot/plan.ts';
import { CommandMode, ControllerId } from '../../../src/robot/tick.ts';
import { PERIOD, spec, tick } from '../../support/bench-arm.ts';
import { allClose } from '../../support/close.ts';
import { armProblem, N } from '../../support/mpc-arm.ts';

const at = planOffsets(N);
const layout = planLayout(N);

/** A plan of 4 stages of 0.1 s that follows the constant acceleration a from (q0, v0) of each joint. */
function plan(from: number, q0: number, v0: number, a: number): Float64Array {
  const block = new Float64Array(layout.size);
  block[at.seq] = 1;
  block[at.start] = 5;
  block[at.mode] = CommandMode.position;
  block[at.from] = from;
  block[at.dt] = 0.1;
  block[at.stages] = 4;
  block[at.until] = from + 0.4;
  for (let k = 0; k <= 4; k++) {
    const t = 0.1 * k;
    for (let i = 0; i < N; i++) {
      block[at.xs + 2 * N * k + i] = q0 + v0 * t + 0.5 * a * t * t;
      block[at.xs + 2 * N * k + N + i] = v0 + a * t;
      if (k < 4) block[at.us + N * k + i] = 10 * k + i;
    }
    if (k < 4) block.fill(k + 1, at.gains + 2 * N * N * k, at.gains + 2 * N * N * (k + 1));
  }
  return block;
}

function row(block: Float64Array, t: number): { q: number; qd: number; u: number; K: number } {
  const out = new Float64Array(3 * N + 2 * N * N).fill(Number.NaN);
  evaluatePlan(block, at, N, Float64Array.of(t), out, 0, 2 * N, 3 * N);
  assert.ok(out.every(Number.isFinite));
  return { q: out[2]!, qd: out[N + 2]!, u: out[2 * N + 2]!, K: out[3 * N]! };
}

test('x̂ is exact for constant acceleration at any time, before the first knot too; u and K hold over a stage', () => {
  const block = plan(2, 0.3, 0.5, -2);
  for (const t of [-0.02, 0, 0.031, 0.0999, 0.1, 0.25, 0.3999]) {
    const { q, qd, u, K } = row(block, 2 + t);
    allClose([q, qd], [0.3 + 0.5 * t - t * t, 0.5 - 2 * t], { atol: 1e-12 });
    const stage = Math.max(0, Math.floor(t / 0.1 + 1e-9));
    assert.deepEqual([u, K], [10 * stage + 2, stage + 1], `at ${t}`);
  }
  const end = row(block, 2.4);
  allClose([row(block, 9).q, row(block, 9).qd], [end.q, end.qd], { atol: 1e-12 });
});

test('the loop sees a plan only under the activation it is made for, and zeros otherwise', () => {
  const channel = latest(layout.size);
  const end = new LatestEnd(channel);
  const source = new PlanSource(new LatestView(channel), N, tick);
  const block = new Float64Array(tick.layout.size);
  const seen = (): number => {
    block[tick.layout.at('in.time')] = 5.25;
    source.update(block);
    return block[tick.layout.at('in.plan.seq')]!;
  };
  const publish = (): void => {
    end.block.set(plan(5.2, 0.1, 0, 1));
    end.publish();
  };
  publish();
  assert.equal(seen(), 0, 'nobody asked for it');
  source.begin(4, ControllerId.mpc);
  assert.equal(seen(), 0, 'for another activation');
  source.begin(5, ControllerId.mpc);
  assert.equal(seen(), 1);
  allClose([block[tick.layout.at('in.plan.x')]!], [0.1 + 0.5 * 0.05 * 0.05], { atol: 1e-12 });
  source.begin(6, ControllerId.hold);
  assert.equal(seen(), 0, 'another controller took over');
  source.refused();
  assert.equal(seen(), 1, 'it was refused: the plan drives on');
  source.end();
  assert.equal(seen(), 0);
  assert.ok(tick.layout.view(block, 'in.plan.K').every((v) => v === 0));
});

test('time shift: stages move, parts are means of what they cover, and behind the end the arm rests', () => {
  const sizes = { nx: 2, ndx: 2, nu: 1, horizon: 3, joints: 1 };
  const from = trajectory(sizes);
  from.xs.set([0, 1, 10, 2, 20, 3, 30, 4]);
  from.us.set([1, 2, 3]);
  from.gains.set([4, 40, 5, 50, 6, 60]);
  const out = trajectory(sizes);
  shiftTrajectory(sizes, from, 1, out);
  assert.deepEqual([...out.xs], [10, 2, 20, 3, 30, 4, 30, 0]);
  assert.deepEqual([...out.us], [2, 3, 0]);
  assert.deepEqual([...out.gains], [5, 50, 6, 60, 5, 50], 'feedback of the middle');
  shiftTrajectory(sizes, from, 0.25, out);
  assert.deepEqual([...out.xs], [2.5, 1.25, 12.5, 2.25, 22.5, 3.25, 30, 4]);
  assert.deepEqual([...out.us], [1.25, 2.25, 2.25]);
  assert.deepEqual([...out.gains], [4.25, 42.5, 5.25, 52.5, 5.75, 57.5]);
  shiftTrajectory(sizes, from, 7.5, out);
  assert.deepEqual([...out.xs], [30, 4, 30, 0, 30, 0, 30, 0]);
  assert.deepEqual([...out.us], [0, 0, 0]);
});

test('delay compensation: the state at arrival goes through the efforts sent since capture, then through the plan', () => {
  const p = armProblem({ kind: 'pose', pose: [0, 0, 0, 0, 0, 0, 1] });
  const predictor = new Predictor(spec);
  const block = new Float64Array(tick.layout.size);
  const put = (name: string, i: number, v: number): void => {
    block[tick.layout.at(name) + i] = v;
  };
  // Three ticks send 1, 2, 3 (as acceleration of this plant); the newest state was captured at the first of them.
  for (let k = 0; k < 3; k++) {
    put('in.time', 0, 10 + k * PERIOD);
    put('out.commandMode', 0, CommandMode.torque);
    for (let i = 0; i < N; i++) put('out.tau', i, k + 1);
    for (let d = 0; d < spec.devices.length; d++) put('in.device.time', d, 10);
    for (let i = 0; i < N; i++) put('in.q', i, 0.2);
    for (let i = 0; i < N; i++) put('in.qd', i, 0);
    predictor.see(block);
  }
  const x = new Float64Array(2 * N);
  const next = new Float64Array(2 * N);
  const force = plan(10.003, 0.2, 0, 0);
  force.fill(0, at.gains, at.gains + 2 * N * N);
  for (let i = 0; i < N; i++) force[at.us + i] = 4;
  const captured = predictor.predict(p, CommandMode.torque, 10 + 5 * PERIOD, force, x, next);
  assert.equal(captured, 10);
  allClose([x[N + 1]!], [(1 + 2 + 3 + 4 + 4) * PERIOD], { rtol: 1e-9 });
  // Semi-implicit steps: the speed after each, three periods and then one step of two.
  const way = (1 + 3 + 6 + 2 * 14) * PERIOD * PERIOD;
  allClose([x[1]!], [0.2 + way], { atol: 1e-12 });
});

test('in position mode the state is the command, at the end of its period', () => {
  const p = armProblem({ kind: 'pose', pose: [0, 0, 0, 0, 0, 0, 1] });
  const predictor = new Predictor(spec);
  const block = new Float64Array(tick.layout.size);
  tick.layout.view(block, 'out.q').fill(0.7);
  tick.layout.view(block, 'out.qd').fill(0.1);
  block[tick.layout.at('in.time')] = 3;
  predictor.see(block);
  const x = new Float64Array(2 * N);
  const from = predictor.predict(p, CommandMode.position, 3 + 3 * PERIOD, null, x, new Float64Array(2 * N));
  assert.equal(from, 3 + PERIOD);
  allClose([x[0]!, x[N]!], [0.7 + 0.1 * 2 * PERIOD, 0.1], { atol: 1e-12 });
});
