// @limit 240
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Push, runMpc } from '../../bench/mpc-lockstep.ts';
import { createControllers } from '../../src/control/index.ts';
import { verifyTicks } from '../../src/loop/verify.ts';
import { loadKinematics } from '../../src/model/load.ts';
import type { MpcChoice } from '../../src/plan/mpc/choice.ts';
import { createSolver } from '../../src/plan/mpc/solver.ts';
import type { Drive } from '../../src/plan/mpc/tasks.ts';
import { MemorySink } from '../../src/record/sink.ts';
import { cellParts } from '../../src/rig/cell-parts.ts';
import { PlanProblem } from '../../src/robot/plan.ts';
import { CommandMode, Mode, Reason, requestLayout, Source, tickRecordLayout } from '../../src/robot/tick.ts';
import { cellSpec, LockstepCell } from '../../src/session/cell.ts';
import { MpcDriver, type MpcDriverOptions } from '../../src/session/mpc-driver.ts';
import { simRobot } from '../support/sim-rig.ts';

const spec = { ...simRobot('reach'), cameras: [] };
const layout = tickRecordLayout(spec);
const GOAL = [0.5, 0.2, 0.35];
const reach = (drive: Drive): MpcChoice => ({
  task: 'reach',
  drive,
  target: { kind: 'pose', pose: [...GOAL, 1, 0, 0, 0] },
});

interface Seen {
  readonly away: number[];
  readonly reasons: number[];
  readonly modes: number[];
  readonly plans: number[];
  readonly records: Float64Array[];
}

async function run(
  options: Omit<MpcDriverOptions, 'solver'>,
  ticks: number,
  more: { push?: Push; each?: (i: number, driver: MpcDriver) => void; keep?: boolean } = {},
): Promise<Seen & { driver: MpcDriver; requests: Map<number, Float64Array>; memory: Float64Array }> {
  const driver = new MpcDriver({ ...options, solver: createSolver });
  const seen = { away: [], reasons: [], modes: [], plans: [], records: [] } as {
    [K in keyof Seen]: Seen[K] extends number[] ? number[] : Float64Array[];
  };
  const requests = new Map<number, Float64Array>();
  let memory = new Float64Array(0);
  const tool = layout.at('out.tool');
  await runMpc({
    spec,
    driver,
    ticks,
    ...(more.push === undefined ? {} : { push: more.push }),
    memory: (m) => {
      memory = m.slice();
    },
    tick: (r, request) => {
      more.each?.(seen.away.length, driver);
      seen.away.push(Math.hypot(r[tool]! - GOAL[0]!, r[tool + 1]! - GOAL[1]!, r[tool + 2]! - GOAL[2]!));
      seen.reasons.push(r[layout.at('out.reasonAll')]!);
      seen.modes.push(r[layout.at('out.mode')]!);
      seen.plans.push(r[layout.at('in.plan.seq')]!);
      if (more.keep) seen.records.push(r.slice());
      if (request !== null) requests.set(request[requestLayout.at('seq')]!, request.slice());
    },
  });
  return { ...seen, driver, requests, memory };
}

const last = <T>(list: readonly T[]): T => list[list.length - 1]!;
const worst = (list: readonly number[], from: number, to = list.length): number =>
  Math.max(...list.slice(from, to));

for (const drive of ['position', 'torque'] as const) {
  test(`${drive}: the simulated arm reaches its target and stays, without a word of the guard`, async () => {
    const { away, reasons, plans, driver } = await run({ choice: reach(drive) }, 3000);
    assert.ok(worst(away, 2500) < 0.002, `${worst(away, 2500)} m away`);
    const clipped =
      Reason.velocity | Reason.acceleration | Reason.position | Reason.workspace | Reason.torque;
    assert.equal(reasons.reduce((a, b) => a | b, 0) & (clipped | Reason.planLate | Reason.planFailed), 0);
    assert.ok(last(plans) > 200, `${last(plans)} plans`);
    assert.equal(driver.status!.failed, 0);
  });
}

test('torque: a push of 0.2 s is given way to and made up for; feedback works between plans', async () => {
  const push: Push = (t, torque) => {
    if (t < 3.5 || t > 3.7) return;
    torque[0] = 25;
    torque[3] = -20;
  };
  const fast = await run({ choice: reach('torque') }, 5000, { push });
  assert.ok(worst(fast.away, 2000, 2400) < 0.002);
  const peak = worst(fast.away, 2500, 3200);
  assert.ok(peak > 0.01, `a push that moves nothing tells nothing: ${peak}`);
  assert.ok(worst(fast.away, 4500) < 0.003, `${worst(fast.away, 4500)} m away after the push`);
  // A planner that is slow: what acts within the first 100 ms of the push is K alone.
  const slow = await run({ choice: reach('torque'), latencyMs: 120 }, 6000, { push });
  assert.ok(worst(slow.away, 2500, 3200) < 3 * peak, `${worst(slow.away, 2500, 3200)} against ${peak}`);
  assert.ok(worst(slow.away, 5500) < 0.005, `${worst(slow.away, 5500)} m away at last`);
});

