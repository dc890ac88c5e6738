// @limit 400
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { packageRoot } from '../../src/root.ts';
import { startUp } from '../support/up.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-package-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** npm without a shell where it started us, as in scripts/lib.mjs. */
function npm(args: readonly string[]): { status: number | null; output: string } {
  const cli = process.env['npm_execpath'];
  const [command, before] = cli?.endsWith('.js') === true ? [process.execPath, [cli]] : ['npm', []];
  const { status, stdout, stderr } = spawnSync(command, [...before, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, output: `${stdout}${stderr}` };
}

it('the tarball installs in an empty folder, holds what it needs and no more, and its armloop runs the rig', async (t) => {
  const script = join(packageRoot(), 'scripts', 'package.mjs');
  const tarball = execFileSync(process.execPath, [script, folder], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .at(-1)!;
  assert.ok(existsSync(tarball), tarball);
  writeFileSync(join(folder, 'package.json'), '{}');
  const install = npm([
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    tarball,
  ]);
  if (
    install.status !== 0 &&
    /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|network/.test(install.output)
  ) {
    t.skip('the npm registry cannot be reached');
    return;
  }
  assert.equal(install.status, 0, install.output);

  const home = join(folder, 'node_modules', 'armloop');
  for (const file of [
    'dist/src/main.js',
    'robots/panda-sim.yaml',
    'README.md',
    'LICENSE',
    'sim/models/panda.xml',
  ]) {
    assert.ok(existsSync(join(home, file)), `${file} is missing`);
  }
  if (existsSync(join(packageRoot(), 'src', 'console', 'vite.config.ts'))) {
    assert.ok(existsSync(join(home, 'dist', 'console', 'index.html')), 'the console is missing');
  }
  for (const file of ['dist/test', 'test', 'src', 'node_modules/typescript', 'workspace', '.ci', 'scripts']) {
    assert.ok(!existsSync(join(home, file)), `${file} does not belong in the package`);
  }
  assert.ok(!existsSync(join(folder, 'node_modules', 'typescript')), 'development tools were installed');

  const check = npm(['exec', '--offline', '--', 'armloop', 'check', 'panda-sim', '--json']);
  assert.equal(check.status, 0, check.output);
  const checked = JSON.parse(check.output.split('\n').find((l) => l.startsWith('{'))!) as {
    id: string;
    model: { file: string };
  };
  assert.equal(checked.id, 'panda-sim');
  assert.ok(existsSync(checked.model.file), 'the model is found where it was installed');
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.ok(npm(['exec', '--offline', '--', 'armloop', '--version']).output.includes(version));

  await using up = await startUp(['panda-sim'], home);
  const rig = (await (await fetch(`${up.url}api/rig`)).json()) as { robot: { id: string }; session: unknown };
  assert.equal(rig.robot.id, 'panda-sim');
  assert.match(up.output(), /Rig panda-sim is holding/);
  assert.match(await (await fetch(up.url)).text(), /<script/, 'the console is served');
});
