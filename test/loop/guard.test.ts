import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { WORKSPACE_OVERSHOOT } from '../../src/loop/workspace.ts';
import { Rng } from '../../src/math/rng.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { Mode, Reason } from '../../src/robot/tick.ts';
import { Bench, panda, ScriptController } from '../support/loop-rig.ts';

type Script = ScriptController['script'];

/** Checks, tick by tick, what the guard promises about its output, from out.q alone. */
class Witness {
  readonly #spec: RobotSpec;
  readonly #q: Float64Array;
  readonly #v: Float64Array;
  readonly #a: Float64Array;
  #fresh = true;
  worstWall = Number.NEGATIVE_INFINITY;

  constructor(spec: RobotSpec) {
    this.#spec = spec;
    const n = spec.axes.length;
    this.#q = new Float64Array(n);
    this.#v = new Float64Array(n);
    this.#a = new Float64Array(n);
  }

  look(bench: Bench): void {
    const dt = 1 / this.#spec.loop.rateHz;
    const at = `tick ${bench.get('in.tick')}`;
    this.#spec.axes.forEach((axis, i) => {
      const q = bench.get('out.q', i);
      const v = this.#fresh ? bench.get('out.qd', i) : (q - this.#q[i]!) / dt;
      const a = this.#fresh ? bench.get('out.qdd', i) : (v - this.#v[i]!) / dt;
      const where = `${axis.name}, ${at}: q ${q} v ${v} a ${a}`;
      assert.ok(q <= axis.max + 1e-9 && q >= axis.min - 1e-9, `position of ${where}`);
      assert.ok(Math.abs(v) <= axis.velocity + 1e-9, `velocity of ${where}`);
      // Differences of q: rounding of 1e-16 / dt² and / dt³.
      assert.ok(Math.abs(a) <= axis.acceleration + 1e-8, `acceleration of ${where}`);
      if (!this.#fresh)
        assert.ok(Math.abs(a - this.#a[i]!) <= axis.jerk * dt + 1e-8, `jerk of ${where} after ${this.#a[i]}`);
      assert.ok(Math.abs(bench.get('out.qd', i) - v) < 1e-9);
      assert.ok(Math.abs(bench.get('out.qdd', i) - a) < 1e-7, where);
      this.#q[i] = q;
      this.#v[i] = v;
      this.#a[i] = a;
    });
    for (let k = 0; k < 3; k++) {
      const x = bench.get('out.toolCmd', k);
      this.worstWall = Math.max(
        this.worstWall,
        x - this.#spec.workspace.max[k]!,
        this.#spec.workspace.min[k]! - x,
      );
    }
    this.#fresh = false;
  }
}

const open: RobotSpec = {
  ...panda().spec,
  workspace: { min: [-3, -3, -3], max: [3, 3, 3] },
  limits: { ...panda().spec.limits, startRampMs: 0 },
};
const slowJerk: RobotSpec = {
  ...open,
  axes: open.axes.map((axis, i) => (i < 7 ? { ...axis, velocity: 2, acceleration: 5, jerk: 100 } : axis)),
};

const noise = (spec: RobotSpec, seed: number, every: number, reach: number): Script => {
  const rng = new Rng(seed);
  const goal = spec.axes.map((axis) => axis.home);
  return (tick, self) => {
    const { layout } = self.context.tick;
    const rq = layout.at('out.requested.q');
    const rqd = layout.at('out.requested.qd');
    spec.axes.forEach((axis, i) => {
      const span = (axis.max - axis.min) * reach;
      if (rng.below(every) === 0) goal[i] = rng.uniform(axis.min - span, axis.max + span);
      tick[rq + i] = goal[i]!;
      tick[rqd + i] = rng.below(3) === 0 ? rng.uniform(-9, 9) : 0;
    });
    return StepCode.ok;
  };
};
const bang = (spec: RobotSpec, seed: number, period: number): Script => {
  const rng = new Rng(seed);
  const signs = spec.axes.map(() => 1);
  let k = 0;
  return (tick, self) => {
    const speeds = spec.axes.map((_, i) => {
      if ((k + i * 37) % period === 0 || rng.below(period) === 0) signs[i] = -signs[i]!;
      return signs[i]! * 50;
    });
    k++;
    return ScriptController.speeds(speeds)(tick, self);
  };
};

for (const [name, spec] of [
  ['panda limits', open],
  ['vmax 2, amax 5, jmax 100', slowJerk],
] as const) {
  for (const [how, make] of [
    ['jumps far beyond the limits', (s: number) => noise(spec, s, 200, 2)],
    ['jumps inside the limits, many a second', (s: number) => noise(spec, s, 20, -0.1)],
    ['a new jump every tick', (s: number) => noise(spec, s, 1, 0.5)],
    ['bang-bang speeds', (s: number) => bang(spec, s, 300)],
    ['slow bang-bang speeds', (s: number) => bang(spec, s, 4000)],
  ] as const) {
    test(`no limit is ever left: ${name}, ${how}`, async () => {
      for (let seed = 1; seed <= 2; seed++) {
        const bench = new Bench({ spec });
        const witness = new Witness(spec);
        await bench.drive(make(seed));
        await bench.run(4000, () => witness.look(bench));
        assert.equal(bench.mode, 'active');
        // And the stop from wherever that was.
        await bench.ask({ kind: 'estop' });
        witness.look(bench);
        while (bench.get('out.mode') !== Mode.stopped) await bench.run(1, () => witness.look(bench));
      }
    });
  }
}

test('a request inside the limits comes out bit for bit', async () => {
  const bench = new Bench({ spec: open });
  const home = open.axes.map((a) => a.home);
  let k = 0;
  const want = new Float64Array(8);
  await bench.drive((tick, self) => {
    const { layout } = self.context.tick;
    const t = k++ / 1000;
    const rise = t < 1 ? t * t * t * (10 + t * (6 * t - 15)) : 1;
    home.forEach((q, i) => {
      want[i] = q + (i < 7 ? 0.2 * Math.sin(2 * t) : -0.01) * rise;
      tick[layout.at('out.requested.q') + i] = want[i]!;
    });
    return StepCode.ok;
  });
  await bench.run(3000, (b) => {
    assert.deepEqual([...b.view('out.q')], [...want]);
    assert.equal(b.get('out.reasonAll'), 0);
  });
});

for (const [name, spec, limit] of [
  ['panda limits', open, 3000],
  ['slow jerk', slowJerk, 6000],
] as const) {
  test(`a request far away is approached, reached exactly, and kept: ${name}`, async () => {
    const bench = new Bench({ spec });
    const goal = spec.axes.map((a) => (a.name === 'gripper' ? 0.01 : a.min + 0.2 * (a.max - a.min)));
    await bench.drive(ScriptController.target(goal));
    const witness = new Witness(spec);
    let past = 0;
    const from = spec.axes.map((a) => a.home);
    await bench.run(limit, (b) => {
      witness.look(b);
      goal.forEach((g, i) => {
        past = Math.max(past, (b.get('out.q', i) - g) * Math.sign(g - from[i]!));
      });
    });
    assert.deepEqual([...bench.view('out.q')], goal);
    assert.ok(bench.view('out.qd').every((v) => v === 0));
    assert.equal(bench.get('out.reasonAll'), 0);
    assert.ok(past < 0.02, `went ${past} rad past the target`);
  });
}

test('a speed that is asked for is reached and held exactly', async () => {
  const bench = new Bench({ spec: open });
  const speeds = [0.5, -0.3, 0.2, 0.1, -0.4, 0.3, 0.25, -0.05];
  await bench.drive(ScriptController.speeds(speeds), 300);
  await bench.run(50, (b) => {
    for (const [i, v] of speeds.entries()) assert.ok(Math.abs(b.get('out.qd', i) - v) < 1e-9);
  });
});

test('reasons name the limit that is active', async () => {
  const bench = new Bench({ spec: open });
  const goal = open.axes.map((a) => a.home);
  goal[0] = 9;
  await bench.drive(ScriptController.target(goal));
  assert.equal(bench.get('out.reason', 0) & Reason.jerk, Reason.jerk);
  assert.equal(bench.get('out.reason', 1), 0);
  await bench.run(100);
  assert.equal(bench.get('out.reason', 0) & Reason.acceleration, Reason.acceleration);
  await bench.run(400);
  assert.equal(bench.get('out.reason', 0) & Reason.velocity, Reason.velocity);
  await bench.run(4000);
  assert.equal(bench.get('out.reason', 0), Reason.position);
  assert.equal(bench.get('out.reasonAll'), Reason.position);
  assert.equal(bench.get('out.q', 0), open.axes[0]!.max);
});

test('effort is clamped and said', async () => {
  const bench = new Bench({ spec: open });
  await bench.drive((tick, self) => {
    ScriptController.target(open.axes.map((a) => a.home))(tick, self);
    tick[self.context.tick.layout.at('out.requested.tau') + 4] = -40;
    return StepCode.ok;
  });
  await bench.run(2);
  assert.equal(bench.get('out.tau', 4), -12);
  assert.equal(bench.get('out.reason', 4), Reason.torque);
});

test('after activation the speed is ramped in', async () => {
  const { spec } = panda();
  const bench = new Bench({ spec });
  const goal = spec.axes.map((a) => a.home);
  goal[6] = 1;
  await bench.drive(ScriptController.target(goal));
  const axis = spec.axes[6]!;
  let ramped = 0;
  await bench.run(spec.limits.startRampMs - 5, (b) => {
    const part = (b.get('in.tick') - 2) / spec.limits.startRampMs;
    assert.ok(b.get('out.qd', 6) <= Math.max(0.03, part) * axis.velocity + 0.05);
    if ((b.get('out.reasonAll') & Reason.startRamp) !== 0) ramped++;
  });
  assert.ok(ramped > 200);
});

test('the tool stays in its box to within the stated bound, whatever is asked', async () => {
  const { spec } = panda();
  let worst = Number.NEGATIVE_INFINITY;
  let limited = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const bench = new Bench({ spec });
    const witness = new Witness(spec);
    await bench.drive(seed % 2 === 0 ? bang(spec, seed, 2500) : noise(spec, seed, 900, 0));
    await bench.run(5000, (b) => {
      witness.look(b);
      if ((b.get('out.reasonAll') & Reason.workspace) !== 0) limited++;
    });
    worst = Math.max(worst, witness.worstWall);
    await bench.ask({ kind: 'estop' });
    witness.look(bench);
    while (bench.get('out.mode') !== Mode.stopped) await bench.run(1, (b) => witness.look(b));
    worst = Math.max(worst, witness.worstWall);
  }
  assert.ok(limited > 2000, `the walls were met in only ${limited} ticks`);
  assert.ok(worst <= WORKSPACE_OVERSHOOT, `${worst} m past a wall`);
});

