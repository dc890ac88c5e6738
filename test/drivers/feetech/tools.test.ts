/** The tools of the driver, each tried against emulated servos as docs/hardware/so101.md says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startArmEmulator } from '../../../drivers/feetech/emulator/arm.ts';
import { tools } from '../../../drivers/feetech/index.ts';
import { useTool } from '../bus/use-tool.ts';
import { robot, scsServos } from './stand.ts';

const use = (tool: string, ...args: readonly string[]): Promise<string> => useTool(tools, robot, tool, args);

// Each test has servos of its own, and most of the time goes by in waiting.
describe('tools of the Feetech driver', { concurrency: 4 }, () => {
  it('find servos at their baud rate, show, set, calibrate, reset and reboot them', async () => {
    await using emulator = await startArmEmulator({ robot, entry: robot.devices[0]! }, { senseBaud: true });
    const at = ['--port', emulator.port, '--baud', '1000000'];
    const all = await use('scan', '--port', emulator.port);
    assert.match(
      all,
      /^id 1 at 1000000 baud: sts3215-c001 or sts3215-c018 or .*, firmware 3\.0, step 2048, 0\.000 rad\n/,
    );
    assert.match(all, /\n6 found on /);
    assert.match(await use('show', ...at, '--id', '6'), /\n {2}5 id {19}6\n/);
    assert.equal(await use('set', ...at, '--id', '6', 'id', '9'), 'id 6: id is 9 now');
    assert.match(await use('show', ...at, '--id', '9'), / id {19}9\n/);
    await use('set', ...at, '--id', '9', 'torqueEnable', '1');
    await assert.rejects(use('set', ...at, '--id', '9', 'returnDelay', '3'), /torque of id 9 is on/);
    await assert.rejects(use('calibrate', ...at, '--id', '9'), /id 9 holds: calibrate it with torque off/);
    await use('set', ...at, '--id', '9', 'torqueEnable', '0');
    // Without torque it may sink a little meanwhile.
    assert.match(await use('calibrate', ...at, '--id', '9'), /^id 9 is at step 20[345]\d now$/);
    assert.equal(
      await use('set', ...at, '--id', '9', 'homingOffset', '-100'),
      'id 9: homingOffset is -100 now',
    );
    await emulator.device({ what: 'temperature', id: 1, value: 90 });
    assert.match(await use('scan', ...at), /id 1 .*; ERROR: it is too hot/);
    await emulator.device({ what: 'temperature', id: 1, value: 30 });
    assert.equal(await use('reboot', ...at, '--id', '1'), 'id 1 starts anew');
    assert.equal(await use('factory', ...at, '--id', '9'), 'id 9 is as it came from the factory');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.doesNotMatch(await use('scan', ...at), /ERROR/);
    assert.match(await use('show', ...at, '--id', '9'), / homingOffset {9}0\n/);
  });

  it('find servos that do not answer a ping of everybody one by one', async () => {
    const entry = { ...robot.devices[0]!, options: { ...robot.devices[0]!.options, servos: scsServos() } };
    await using emulator = await startArmEmulator({ robot, entry });
    const found = await use('scan', '--port', emulator.port, '--baud', '1000000');
    assert.match(found, /^id 1 at 1000000 baud: scs0009, .*step 512, 0\.000 rad\n/);
    assert.match(found, /\n6 found on /);
  });

  it('say how they are used when they are not', async () => {
    await assert.rejects(use('scan'), /scan: --port is missing; it is used as: scan --port PORT/);
    await assert.rejects(use('set', '--port', 'x', '--id', '1', 'nonsense', '3'), /there is no nonsense/);
    await assert.rejects(
      use('set', '--port', 'x', '--id', '1', 'lock', '300'),
      /300 cannot be the value of lock/,
    );
    await assert.rejects(use('set', '--port', 'x', '--id', '1', 'presentLoad', '3'), /can only be read/);
  });

  it('play the servos of a robot file until they are interrupted', async () => {
    assert.match(await use('emulate', 'so101'), /The servos of so101 answer on \S+ until Ctrl-C/);
  });
});
