// @limit 120
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/root.ts';

interface Runner {
  run(files: readonly object[], options: { workers: number; cwd: string }): Promise<void>;
  summary(options?: { strict?: boolean }): number;
}

const folder = mkdtempSync(join(tmpdir(), 'armloop-runner-'));
after(() => rmSync(folder, { recursive: true }));
let serial = 0;

/** Runs one test file with that body; returns the exit code and what the runner printed. */
async function runs(
  body: string,
  options: { strict?: boolean } = {},
): Promise<{ code: number; text: string; last: string }> {
  const script = pathToFileURL(join(packageRoot(), 'scripts', 'runner.mjs')).href;
  const { Runner, testFile } = (await import(script)) as {
    Runner: new (print: (line: string) => void) => Runner;
    testFile: (path: string, name: string) => object;
  };
  const path = join(folder, `${serial++}.test.mjs`);
  const mark = body.includes('@limit') ? '' : '// @limit 20\n';
  writeFileSync(path, `${mark}import { describe, it } from 'node:test';\n${body}\n`);
  const lines: string[] = [];
  const runner = new Runner((line) => lines.push(line));
  await runner.run([testFile(path, 'file')], { workers: 1, cwd: folder });
  const code = runner.summary(options);
  const text = lines.join('\n');
  return { code, text, last: text.split('\n').at(-1)! };
}

describe('the test runner', () => {
  it('counts tests and not suites', async () => {
    const { code, last } = await runs("describe('s', () => { it('a', () => {}); it('b', () => {}); });");
    assert.equal(last, '2 passed, 0 failed, 0 skipped');
    assert.equal(code, 0);
  });

  it('fails with a test, once, and names it by its whole path', async () => {
    const { code, text, last } = await runs(
      "describe('s', () => { it('a', () => { throw new Error('boom'); }); });",
    );
    assert.equal(last, '0 passed, 1 failed, 0 skipped');
    assert.equal(code, 1);
    assert.match(text, /file › s › a: Error: boom/);
  });

  it('fails when a hook fails', async () => {
    const { code } = await runs(
      "import { before } from 'node:test'; describe('s', () => { before(() => { throw new Error('boom'); }); it('a', () => {}); });",
    );
    assert.equal(code, 1);
  });

  it('fails on a file that throws, has no tests, or ends with an error after them', async () => {
    assert.equal((await runs("throw new Error('boom');")).code, 1);
    assert.match((await runs('// nothing')).text, /has no tests/);
    const late = await runs("it('a', () => {}); process.on('exit', () => { process.exitCode = 3; });");
    assert.equal(late.code, 1, late.text);
  });

  it('ends a hanging file, and says which test hung or that something was left open', async () => {
    const hung = await runs(
      "// @limit 2\nit('waits for ever', () => new Promise(() => setInterval(() => {}, 1000)));",
    );
    assert.equal(hung.code, 1);
    assert.match(hung.text, /did not end within 2 s; still running: waits for ever/);
    const open = await runs("// @limit 2\nit('leaks', () => { setInterval(() => {}, 1000); });");
    assert.match(open.text, /never closed/);
    assert.equal(open.last, '1 passed, 1 failed, 0 skipped');
  });

  it('lists a skip with its reason and refuses one without', async () => {
    const { code, text, last } = await runs("it('a', () => {}); it('b', { skip: 'no chromium' }, () => {});");
    assert.equal(last, '1 passed, 0 failed, 1 skipped');
    assert.equal(code, 0);
    assert.match(text, /file › b: no chromium/);
    assert.equal((await runs("it('a', () => {}); it.skip('b', () => {});")).code, 1);
  });

  it('when strict, allows only skips for GPU, ROS 2 and real devices', async () => {
    const strict = { strict: true };
    const skip = (reason: string): string => `it('a', () => {}); it('b', { skip: '${reason}' }, () => {});`;
    assert.equal((await runs(skip('no chromium'), strict)).code, 1);
    for (const reason of ['GPU is absent', 'ROS 2 is not sourced', 'real device needed']) {
      assert.equal((await runs(skip(reason), strict)).code, 0);
    }
  });

  it('ends what a test file left running', async () => {
    const body =
      "import { spawn } from 'node:child_process'; it('a', (t) => { const c = spawn('sleep', ['100'], { stdio: 'inherit' }); t.diagnostic(String(c.pid)); c.unref(); console.log('pid=' + c.pid); throw new Error('x'); });";
    const { text } = await runs(body);
    const pid = Number(/pid=(\d+)/.exec(text)![1]);
    while (alive(pid)) await new Promise((done) => setTimeout(done, 20));
  });
});

/** A process that was killed and that nobody has waited for yet is a zombie, and counts as gone. */
function alive(pid: number): boolean {
  if (process.platform === 'linux') {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
