import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { CONDITION_STOP, TwistSolver } from '../../src/control/twist-solver.ts';
import { dampedLeastSquares, mul } from '../../src/math/linalg.ts';
import { quatAngle, quatAxisAngle, quatMul, quatRotate } from '../../src/math/quat.ts';
import { Rng } from '../../src/math/rng.ts';
import { distance3, norm, norm3 } from '../../src/math/vec.ts';
import { ControllerId, OperatorKind, Reason } from '../../src/robot/tick.ts';
import { Bench, HOME, model, PERIOD, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const SECOND = Math.round(1 / PERIOD);
const unit = (axis: number, n = 6, value = 1): number[] =>
  Array.from({ length: n }, (_, i) => (i === axis ? value : 0));

test('hold: stands; taken over from a moving arm it brakes within the limits and stands', () => {
  const bench = new Bench(ControllerId.hold);
  assert.equal(bench.reset(), StepCode.ok);
  bench.run(50);
  allClose(bench.view('out.q'), HOME, {});
  for (let k = 0; k < 8; k++) bench.view('out.qd')[k] = 0.5 * spec.axes[k]!.velocity;
  bench.view('out.q')[7] = 0.03;
  bench.reset();
  const before = Float64Array.from(bench.view('out.q'));
  bench.run(2 * SECOND, (i) => {
    spec.axes.forEach((a, k) => {
      if (i > 0)
        assert.ok(Math.abs(bench.view('out.qdd')[k]!) <= a.acceleration * 1.001, `${a.name} brakes too hard`);
      assert.ok(bench.view('out.qd')[k]! >= -1e-12, `${a.name} turns back`);
    });
  });
  allClose(bench.view('out.qd'), new Float64Array(8), {});
  assert.ok(bench.view('out.q').every((q, k) => q > before[k]!));
});

test('jog: full speed after the rise, limited acceleration, stops smoothly on release, other axes rest', () => {
  const bench = new Bench(ControllerId.jog);
  bench.reset();
  bench.operate(OperatorKind.jog, { jog: unit(3, 8, -1) });
  let hardest = 0;
  const each = (): void => {
    hardest = Math.max(hardest, Math.abs(bench.view('out.qdd')[3]!));
  };
  bench.run(SECOND / 2, each);
  allClose([bench.view('out.qd')[3]!], [-spec.teleop.joint], { rtol: 1e-3 });
  bench.set('in.op.enable', 0);
  const released = bench.view('out.q')[3]!;
  bench.run(SECOND, each);
  assert.equal(bench.view('out.qd')[3], 0);
  const run = released - bench.view('out.q')[3]!;
  assert.ok(run > 0 && run < 0.12, `runs on for ${run} rad`);
  assert.ok(hardest < 5, `acceleration ${hardest} rad/s²`);
  for (const k of [0, 1, 2, 4, 5, 6, 7]) assert.equal(bench.view('out.q')[k], HOME[k]);
});

test('jog: speed scale, ends of the range, and their reason', () => {
  const bench = new Bench(ControllerId.jog);
  bench.reset();
  bench.operate(OperatorKind.jog, { jog: unit(5, 8), speed: [0.5] });
  bench.run(SECOND / 2);
  allClose([bench.view('out.qd')[5]!], [0.5 * spec.teleop.joint], { rtol: 1e-3 });
  bench.set('in.op.speed', 1);
  bench.run(6 * SECOND);
  const axis = spec.axes[5]!;
  assert.ok(bench.view('out.q')[5]! <= axis.max && bench.view('out.q')[5]! > axis.max - 2e-3);
  assert.equal(bench.view('out.reason')[5], Reason.position);
  assert.equal(bench.get('out.reasonAll'), Reason.position);
});

test('stale input counts as released before the deadman acts; input of another kind moves nothing', () => {
  const bench = new Bench(ControllerId.jog);
  bench.reset();
  bench.operate(OperatorKind.twist, { jog: unit(0, 8) });
  bench.run(100);
  assert.equal(bench.view('out.q')[0], HOME[0]);
  bench.operate(OperatorKind.jog, {});
  bench.run(300);
  assert.ok(bench.view('out.qd')[0]! > 0.5);
  // Freeze the stamp of the input: the bench renews in.op.time, so take it back by hand in each tick.
  const at = bench.time;
  const step = bench.controller.step.bind(bench.controller);
  bench.controller.step = (t) => {
    bench.set('in.op.time', at);
    return step(t);
  };
  bench.run(spec.limits.deadmanMs);
  assert.ok(bench.view('out.qd')[0]! < 0.05, `still ${bench.view('out.qd')[0]} rad/s`);
});

for (const frame of [0, 1] as const) {
  test(`twist: straight along each axis of the ${frame ? 'tool' : 'base'} frame, orientation kept, stops on release`, () => {
    for (let axis = 0; axis < 3; axis++) {
      for (const sign of [1, -1]) {
        const bench = new Bench(ControllerId.twist);
        bench.reset();
        const start = bench.tool();
        const direction = Float64Array.from(unit(axis, 3, sign));
        if (frame === 1) quatRotate(direction, 0, start, 3, direction, 0);
        bench.operate(OperatorKind.twist, { twist: unit(axis, 6, sign), frame: [frame] });
        let sideways = 0;
        let turned = 0;
        bench.run(0.6 * SECOND, () => {
          const now = bench.tool();
          const d = [0, 1, 2].map((i) => now[i]! - start[i]!);
          const along = d[0]! * direction[0]! + d[1]! * direction[1]! + d[2]! * direction[2]!;
          sideways = Math.max(sideways, Math.hypot(...d.map((x, i) => x - along * direction[i]!)));
          turned = Math.max(turned, quatAngle(start, 3, now, 3));
        });
        const name = `axis ${sign > 0 ? '+' : '-'}${axis}`;
        const travelled = distance3(bench.tool(), 0, start, 0);
        assert.ok(travelled > 0.1, `${name} travelled ${travelled} m`);
        assert.ok(sideways < 2e-4, `${name} strays ${sideways} m`);
        assert.ok(turned < 1e-3, `${name} turns ${turned} rad`);
        bench.set('in.op.enable', 0);
        const released = bench.tool();
        bench.run(SECOND / 2);
        allClose(bench.view('out.qd'), new Float64Array(8), { what: `${name} after release` });
        const run = distance3(bench.tool(), 0, released, 0);
        assert.ok(run < 0.025, `${name} runs on for ${run} m`);
      }
    }
  });
}

test('twist: turns about the tool point, which stays', () => {
  for (const frame of [0, 1]) {
    for (let axis = 0; axis < 3; axis++) {
      const bench = new Bench(ControllerId.twist);
      bench.reset();
      const start = bench.tool();
      bench.operate(OperatorKind.twist, { twist: unit(3 + axis), frame: [frame] });
      let strays = 0;
      bench.run(0.4 * SECOND, () => {
        strays = Math.max(strays, distance3(bench.tool(), 0, start, 0));
      });
      const end = bench.tool();
      const angle = quatAngle(start, 3, end, 3);
      assert.ok(angle > 0.25, `axis ${axis}, frame ${frame} turned ${angle}`);
      assert.ok(strays < 2e-4, `axis ${axis}, frame ${frame} strays ${strays} m`);
      const turn = new Float64Array(4);
      quatAxisAngle(turn, 0, Float64Array.from(unit(axis, 3)), 0, angle);
      const want = new Float64Array(4);
      if (frame === 0) quatMul(want, 0, turn, 0, start, 3);
      else quatMul(want, 0, start, 3, turn, 0);
      assert.ok(quatAngle(want, 0, end, 3) < 2e-3, `axis ${axis}, frame ${frame}`);
    }
  }
});

test('twist: reaches full-scale speed, and two keys together are no faster', () => {
  for (const twist of [unit(1), [0, 1, -1, 0, 0, 0]]) {
    const bench = new Bench(ControllerId.twist);
    bench.reset();
    bench.operate(OperatorKind.twist, { twist });
    bench.run(300);
    const a = bench.tool();
    bench.run(10);
    const speed = distance3(bench.tool(), 0, a, 0) / (10 * PERIOD);
    allClose([speed], [spec.teleop.linear], { rtol: 5e-3, what: 'speed' });
  }
});

test('twist: towards the stretched arm it slows, stops short of the singularity, stays bounded, and gets out again', () => {
  const bench = new Bench(ControllerId.twist);
  bench.reset();
  bench.operate(OperatorKind.twist, { twist: unit(0) });
  const solver = new TwistSolver(spec, model);
  let fastest = 0;
  let flagged = false;
  bench.run(6 * SECOND, () => {
    fastest = Math.max(fastest, ...bench.view('out.qd').map(Math.abs));
    if (bench.get('out.reasonAll') & Reason.singularity) flagged = true;
    assert.ok(bench.get('out.manipulability') > 0);
  });
  assert.ok(flagged, 'Reason.singularity is set');
  assert.ok(fastest < 2.175, `a joint ran at ${fastest} rad/s`);
  assert.ok(norm(bench.view('out.qd')) < 1e-2, 'it has come to a stand');
  const condition = 1 / solver.manipulabilityAt(bench.view('out.q'));
  assert.ok(condition > 20 && condition < CONDITION_STOP + 3, `condition ${condition}`);
  const stuck = bench.tool();
  bench.operate(OperatorKind.twist, { twist: unit(0, 6, -1) });
  bench.run(2 * SECOND);
  assert.ok(stuck[0]! - bench.tool()[0]! > 0.1, 'it backs out');
});

test('twist: random driving never leaves joint limits, jumps or makes a NaN', () => {
  const rng = new Rng(11);
  for (let round = 0; round < 6; round++) {
    const bench = new Bench(ControllerId.twist);
    bench.reset();
    let hardest = 0;
    bench.run(12 * SECOND, (i) => {
      if (i % 250 === 0) {
        const twist = Array.from({ length: 6 }, () => rng.below(3) - 1);
        bench.operate(OperatorKind.twist, { twist, frame: [rng.below(2)], gripper: [rng.below(3) - 1] });
        bench.set('in.op.enable', rng.below(5) > 0 ? 1 : 0);
      }
      spec.axes.forEach((a, k) => {
        const q = bench.view('out.q')[k]!;
        assert.ok(q >= a.min && q <= a.max, `${a.name} at ${q}`);
        assert.ok(
          Math.abs(bench.view('out.qd')[k]!) <= a.velocity,
          `${a.name} at ${bench.view('out.qd')[k]}/s`,
        );
        hardest = Math.max(hardest, Math.abs(bench.view('out.qdd')[k]!) / a.acceleration);
      });
    });
    assert.ok(hardest < 3, `round ${round}: acceleration is ${hardest} times the limit`);
  }
});

/** Length of the part of home - q that does not move the tool: what the null space can still give. */
function posture(bench: Bench): number {
  const q = bench.view('out.q');
  const full = new Float64Array(48);
  model.jacobian(q, model.tool, full);
  const j = Float64Array.from({ length: 42 }, (_, i) => full[8 * Math.floor(i / 7) + (i % 7)]!);
  const z = HOME.subarray(0, 7).map((h, k) => h - q[k]!);
  const moves = new Float64Array(6);
  const part = new Float64Array(7);
  mul(j, 6, 7, z, moves);
  dampedLeastSquares(j, 6, 7, 0, moves, part);
  return norm(z.map((x, k) => x - part[k]!));
}

test('twist: the null space pulls to the home posture while driving, and rests with the arm', () => {
  const bench = new Bench(ControllerId.twist);
  bench.view('out.q').set([0.6, 0.2, -0.6, -1.9, 0.3, 1.8, 0.2]);
  bench.reset();
  const before = posture(bench);
  for (let i = 0; i < 8; i++) {
    bench.operate(OperatorKind.twist, { twist: unit(1, 6, i % 2 ? 1 : -1) });
    bench.run(SECOND / 2);
  }
  const after = posture(bench);
  assert.ok(before > 0.1 && after < 0.2 * before, `${before} → ${after} rad`);
  bench.set('in.op.enable', 0);
  bench.run(SECOND / 2);
  const rest = Float64Array.from(bench.view('out.q'));
  bench.run(SECOND);
  allClose(bench.view('out.q'), rest, { what: 'at rest nothing creeps' });
});

test('gripper in teleoperation: speed, range, smooth ends, held by all others', () => {
  for (const [id, kind] of [
    [ControllerId.jog, OperatorKind.jog],
    [ControllerId.twist, OperatorKind.twist],
    [ControllerId.pose, OperatorKind.pose],
  ] as const) {
    const bench = new Bench(id);
    bench.reset();
    bench.operate(kind, { gripper: [-1], pose: [...bench.tool()] });
    bench.run(300);
    allClose([bench.view('out.qd')[7]!], [-spec.teleop.gripper], { rtol: 1e-2 });
    bench.run(2 * SECOND);
    assert.ok(bench.view('out.q')[7]! >= 0 && bench.view('out.q')[7]! < 2e-4, `${bench.view('out.q')[7]}`);
    bench.operate(kind, { gripper: [1] });
    bench.run(200);
    bench.set('in.op.enable', 0);
    bench.run(SECOND);
    const half = bench.view('out.q')[7]!;
    assert.ok(half > 0.01 && half < 0.05);
    bench.run(100);
    assert.equal(bench.view('out.q')[7], half);
  }
});

test('pose: random reachable targets are met within 0.5 mm and 0.1 degrees, below the speed caps', () => {
  const rng = new Rng(12);
  for (let round = 0; round < 8; round++) {
    const bench = new Bench(ControllerId.pose);
    const target = new Float64Array(7);
    const q = HOME.map((x, k) => (k < 7 ? x + rng.uniform(-0.45, 0.45) : x));
    model.pose(q, model.tool, target);
    bench.reset();
    bench.operate(OperatorKind.pose, { pose: [...target] });
    let before = bench.tool();
    let fastest = 0;
    bench.run(5 * SECOND, () => {
      const now = bench.tool();
      fastest = Math.max(fastest, distance3(now, 0, before, 0) / PERIOD);
      before = now;
    });
    const off = distance3(before, 0, target, 0);
    const angle = quatAngle(before, 3, target, 3);
    assert.ok(off < 5e-4 && angle < 0.1 * (Math.PI / 180), `round ${round}: off by ${off} m, ${angle} rad`);
    assert.ok(fastest < 1.05 * spec.teleop.linear, `round ${round}: ${fastest} m/s`);
  }
});

test('pose: a fixed target needs no operator and ends with done; bad arguments and unreachable targets fault', () => {
  const bench = new Bench(ControllerId.pose);
  const target = bench.tool();
  target[0]! -= 0.1;
  target[2]! -= 0.2;
  assert.equal(bench.reset([...target]), StepCode.ok);
  assert.equal(bench.controller.needsOperator, false);
  const ticks = bench.finish(4 * SECOND);
  assert.ok(ticks > SECOND / 2);
  assert.ok(distance3(bench.tool(), 0, target, 0) < 5e-4);
  assert.equal(bench.run(100), StepCode.done, 'goes on holding');
  assert.equal(bench.reset(), StepCode.ok);
  assert.equal(bench.controller.needsOperator, true);
  for (const bad of [
    [1, 2, 3],
    [...target.subarray(0, 3), 0, 0, 0, 0],
    [...target, 0],
    [...target, 2],
    [Number.NaN, ...target.subarray(1)],
  ]) {
    assert.equal(bench.reset(bad), StepCode.fault, JSON.stringify(bad));
  }
  target[0] = 2;
  assert.equal(bench.reset([...target]), StepCode.ok);
  let code: StepCode = StepCode.ok;
  for (let i = 0; i < 20 * SECOND && code === StepCode.ok; i++) code = bench.step();
  assert.equal(code, StepCode.fault);
  assert.ok(bench.get('out.reasonAll') & Reason.ikFailed);
});

test('pose: releasing the drag stops smoothly where it is', () => {
  const bench = new Bench(ControllerId.pose);
  bench.reset();
  const target = bench.tool();
  target[1]! += 0.3;
  bench.operate(OperatorKind.pose, { pose: [...target] });
  bench.run(SECOND / 2);
  bench.set('in.op.enable', 0);
  bench.run(SECOND / 2);
  const rest = bench.tool();
  assert.ok(rest[1]! < target[1]! - 0.1);
  bench.run(SECOND / 2);
  allClose(bench.tool(), rest, {});
});

test('what the guard takes away is not asked for again: no windup against a wall', () => {
  const bench = new Bench(ControllerId.twist);
  bench.reset();
  const start = bench.tool();
  bench.operate(OperatorKind.twist, { twist: unit(2, 6, -1) });
  bench.guard = (want, cmd) => want.set(cmd);
  bench.run(SECOND);
  allClose(bench.tool(), start, {});
  bench.guard = null;
  bench.operate(OperatorKind.twist, { twist: unit(2) });
  bench.run(300);
  assert.ok(bench.tool()[2]! - start[2]! > 0.02, 'answers at once');
  assert.ok(norm3(bench.view('out.qd')) < 2);
});