test('a planner that falls silent: followed, late, then braked and held, then latched', async () => {
  let stopped = -1;
  const { plans, reasons, modes, away } = await run({ choice: reach('torque') }, 2600, {
    each: (i, driver) => {
      // In full motion its producer dies.
      if (i === 600) {
        stopped = i;
        for (const p of driver.producers) p.due = () => false;
      }
    },
  });
  const ended = plans.lastIndexOf(last(plans.slice(0, stopped + 20)));
  assert.ok(ended > stopped);
  const first = (bit: number): number => reasons.findIndex((r, i) => i > stopped && (r & bit) !== 0);
  const [late, held] = [first(Reason.planLate), first(Reason.underrun)];
  assert.ok(late >= stopped + 40 && late <= stopped + 60, `late after ${late - stopped} ms`);
  assert.ok(held >= stopped + 190 && held <= stopped + 210, `held after ${held - stopped} ms`);
  assert.equal(modes[held + 500], Mode.active, 'waits for a plan, held');
  // It came to rest by itself long before the latch.
  assert.ok(Math.abs(away[held + 800]! - away[held + 600]!) < 1e-4);
  const latched = modes.findIndex((m, i) => i > held && m === Mode.stopped);
  assert.ok(latched > held + 950 && latched < held + 1100, `latched after ${latched - held} ms`);
});

test('NaN in the model: attempts fail by name, the last good plan is followed while it is young, then held; and back', async () => {
  const { reasons, modes, away, driver } = await run({ choice: reach('position') }, 4000, {
    each: (i, d) => {
      const { problem } = d.pilot.engine;
      // The limits are read at each solve.
      if (i === 500) problem.upper![2] = Number.NaN;
      if (i === 900) problem.upper![2] = 5;
    },
  });
  assert.ok(driver.status!.failed > 10);
  assert.equal(driver.status!.problem, PlanProblem.none);
  const flagged = (from: number, to: number, bit: number): boolean =>
    reasons.slice(from, to).some((r) => (r & bit) !== 0);
  assert.ok(flagged(500, 530, Reason.planFailed));
  assert.ok(!flagged(500, 540, Reason.planLate | Reason.underrun), 'young plans are followed');
  assert.ok(flagged(690, 760, Reason.underrun), 'old ones are not');
  assert.ok(modes.every((m) => m !== Mode.stopped));
  assert.ok(!flagged(960, 4000, Reason.planFailed | Reason.underrun));
  assert.ok(worst(away, 3800) < 0.002, 'it went on to its target');
});

test('every tick of it is computed again bit for bit, with what was in effect of each plan', async () => {
  const { records, requests, memory } = await run({ choice: reach('torque') }, 900, { keep: true });
  const K = layout.at('in.plan.K');
  assert.ok(records.some((r) => r[layout.at('out.source')] === Source.mpc && r[K] !== 0));
  assert.ok(records.some((r) => r[layout.at('out.commandMode')] === CommandMode.torque));
  const check = (ticks: readonly Float64Array[]) =>
    verifyTicks({
      spec,
      model: loadKinematics(spec),
      controllers: createControllers(spec),
      memory,
      ticks,
      request: (seq) => requests.get(seq),
    });
  assert.deepEqual(await check(records), { ok: true, ticks: 900, difference: null });
  const changed = records.map((r) => r.slice());
  changed[700]![K + 3]! += 1e-12;
  assert.equal((await check(changed)).ok, false, 'a changed gain is noticed');
});

test('pick by phases: the cube is lifted from every seed; the same seed gives the same bytes, whatever ran before', async () => {
  const robot = cellSpec(simRobot('pick-cube'), { cameras: [] });
  const cell = await LockstepCell.open({ spec: robot, parts: cellParts });
  try {
    const hashes: string[] = [];
    for (const seed of [3, 4, 3]) {
      const sink = new MemorySink();
      const driver = new MpcDriver({ choice: { task: 'phases' }, solver: createSolver });
      const record = { sink, id: `mpc-${seed}`, wallOffsetNs: 1_700_000_000_000_000_000n, operator: 'test' };
      const outcome = await cell.run({ seed, driver, record });
      assert.equal(outcome.reason, 'success', `seed ${seed}: ${JSON.stringify(outcome.fault)}`);
      assert.ok(outcome.timeToSuccess < 8, `${outcome.timeToSuccess} s`);
      assert.deepEqual(outcome.summary!.sources, ['mpc']);
      hashes.push(createHash('sha256').update(sink.bytes()).digest('hex'));
    }
    assert.equal(hashes[0], hashes[2]);
    assert.notEqual(hashes[0], hashes[1]);
  } finally {
    await cell[Symbol.asyncDispose]();
  }
});
