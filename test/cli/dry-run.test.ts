// @limit 180
/** The whole rig of a real arm's file against emulated servos: armed, driven, stopped, ended. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Client, Command, up, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';
import { startUp } from '../support/up.ts';

for (const { id, kind, rateHz } of [
  { id: 'dynamixel7', kind: 'dynamixel', rateHz: 250 },
  { id: 'so101', kind: 'feetech', rateHz: 200 },
]) {
  it(`armloop up ${id} --dry-run runs the whole rig and parks at its end`, async () => {
    const up = await startUp([id, '--dry-run']);
    try {
      assert.match(up.output(), /Dry run: the hardware is emulated, nothing real moves/);
      assert.match(up.output(), new RegExp(`Rig ${id} is holding: ${rateHz} Hz`));
      const rig = (await (await fetch(`${up.url}api/rig`)).json()) as {
        robot: { id: string };
        session: { devices: { name: string; kind: string; status: string }[] };
      };
      assert.equal(rig.robot.id, id);
      const [arm, ...more] = rig.session.devices;
      assert.deepEqual([arm?.name, arm?.kind, more.length], ['arm', kind, 0]);
      // On a machine that stood still for a moment it may also say that it held by itself.
      assert.match(arm!.status, /^online, enabled/);
    } finally {
      await up[Symbol.asyncDispose]();
    }
  });
}

it('armloop up panda-mock-robotiq --dry-run runs an arm and a gripper on buses of their own', async () => {
  using folder = workspace();
  await using rig = await up(folder.path, testRobot(folder.path, {}, 'panda-mock-robotiq'), ['--dry-run']);
  await using client = await Client.open(rig.url);
  const { devices, events } = client.session as {
    devices: { name: string; kind: string; status: string }[];
    events: { text: string }[];
  };
  assert.deepEqual(
    devices.map((d) => [d.name, d.kind]),
    [
      ['arm', 'mock'],
      ['gripper', 'robotiq'],
    ],
  );
  for (const { status } of devices) assert.match(status, /^online, enabled/);
  assert.ok(events.some((e) => /^Dry run: an emulated 2F-85 on /.test(e.text)));
  await client.take('Ada');
  const arm = client.value('q', 3);
  assert.ok(client.value('q', 7) > 0.08, 'open');
  await client.ask('/api/request', { kind: 'activate', controller: 'gripper', args: [0.02] });
  await client.until('it has closed', () => Math.abs(client.value('q', 7) - 0.02) < 0.001);
  assert.ok(Math.abs(client.value('q', 3) - arm) < 0.01, 'the arm has held');
});

it('a kind that brings no emulator ends a dry run in words, and the process with it', async () => {
  using folder = workspace();
  await using rig = new Command(['rig', 'panda-ros2', '--dry-run', '--workspace', folder.path]);
  await rig.prints(/EMULATOR_IMPOSSIBLE: .*the kind ros2 of device arm brings no emulator/);
  assert.deepEqual(await rig.ended, { code: 1, signal: null });
});
