import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildProgram } from '../../src/cli/program.ts';
import { packageRoot } from '../../src/root.ts';

const folder = mkdtempSync(join(tmpdir(), 'armloop-cli-'));
after(() => rmSync(folder, { recursive: true }));

function armloop(...args: string[]): { code: number | null; out: string; err: string } {
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  const result = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

describe('armloop', () => {
  it('prints help that teaches, and the version', () => {
    const help = armloop('--help');
    assert.equal(help.code, 0);
    assert.match(help.out, /Examples:/);
    const { code, out } = armloop('--version');
    assert.equal(code, 0);
    assert.match(out, /^\d+\.\d+\.\d+\n$/);
  });

  it('every command has a description and examples', () => {
    for (const command of buildProgram().commands) {
      assert.ok(command.description().length > 10, command.name());
      let text = '';
      command.configureOutput({ writeOut: (t) => (text += t) });
      command.outputHelp();
      if (command.commands.length === 0) assert.match(text, /Examples?:/, command.name());
    }
  });

  it('answers wrong usage with exit code 2 and what was meant', () => {
    const { code, out, err } = armloop('chek');
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, /Did you mean check\?/);
    assert.equal(armloop('check', '--nope').code, 2);
    assert.equal(armloop('bench', 'nope').code, 2);
  });

  it('check prints the resolved rig as a table and as JSON', () => {
    const { code, out } = armloop('check');
    assert.equal(code, 0);
    for (const word of ['panda-sim', 'joint7', 'gripper', '320×240', '1000 Hz', 'pick-cube']) {
      assert.ok(out.includes(word), word);
    }
    const json = JSON.parse(armloop('check', 'panda-sim', '--json').out) as {
      axes: unknown[];
      source: object;
    };
    assert.equal(json.axes.length, 8);
    assert.ok(!('text' in json.source));
  });

  it('a bad robot file ends with exit code 2, in words or as JSON', () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'id: x\nmodell: {}\n');
    const words = armloop('check', file);
    assert.equal(words.code, 2);
    assert.match(words.err, /CONFIG_INVALID: .*bad\.yaml: modell is .*did you mean model\?/);
    assert.equal(words.out, '');
    const json = armloop('check', file, '--json');
    assert.equal(json.code, 2);
    const { error } = JSON.parse(json.out) as { error: { code: string; message: string; todo: string } };
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.ok(error.todo.length > 0);
  });

  it('ends quietly when nobody reads what it prints', async () => {
    const main = join(packageRoot(), 'dist', 'src', 'main.js');
    const child = spawn(process.execPath, [main, 'check'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(err, '');
    assert.equal(code, 0);
  });

  it('doctor says what this machine can do, and what would grant the rest', () => {
    const { code, out } = armloop('doctor', '--json');
    assert.equal(code, 0);
    const findings = JSON.parse(out) as { name: string; can: boolean; detail: string; grant: string }[];
    const names = [
      'Node',
      'real-time thread',
      'cores',
      'ffmpeg',
      'serial ports',
      'ROS 2',
      'CUDA',
      'browser tests',
    ];
    assert.deepEqual(
      findings.map((f) => f.name),
      names,
    );
    for (const f of findings) assert.ok(f.detail.length > 0, f.name);
    assert.equal(findings[0]!.can, true);
  });
});
