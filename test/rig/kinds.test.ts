/** @limit 90 Kinds of devices: built in, a file of the user's own, a package, and what cannot be loaded. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadRobot } from '../../src/config.ts';
import { ArmloopError } from '../../src/errors.ts';
import { kindUrl, loadKind, rendererUrl, tasksOf } from '../../src/rig/kinds.ts';
import { packageRoot } from '../../src/root.ts';
import { Command, workspace } from '../support/rig-process.ts';
import { testRobot } from '../support/test-robot.ts';

const entry = (kind: string) => ({ name: 'arm', kind, axes: [], options: {} });

test('built-in kinds load; the simulation offers its tasks', async () => {
  using folder = workspace();
  const robot = loadRobot(testRobot(folder.path));
  const sim = await loadKind(robot, entry('sim'));
  assert.equal(typeof sim.module.createLockstepDevice, 'function');
  const tasks = tasksOf(sim.module);
  for (const name of ['reach', 'pick-cube', 'pick-place-bin', 'push']) assert.ok(tasks.get(name)?.text, name);
  const mock = await loadKind(robot, entry('mock'));
  assert.equal(typeof mock.module.createDevice, 'function');
  assert.notEqual(rendererUrl('sim'), null);
  assert.equal(rendererUrl('mock'), null);
});

test('a path is relative to the robot file, a name is a package beside it', async () => {
  using folder = workspace();
  const robot = loadRobot(testRobot(folder.path));
  const driver = 'export const createDevice = () => { throw new Error("made"); };';
  writeFileSync(join(folder.path, 'driver.mjs'), driver);
  const pack = join(folder.path, 'node_modules', 'my-driver');
  mkdirSync(pack, { recursive: true });
  writeFileSync(join(pack, 'package.json'), '{"name": "my-driver", "main": "main.mjs"}');
  writeFileSync(join(pack, 'main.mjs'), driver);
  assert.equal(kindUrl(robot, entry('./driver.mjs')), pathToFileURL(join(folder.path, 'driver.mjs')).href);
  for (const kind of ['./driver.mjs', join(folder.path, 'driver.mjs'), 'my-driver']) {
    assert.equal(typeof (await loadKind(robot, entry(kind))).module.createDevice, 'function', kind);
  }
});

test('what cannot be loaded is refused with file, path, kind and reason', async () => {
  using folder = workspace();
  const robot = loadRobot(testRobot(folder.path));
  writeFileSync(join(folder.path, 'empty.mjs'), 'export const other = 1;');
  writeFileSync(join(folder.path, 'broken.mjs'), 'export const = ;');
  const kinds = ['./none.mjs', './empty.mjs', './broken.mjs', 'no-such-package', '__proto__', 'constructor'];
  for (const kind of kinds) {
    await assert.rejects(
      loadKind(robot, entry(kind)),
      (error) =>
        error instanceof ArmloopError &&
        error.code === 'CONFIG_UNKNOWN_KIND' &&
        error.message.includes('devices.arm.kind') &&
        error.message.includes(kind) &&
        error.message.includes(robot.source.file),
      kind,
    );
  }
});

test("a rig runs on a driver of the user's own, started by `armloop rig` alone", async () => {
  using folder = workspace();
  const mock = pathToFileURL(join(packageRoot(), 'dist', 'drivers', 'mock', 'index.js')).href;
  writeFileSync(join(folder.path, 'driver.mjs'), `export { createDevice } from '${mock}';`);
  const device = { name: 'arm', kind: './driver.mjs', options: { lingerS: 0 } };
  const file = testRobot(folder.path, { devices: [device] }, 'panda-mock');
  await using rig = new Command(['rig', file, '--workspace', folder.path]);
  await rig.prints(/Rig panda-mock is holding/);
  rig.child.kill('SIGTERM');
  assert.deepEqual(await rig.ended, { code: 0, signal: null });

  // A device that cannot be opened ends the start, and the process with it.
  const broken = `import { createDevice as make } from '${mock}';
    export const createDevice = (context) => Object.assign(make(context), { open: async () => { throw new Error('no cable'); } });`;
  writeFileSync(join(folder.path, 'driver.mjs'), broken);
  await using refused = new Command(['rig', file, '--workspace', folder.path]);
  assert.equal((await refused.ended).code, 1);
  assert.match(refused.output, /no cable/);
  writeFileSync(join(folder.path, 'driver.mjs'), `export { createDevice } from '${mock}';`);

  await using wrong = new Command(['rig', file, '--workspace', folder.path, '--seed', '4']);
  assert.notEqual((await wrong.ended).code, 0);
  assert.match(wrong.output, /only simulated rigs/);
});
