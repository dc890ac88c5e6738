/** From a choice to a pilot: what is refused, and the code that is made for the arm and kept. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { loadRobot } from '../../../src/config.ts';
import { openPilot } from '../../../src/plan/mpc/open.ts';
import type { MpcPilot } from '../../../src/plan/mpc/pilot.ts';
import { createSolver } from '../../../src/plan/mpc/solver.ts';
import { PlanProblem } from '../../../src/robot/plan.ts';
import { packageRoot } from '../../../src/root.ts';

const spec = loadRobot(resolve(packageRoot(), 'robots', 'panda-sim.yaml'));
const HOME = Float64Array.from(spec.axes, (a) => a.home);
const target = { kind: 'pose' as const, pose: [0.5, 0.2, 0.35, 1, 0, 0, 0] };

const open = (code?: string, weights = {}): MpcPilot =>
  openPilot({
    spec,
    choice: { task: 'reach', drive: 'torque', target, weights },
    scene: null,
    plant: null,
    solver: createSolver(),
    ...(code === undefined ? {} : { code }),
  });

/** The first plan from home at rest. */
function firstPlan({ engine }: MpcPilot): Float64Array {
  engine.begin(0);
  engine.predictor.rest(HOME);
  assert.equal(engine.attempt(0), PlanProblem.none, engine.failure);
  return engine.plan.us.slice();
}

test('code made for an arm is kept, taken again, made anew when it is damaged, and never another plan', () => {
  const folder = mkdtempSync(join(tmpdir(), 'armloop-code-'));
  try {
    const plan = firstPlan(open());
    assert.deepEqual(firstPlan(open(folder)), plan, 'as without a folder');
    const files = readdirSync(folder).map((name) => join(folder, name));
    assert.ok(files.length > 0, 'something is kept');
    const written = files.map((file) => statSync(file, { bigint: true }).mtimeNs);
    assert.deepEqual(firstPlan(open(folder)), plan, 'from what was kept');
    assert.deepEqual(
      files.map((file) => statSync(file, { bigint: true }).mtimeNs),
      written,
      'nothing was made again',
    );
    const whole = files.map((file) => readFileSync(file));
    for (const file of files) writeFileSync(file, readFileSync(file).subarray(0, -1));
    assert.deepEqual(firstPlan(open(folder)), plan, 'after damage');
    assert.deepEqual(
      files.map((file) => readFileSync(file)),
      whole,
      'whole again',
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a weight of a control at the last state is refused, at the start and while it drives, and changes nothing', () => {
  const refused = { code: 'PLAN_PROBLEM_INVALID', message: /final weight of effort.*no control/ };
  assert.throws(() => open(undefined, { effort: { final: 1 } }), refused);
  const pilot = open();
  const before = pilot.terms;
  assert.throws(() => pilot.set({ weights: { position: { weight: 1 }, effort: { final: 1 } } }), refused);
  assert.deepEqual(pilot.terms, before);
  pilot.set({ weights: { position: { weight: 1 }, effort: { final: 0, weight: 0.5 } } });
  assert.deepEqual(
    pilot.terms.flatMap((t) => (t.name === 'position' || t.name === 'effort' ? [t.weight] : [])),
    [1, 0.5],
  );
});
