import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { PlanProblem } from '../../src/robot/plan.ts';
import { CommandMode, ControllerId, Reason } from '../../src/robot/tick.ts';
import { Bench, HOME, PERIOD, spec } from '../support/bench-arm.ts';
import { allClose } from '../support/close.ts';

const N = spec.armAxes;
const arm = Array.from({ length: N }, (_, i) => i);

class Rig {
  readonly bench = new Bench(ControllerId.mpc);

  constructor(args: readonly number[] = []) {
    this.bench.set('in.plan.seq', 0);
    assert.equal(this.bench.reset(args), StepCode.ok);
  }

  /** A plan made just now that holds home and moves joint 1 with u. */
  plan(seq: number, options: { u?: number; mode?: CommandMode; until?: number; grip?: number } = {}): void {
    const { bench } = this;
    bench.set('in.plan.seq', seq);
    bench.set('in.plan.mode', options.mode ?? CommandMode.position);
    bench.set('in.plan.captured', bench.time);
    bench.set('in.plan.until', bench.time + (options.until ?? 1));
    bench.set('in.plan.grip', options.grip ?? Number.NaN);
    bench.set('in.plan.x', ...HOME.slice(0, N), ...arm.map(() => 0));
    bench.set('in.plan.u', ...arm.map((i) => (i === 0 ? (options.u ?? 0) : 0)));
    bench.set('in.plan.K', ...arm.flatMap(() => new Array<number>(2 * N).fill(0)));
  }

  steps(seconds: number): StepCode {
    let code: StepCode = StepCode.ok;
    for (let i = 0; i < Math.round(seconds / PERIOD) && code === StepCode.ok; i++) code = this.bench.step();
    return code;
  }

  get reasons(): number {
    return this.bench.get('out.reasonAll');
  }
}

test('u = û + K (x − x̂): one period of that acceleration on the command, with x the command', () => {
  const rig = new Rig();
  rig.plan(1, { u: 2 });
  const K = rig.bench.view('in.plan.K');
  K[1] = -3; // joint 1 from the position of joint 2
  K[N + 2] = -5; // … and from the speed of joint 3
  rig.bench.view('out.q')[1]! += 0.01;
  rig.bench.view('out.qd')[2] = 0.1;
  const before = rig.bench.view('out.q')[0]!;
  rig.bench.step();
  const u = 2 - 3 * 0.01 - 5 * 0.1;
  allClose([rig.bench.view('out.requested.qd')[0]!], [u * PERIOD], { rtol: 1e-12 });
  allClose([rig.bench.view('out.requested.q')[0]! - before], [u * PERIOD * PERIOD], { atol: 1e-15 });
});

test('torque: effort from what is measured, the gripper by force, and the mode is said', () => {
  const rig = new Rig();
  rig.plan(1, { u: 4, mode: CommandMode.torque, grip: 0.02 });
  rig.bench.view('in.plan.K')[0] = -50;
  rig.bench.view('in.q')[0] = 0.02;
  rig.bench.step();
  const tau = rig.bench.view('out.requested.tau');
  allClose([tau[0]!], [4 - 50 * 0.02], { rtol: 1e-12 });
  assert.equal(rig.bench.get('out.commandMode'), CommandMode.torque);
  assert.equal(tau[spec.gripperAxis], -spec.axes[spec.gripperAxis]!.effort, 'closes with all it has');
});

test('a late plan is followed and said to be late; a stale one brakes and holds; none for the limit is a fault', () => {
  const rig = new Rig([0.03, 0.1, 0.5]);
  rig.plan(1, { u: 3, until: 5 });
  assert.equal(rig.steps(0.03), StepCode.ok);
  assert.equal(rig.reasons & (Reason.planLate | Reason.underrun), 0);
  rig.steps(0.01);
  assert.equal(rig.reasons & (Reason.planLate | Reason.underrun), Reason.planLate, 'late');
  const speed = rig.bench.view('out.qd')[0]!;
  assert.ok(speed > 0.1, `still follows, at ${speed}`);
  rig.steps(0.08);
  const both = Reason.planLate | Reason.underrun;
  assert.equal(rig.reasons & both, both, 'stale');
  assert.equal(rig.steps(0.3), StepCode.ok, 'waits');
  assert.equal(rig.bench.view('out.qd')[0], 0, 'at rest');
  assert.equal(rig.steps(0.5), StepCode.fault, 'the limit');
});

