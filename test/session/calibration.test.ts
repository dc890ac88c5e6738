/** A calibration as the session has it: while a hand may be on the arm nothing turns torque on, and no leader drives. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import { RobotCalibration } from '../../src/calibrate/robot.ts';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { ArmloopError } from '../../src/errors.ts';
import type { LeaderSpec } from '../../src/robot/leader.ts';
import { Mode } from '../../src/robot/tick.ts';
import type { CalibrationView } from '../../src/server/calibration-protocol.ts';
import type { SessionHost } from '../../src/session/host.ts';
import { LeaderMap } from '../../src/session/leader-map.ts';
import { Session } from '../../src/session/session.ts';
import { small } from '../support/calibration.ts';
import { withLeader } from '../support/leader-robot.ts';
import { PaperRig } from '../support/paper-rig.ts';
import { workspace } from '../support/rig-process.ts';

const busy = (error: unknown): boolean =>
  error instanceof ArmloopError &&
  error.code === 'REQUEST_REFUSED' &&
  error.message.includes('being calibrated');

/** A connected arm without torque, its gripper where a test puts it; `renew` is what a device takes the new values by. */
async function open(folder: string, renew: SessionHost['calibration']['renew'] = async () => ['arm']) {
  const rig = new PaperRig(small);
  const kinds = [{ entry: small.devices[0]!, module: { calibrate } }];
  const measured = { robot: small, kinds, workspace: folder, hardware: 'real', now: () => 0 } as const;
  const steps = Float64Array.of(2048, 2048, 2048);
  Object.assign(rig, {
    calibration: {
      ...rig.calibration,
      calibration: new RobotCalibration(measured),
      raw: () => ({ time: 0, raw: steps.slice(), torque: 'off', origins: null }),
      renew,
    },
  });
  rig.view.mode = Mode.connected;
  const session = new Session(rig);
  const { lease } = (await session.request('lease.take', { client: 1, operator: 'Ada' }, 1)) as {
    lease: number;
  };
  const ask = (method: Parameters<Session['request']>[0], params: object = {}): Promise<unknown> =>
    session.request(method, { lease, ...params }, 1);
  return { rig, session, steps, ask };
}

/** The gripper, closed and opened twice. */
const GRIPPER = { what: 'gripper' };
/** About 0.08 m at the robot file's ratio. */
const OPENED = 2048 + 1700;

describe('a calibration under way', () => {
  it('keeps torque off when a stop is cleared for which the devices were halted without the loop', async () => {
    using folder = workspace();
    const { rig, session, ask } = await open(folder.path);
    await ask('calibration.start', GRIPPER);
    rig.answer = 'silent';
    await session.estop();
    assert.ok(rig.done.includes('halt'));
    rig.answer = 'takes';
    const ended = /^Calibration of arm ended: the emergency stop was pressed\. Nothing was written\.$/;
    assert.ok(
      session.events.list.some((e) => ended.test(e.text)),
      'the stop ends it',
    );
    await assert.rejects(ask('calibration.take'), /none is under way/);
    // The devices had no torque to get back by clearing, and a hand may still be there; it comes on by arming alone.
    await ask('request', { kind: 'clear' });
    assert.ok(!rig.done.includes('enable'), `${rig.done}`);
  });

  it('does not begin while the rig is being armed: torque is coming on', async () => {
    using folder = workspace();
    const { rig, ask } = await open(folder.path);
    let enabled = (): void => {};
    rig.enableDevices = () =>
      new Promise((done) => {
        enabled = () => done(undefined);
      });
    const arming = ask('request', { kind: 'arm' });
    await assert.rejects(ask('calibration.start', GRIPPER), /the rig is being armed/);
    enabled();
    await arming;
  });

  it('keeps torque off until the device has taken what was measured', async () => {
    using folder = workspace();
    let taken = (): void => {};
    const renewing = new Promise<void>((done) => {
      taken = done;
    });
    let began = (): void => {};
    const written = new Promise<void>((done) => {
      began = done;
    });
    const { rig, steps, ask } = await open(folder.path, async () => {
      began();
      await renewing;
      return ['arm'];
    });
    await ask('calibration.start', GRIPPER);
    let last: Promise<unknown> = Promise.resolve();
    for (const place of [2048, OPENED, 2048, OPENED]) {
      await last;
      steps[2] = place;
      last = ask('calibration.take');
    }
    await Promise.race([written, last]);
    await assert.rejects(ask('request', { kind: 'arm' }), busy);
    assert.ok(!rig.done.includes('enable'), `${rig.done}`);
    taken();
    assert.equal(((await last) as { procedure: unknown }).procedure, null);
    await ask('request', { kind: 'arm' });
    assert.ok(rig.done.includes('enable'));
  });
});

/** Joint positions at which the leader of LEADER reads what a test says; it has seven joints and a trigger. */
const JOINTS = 7;

/** A rig with a leader, whose readings come as a test puts them. */
async function openLeader(folder: string, drive: LeaderSpec['drive'] = 'passive') {
  const robot = withLeader();
  const rig = new PaperRig(robot);
  let told = 0;
  const measured = { robot, kinds: [], workspace: folder, hardware: 'real', now: () => 0 } as const;
  Object.assign(rig, {
    calibration: {
      ...rig.calibration,
      calibration: new RobotCalibration(measured),
      realigned: () => void told++,
    },
    leader: {
      spec: {
        name: 'ada',
        kind: 'dynamixel',
        joints: robot.leader!.joints.map((j) => j.axis),
        trigger: 'there',
        buttons: 3,
        drive,
        rateHz: 100,
      },
      follow: async () => {},
      release: async () => {},
    },
  });
  rig.view.mode = Mode.connected;
  const session = new Session(rig);
  const reading = { time: 0, q: new Float64Array(JOINTS), trigger: 0, buttons: 0 };
  const read = (): void => {
    rig.time += 0.01;
    reading.time = rig.time;
    session.leader!.read(reading);
  };
  const { lease } = (await session.request('lease.take', { client: 1, operator: 'Ada' }, 1)) as {
    lease: number;
  };
  const ask = async (method: Parameters<Session['request']>[0], params: object = {}) =>
    (await session.request(method, { lease, ...params }, 1)) as CalibrationView;
  const store = new CalibrationStore(folder, robot.id, 'real');
  return { rig, session, robot, reading, read, ask, store, told: () => told };
}

