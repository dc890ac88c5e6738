// @limit 180
/** A rig whose arm must be calibrated: it gets no torque before, is measured through its server, and episodes tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moveByHand } from '../../drivers/bus/emulator/arm.ts';
import { mounting, startArmEmulator } from '../../drivers/dynamixel/emulator/arm.ts';
import type { ServoState } from '../../drivers/dynamixel/emulator/servo.ts';
import { calibrate } from '../../drivers/dynamixel/index.ts';
import type { Entry } from '../../src/calibrate/schema.ts';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { Catalogue } from '../../src/episode/catalogue.ts';
import { recordedWith } from '../../src/learn/provenance.ts';
import { Mode } from '../../src/robot/tick.ts';
import type { CalibrationView } from '../../src/server/calibration-protocol.ts';
import { robot } from '../drivers/dynamixel/arm-stand.ts';
import { now } from '../support/calibration.ts';
import { Client, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

const file = robot.devices[0]!;
const options = file.options as { servos: Record<string, unknown>[] };
const TURNED = 'joint3';

/** The joints as measured before, but one of them on another servo. */
function earlier(): Entry[] {
  const parts = calibrate({ robot, entry: file, now }).axes.filter((p) => p.name !== 'gripper');
  return parts.flatMap(({ name, part }) => {
    const rest = {
      device: 'arm',
      axis: name,
      method: 'made up',
      date: new Date().toISOString(),
      residualUnit: 'rad',
    };
    const of = name === TURNED ? part.replace('xm430-w350', 'xl430-w250') : part;
    const one = (quantity: Entry['quantity'], value: number, unit: string): Entry => ({
      ...rest,
      quantity,
      value,
      unit,
      residual: null,
      part: of,
    });
    return [one('zero', 2048, 'step'), one('at', 0, 'rad'), one('direction', 1, '1')];
  });
}

