/** The tools of the driver, each tried against the emulated gripper as docs/hardware/robotiq.md says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startGripperEmulator } from '../../../drivers/robotiq/emulator/start.ts';
import { tools } from '../../../drivers/robotiq/index.ts';
import { entry, now, robot } from './gripper-stand.ts';

async function use(tool: string, ...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const context = {
    print: (line: string) => void lines.push(line),
    now,
    robot: () => robot,
    interrupted: Promise.resolve(),
  };
  await tools[tool]!.run(args, context);
  return lines.join('\n');
}

describe('tools of the Robotiq driver', () => {
  it('look, activate, open and close on something', async () => {
    await using emulator = await startGripperEmulator({ robot, entry }, {}, { active: false, opening: 0.06 });
    const at = ['--port', emulator.port];
    assert.equal(await use('status', ...at), 'not activated');
    await assert.rejects(use('close', ...at), { code: 'DEVICE_NOT_ACTIVATED' });
    assert.match(
      await use('activate', ...at),
      /^Keep out of the fingers.*\nactive, opening 85\.0 mm \(count 3\)/,
    );
    assert.match(
      await use('open', ...at, '--speed', '0.15', '40'),
      /opening (39|40)\.\d mm .*at the position/,
    );
    await emulator.device({ what: 'object', value: 0.02 });
    assert.match(
      await use('close', ...at, '--speed', '0.15'),
      /opening (19|20)\.\d mm .*stopped by something while closing/,
    );
    assert.match(await use('release', ...at), /not activated, FAULT: its automatic release is complete/);
  });

  it('say how they are used when they are not', async () => {
    await assert.rejects(use('status'), /status: --port is missing; it is used as: status --port PORT/);
    await assert.rejects(use('open', '--port', 'x', '--force', '999'), /--force is 999, not 20 to 235/);
    await assert.rejects(use('open', '--port', 'x', '120'), /120 is no opening from 0 to 85 mm/);
    await assert.rejects(use('close', '--port', 'x', '--tight'), /Unknown option '--tight'/);
    await assert.rejects(use('emulate'), /0 values were given/);
  });

  it('play the gripper of a robot file until they are interrupted', async () => {
    assert.match(
      await use('emulate', 'panda-mock-robotiq'),
      /The gripper of panda-mock-robotiq answers on \S+ until/,
    );
    assert.match(await use('ports'), /serial|port/);
  });
});
