import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StepCode } from '../../src/control/controller.ts';
import { planDemonstration, type TeacherOptions, type TeacherPlan } from '../../src/control/teacher.ts';
import { trajectoryArgs } from '../../src/control/trajectory.ts';
import { Rng } from '../../src/math/rng.ts';
import type { TaskPhase } from '../../src/robot/task.ts';
import { ControllerId } from '../../src/robot/tick.ts';
import { Bench, HOME, model, PERIOD, spec } from '../support/bench-arm.ts';

const phases: readonly TaskPhase[] = [
  {
    name: 'approach',
    at: 'thing',
    offset: [0, 0, 0.1],
    turn: 4,
    opening: 0.08,
    seconds: 1,
    spread: { level: 0.03, height: 0.02, turn: 0.2 },
    free: true,
  },
  { name: 'descend', at: 'thing', offset: [0, 0, 0.01], turn: 4, opening: 0.08, seconds: 0.8, free: false },
  { name: 'close', at: 'thing', offset: [0, 0, 0.01], turn: 4, opening: 0.02, seconds: 0.4, free: false },
  { name: 'lift', at: 'thing', offset: [0, 0, 0.2], turn: 'keep', opening: 0.02, seconds: 0.8, free: true },
];

/** A thing on the table, turned by `yaw`. */
const thing = (x: number, y: number, yaw: number): Float64Array =>
  Float64Array.of(x, y, 0.02, 0, 0, Math.sin(yaw / 2), Math.cos(yaw / 2));

function plan(pose: Float64Array, seed: number, options: TeacherOptions = {}): TeacherPlan {
  const scene = { q: HOME, pose: (name: string) => (name === 'thing' ? pose : null) };
  return planDemonstration(spec, model, phases, scene, new Rng(seed), options);
}

/** Tool pose at the end of a phase. */
function toolAt({ waypoints, times, phases: made }: TeacherPlan, phase: string): Float64Array {
  const { end } = made.find((p) => p.name === phase)!;
  const k = times.findIndex((t) => t >= end - 1e-9);
  const pose = new Float64Array(7);
  model.pose(waypoints[k]!, model.tool, pose);
  return pose;
}

/** Turn of the tool's x axis about the vertical. */
const turnOf = (p: Float64Array): number =>
  Math.atan2(2 * (p[3]! * p[4]! + p[6]! * p[5]!), 1 - 2 * (p[4]! ** 2 + p[5]! ** 2));

