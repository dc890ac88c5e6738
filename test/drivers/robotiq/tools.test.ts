/** The tools of the driver, each tried against the emulated gripper as docs/hardware/robotiq.md says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GripperState } from '../../../drivers/robotiq/emulator/gripper.ts';
import { startGripperEmulator } from '../../../drivers/robotiq/emulator/start.ts';
import { tools } from '../../../drivers/robotiq/index.ts';
import { entry, now, robot, until } from './gripper-stand.ts';

/** Runs a tool until it ends or `interrupted` says that Ctrl-C was pressed. Resolves with what it printed. */
async function useUntil(
  interrupted: Promise<void>,
  tool: string,
  ...args: readonly string[]
): Promise<string> {
  const lines: string[] = [];
  const context = {
    print: (line: string) => void lines.push(line),
    now,
    robot: () => robot,
    interrupted,
  };
  await tools[tool]!.run(args, context);
  return lines.join('\n');
}

const use = (tool: string, ...args: readonly string[]): Promise<string> =>
  useUntil(new Promise(() => {}), tool, ...args);

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

  it('end an activation at Ctrl-C: the fingers stop on the way', async () => {
    await using emulator = await startGripperEmulator({ robot, entry }, {}, { active: false, opening: 0.06 });
    const gripper = (): Promise<GripperState> => emulator.device({ what: 'state' }) as Promise<GripperState>;
    let press = (): void => {};
    const pressed = new Promise<void>((resolve) => {
      press = resolve;
    });
    const ended = assert.rejects(useUntil(pressed, 'activate', '--port', emulator.port), {
      code: 'DEVICE_HALTED',
    });
    await until('the fingers move', async () => (await gripper()).speed !== 0);
    press();
    await ended;
    await until('at rest', async () => (await gripper()).speed === 0);
    assert.ok(!(await gripper()).active);
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
      await useUntil(Promise.resolve(), 'emulate', 'panda-mock-robotiq'),
      /The gripper of panda-mock-robotiq answers on \S+ until/,
    );
    assert.match(await use('ports'), /serial|port/);
  });
});