test('driven at the table, the tool stops above it and slides along it', async () => {
  const { spec, model } = panda();
  const bench = new Bench({ spec });
  const J = new Float64Array(6 * 8);
  // Straight down and forward, by the transposed Jacobian: plain, but it gets there.
  await bench.drive((tick, self) => {
    const { layout } = self.context.tick;
    const q = layout.view(tick, 'out.q').slice();
    model.jacobian(q, model.tool, J);
    const speeds = new Array<number>(8).fill(0);
    for (let i = 0; i < 7; i++) speeds[i] = 0.6 * J[i]! * 0.3 - 1.2 * J[16 + i]!;
    return ScriptController.speeds(speeds)(tick, self);
  });
  const witness = new Witness(spec);
  for (let i = 0; i < 4000 && bench.get('out.toolCmd', 2) > 0.01; i++)
    await bench.run(1, (b) => witness.look(b));
  assert.ok(bench.get('out.toolCmd', 2) <= 0.01, 'it was to get down');
  assert.equal(bench.get('out.reasonAll') & Reason.workspace, Reason.workspace);
  const before = bench.get('out.toolCmd', 0);
  let low = 1;
  await bench.run(600, (b) => {
    witness.look(b);
    low = Math.min(low, b.get('out.toolCmd', 2));
    assert.ok(b.get('out.toolCmd', 2) < 0.012);
  });
  assert.ok(low > -WORKSPACE_OVERSHOOT, `lowest ${low}`);
  const way = bench.get('out.toolCmd', 0) - before;
  assert.ok(way > 0.005, `it slid ${way} m`);
});