describe('teacher', () => {
  it('goes where the phases say, tool down, turned to the nearest of the symmetric grasps', () => {
    for (const yaw of [0, 0.5, 1.2, -2.9]) {
      const made = plan(thing(0.45, -0.1, yaw), 1, { variation: 0 });
      const pose = toolAt(made, 'close');
      // A sample may lie up to one distance after the end of the phase, on the way up.
      assert.ok(Math.hypot(pose[0]! - 0.45, pose[1]! + 0.1) < 2e-3, `${pose}`);
      assert.ok(pose[2]! > 0.028 && pose[2]! < 0.05, `${pose[2]}`);
      const off = turnOf(pose) - yaw;
      const quarter = Math.PI / 2;
      assert.ok(
        Math.abs(off - quarter * Math.round(off / quarter)) < 1e-3,
        `yaw ${yaw}: turned by ${turnOf(pose)}`,
      );
      const start = new Float64Array(7);
      model.pose(HOME, model.tool, start);
      assert.ok(
        Math.abs(turnOf(pose) - turnOf(start)) <= Math.PI / 4 + 1e-6,
        'by at most an eighth of a turn',
      );
    }
  });

  it('varies with the seed, and not without', () => {
    const pose = thing(0.5, 0, 0.3);
    assert.deepEqual(plan(pose, 7), plan(pose, 7));
    assert.notDeepEqual(plan(pose, 7).waypoints, plan(pose, 8).waypoints);
    assert.deepEqual(
      plan(pose, 7, { variation: 0 }).waypoints.at(-1),
      plan(pose, 8, { variation: 0 }).waypoints.at(-1),
    );
    const misses = Array.from({ length: 20 }, (_, seed) => {
      const hover = toolAt(plan(pose, seed), 'approach');
      return Math.hypot(hover[0]! - 0.5, hover[1]!);
    });
    assert.ok(Math.max(...misses) > 0.015, 'the hover misses');
    const made = Array.from({ length: 20 }, (_, seed) => {
      const grasp = toolAt(plan(pose, seed), 'close');
      return Math.hypot(grasp[0]! - 0.5, grasp[1]!);
    });
    assert.ok(Math.max(...made) < 4e-3, 'and the grasp makes up for it');
  });

  it('is one smooth motion: the trajectory controller runs it inside the limits, without a jump in acceleration', () => {
    for (const seed of [1, 2, 3]) {
      const { waypoints, times } = plan(thing(0.4, 0.1, 0.7), seed);
      const bench = new Bench(ControllerId.trajectory);
      assert.equal(bench.reset(trajectoryArgs(waypoints, { times, path: 'samples' })), StepCode.ok);
      const rows: Float64Array[] = [Float64Array.from(bench.view('out.q'))];
      bench.finish(20 / PERIOD, () => rows.push(Float64Array.from(bench.view('out.q'))));
      for (let k = 0; k < spec.armAxes; k++) {
        const axis = spec.axes[k]!;
        const v = rows.slice(1).map((r, i) => (r[k]! - rows[i]![k]!) / PERIOD);
        const a = v.slice(1).map((x, i) => (x - v[i]!) / PERIOD);
        assert.ok(Math.max(...v.map(Math.abs)) <= axis.velocity, axis.name);
        assert.ok(Math.max(...a.map(Math.abs)) <= axis.acceleration, axis.name);
        const jumps = a.slice(1).map((x, i) => Math.abs(x - a[i]!));
        assert.ok(
          Math.max(...jumps) <= axis.jerk * PERIOD,
          `${axis.name}: ${Math.max(...jumps) / PERIOD} rad/s³`,
        );
      }
      const end = rows.at(-1)!;
      waypoints.at(-1)!.forEach((q, k) => {
        assert.ok(Math.abs(q - end[k]!) < 1e-9);
      });
    }
  });

  it('pushes in free phases alone, by a few centimetres', () => {
    let pushes = 0;
    for (let seed = 0; seed < 30; seed++) {
      const made = plan(thing(0.55, -0.2, 0), seed, { disturb: 'push' });
      assert.equal(made.drawn['push.count'], made.pushes.length);
      for (const { start, duration, axes } of made.pushes) {
        pushes++;
        const inside = made.phases.find((p) => start >= p.start && start + duration <= p.end + 1e-9);
        assert.ok(inside !== undefined && ['approach', 'lift'].includes(inside.name), `seed ${seed}`);
        const k = made.times.findIndex((t) => t >= start + duration / 2);
        const pose = new Float64Array(7);
        const pushed = new Float64Array(7);
        model.pose(made.waypoints[k]!, model.tool, pose);
        model.pose(
          made.waypoints[k]!.map((q, a) => q + axes[a]!),
          model.tool,
          pushed,
        );
        const by = Math.hypot(...[0, 1, 2].map((i) => pushed[i]! - pose[i]!));
        assert.ok(by > 0.005 && by < 0.06, `${by} m`);
      }
    }
    assert.ok(pushes > 20, `${pushes} pushes in 30 demonstrations`);
    assert.deepEqual(plan(thing(0.5, 0, 0), 1).pushes, []);
  });

  it('says which phase it cannot plan, and why', () => {
    assert.throws(() => plan(thing(1.4, 0, 0), 1), {
      code: 'TEACHER_NO_PLAN',
      message: /approach.*no nearer/,
    });
    const scene = { q: HOME, pose: () => null };
    assert.throws(() => planDemonstration(spec, model, phases, scene, new Rng(1)), {
      code: 'TEACHER_NO_PLAN',
      message: /there is no thing/,
    });
  });
});
