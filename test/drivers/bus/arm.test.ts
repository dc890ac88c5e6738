/** The parts of an arm on a bus that are pure: calibration, goals, plausibility. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Goals } from '../../../drivers/bus/arm/goals.ts';
import { JointMap } from '../../../drivers/bus/arm/joint-map.ts';
import { Plausibility } from '../../../drivers/bus/arm/plausible.ts';
import type { AxisSpec } from '../../../src/robot/spec.ts';
import { CommandMode } from '../../../src/robot/tick.ts';

const UNIT = (2 * Math.PI) / 4096;
const axis = (min: number, max: number): AxisSpec => ({
  name: 'a',
  device: 'arm',
  type: 'revolute',
  min,
  max,
  velocity: 2,
  acceleration: 10,
  jerk: 100,
  effort: 1,
  home: min,
  joints: [],
  kp: 0,
  kd: 0,
});

describe('a joint map', () => {
  it('turns steps, speed and torque into those of the axis: direction, gear, offset', () => {
    // A servo that counts the other way behind a 3:1 gear, at 0.5 rad on step 1000.
    const map = new JointMap(axis(-1, 1), {
      direction: -1,
      ratio: 1 / 3,
      zero: 1000,
      offset: 0.5,
      unit: UNIT,
    });
    assert.equal(map.position(1000), 0.5);
    assert.ok(Math.abs(map.position(1000 + 4096) - (0.5 - (2 * Math.PI) / 3)) < 1e-12);
    assert.equal(map.velocity(3), -1);
    assert.equal(map.effort(1), -3, 'a gear makes torque');
    // Power is the same on both sides.
    assert.ok(Math.abs(map.velocity(2) * map.effort(5) - 10) < 1e-12);
  });

  it('finds the nearest step, and none beyond the limits', () => {
    const direction = fc.constantFrom<1 | -1>(1, -1);
    fc.assert(
      fc.property(
        direction,
        fc.double({ min: 0.05, max: 3, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        (d, ratio, q) => {
          const map = new JointMap(axis(-1, 1.5), {
            direction: d,
            ratio,
            zero: 2048,
            offset: 0.2,
            unit: UNIT,
          });
          const steps = map.steps(q);
          const back = map.position(steps);
          const inside = Math.min(Math.max(q, -1), 1.5);
          assert.ok(Math.abs(back - inside) <= 0.5 * Math.abs(map.scale) + 1e-9, `${q} became ${back}`);
          const [low, high] = map.stepLimits;
          assert.ok(low <= steps && steps <= high && low < high);
        },
      ),
      { seed: 3 },
    );
  });
});

describe('goals', () => {
  const make = (): Goals => {
    const goals = new Goals([axis(-1, 1), axis(0, 0.5)], 0.1, 0.002);
    goals.start(Float64Array.of(0.1, 0.2), 0);
    return goals;
  };
  const position = CommandMode.position;
  /** Steps every ms up to `to`; the largest step of each axis. */
  const run = (goals: Goals, from: number, to: number, state: 'known' | 'stalled' = 'known'): number[] => {
    const most = [0, 0];
    for (let t = from; t < to; t += 0.001) {
      const before = Float64Array.from(goals.q);
      goals.step(t, state);
      for (const i of [0, 1]) most[i] = Math.max(most[i]!, Math.abs(goals.q[i]! - before[i]!));
    }
    return most;
  };

  it('stay where they are until the first command', () => {
    const goals = make();
    run(goals, 0, 1);
    assert.deepEqual([...goals.q], [0.1, 0.2]);
  });

  it('follow a command no faster than the axis may go and no further than its limits', () => {
    const goals = make();
    let most = [0, 0];
    for (let t = 0; t < 1; t += 0.01) {
      goals.command(position, Float64Array.of(99, -5, 0), 0, t);
      const now = run(goals, t, t + 0.01);
      most = most.map((m, i) => Math.max(m, now[i]!));
    }
    assert.ok(Math.abs(goals.q[0]! - 1) < 1e-9 && goals.q[1] === 0);
    assert.ok(
      most.every((m) => m <= 0.001 * 2 * 1.25 + 1e-9),
      `${most}`,
    );
  });

  it('do not make up for a cycle that came late', () => {
    const goals = make();
    goals.command(position, Float64Array.of(1, 0.2), 0, 0);
    goals.step(0.001, 'known');
    const from = goals.q[0]!;
    goals.command(position, Float64Array.of(1, 0.2), 0, 0.5);
    goals.step(0.5, 'known');
    assert.ok(goals.q[0]! - from <= 2 * 1.25 * 0.03 + 1e-12, `it went ${goals.q[0]! - from} at once`);
  });

  it('a command that is not finite or in another mode is not followed', () => {
    const goals = make();
    assert.ok(!goals.command(position, Float64Array.of(0.1, Number.NaN), 0, 0));
    assert.ok(!goals.command(CommandMode.velocity, Float64Array.of(0.5, 0.5), 0, 0));
    run(goals, 0, 0.09);
    assert.deepEqual([...goals.q], [0.1, 0.2]);
  });

  for (const why of ['commands stop', 'it is halted', 'nothing is known'] as const) {
    it(`brake and hold when ${why}`, () => {
      const goals = make();
      for (let t = 0; t < 0.3; t += 0.001) {
        goals.command(position, Float64Array.of(0.1 + t, 0.2), 0, t);
        goals.step(t, 'known');
      }
      const from = goals.q[0]!;
      if (why === 'it is halted') goals.halt();
      const start = why === 'commands stop' ? 0.3 + 0.1 : 0.3;
      // Commands that are on their way already are at most followed to their end.
      run(goals, 0.3, start);
      const state = why === 'nothing is known' ? 'stalled' : 'known';
      run(goals, start, start + 0.2, state);
      const rest = goals.q[0]!;
      run(goals, start + 0.2, start + 0.5, state);
      assert.equal(goals.q[0], rest, 'it rests');
      // v²/2a = 0.05 at 1 rad/s and 10 rad/s².
      assert.ok(rest - from > 0 || why === 'commands stop');
      assert.ok(rest - from < 0.06, `${rest - from}`);
    });
  }
});

describe('plausibility', () => {
  const make = (): Plausibility => new Plausibility([{ speed: 5, torque: 4, unit: UNIT }]);
  const check = (p: Plausibility, t: number, q: number, speed = 0, torque = 0): number =>
    p.check(t, Float64Array.of(q), Float64Array.of(speed), Float64Array.of(torque));

  it('believes what can have happened, whatever comes first', () => {
    const p = make();
    assert.equal(check(p, 1, 123_456), -1);
    assert.equal(check(p, 1.01, 123_456 + 5, -1, -2), -1);
    assert.equal(check(p, 1.1, 123_456 + 300), -1, 'in a tenth of a second it can get there');
    assert.equal(check(p, 9, 123_456 + 3000), 0, 'after a gap it is looked into');
  });

  it('believes no jump, no speed and no torque that the servo cannot have, and stays where it was', () => {
    const p = make();
    check(p, 1, 2000);
    for (const jump of [128, 256, 4096, -65_536, 2 ** 31])
      assert.equal(check(p, 1.004, 2000 + jump), 0, `${jump}`);
    assert.equal(check(p, 1.004, 2000, 6), 0);
    assert.equal(check(p, 1.004, 2000, 0, 4.5), 0);
    assert.equal(check(p, 1.004, Number.NaN), 0);
    assert.equal(check(p, 1.008, 2004), -1);
    p.forget();
    assert.equal(check(p, 1.01, 0), -1);
  });
});
