/** `armloop calibrate` on emulated servos: answers from a pipe, what is written, what `check` then says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { packageRoot } from '../../src/root.ts';
import { workspace } from '../support/rig-process.ts';

function armloop(folder: string, input: string, ...args: string[]): { code: number | null; text: string } {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  const env = { ...process.env, ARMLOOP_WORKSPACE: folder };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    input,
    env,
  });
  return { code: status, text: stdout + stderr };
}

it('measures a gripper by answers from a pipe, twice, and keeps both versions', () => {
  using folder = workspace();
  const run = (input: string) =>
    armloop(folder.path, input, 'calibrate', 'dynamixel7', 'gripper', '--dry-run');
  const first = run('\n\n\n\n\n');
  assert.equal(first.code, 0, first.text);
  assert.match(first.text, /Support the arm: torque goes off now/);
  assert.match(first.text, /\[4\/4\] Open gripper by hand to 0\.07 m once more\./);
  assert.match(first.text, /gripper +20[\d.]+ +0 +1 +0 \.\. 0\.07 /);
  assert.match(first.text, /Written: .*dynamixel7\.dry-run.gripper-0001\.json\nsha256 [0-9a-f]{64}\n/);
  assert.equal(run('\n\n\n\n\n').code, 0);
  const files = join(folder.path, 'calibration', 'dynamixel7.dry-run');
  assert.deepEqual(readdirSync(files).sort(), ['gripper-0001.json', 'gripper-0002.json']);

  const short = run('\n\n');
  assert.equal(short.code, 1);
  assert.match(short.text, /CALIBRATION_STOPPED: .* there are no more answers/);
  assert.equal(readdirSync(files).length, 2, 'nothing was written');

  // What emulated servos gave is nothing for the real arm.
  const check = armloop(folder.path, '', 'check', 'dynamixel7');
  assert.match(check.text, /in episodes {2}none\n✘ arm: nothing was measured of joint1, .*, gripper/);
  const state = armloop(folder.path, '', 'calibrate', 'dynamixel7', '--dry-run');
  assert.match(state.text, /gripper version 2/);
  assert.match(
    state.text,
    /– arm: emulated servos are mounted as the robot file says \(nothing was measured of joint1/,
  );
});

it('says what it cannot measure', () => {
  using folder = workspace();
  const refused = (words: RegExp, ...args: string[]): void => {
    const { code, text } = armloop(folder.path, '', 'calibrate', ...args);
    assert.equal(code, 2, text);
    assert.match(text, words);
  };
  refused(/panda-sim cannot be calibrated: no device of this robot has zeros/, 'panda-sim', 'joints');
  refused(/--yes needs --dry-run/, 'dynamixel7', 'joints', '--yes');
  refused(
    /elbow cannot be calibrated: axes of device arm for it: joint1/,
    'dynamixel7',
    'joints',
    '--dry-run',
    '--axis',
    'elbow',
  );
  refused(/It must be a whole number of at least 2/, 'dynamixel7', 'joints', '--repeats', '1');
});
