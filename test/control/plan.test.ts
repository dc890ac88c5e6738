import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { PLAN_SHARE } from '../../src/control/plan.ts';
import { mostWaypoints, trajectoryArgs } from '../../src/control/trajectory.ts';
import { Rng } from '../../src/math/rng.ts';
import { ControllerId } from '../../src/robot/tick.ts';
import { Bench, HOME, PERIOD, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const SECOND = Math.round(1 / PERIOD);
const rng = new Rng(21);
const random = (spread: number): Float64Array =>
  Float64Array.from(spec.axes, (a, k) => {
    const q = HOME[k]! + (k < 7 ? rng.uniform(-spread, spread) : rng.uniform(-0.07, 0));
    return Math.max(a.min, Math.min(a.max, q));
  });

/** Runs to the end and returns all commands, first the starting point. */
function record(bench: Bench, limit = 60 * SECOND): Float64Array[] {
  const rows = [Float64Array.from(bench.view('out.q'))];
  bench.finish(limit, () => rows.push(Float64Array.from(bench.view('out.q'))));
  return rows;
}

/** Largest |difference quotients| of order 1..3 over their limits, of one axis. */
function ratios(rows: readonly Float64Array[], k: number): [number, number, number] {
  const { velocity, acceleration, jerk } = spec.axes[k]!;
  const limits = [velocity, acceleration, jerk];
  let d = rows.map((r) => r[k]!);
  return limits.map((limit) => {
    d = d.slice(1).map((x, i) => (x - d[i]!) / PERIOD);
    return Math.max(...d.map(Math.abs)) / limit;
  }) as [number, number, number];
}

test('trajectory: keeps velocity, acceleration and jerk limits, uses one of them fully, hits every waypoint, ends at rest', () => {
  for (let round = 0; round < 12; round++) {
    const bench = new Bench(ControllerId.trajectory);
    const points = Array.from({ length: 1 + (round % 6) }, () => random(1.2));
    assert.equal(bench.reset(trajectoryArgs(points)), StepCode.ok);
    const rows = record(bench);
    let most = 0;
    spec.axes.forEach((axis, k) => {
      const [v, a, j] = ratios(rows, k);
      // Third differences at 1 kHz carry rounding of 1e-16·8/1e-9 s³: below 1e-3 of the jerk limits.
      assert.ok(v <= 1 && a <= 1 && j <= 1.001, `round ${round}, ${axis.name}: ${v}, ${a}, ${j}`);
      most = Math.max(most, v, a, j);
    });
    assert.ok(most > 0.8 * PLAN_SHARE, `round ${round} dawdles: ${most}`);
    for (const [i, p] of points.entries()) {
      const nearest = Math.min(...rows.map((r) => Math.max(...r.map((q, k) => Math.abs(q - p[k]!)))));
      // Between samples an axis moves at most velocity × half a period.
      assert.ok(nearest <= 2.61 * PERIOD, `round ${round}, waypoint ${i} is missed by ${nearest}`);
    }
    allClose(rows.at(-1)!, points.at(-1)!, { what: 'end' });
    assert.equal(bench.run(20), StepCode.done);
    allClose(bench.view('out.q'), points.at(-1)!, {});
  }
});

test('trajectory: half the speed takes twice the time; given times are kept, or stretched together when too short', () => {
  const a = random(0.8);
  const b = random(0.8);
  const time = (args: number[]): number => {
    const bench = new Bench(ControllerId.trajectory);
    assert.equal(bench.reset(args), StepCode.ok);
    return bench.finish(60 * SECOND) * PERIOD;
  };
  const full = time(trajectoryArgs([a, b]));
  allClose([time(trajectoryArgs([a, b], { speed: 0.5 }))], [2 * full], { atol: 3 * PERIOD });
  allClose([time(trajectoryArgs([a, b], { times: [4, 9] }))], [9], { atol: 3 * PERIOD });
  const bench = new Bench(ControllerId.trajectory);
  bench.reset(trajectoryArgs([a, b], { times: [0.01, 0.02] }));
  const rows = record(bench);
  for (let k = 0; k < 8; k++) assert.ok(Math.max(...ratios(rows, k)) <= 1.001);
});

test('trajectory: no axis overshoots its waypoints', () => {
  for (let round = 0; round < 10; round++) {
    const bench = new Bench(ControllerId.trajectory);
    const points = Array.from({ length: 5 }, () => random(1.2));
    bench.reset(trajectoryArgs(points));
    const rows = record(bench);
    for (let k = 0; k < 8; k++) {
      const knots = [HOME[k]!, ...points.map((p) => p[k]!)];
      const slack = 0.02 * (Math.max(...knots) - Math.min(...knots));
      for (const r of rows) {
        assert.ok(
          r[k]! <= Math.max(...knots) + slack && r[k]! >= Math.min(...knots) - slack,
          `round ${round}, axis ${k}`,
        );
      }
    }
  }
});

test('every plan taken over from a moving arm goes on smoothly, brakes within the limits, and arrives', () => {
  const plans: [number, number[]][] = [
    [ControllerId.trajectory, trajectoryArgs([random(0.5)])],
    [ControllerId.home, []],
    [ControllerId.gripper, [0.02]],
  ];
  for (const [id, args] of plans) {
    const bench = new Bench(id);
    const qd = bench.view('out.qd');
    const qdd = bench.view('out.qdd');
    for (let k = 0; k < 7; k++) {
      qd[k] = rng.uniform(-0.5, 0.5) * spec.axes[k]!.velocity;
      qdd[k] = rng.uniform(-0.5, 0.5) * spec.axes[k]!.acceleration;
    }
    const moving = Float64Array.from(qd);
    assert.equal(bench.reset(args), StepCode.ok);
    bench.step();
    for (let k = 0; k < 7; k++) {
      const change = Math.abs(qd[k]! - moving[k]!) / PERIOD / spec.axes[k]!.acceleration;
      assert.ok(change < 1.05, `controller ${id}, axis ${k}: first acceleration is ${change} of the limit`);
    }
    bench.finish(20 * SECOND, () => {
      for (let k = 0; k < 8; k++) {
        const share = Math.abs(qdd[k]!) / spec.axes[k]!.acceleration;
        assert.ok(share < 1.02, `controller ${id}, axis ${k}: ${share} of the acceleration limit`);
      }
    });
  }
});

test('trajectory: arguments that make no sense are refused, and the arm holds', () => {
  const bench = new Bench(ControllerId.trajectory);
  const p = [...HOME];
  const out = [...HOME];
  out[3] = 0;
  const many = Array.from({ length: mostWaypoints(8) }, () => p);
  assert.equal(bench.reset(trajectoryArgs(many)), StepCode.ok, 'as many as fit');
  for (const bad of [
    [],
    [0],
    [0, 1],
    trajectoryArgs([p.slice(1)]),
    trajectoryArgs([p], { speed: 0 }),
    trajectoryArgs([p], { speed: 1.5 }),
    trajectoryArgs([out]),
    trajectoryArgs([p.map(() => Number.NaN)]),
    trajectoryArgs([p, p], { times: [2, 1] }),
    trajectoryArgs([p], { times: [0] }),
    [7, 1, ...p],
  ]) {
    assert.equal(bench.reset(bad), StepCode.fault, JSON.stringify(bad));
    bench.run(5);
    allClose(bench.view('out.q'), HOME, {});
  }
});

test('home: arrives, and leaves the gripper as it is', () => {
  const bench = new Bench(ControllerId.home);
  bench.view('out.q').set([0.5, 0.4, -0.3, -2, 0.6, 2, 0.1, 0.023]);
  bench.reset();
  const rows = record(bench, 10 * SECOND);
  allClose(rows.at(-1)!, [...HOME.subarray(0, 7), 0.023], { atol: 1e-15 });
  for (const r of rows) assert.equal(r[7], 0.023);
  assert.equal(bench.reset([2]), StepCode.fault);
  assert.equal(bench.reset(), StepCode.ok);
  bench.finish(100);
});

test('gripper: opening and speed as asked, the arm holds', () => {
  const bench = new Bench(ControllerId.gripper);
  assert.equal(bench.reset([0.01, 0.05]), StepCode.ok);
  let fastest = 0;
  const rows: number[] = [];
  bench.finish(5 * SECOND, () => {
    fastest = Math.max(fastest, Math.abs(bench.view('out.qd')[7]!));
    rows.push(bench.view('out.q')[7]!);
  });
  allClose([fastest], [0.05], { rtol: 1e-3 });
  assert.equal(rows.at(-1), 0.01);
  allClose(bench.view('out.q').subarray(0, 7), HOME.subarray(0, 7), {});
  for (const bad of [[], [-0.01], [0.2], [0.02, 0], [0.02, 0.1, 1], [Number.NaN]]) {
    assert.equal(bench.reset(bad), StepCode.fault, JSON.stringify(bad));
  }
});

test('reset: holds until the epoch changes, then takes over where the arm stands', () => {
  const bench = new Bench(ControllerId.reset);
  bench.set('in.task.epoch', 3);
  assert.equal(bench.reset(), StepCode.ok);
  assert.equal(bench.run(200), StepCode.ok);
  allClose(bench.view('out.q'), HOME, {});
  const placed = random(0.3);
  bench.view('in.q').set(placed);
  bench.set('in.task.epoch', 4);
  assert.equal(bench.step(), StepCode.done);
  allClose(bench.view('out.requested.q'), placed, {});
  allClose(bench.view('out.requested.qd'), new Float64Array(8), {});
  bench.view('in.q').fill(0.5);
  assert.equal(bench.run(10), StepCode.done);
  allClose(bench.view('out.requested.q'), placed, { what: 'takes over once' });
  assert.equal(bench.reset([3]), StepCode.ok, 'an old epoch as argument: the change has been already');
  assert.equal(bench.step(), StepCode.done);
  assert.equal(bench.reset(), StepCode.ok);
  assert.equal(bench.run(10 * SECOND + 10), StepCode.fault, 'no change, no end');
});

test('hold brakes soon from any motion that the guard lets through, full acceleration included', () => {
  const draw = new Rng(33);
  for (let round = 0; round < 200; round++) {
    const bench = new Bench(ControllerId.hold);
    spec.axes.forEach((axis, k) => {
      // Up to the guard's own limits: beyond the share that plans brake with.
      const whole = draw.uniform() < 0.3;
      bench.view('out.q')[k] = (axis.min + axis.max) / 2;
      bench.view('out.qd')[k] = 0.8 * axis.velocity * draw.uniform(-1, 1);
      bench.view('out.qdd')[k] =
        axis.acceleration * (whole ? Math.sign(draw.uniform(-1, 1)) : draw.uniform(-1, 1));
    });
    const from = bench.view('out.q').slice();
    assert.equal(bench.reset(), StepCode.ok);
    bench.run(2 * SECOND);
    allClose(bench.view('out.qd'), new Float64Array(8), { atol: 1e-9, what: `round ${round}` });
    spec.axes.forEach((axis, k) => {
      const way = Math.abs(bench.view('out.q')[k]! - from[k]!);
      assert.ok(way < axis.velocity * 0.5, `round ${round}, ${axis.name} went ${way}`);
    });
  }
});
