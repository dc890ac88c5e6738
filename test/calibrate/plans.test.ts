/** What procedures make of readings, without hardware. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import { choosePlan } from '../../src/calibrate/choose.ts';
import { merged, Procedure, type Subject } from '../../src/calibrate/procedure.ts';
import type { Entry } from '../../src/calibrate/schema.ts';
import { now, small } from '../support/calibration.ts';

const entry = small.devices[0]!;
const { axes: parts, unit } = calibrate({ robot: small, entry, now });
const subject: Subject = { robot: small, entry, unit, parts };
const STEP = (2 * Math.PI) / 4096;
const DATE = new Date('2026-03-04T05:06:07.890Z');

/** Readings of joint1, joint4 and the gripper. */
const raw = (...values: [number, number, number]): Float64Array => Float64Array.from(values);
const measuredOf = (entries: readonly Entry[], axis: string, quantity: string): number | undefined =>
  entries.find((e) => e.axis === axis && e.quantity === quantity)?.value;

const joint = (): Procedure => new Procedure(choosePlan(subject, { what: 'joints', axes: ['joint1'] }));
const steps = (rad: number): number => rad / STEP;

describe('a procedure for joints', () => {
  it('gives zero, direction and reach with residuals; the other axis does not matter', () => {
    const p = joint();
    assert.equal(p.plan.steps.length, 4);
    p.take(raw(2000, 5, 5));
    p.take(raw(2004, 900, 5));
    // The encoder counts down towards +.
    p.take(raw(2002 - steps(2.9), 0, 0));
    p.take(raw(2002 + steps(3), 0, 0));
    const entries = p.result(DATE);
    assert.deepEqual([...new Set(entries.map((e) => e.axis))], ['joint1']);
    assert.equal(measuredOf(entries, 'joint1', 'zero'), 2002);
    assert.equal(measuredOf(entries, 'joint1', 'at'), 0);
    assert.equal(measuredOf(entries, 'joint1', 'direction'), -1);
    assert.ok(Math.abs(measuredOf(entries, 'joint1', 'high')! - 2.9) < 1e-9);
    assert.ok(Math.abs(measuredOf(entries, 'joint1', 'low')! + 3) < 1e-9);
    const zero = entries.find((e) => e.quantity === 'zero')!;
    assert.ok(Math.abs(zero.residual! - 2 * STEP) < 1e-12);
    assert.deepEqual([zero.unit, zero.residualUnit, zero.date], ['step', 'rad', '2026-03-04T05:06:07.890Z']);
  });

  it('refuses an encoder that starts anew within the reach, and goes back to the first end', () => {
    const p = joint();
    p.take(raw(3900, 0, 0));
    p.take(raw(3900, 0, 0));
    p.take(raw(3900 + steps(2.9) - 4096, 0, 0));
    assert.throws(
      () => p.take(raw(3900 - steps(2.9), 0, 0)),
      /does not lie between them .* its encoder starts anew/,
    );
    assert.equal(p.at, 2);
    p.skip();
    p.skip();
    assert.equal(measuredOf(p.result(DATE), 'joint1', 'direction'), 1, 'as the robot file has it');
  });

  it('refuses a joint that was hardly moved, a pose that does not repeat, an end too near', () => {
    const p = joint();
    p.take(raw(2000, 0, 0));
    assert.throws(() => p.take(raw(2100, 0, 0)), /joint1 was 0\.077 rad off .* 0\.03 is allowed/);
    assert.equal(p.at, 0, 'from the beginning');
    p.take(raw(2000, 0, 0));
    p.take(raw(2000, 0, 0));
    p.take(raw(2010, 0, 0));
    assert.throws(() => p.take(raw(1990, 0, 0)), /it hardly moved between them/);
    p.take(raw(2000 + steps(2.9), 0, 0));
    assert.throws(
      () => p.take(raw(2000 - steps(2.5), 0, 0)),
      /reach -2\.500 to 2\.900 rad, less than its limits -2\.8 to 2\.8/,
    );
    assert.throws(() => p.result(DATE), /cannot be finished: 2 steps are left/);
  });

  it('takes home where 0 is outside of the limits, or when asked', () => {
    const [a, b, c] = small.axes;
    const raised: Subject = {
      ...subject,
      robot: { ...small, axes: [a!, { ...b!, min: 0.5, home: 1.5 }, c!] },
    };
    const at = (pose?: 'home'): object => choosePlan(raised, { what: 'joints', pose }).steps[0]!.way[0]!;
    assert.deepEqual(at(), { joint1: 0, joint4: 1.5 });
    assert.deepEqual(at('home'), { joint1: a!.home, joint4: 1.5 });
  });
});

describe('a procedure for the gripper', () => {
  it('gives zero and scale between closed and wide open, whichever way it counts', () => {
    const p = new Procedure(choosePlan(subject, { what: 'gripper', opening: 0.06 }));
    for (const steps of [3000, 1400, 3004, 1404]) p.take(raw(0, 0, steps));
    const entries = p.result(DATE);
    assert.equal(measuredOf(entries, 'gripper', 'zero'), 3002);
    assert.equal(measuredOf(entries, 'gripper', 'direction'), -1);
    assert.equal(measuredOf(entries, 'gripper', 'scale'), 0.06 / 1600);
    assert.equal(measuredOf(entries, 'gripper', 'high'), 0.06);
  });

  it('refuses a way that does not fit the robot file', () => {
    const p = new Procedure(choosePlan(subject, { what: 'gripper' }));
    p.take(raw(0, 0, 2000));
    assert.throws(() => p.take(raw(0, 0, 2300)), /it moved by 0\.0115 m as the robot file reckons/);
    assert.equal(p.at, 0);
  });
});

it('what was measured anew takes the place of that axis alone', () => {
  const one = (axis: string, value: number): Entry => ({
    device: 'arm',
    axis,
    quantity: 'zero',
    value,
    unit: 'step',
    method: 'test',
    date: DATE.toISOString(),
    residual: 0,
    residualUnit: 'rad',
    part: 'a servo',
  });
  const all = merged(
    [one('joint1', 1), { ...one('joint1', 2), quantity: 'low' }, one('joint4', 3)],
    [one('joint1', 9)],
  );
  assert.deepEqual(
    all.map((e) => [e.axis, e.quantity, e.value]),
    [
      ['joint4', 'zero', 3],
      ['joint1', 'zero', 9],
    ],
  );
});