test('an arm without a calibration that fits gets no torque until it is measured', async (t) => {
  using folder = workspace();
  // One joint is mounted otherwise than the robot file says.
  const servos = options.servos.map((s, i) => (robot.axes[i]!.name === TURNED ? { ...s, zero: 2200 } : s));
  const really = { ...file, options: { ...options, servos } };
  await using emulator = await startArmEmulator({ robot, entry: really });
  const how = mounting({ robot, entry: really });
  const states = async (): Promise<ServoState[]> =>
    (await emulator.device({ what: 'states' })) as ServoState[];
  const patient = { ...options, port: emulator.port, rateHz: 100, patienceMs: 200, misses: 100 };
  const devices = [{ name: 'arm', kind: 'dynamixel', axes: file.axes, options: patient }];
  const yaml = testRobot(
    folder.path,
    { devices, loop: { rateHz: 100 }, shutdown: { park: 'none' } },
    'dynamixel7',
  );
  const store = new CalibrationStore(folder.path, robot.id, 'real');
  store.write('joints', earlier());

  await using rig = await up(folder.path, yaml);
  await using client = await Client.open(rig.url);
  const look = (): Promise<CalibrationView> => client.get('/api/calibration');
  const refused = async (path: string, body: object, code: string): Promise<string> => {
    const answer = await client.post(path, { lease: client.lease, ...body });
    const { error } = answer.body as { error: { code: string; message: string } };
    assert.deepEqual([answer.status, error.code], [409, code], error.message);
    return error.message;
  };

  await t.test('it is connected, says why, and refuses torque', async () => {
    assert.match(rig.output, /Rig dynamixel7 is connected/);
    assert.match(rig.output, /CALIBRATION_STALE: .*joint3: measured of xl430-w250, id 3/);
    await client.until('connected', () => client.value('mode') === Mode.connected);
    await client.take('Ada');
    const words = await refused('/api/request', { kind: 'arm' }, 'CALIBRATION_STALE');
    assert.match(words, /torque stays off, because the calibration of device arm no longer fits: joint3/);
    assert.ok(
      (await states()).every((s) => !s.torque),
      'no servo has torque',
    );
    const {
      devices: [arm],
      barred,
      sha256,
    } = await look();
    assert.deepEqual([arm!.status, sha256], ['stale', null]);
    assert.equal(barred, words);
    assert.equal(arm!.raw?.length, 8);
  });

  /** Walks through the procedure as somebody at the page would, moving the emulated servos. */
  const measure = async (what: string, body: object, poses: readonly Readonly<Record<string, number>>[]) => {
    await client.ask('/api/calibration/start', { what, ...body });
    for (const pose of poses) {
      await Promise.all(Object.entries(pose).map(([axis, q]) => moveByHand(emulator, how, axis, q)));
      await client.ask('/api/calibration/take');
    }
    return look();
  };

  await t.test('the joint is measured through the server, then the gripper', async () => {
    const there = { [TURNED]: 0 };
    const poses = [there, there, { [TURNED]: 9 }, { [TURNED]: -9 }];
    await client.ask('/api/calibration/start', { what: 'joints', axes: [TURNED] });
    assert.match(
      await refused('/api/request', { kind: 'arm' }, 'REQUEST_REFUSED'),
      /the rig is being calibrated/,
    );
    assert.match(await refused('/api/calibration/skip', {}, 'CALIBRATION_STEP'), /cannot be skipped/);
    await refused('/api/recording/start', { task: 'x' }, 'REQUEST_REFUSED');
    await client.ask('/api/calibration/stop');
    assert.deepEqual(store.versions('joints'), [1], 'a stopped procedure writes nothing');
    const after = await measure('joints', { axes: [TURNED] }, poses);
    assert.equal(after.procedure, null);
    assert.equal(after.devices[0]!.status, 'missing');
    assert.match(
      await refused('/api/request', { kind: 'arm' }, 'CALIBRATION_MISSING'),
      /nothing was measured of gripper/,
    );
    const shut = { gripper: 0 };
    const open = { gripper: 0.07 };
    const {
      devices: [arm],
      sha256,
    } = await measure('gripper', {}, [shut, open, shut, open]);
    assert.equal(arm!.status, 'fits');
    assert.match(sha256 ?? '', /^[0-9a-f]{64}$/);
    const axis = arm!.axes.find((a) => a.axis === TURNED)!;
    assert.ok(Math.abs(axis.zero! - 2200) <= 4, `zero ${axis.zero}`);
    assert.ok(axis.residual! < 0.02 && axis.low! < -2.8 && axis.high! > 2.8);
    assert.deepEqual([store.versions('joints'), store.versions('gripper')], [[1, 2], [1]]);
  });

  await t.test('the device has taken it: its pose is the true one, and it may have torque', async () => {
    await moveByHand(emulator, how, TURNED, 0.7);
    await client.until('connected', () => client.value('mode') === Mode.connected);
    await client.until('the true pose', () => Math.abs(client.value('q', 2) - 0.7) < 0.02);
    await client.ask('/api/request', { kind: 'arm' });
    await client.until('holding', () => client.value('mode') === Mode.holding);
    assert.ok((await states()).every((s) => s.torque));
    assert.ok(Math.abs(client.value('q', 2) - 0.7) < 0.03, 'nothing jumped');
    const words = await refused('/api/calibration/start', { what: 'gripper' }, 'CALIBRATION_STEP');
    assert.match(words, /the rig is holding: disarm it/);
  });

  await t.test('an episode carries the hash of what is in force', async () => {
    const { episode } = await client.ask('/api/recording/start', { task: 'hold', operator: 'Ada' });
    await client.until('some of it', () => client.value('recording') > 0.3);
    await client.ask('/api/recording/stop');
    await client.ask('/api/recording/label', { label: 'success' });
    const { sha256 } = await look();
    const { calibration } = await recordedWith(new Catalogue(folder.path), String(episode));
    assert.equal(calibration, sha256);
  });
});