const ALIGN = { what: 'leader' };

describe('aligning a leader while the rig runs', () => {
  it('takes its readings as they come, writes a version and asks for what was measured from then on', async () => {
    using folder = workspace();
    const { rig, robot, session, reading, read, ask, store, told } = await openLeader(folder.path);
    read();
    const filed = robot.leader!;
    let view = await ask('calibration.start', ALIGN);
    assert.deepEqual([view.procedure?.device, view.procedure?.of], ['ada', 2 + JOINTS + 2]);
    // Joint 1 is mounted 0.3 rad off, joint 3 counts the other way; the trigger moves from 0.1 to 0.9.
    const off = Float64Array.from(filed.joints, (_, i) => (i === 0 ? 0.3 : 0));
    const place = (q: Float64Array, trigger = 0.1): void => {
      reading.q.set(q);
      reading.trigger = trigger;
      read();
    };
    const turned = (i: number): Float64Array => {
      const q = off.slice();
      q[i] = q[i]! + (i === 2 ? -0.4 : 0.4);
      return q;
    };
    for (const [q, trigger] of [
      [off, 0.1],
      [off, 0.1],
      ...filed.joints.map((_, i) => [turned(i), 0.1] as const),
      [off, 0.1],
      [off, 0.9],
    ] as const) {
      place(q, trigger);
      view = await ask('calibration.take');
    }
    assert.equal(view.procedure, null);
    assert.equal(view.leader?.status, 'fits');
    assert.deepEqual(
      view.leader?.joints
        .map((j) => [j.direction, j.offset?.toFixed(2), j.high])
        .filter((_, i) => [0, 2, 7].includes(i)),
      [
        [1, '-0.30', null],
        [-1, '0.00', null],
        [null, undefined, 0.9],
      ],
    );
    assert.match(view.leader?.joints[0]?.method ?? '', /reference pose of the arm by hand, 2 times/);
    assert.equal(store.load().leader?.file.version, 1);
    assert.equal(view.sha256?.length, 64, 'episodes are told');
    assert.equal(told(), 1, 'and consoles');
    // What the session maps with is what a rig started now would have.
    place(turned(2), 0.5);
    const map = new LeaderMap(robot, session.leader!.entry);
    map.take(reading);
    assert.ok(Math.abs(map.asked[0]!) < 1e-9 && Math.abs(map.asked[2]! - 0.4) < 1e-9, `${map.asked}`);
    const { released, squeezed } = filed.trigger!;
    assert.ok(Math.abs(map.opening - (released + squeezed) / 2) < 1e-9, `${map.opening}`);
    const gap = session.leaderNumbers!.gap;
    assert.ok(Math.abs(gap[2]! - (0.4 - rig.measured[2]!)) < 1e-9, `${gap}`);
  });

  it('is refused in words while the arm may have torque, the leader is silent, or nobody has control', async () => {
    using folder = workspace();
    const { rig, session, read, ask } = await openLeader(folder.path);
    await assert.rejects(
      ask('calibration.start', ALIGN),
      /the leader ada cannot drive: it has not been heard yet/,
    );
    read();
    await assert.rejects(session.request('calibration.start', { ...ALIGN, lease: 3 }, 1), /lease/);
    rig.view.mode = Mode.holding;
    await assert.rejects(ask('calibration.start', ALIGN), /the rig is holding: disarm it/);
    rig.view.mode = Mode.connected;
    await ask('calibration.start', ALIGN);
    await assert.rejects(ask('request', { kind: 'arm' }), busy);
    await assert.rejects(ask('leader.engage'), busy);
    await assert.rejects(ask('recording.start', { task: 'x' }), busy);
    session.leader!.lose('the port is gone');
    await assert.rejects(ask('calibration.take'), /the leader ada cannot drive: the port is gone/);
    // Somebody armed it in another way: not a reading is taken.
    read();
    rig.view.mode = Mode.holding;
    await assert.rejects(ask('calibration.take'), /the rig is holding/);
    assert.ok(!rig.done.includes('enable'), `${rig.done}`);
  });

  it('ends by an emergency stop and when the rig is shut down, and writes nothing', async () => {
    using folder = workspace();
    const { session, read, ask, store, rig } = await openLeader(folder.path, 'actuated');
    read();
    await ask('calibration.start', ALIGN);
    await session.estop();
    rig.view.mode = Mode.connected;
    const look = async () => (await session.request('calibration.view', {}, 1)) as CalibrationView;
    assert.equal((await look()).procedure, null);
    await ask('calibration.start', ALIGN);
    assert.notEqual((await look()).procedure, null);
    session.retire();
    await assert.rejects(ask('calibration.take'), /being shut down/);
    const ended = session.events.list.filter((e) => e.text.startsWith('Calibration of ada ended'));
    assert.deepEqual(
      ended.map((e) => e.text),
      [
        'Calibration of ada ended: the emergency stop was pressed. Nothing was written.',
        'Calibration of ada ended: the rig is being shut down. Nothing was written.',
      ],
    );
    assert.deepEqual(store.versions('leader'), []);
  });
});
