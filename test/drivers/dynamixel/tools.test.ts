/** The tools of the driver, each tried against emulated servos as docs/hardware/dynamixel.md says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startArmEmulator } from '../../../drivers/dynamixel/emulator/arm.ts';
import { startLeaderEmulator } from '../../../drivers/dynamixel/emulator/leader.ts';
import { tools } from '../../../drivers/dynamixel/index.ts';
import { withLeader } from '../../support/leader-robot.ts';
import { until } from '../bus/arm-stand.ts';
import { useTool } from '../bus/use-tool.ts';
import { robot } from './arm-stand.ts';

const use = (tool: string, ...args: readonly string[]): Promise<string> => useTool(tools, robot, tool, args);
const led = withLeader();
const lead = (tool: string, ...args: readonly string[]): Promise<string> => useTool(tools, led, tool, args);

describe('tools of the Dynamixel driver', () => {
  it('find servos at their baud rate, show, set and reboot them', async () => {
    await using emulator = await startArmEmulator({ robot, entry: robot.devices[0]! }, { senseBaud: true });
    const at = ['--port', emulator.port, '--baud', '1000000'];
    const all = await use('scan', '--port', emulator.port);
    assert.match(all, /^id 1 at 1000000 baud: xm540-w270, firmware 46, step 2048, 0\.000 rad\n/);
    assert.match(all, /\n8 found on /);
    assert.match(await use('scan', '--port', emulator.port, '--baud', '57600'), /^nobody answers on /);
    assert.match(await use('show', ...at, '--id', '8'), /\n {2}7 id {19}8\n/);
    assert.equal(await use('set', ...at, '--id', '8', 'id', '9'), 'id 8: id is 9 now');
    assert.match(await use('show', ...at, '--id', '9'), / id {19}9\n/);
    await use('set', ...at, '--id', '9', 'torqueEnable', '1');
    await assert.rejects(use('set', ...at, '--id', '9', 'returnDelay', '3'), /torque of id 9 is on/);
    await use('set', ...at, '--id', '9', 'torqueEnable', '0');
    await emulator.device({ what: 'temperature', id: 1, value: 99 });
    assert.match(await use('scan', ...at), /id 1 .*; ERROR: it is too hot/);
    await emulator.device({ what: 'temperature', id: 1, value: 30 });
    assert.equal(await use('reboot', ...at, '--id', '1'), 'id 1 starts anew');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.doesNotMatch(await use('scan', ...at), /ERROR/);
  });

  it('say how they are used when they are not', async () => {
    await assert.rejects(use('scan'), /scan: --port is missing; it is used as: scan --port PORT/);
    await assert.rejects(use('show', '--port', 'x', '--id', '300'), /--id is 300, not 0 to 252/);
    await assert.rejects(use('show', '--port', 'x', '--speed', '3'), /Unknown option '--speed'/);
    await assert.rejects(use('set', '--port', 'x', '--id', '1', 'nonsense', '3'), /there is no nonsense/);
    await assert.rejects(use('set', '--port', 'x', '--id', '1', 'presentPosition', '3'), /can only be read/);
    await assert.rejects(
      use('set', '--port', 'x', '--id', '1', 'baud', '123'),
      /cannot be the value of baud/,
    );
  });

  it('play the servos of a robot file until they are interrupted', async () => {
    assert.match(await use('emulate', 'dynamixel7'), /The servos of dynamixel7 answer on \S+ until Ctrl-C/);
    assert.match(await use('ports'), /serial|port/);
  });

  it('play a leader and move it as hands do', async () => {
    assert.match(await lead('emulate-leader', 'x'), /The leader of dynamixel7 answers on \S+ until/);
    await using emulator = await startLeaderEmulator({ robot: led, entry: led.leader! });
    const at = ['x', '--port', emulator.port];
    const said = await lead('hand', ...at, '--seconds', '0.1', 'joint1=0.5', 'trigger=1', 'lever2=1');
    assert.equal(said, 'joint1 goes to 0.5, trigger goes to 1, lever2 goes to 1');
    const angles = async (): Promise<number[]> =>
      ((await emulator.device({ what: 'states' })) as { angle: number }[]).map((s) => s.angle);
    await until('the hand is there', async () => Math.abs((await angles())[0]! - 0.5) < 0.02);
    assert.equal(await lead('hand', ...at, 'joint1=free'), 'joint1 is free');
    await assert.rejects(lead('hand', ...at, 'elbow=1'), /there is no elbow, only joint1, .*lever2/);
    await assert.rejects(lead('hand', ...at, 'joint1=far'), /joint1=far is not PART=VALUE/);
    await assert.rejects(lead('hand', 'x', 'joint1=1'), /--port is missing/);
    await assert.rejects(lead('hand', 'x', '--port', '/nowhere/port', 'joint1=1'), /no emulator can be/);
    await assert.rejects(use('emulate-leader', 'dynamixel7'), /has no leader of kind dynamixel/);
  });
});