test('plans that are too old when they come leave the arm held, without a fault; when none comes any more it is one', () => {
  const rig = new Rig([0.03, 0.1, 0.5]);
  rig.plan(1, { u: 1, until: 5 });
  rig.steps(0.02);
  const old = (seq: number): void => {
    rig.plan(seq, { u: 1, until: 5 });
    rig.bench.set('in.plan.captured', rig.bench.time - 0.15);
  };
  for (let seq = 2; seq < 22; seq++) {
    old(seq);
    assert.equal(rig.steps(0.1), StepCode.ok, `plan ${seq}`);
    assert.equal(rig.reasons & Reason.underrun, Reason.underrun);
  }
  assert.equal(rig.bench.view('out.qd')[0], 0, 'at rest');
  rig.plan(22, { u: 1 });
  rig.steps(0.02);
  assert.equal(rig.reasons & Reason.underrun, 0, 'a young one is followed');
  assert.ok(rig.bench.view('out.qd')[0]! > 0.015);
  old(23);
  assert.equal(rig.steps(0.45), StepCode.ok);
  // One that is no plan is none that came.
  old(24);
  rig.bench.view('in.plan.u').fill(Number.NaN);
  assert.equal(rig.steps(0.1), StepCode.fault);
});

test('the next plan after a fallback is followed again', () => {
  const rig = new Rig([0.03, 0.1, 0.5]);
  rig.plan(1, { u: 1, until: 5 });
  rig.steps(0.3);
  assert.ok((rig.reasons & Reason.underrun) !== 0);
  rig.plan(2, { u: 1 });
  rig.steps(0.02);
  assert.equal(rig.reasons & Reason.underrun, 0);
  assert.ok(rig.bench.view('out.qd')[0]! > 0.015);
});

test('behind its last knot a plan is none, however young', () => {
  const rig = new Rig();
  rig.plan(1, { u: 1, until: 0.01 });
  rig.steps(0.01);
  assert.equal(rig.reasons & Reason.underrun, 0);
  rig.steps(0.01);
  assert.ok((rig.reasons & Reason.underrun) !== 0);
});

test('a failed attempt is flagged while the older plan drives on', () => {
  const rig = new Rig();
  rig.plan(1, { u: 1 });
  rig.bench.set('in.plan.problem', PlanProblem.notFinite);
  rig.steps(0.02);
  assert.equal(rig.reasons & (Reason.planFailed | Reason.planLate | Reason.underrun), Reason.planFailed);
  assert.ok(rig.bench.view('out.qd')[0]! > 0.015);
});

test('a plan that is not finite, or for no known mode, is none: it brakes', () => {
  for (const spoil of [
    (rig: Rig) => rig.bench.view('in.plan.u').fill(Number.NaN),
    (rig: Rig) => rig.bench.set('in.plan.mode', 7),
  ]) {
    const rig = new Rig();
    rig.plan(1, { u: 1 });
    rig.steps(0.02);
    spoil(rig);
    rig.steps(0.3);
    assert.ok((rig.reasons & Reason.underrun) !== 0);
    assert.equal(rig.bench.view('out.qd')[0], 0);
  }
});

test('the gripper goes to the opening of the plan within its limits and stays when none is wanted', () => {
  const rig = new Rig();
  const axis = spec.axes[spec.gripperAxis]!;
  let fastest = 0;
  for (let i = 0; i < 1500; i++) {
    rig.plan(i + 1, { grip: 0.02 });
    rig.bench.step();
    fastest = Math.max(fastest, Math.abs(rig.bench.view('out.qd')[spec.gripperAxis]!));
  }
  allClose([rig.bench.view('out.q')[spec.gripperAxis]!], [0.02], { atol: 1e-9 });
  assert.ok(fastest > 0.5 * axis.velocity && fastest <= axis.velocity, String(fastest));
  rig.plan(2000);
  rig.steps(0.1);
  allClose([rig.bench.view('out.q')[spec.gripperAxis]!], [0.02], { atol: 1e-9 });
});

test('done when the plan says so, and holds', () => {
  const rig = new Rig();
  rig.plan(1, { u: 1 });
  rig.steps(0.05);
  rig.bench.set('in.plan.last', 1);
  assert.equal(rig.bench.step(), StepCode.done);
  for (let i = 0; i < 300; i++) assert.equal(rig.bench.step(), StepCode.done);
  assert.equal(rig.bench.view('out.qd')[0], 0);
});

test('arguments that make no sense are refused', () => {
  for (const args of [[0], [0.1, 0.05], [0.1, 0.2, 0], [0.1, 0.2, 100], [0.1, 0.2, 1, 1], [Number.NaN]]) {
    assert.equal(new Bench(ControllerId.mpc).reset(args), StepCode.fault, String(args));
  }
});
