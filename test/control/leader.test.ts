/** The controller that follows a leader arm: how closely, how fast at most, and what it does when the leader is gone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { ControllerId, OperatorKind, Reason } from '../../src/robot/tick.ts';
import { Bench, HOME, PERIOD, spec } from '../support/bench-arm.ts';

const READING = 10;

/** A bench whose leader is read every READING ticks; `at` says where it is, by seconds. */
function following(at: (t: number, axis: number) => number, ramp = 0.1) {
  const bench = new Bench(ControllerId.leader);
  assert.equal(bench.reset([ramp]), StepCode.ok);
  let seq = 0;
  const run = (ticks: number, each?: (i: number) => void): void => {
    bench.run(ticks, (i) => {
      each?.(i);
      if (i % READING === 0) read();
    });
  };
  const start = bench.time;
  function read(): void {
    const t = bench.time - start;
    bench.operate(OperatorKind.joints, {
      seq: [++seq],
      clientTime: [bench.time],
      joints: Array.from(HOME, (_, a) => at(t, a)),
    });
  }
  read();
  return { bench, run };
}

const home = (_: number, axis: number): number => HOME[axis]!;
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)));

describe('the leader controller', () => {
  it('follows a moving hand closely and comes to rest where it rests', () => {
    // 0.4 rad at 0.25 Hz: up to 0.63 rad/s, as a person moves.
    const hand = (t: number, a: number): number =>
      HOME[a]! + (a === 0 || a === 3 ? 0.2 * (1 - Math.cos(1.57 * Math.min(t, 4))) : 0);
    const { bench, run } = following(hand);
    let late = 0;
    run(4000, (i) => {
      if (i > 500) late = Math.max(late, Math.abs(bench.view('out.q')[0]! - hand(i * PERIOD, 0)));
    });
    assert.ok(late < 0.03, `${late} rad behind`);
    run(500);
    assert.ok(worst(bench.view('out.q'), HOME) < 1e-3);
    assert.ok(bench.view('out.qd').every((v) => Math.abs(v) < 1e-3));
  });

  it('does not jump where the leader jumps: at most its share of the speed limit, within the acceleration', () => {
    const { bench, run } = following((t, a) => HOME[a]! + (t > 0.5 && a === 1 ? 1 : 0));
    bench.set('in.op.speed', 0.5);
    const axis = spec.axes[1]!;
    let fastest = 0;
    let hardest = 0;
    let before = 0;
    run(2500, () => {
      bench.set('in.op.speed', 0.5);
      const v = bench.view('out.qd')[1]!;
      fastest = Math.max(fastest, Math.abs(v));
      hardest = Math.max(hardest, Math.abs(v - before) / PERIOD);
      before = v;
    });
    assert.ok(fastest < axis.velocity, `${fastest} rad/s`);
    assert.ok(fastest > 0.3 * axis.velocity);
    assert.ok(hardest <= 0.81 * axis.acceleration, `${hardest} rad/s²`);
    assert.ok(Math.abs(bench.view('out.q')[1]! - HOME[1]! - 1) < 2e-3, 'and gets there');
  });

  it('starts slowly after it took over from where the leader is not', () => {
    const { bench, run } = following((_, a) => HOME[a]! + (a === 0 ? 0.1 : 0), 1);
    run(100);
    assert.ok(Math.abs(bench.view('out.qd')[0]!) < 0.15 * spec.axes[0]!.velocity);
    run(2000);
    assert.ok(Math.abs(bench.view('out.q')[0]! - HOME[0]! - 0.1) < 1e-3);
  });

  it('rests when the deadman is let go, and when readings stop', () => {
    for (const gone of ['released', 'silent'] as const) {
      const { bench, run } = following((t, a) => HOME[a]! + (a === 2 ? 0.4 * t : 0));
      run(1500);
      assert.ok(Math.abs(bench.view('out.qd')[2]! - 0.4) < 0.05, `${bench.view('out.qd')[2]}`);
      if (gone === 'released') bench.set('in.op.enable', 0);
      const since = bench.time;
      let stopped = 0;
      for (let i = 0; i < 1500; i++) {
        if (gone === 'silent') {
          // The bench stamps what it has as fresh; a silent leader's stamp stays.
          bench.time += PERIOD;
          bench.set('in.time', bench.time);
          bench.set('in.op.time', since);
          const before = bench.view('out.q').slice();
          bench.controller.step(bench.block);
          const wanted = bench.view('out.requested.q');
          bench.view('out.qd').set(Array.from(wanted, (q, a) => (q - before[a]!) / PERIOD));
          bench.view('out.q').set(wanted);
        } else bench.step();
        if (stopped === 0 && Math.abs(bench.view('out.qd')[2]!) < 1e-3) stopped = i * PERIOD;
      }
      assert.ok(stopped > 0 && stopped < 0.6, `${gone}: at rest after ${stopped} s`);
      assert.ok(Math.abs(bench.view('out.qd')[2]!) < 1e-3);
    }
  });

  it('stops at an end that the leader goes beyond, and says so', () => {
    const { bench, run } = following((_, a) => (a === 5 ? 9 : home(0, a)));
    run(6000);
    const { max } = spec.axes[5]!;
    assert.ok(Math.abs(bench.view('out.q')[5]! - max) < 2e-3);
    assert.ok(bench.view('out.q')[5]! <= max);
    assert.ok((bench.view('out.reason')[5]! & Reason.position) !== 0);
  });

  it('refuses arguments that make no sense', () => {
    assert.equal(new Bench(ControllerId.leader).reset([-1]), StepCode.fault);
    assert.equal(new Bench(ControllerId.leader).reset([1, 2]), StepCode.fault);
  });
});
