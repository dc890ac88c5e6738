/** A calibration as the session has it: while a hand may be on the arm nothing turns torque on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import { RobotCalibration } from '../../src/calibrate/robot.ts';
import { ArmloopError } from '../../src/errors.ts';
import { Mode } from '../../src/robot/tick.ts';
import type { SessionHost } from '../../src/session/host.ts';
import { Session } from '../../src/session/session.ts';
import { small } from '../support/calibration.ts';
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
      calibration: new RobotCalibration(measured),
      raw: () => ({ time: 0, raw: steps.slice(), torque: 'off', origins: null }),
      hand: () => null,
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
    rig.answer = 'takes';
    await assert.rejects(ask('request', { kind: 'clear' }), busy);
    // Disarmed, the devices have no torque to get back by clearing; it comes on by arming alone.
    rig.view.mode = Mode.connected;
    await ask('request', { kind: 'disarm' });
    await ask('calibration.stop');
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
