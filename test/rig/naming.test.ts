// @limit 240
/** Servos get their ids while their rig runs: what is refused, and how the line comes back however it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startArmEmulator } from '../../drivers/dynamixel/emulator/arm.ts';
import type { ServoState } from '../../drivers/dynamixel/emulator/servo.ts';
import { CalibrationStore } from '../../src/calibrate/store.ts';
import { Mode } from '../../src/robot/tick.ts';
import type { CalibrationView } from '../../src/server/calibration-protocol.ts';
import { robot } from '../drivers/dynamixel/arm-stand.ts';
import { Client, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

const file = robot.devices[0]!;
const JOINT3 = file.axes.indexOf('joint3');
const JOINT1 = file.axes.indexOf('joint1');

/** The arm behind that port, patient with a busy machine, with zeros as its file says; its file. */
function robotOn(folder: string, port: string): string {
  const options = { ...(file.options as object), port, rateHz: 50, patienceMs: 300, misses: 100 };
  const devices = [{ name: 'arm', kind: 'dynamixel', axes: file.axes, options, calibration: 'none' }];
  return testRobot(folder, { devices, loop: { rateHz: 100 }, shutdown: { park: 'none' } }, 'dynamixel7');
}

test('servos are named while the rig runs, disarmed; the device has its port again however that ends', async (t) => {
  using folder = workspace();
  await using emulator = await startArmEmulator({ robot, entry: file });
  const yaml = robotOn(folder.path, emulator.port);
  const store = new CalibrationStore(folder.path, robot.id, 'real');
  await using rig = await up(folder.path, yaml);
  await using client = await Client.open(rig.url);
  const look = (): Promise<CalibrationView> => client.get('/api/calibration');
  const refused = async (path: string, body: object, code: string): Promise<string> => {
    const answer = await client.post(path, { lease: client.lease, ...body });
    const { error } = answer.body as { error: { code: string; message: string } };
    assert.equal(error?.code, code, JSON.stringify(answer.body));
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    return error.message;
  };
  const control = (what: string, rest: object = {}): Promise<unknown> => emulator.device({ what, ...rest });
  const limp = async (): Promise<void> => {
    const states = (await control('states')) as ServoState[];
    assert.ok(
      states.every((s) => !s.torque),
      'no servo has torque',
    );
  };
  const mode = (wanted: number): Promise<void> =>
    client.until(`mode ${wanted}`, () => client.value('mode') === wanted);
  /** Looks until what the page is told is so. */
  const shows = async (what: string, so: (view: CalibrationView) => boolean): Promise<void> => {
    const end = performance.now() + 60_000;
    for (let view = await look(); !so(view); view = await look())
      if (performance.now() > end) assert.fail(`waited for ${what}: ${JSON.stringify(view)}`);
  };
  /** Until the servos have said that they are limp: the mode says it sooner. */
  const disarm = async (): Promise<void> => {
    await client.ask('/api/request', { kind: 'disarm' });
    await mode(Mode.connected);
    await shows('torque off', (v) => v.devices[0]?.torque === 'off');
  };
  const begin = { device: 'arm', what: 'ids', axes: ['joint3'] };

  await t.test('not with torque, not without control, not for an axis that it does not have', async () => {
    await mode(Mode.holding);
    await refused('/api/calibration/start', { ...begin, lease: 1 }, 'LEASE_NEEDED');
    await client.take('Ada');
    assert.match(
      await refused('/api/calibration/start', begin, 'CALIBRATION_STEP'),
      /the rig is holding: disarm it, so that torque is off/,
    );
    await disarm();
    assert.match(
      await refused('/api/calibration/start', { ...begin, axes: ['joint9'] }, 'CALIBRATION_NONE'),
      /axes of device arm for it: joint1, /,
    );
    const [arm] = (await look()).devices;
    assert.deepEqual([arm?.away, arm?.procedures], ['', ['ids', 'joints', 'gripper']]);
  });

  await t.test(
    'meanwhile nothing gets torque or is recorded, and what is wrong has its own words',
    async () => {
      await client.ask('/api/calibration/start', begin);
      const view = await look();
      assert.match(view.devices[0]?.away ?? '', /its port is used for setting its servos up/);
      assert.match(view.procedure?.words ?? '', /^Connect the servo of joint3 \(xm430-w350\) alone/);
      assert.deepEqual([view.procedure?.of, view.procedure?.axes], [2, ['joint3']]);
      await mode(Mode.off);
      assert.match(await refused('/api/request', { kind: 'arm' }, 'REQUEST_REFUSED'), /being calibrated/);
      await refused('/api/recording/start', { task: 'x' }, 'REQUEST_REFUSED');
      assert.match(
        await refused('/api/calibration/start', { what: 'joints' }, 'CALIBRATION_STEP'),
        /another is under way/,
      );
      await refused('/api/calibration/hand', {}, 'CALIBRATION_NONE');
      await refused('/api/calibration/take', {}, 'CALIBRATION_ID_TAKEN');
      await control('connect', { only: JOINT1 });
      await refused('/api/calibration/take', {}, 'CALIBRATION_OTHER');
      // The servo of joint1 has now the name of the factory; it gets its own back.
      await control('set', { id: 1, value: { name: 'baud', to: 3 } });
      await control('connect', { only: JOINT3 });
      await control('worn', { id: 1, value: true });
      assert.match(
        await refused('/api/calibration/take', {}, 'CALIBRATION_NOT_KEPT'),
        /the servo of joint3 was told id 3, which did not hold: it still has id 1 at 57600 baud/,
      );
      await control('worn', { value: false });
      assert.equal((await look()).procedure?.at, 0, 'it is asked for again');
      await limp();
    },
  );

  await t.test('named and read back; then the chain, of which one is missing, then whole', async () => {
    const { procedure } = (await client.ask('/api/calibration/take')) as unknown as CalibrationView;
    assert.match(
      procedure?.said ?? '',
      /^joint3: id 1 at 57600 baud is id 3 at 1000000 baud now, read back\.$/,
    );
    assert.deepEqual([procedure?.at, procedure?.words], [1, 'Connect the whole chain.']);
    await refused('/api/calibration/skip', {}, 'CALIBRATION_STEP');
    await control('connect', { only: null });
    await control('silent', { id: 8, value: true });
    assert.match(await refused('/api/calibration/take', {}, 'DEVICE_SERVO_MISSING'), /gripper/);
    await client.ask('/api/calibration/stop');
    assert.deepEqual(
      store.load().ids?.file.entries.map((e) => [e.axis, e.quantity, e.value, e.unit]),
      [
        ['joint3', 'id', 3, '1'],
        ['joint3', 'baud', 1_000_000, 'baud'],
      ],
      'what was named is written, although it was stopped',
    );
    const view = await look();
    assert.equal(view.procedure, null);
    assert.match(view.devices[0]?.away ?? '', /gripper/);
    await refused('/api/request', { kind: 'arm' }, 'DEVICE_UNREACHABLE');
    // It is tried until everybody answers.
    await control('silent', { id: 8, value: false });
    await mode(Mode.connected);
    await shows('the device back', (v) => v.devices[0]?.away === '');
    await limp();
    await client.ask('/api/request', { kind: 'arm' });
    await mode(Mode.holding);
    await disarm();
  });

  await t.test(
    'an emergency stop ends it in the middle of a search, and clearing turns no torque on',
    async () => {
      await client.ask('/api/calibration/start', begin);
      await control('silent', { value: true });
      const take = () => client.post('/api/calibration/take', { lease: client.lease });
      let taking = take();
      // Through all rates it takes seconds; a search that was over before it was seen is begun again.
      for (let seen = false; !seen; ) {
        let over = false;
        void taking.finally(() => {
          over = true;
        });
        while (!over && !seen) seen = /at \d+ baud \([1-4] of /.test((await look()).procedure?.doing ?? '');
        if (!seen) taking = take();
      }
      await client.post('/api/estop', {});
      const { error } = (await taking).body as { error: { code: string } };
      assert.equal(error.code, 'CALIBRATION_STOPPED');
      await control('silent', { value: false });
      assert.equal((await look()).procedure, null);
      await mode(Mode.stopped);
      await shows('the device back', (v) => v.devices[0]?.away === '');
      await client.ask('/api/request', { kind: 'clear' });
      await mode(Mode.connected);
      await limp();
      assert.equal(store.load().ids?.file.version, 1);
    },
  );

  await t.test('a shutdown ends it too, and leaves the servos limp', async () => {
    await client.ask('/api/calibration/start', begin);
    rig.child.kill('SIGTERM');
    await rig.ended;
    assert.deepEqual(rig.over, { code: 0, signal: null });
    await limp();
  });
});

test('a rig that is started to be set up waits for an arm whose servos have no ids yet, and arms nothing', async () => {
  using folder = workspace();
  await using emulator = await startArmEmulator({ robot, entry: file });
  // One servo as it came from the factory, and nobody else on the line.
  await emulator.device({ what: 'connect', only: JOINT3 });
  await using rig = await up(folder.path, robotOn(folder.path, emulator.port), ['--set-up']);
  await using client = await Client.open(rig.url);
  const look = (): Promise<CalibrationView> => client.get('/api/calibration');
  assert.match(rig.output, /Rig dynamixel7 is off/);
  assert.match((await look()).devices[0]?.away ?? '', /answer/);
  await client.take('Ada');
  const armed = await client.post('/api/request', { kind: 'arm', lease: client.lease });
  assert.equal((armed.body as { error: { code: string } }).error.code, 'DEVICE_UNREACHABLE');

  await client.ask('/api/calibration/start', { what: 'ids', axes: ['joint3'] });
  await client.ask('/api/calibration/take');
  await emulator.device({ what: 'connect', only: null });
  const view = (await client.ask('/api/calibration/take')) as unknown as CalibrationView;
  assert.deepEqual([view.procedure, view.devices[0]?.away], [null, '']);
  await client.until('connected', () => client.value('mode') === Mode.connected);
  const states = (await emulator.device({ what: 'states' })) as ServoState[];
  assert.ok(
    states.every((s) => !s.torque),
    'nothing is armed',
  );
});
