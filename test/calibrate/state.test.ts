/** What still fits a robot file and what does not, and what an episode is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import type { CalibrationKind, Entry } from '../../src/calibrate/schema.ts';
import { inForce, judge } from '../../src/calibrate/state.ts';
import type { StoredCalibrations } from '../../src/calibrate/store.ts';
import type { DeviceState } from '../../src/robot/calibration-state.ts';
import type { RobotSpec } from '../../src/robot/spec.ts';
import { now, small } from '../support/calibration.ts';

const DATE = new Date('2026-06-01T00:00:00.000Z');
const file = small.devices[0]!;

function partsOf(robot: RobotSpec) {
  return calibrate({ robot, entry: robot.devices[0]!, now }).axes;
}

function entriesOf(axis: string, rest: Partial<Record<Entry['quantity'], number>> = {}): Entry[] {
  const { part } = partsOf(small).find((p) => p.name === axis)!;
  const values = { zero: 2000, at: 0.5, direction: -1, ...rest };
  return Object.entries(values).map(([quantity, value]) => ({
    device: 'arm',
    axis,
    quantity: quantity as Entry['quantity'],
    value,
    unit: quantity === 'zero' ? 'step' : 'rad',
    method: 'test',
    date: '2026-05-01T00:00:00.000Z',
    residual: quantity === 'direction' ? null : 0.004,
    residualUnit: axis === 'gripper' ? 'm' : 'rad',
    part,
  }));
}

function storedOf(files: Partial<Record<CalibrationKind, readonly Entry[]>>): StoredCalibrations {
  return Object.fromEntries(
    Object.entries(files).map(([kind, entries]) => [
      kind,
      {
        path: `${kind}-0001.json`,
        sha256: `hash of ${kind}`,
        file: {
          format: 1,
          robot: 'small',
          kind,
          version: 1,
          written: '',
          armloop: '',
          entries: [...entries],
        },
      },
    ]),
  ) as StoredCalibrations;
}

const whole = storedOf({
  joints: [...entriesOf('joint1', { low: -2.9, high: 2.9 }), ...entriesOf('joint4')],
  gripper: entriesOf('gripper', { scale: 4e-5 }),
});

function look(
  robot: RobotSpec,
  stored: StoredCalibrations,
  hardware: 'real' | 'emulated' = 'real',
): DeviceState {
  const entry = robot.devices[0]!;
  return judge({ robot, entry, parts: partsOf(robot), stored, hardware, date: DATE });
}

const servos = (file.options as { servos: Record<string, unknown>[] }).servos;
const withServo = (i: number, change: object): RobotSpec => ({
  ...small,
  devices: [
    {
      ...file,
      options: { ...file.options, servos: servos.map((s, k) => (k === i ? { ...s, ...change } : s)) },
    },
  ],
});

describe('the calibration of a device', () => {
  it('is in force when every axis is measured', () => {
    const state = look(small, whole);
    assert.equal(state.status, 'fits');
    assert.equal(state.words, 'calibrated 31 days ago');
    assert.deepEqual(state.calibration, {
      joint1: { zero: 2000, at: 0.5, direction: -1 },
      joint4: { zero: 2000, at: 0.5, direction: -1 },
      gripper: { zero: 2000, at: 0.5, direction: -1, scale: 4e-5 },
    });
    assert.equal(state.axes[0]!.residual, 0.004);
    assert.deepEqual([state.axes[0]!.low, state.axes[1]!.low], [-2.9, null]);
  });

  it('names what is missing; emulated servos need none', () => {
    const half = storedOf({ joints: entriesOf('joint1') });
    const state = look(small, half);
    assert.deepEqual([state.status, state.words], ['missing', 'nothing was measured of joint4, gripper']);
    assert.equal(state.calibration, null);
    const dry = look(small, half, 'emulated');
    assert.equal(dry.status, 'emulated');
    assert.equal(dry.calibration, null);
  });

  it('is stale after another servo, another gear, wider limits; not after another zero in the file', () => {
    const model = look(withServo(1, { model: 'xm430-w350' }), whole);
    assert.equal(model.status, 'stale');
    assert.equal(
      model.words,
      'joint4: measured of xm540-w270, id 4, ratio 1, mode position, and the robot file has xm430-w350, id 4, ratio 1, mode position now',
    );
    assert.equal(look(withServo(1, { id: 44 }), whole).status, 'stale');
    assert.equal(look(withServo(2, { ratio: 0.03 }), whole).status, 'stale');
    assert.equal(look(withServo(1, { mode: 'extended' }), whole).status, 'stale');
    assert.equal(look(withServo(1, { zero: 2100, offset: 0.1, p: 700 }), whole).status, 'fits');
    const wide = { ...small, axes: small.axes.map((a) => (a.name === 'joint1' ? { ...a, max: 3 } : a)) };
    assert.match(
      look(wide, whole).words,
      /^joint1: it was measured to reach -2\.900 to 2\.900 rad, less than its limits -2\.8 to 3$/,
    );
  });

  it('is not asked for where the file says so, nor of kinds without zeros', () => {
    const none: RobotSpec = { ...small, devices: [{ ...file, calibration: 'none' }] };
    assert.equal(look(none, {}).status, 'file');
    const state = judge({ robot: small, entry: file, parts: null, stored: {}, hardware: 'real', date: DATE });
    assert.equal(state.status, 'unneeded');
  });

  it('gets a note with age', () => {
    const { limits } = small;
    assert.deepEqual(look(small, whole).notes, []);
    const old = look({ ...small, limits: { ...limits, calibrationDays: 30 } }, whole);
    assert.equal(old.status, 'fits');
    assert.match(old.notes[0]!, /^calibrated 31 days ago, longer than limits\.calibrationDays \(30\)/);
  });

  it('has one hash of what is in force, for episodes', () => {
    const hash = inForce([look(small, whole)], whole, small);
    assert.deepEqual(hash?.files, ['gripper version 1 hash of gripper', 'joints version 1 hash of joints']);
    assert.match(hash!.sha256, /^[0-9a-f]{64}$/);
    const ids = storedOf({ ids: entriesOf('joint1') });
    assert.equal(inForce([look(small, whole)], { ...whole, ...ids }, small)?.sha256, hash?.sha256);
    assert.equal(inForce([look(small, ids)], ids, small), null);
  });
});
