import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmloopError } from '../../../src/errors.ts';
import { FrameView } from '../../../src/plan/cost/frame.ts';
import { CommandSystem } from '../../../src/plan/dynamics/command.ts';
import { MpcEngine } from '../../../src/plan/mpc/engine.ts';
import { evaluatePlan, planOffsets } from '../../../src/plan/mpc/evaluate.ts';
import { ArmProblem, type ArmProblemOptions } from '../../../src/plan/mpc/problem.ts';
import { createSolver } from '../../../src/plan/mpc/solver.ts';
import { FormulaTarget } from '../../../src/plan/mpc/target.ts';
import { PlanProblem, planLayout } from '../../../src/robot/plan.ts';
import { CommandMode, ControllerId } from '../../../src/robot/tick.ts';
import { Bench, model, PERIOD, spec, tick } from '../../support/bench-arm.ts';
import { limits, N, REACH, toolView } from '../../support/mpc-arm.ts';

const at = planOffsets(N);
const GOAL = [0.5, 0.25, 0.35, 1, 0, 0, 0];

/** A command whose dynamics can be spoiled. */
class Fragile extends CommandSystem {
  broken = false;
  override step(x: Float64Array, u: Float64Array, h: number, out: Float64Array): void {
    super.step(x, u, h, out);
    if (this.broken && h >= 0.02) out[0] = Number.NaN;
  }
}

function problem(change: Partial<ArmProblemOptions> = {}): ArmProblem {
  return new ArmProblem({
    system: new CommandSystem(N, 0.02),
    view: toolView(),
    limits,
    terms: REACH,
    target: new FormulaTarget({ kind: 'pose', pose: GOAL }, 0),
    horizon: 25,
    ...change,
  });
}

function engineFor(p: ArmProblem): MpcEngine {
  return new MpcEngine({ spec, problem: p, solver: createSolver(), mode: CommandMode.position });
}

/**
 * The controller and the engine around an ideal arm: a plan every `every` ticks, `late` ticks after it was asked for,
 * which the engine takes for `claimed`.
 */
function run(
  engine: MpcEngine,
  ticks: number,
  options: { every?: number; late?: number; claimed?: number; tick?: (i: number, bench: Bench) => void } = {},
) {
  const { every = 10, late = 3, claimed = late } = options;
  const bench = new Bench(ControllerId.mpc);
  bench.reset([]);
  engine.begin(bench.time);
  const block = new Float64Array(planLayout(N).size);
  let arrives = -1;
  const slots = new Float64Array(1);
  for (let i = 0; i < ticks; i++) {
    if (i === arrives) engine.write(block);
    put(bench, block, slots);
    options.tick?.(i, bench);
    bench.step();
    // The bench has moved on: what it shows now is the tick before, as a planner would see it.
    bench.set('in.time', bench.time - PERIOD);
    engine.see(bench.block);
    if (i % every === 0) {
      engine.attempt(bench.time - PERIOD + claimed * PERIOD);
      arrives = i + late;
    }
  }
  return bench;
}

function put(bench: Bench, plan: Float64Array, time: Float64Array): void {
  const { block } = bench;
  const head = offsetOf('in.plan.seq');
  for (let i = 0; i < at.dt; i++) block[head + i] = plan[i]!;
  time[0] = bench.time;
  const [x, u, K] = [offsetOf('in.plan.x'), offsetOf('in.plan.u'), offsetOf('in.plan.K')];
  if (plan[at.seq] !== 0) evaluatePlan(plan, at, N, time, block, x, u, K);
}
const offsetOf = (name: string): number => tick.layout.at(name);

function away(bench: Bench, goal: readonly number[]): number {
  const pose = new Float64Array(7);
  model.pose(bench.view('out.q'), model.tool, pose);
  return Math.hypot(...[0, 1, 2].map((i) => pose[i]! - goal[i]!));
}

test('reach: one iteration per plan brings the tool to its target and keeps it there, within all limits', () => {
  const engine = engineFor(problem());
  let fastest = 0;
  const bench = run(engine, 2500, {
    tick: (_, b) => {
      for (let i = 0; i < N; i++)
        fastest = Math.max(fastest, Math.abs(b.view('out.qd')[i]!) / limits.speed[i]!);
    },
  });
  assert.ok(away(bench, GOAL) < 0.003, `${away(bench, GOAL)} m away`);
  assert.ok(fastest > 0.2 && fastest < 1, `speed ${fastest} of the limit`);
  assert.equal(engine.counts.failed, 0);
  assert.ok(engine.counts.improved > 50, `${engine.counts.improved} of ${engine.counts.plans} improved`);
});

test('a target that jumps while it runs is followed; the plan in force is never of an old state', () => {
  const p = problem();
  const engine = engineFor(p);
  const other = [0.4, -0.25, 0.3, 1, 0, 0, 0];
  const bench = run(engine, 4000, {
    tick: (i) => {
      if (i === 1500) (p.target as FormulaTarget).set({ kind: 'pose', pose: other });
    },
  });
  assert.ok(away(bench, other) < 0.003, `${away(bench, other)} m away`);
});