test('a start outside the joint limits or the box: no jump, and only the way in is open', async () => {
  const { spec } = panda();
  const bench = new Bench({ spec });
  const max = spec.axes[5]!.max;
  bench.device.q[5] = max + 0.05;
  await bench.drive(ScriptController.speeds([0, 0, 0, 0, 0, 0.5, 0, 0]));
  await bench.run(400, (b) => assert.ok(b.get('out.q', 5) <= max + 0.05 + 1e-9));
  assert.equal(bench.get('out.q', 5), max + 0.05);
  bench.script.script = ScriptController.speeds([0, 0, 0, 0, 0, -0.5, 0, 0]);
  let last = bench.get('out.q', 5);
  await bench.run(300, (b) => {
    assert.ok(b.get('out.q', 5) <= last + 1e-12);
    last = b.get('out.q', 5);
  });
  assert.ok(last < max);
  bench.script.script = ScriptController.speeds([0, 0, 0, 0, 0, 0.5, 0, 0]);
  await bench.run(1500);
  assert.ok(
    bench.get('out.q', 5) <= max + 1e-9 && bench.get('out.q', 5) > max - 1e-3,
    'back at the real limit',
  );

  const boxed: RobotSpec = { ...spec, workspace: { min: [-0.1, -0.7, 0], max: [0.45, 0.7, 1.1] } };
  const outside = new Bench({ spec: boxed });
  await outside.run(2);
  const x = outside.get('out.tool', 0);
  assert.ok(x > 0.46, `home is at ${x}`);
  await outside.drive(ScriptController.speeds([0, 0.5, 0, 0.5, 0, 0, 0, 0]));
  await outside.run(800, (b) =>
    assert.ok(b.get('out.toolCmd', 0) <= x + 1e-3, `${b.get('out.toolCmd', 0)} from ${x}`),
  );
  outside.script.script = ScriptController.speeds([0, -0.3, 0, -0.3, 0, 0, 0, 0]);
  await outside.run(1500);
  assert.ok(outside.get('out.toolCmd', 0) < 0.45, 'the way in is open');
  outside.script.script = ScriptController.speeds([0, 0.5, 0, 0.5, 0, 0, 0, 0]);
  await outside.run(3000, (b) => assert.ok(b.get('out.toolCmd', 0) <= 0.45 + WORKSPACE_OVERSHOOT));
});