test('weights may change while it runs: without weight on the tool the arm comes to rest on its way', () => {
  const p = problem();
  const engine = engineFor(p);
  const bench = run(engine, 2500, {
    tick: (i) => {
      if (i !== 400) return;
      for (const term of p.terms) {
        if (term.name !== 'position' && term.name !== 'orientation') continue;
        term.weight = 0;
        term.final = 0;
      }
    },
  });
  assert.ok(away(bench, GOAL) > 0.03, `${away(bench, GOAL)} m away`);
  assert.ok(
    bench.view('out.qd').every((v) => Math.abs(v) < 0.02),
    String(bench.view('out.qd')),
  );
});

test('a plan that comes late is met where it begins: with and without compensation', () => {
  const jump = (late: number, claimed: number): number => {
    let worst = 0;
    let seq = 0;
    run(engineFor(problem()), 1500, {
      every: 40,
      late,
      claimed,
      tick: (i, b) => {
        if (b.get('in.plan.seq') !== seq && i > 500) {
          // How far the nominal speed is from that of the command when the plan takes over.
          for (let k = 0; k < N; k++) {
            worst = Math.max(worst, Math.abs(b.view('in.plan.x')[N + k]! - b.view('out.qd')[k]!));
          }
        }
        seq = b.get('in.plan.seq');
      },
    });
    return worst;
  };
  const good = jump(30, 30);
  const bad = jump(30, 1);
  assert.ok(good < 0.5 * bad, `${good} rad/s with, ${bad} rad/s without`);
});

test('NaN dynamics: a named failure, the last good plan stays in force, and planning goes on afterwards', () => {
  const system = new Fragile(N, 0.02);
  const engine = engineFor(problem({ system }));
  const block = new Float64Array(planLayout(N).size);
  const bench = run(engine, 300);
  engine.write(block);
  const good = block.slice();
  system.broken = true;
  assert.equal(engine.attempt(bench.time), PlanProblem.notFinite);
  assert.match(engine.failure, /NaN/);
  engine.write(block);
  assert.equal(block[at.problem], PlanProblem.notFinite);
  block[at.problem] = 0;
  assert.deepEqual(block, good, 'nothing of the plan has changed');
  system.broken = false;
  assert.equal(engine.attempt(bench.time), PlanProblem.none);
  assert.equal(engine.failure, '');
  engine.write(block);
  assert.equal(block[at.seq], good[at.seq]! + 1);
  assert.equal(block[at.problem], PlanProblem.none);
});

test('a measured state that is not finite is a failure of that attempt alone', () => {
  const engine = engineFor(problem());
  const bench = run(engine, 50);
  const q = bench.view('out.q')[2]!;
  bench.view('out.q')[2] = Number.NaN;
  engine.see(bench.block);
  assert.equal(engine.attempt(bench.time), PlanProblem.notFinite);
  assert.match(engine.failure, /predicted/);
  bench.view('out.q')[2] = q;
  engine.see(bench.block);
  assert.equal(engine.attempt(bench.time), PlanProblem.none);
});

test('limits that become impossible while it runs are named, and the last plan stays', () => {
  const p = problem();
  const engine = engineFor(p);
  const bench = run(engine, 100);
  p.lower[3] = 5;
  p.upper[3] = -5;
  assert.equal(engine.attempt(bench.time), PlanProblem.invalid);
  assert.match(engine.failure, /lower\[3\]/);
  assert.ok(engine.has);
});

test('zero horizon, too long a horizon, no length of a stage, the wrong arm: refused by name', () => {
  const three = new FrameView({ n: 3, frame: () => 0, pose: () => {}, jacobian: () => {} }, 'tip');
  const few = {
    min: limits.min.slice(0, 3),
    max: limits.max.slice(0, 3),
    speed: limits.speed.slice(0, 3),
    control: limits.control.slice(0, 3),
  };
  const changes: readonly (readonly [() => Partial<ArmProblemOptions>, RegExp])[] = [
    [() => ({ horizon: 0 }), /horizon is 0/],
    [() => ({ horizon: 101 }), /at most 100/],
    [() => ({ system: new CommandSystem(N, 0) }), /dt is 0/],
    [() => ({ system: new CommandSystem(N, 2) }), /dt is 2/],
    [() => ({ system: new CommandSystem(3, 0.02), view: three, limits: few }), /the arm has 7/],
  ];
  for (const [change, words] of changes) {
    assert.throws(
      () => engineFor(problem(change())),
      (e) => e instanceof ArmloopError && e.code === 'PLAN_PROBLEM_INVALID' && words.test(e.message),
      String(words),
    );
  }
});

test('the same ticks give the same plans to the last bit', () => {
  const plans = (): Float64Array => {
    const engine = engineFor(problem());
    run(engine, 400);
    const block = new Float64Array(planLayout(N).size);
    engine.write(block);
    return block;
  };
  assert.deepEqual(plans(), plans());
});
