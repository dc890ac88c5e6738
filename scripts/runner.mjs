/** Runs compiled test files, each in a process group of its own with a time limit, and counts what they report. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPORTER = join(dirname(fileURLToPath(import.meta.url)), 'reporter.mjs');
const DEFAULT_LIMIT_S = 120;
/** What may be missing even where everything else was installed. */
const ALLOWED_SKIP = /^(GPU|ROS 2|real device)/;

/** Reads the marks of a test file: `@alone` (nothing runs beside it) and `@limit SECONDS`. */
export function testFile(path, name) {
  const text = readFileSync(path, 'utf8');
  const limit = Number(/@limit (\d+(?:\.\d+)?)/.exec(text)?.[1] ?? DEFAULT_LIMIT_S);
  return { path, name, alone: /@alone\b/.test(text), limit };
}

export class Runner {
  passed = 0;
  failures = [];
  skips = [];
  #children = new Set();
  #scratch = mkdtempSync(join(tmpdir(), 'armloop-test-'));
  #serial = 0;
  #done = 0;
  #all = 0;
  #print;

  constructor(print = console.log) {
    this.#print = print;
  }

  fail(where, what) {
    this.failures.push({ where, what });
  }

  /** `workers` files at a time, then those marked `@alone` one by one. */
  async run(files, { workers, cwd }) {
    this.#all = files.length;
    const queue = files.filter((f) => !f.alone);
    const work = async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await this.#file(file, cwd);
    };
    await Promise.all(Array.from({ length: workers }, work));
    for (const file of files.filter((f) => f.alone)) await this.#file(file, cwd);
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** Kills what runs: for Ctrl-C. */
  abort() {
    for (const child of this.#children) kill(child);
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** Prints the summary, its last line the totals; returns the exit code. `strict` refuses skips not allowed there. */
  summary({ strict = false } = {}) {
    if (this.skips.length > 0) {
      this.#print('\nskipped:');
      for (const { where, reason } of this.skips) this.#print(`  ${where}: ${reason}`);
    }
    const refused = strict ? this.skips.filter((s) => !ALLOWED_SKIP.test(s.reason)) : [];
    if (this.failures.length + refused.length > 0) {
      this.#print('\nfailed:');
      for (const { where, what } of this.failures) this.#print(`  ${where}: ${what}`);
      for (const s of refused) this.#print(`  ${s.where}: this skip is not allowed here (${s.reason})`);
    }
    this.#print(`\n${this.passed} passed, ${this.failures.length} failed, ${this.skips.length} skipped`);
    return this.failures.length + refused.length > 0 || this.passed === 0 ? 1 : 0;
  }

  #file(file, cwd) {
    return new Promise((resolve) => {
      const report = join(this.#scratch, `${this.#serial++}.jsonl`);
      const flags = [
        '--enable-source-maps',
        `--test-reporter=${REPORTER}`,
        `--test-reporter-destination=${report}`,
      ];
      const started = Date.now();
      // As the leader of a process group, so that what it started ends with it.
      const detached = process.platform !== 'win32';
      // Inside another test run the context variable would make it report to that one.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const stdio = ['ignore', 'pipe', 'pipe'];
      const child = spawn(process.execPath, [...flags, file.path], { cwd, env, stdio, detached });
      this.#children.add(child);
      let output = '';
      const keep = (chunk) => {
        output = (output + chunk).slice(-20_000);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        kill(child);
      }, file.limit * 1000);
      child.on('exit', () => {
        clearTimeout(timer);
        // Whatever it left running would disturb the next file, and holds the pipes open.
        kill(child);
      });
      child.on('close', (code, signal) => {
        this.#children.delete(child);
        const ms = Date.now() - started;
        this.#count(file, readEvents(report), { code, signal, output: output.trim(), late, ms });
        resolve();
      });
    });
  }

  #count(file, events, { code, signal, output, late, ms }) {
    const before = { passed: this.passed, failed: this.failures.length, skipped: this.skips.length };
    for (const event of events) {
      if (event.type !== 'start') this.#event(`${file.name} › ${event.name}`, event);
    }
    const failedTests = this.failures.length - before.failed;
    const skipped = this.skips.length - before.skipped;
    const tests = this.passed - before.passed + failedTests + skipped;
    if (late) this.fail(file.name, `did not end within ${file.limit} s; ${unfinished(events)}`);
    else if (failedTests === 0 && code !== 0)
      this.fail(file.name, `ended with ${signal ?? `exit code ${code}`}`);
    else if (tests === 0) this.fail(file.name, 'has no tests');
    const bad = this.failures.slice(before.failed);
    const note = skipped > 0 ? `, ${skipped} skipped` : '';
    const place = `[${++this.#done}/${this.#all}]`;
    const counts = `(${tests} tests${note}, ${(ms / 1000).toFixed(1)} s)`;
    this.#print(`${bad.length > 0 ? '✘' : '✔'} ${place} ${file.name} ${counts}`);
    for (const { where, what } of bad) this.#print(indent(`${where}: ${what}`));
    if (bad.length > 0 && output !== '') this.#print(indent(`output:\n${output}`));
  }

  #event(where, event) {
    if (event.skip !== undefined && event.skip !== false) {
      if (typeof event.skip === 'string' && event.skip !== '') this.skips.push({ where, reason: event.skip });
      else this.fail(where, 'skipped without a reason');
    } else if (event.todo !== undefined && event.todo !== false) {
      this.skips.push({ where, reason: `todo: ${event.todo}` });
    } else if (event.type === 'fail') {
      // A suite fails with its tests; only a failure of its own (a hook) counts.
      if (!event.follows) this.fail(where, event.error.split('\n').slice(0, 12).join('\n      '));
    } else if (!event.suite) this.passed++;
  }
}

function kill(child) {
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function readEvents(report) {
  try {
    const lines = readFileSync(report, 'utf8').split('\n').slice(0, -1);
    return lines.map((l) => JSON.parse(l));
  } catch {
    return [];
  }
}

/** Which tests had begun and not ended when the time was up. */
function unfinished(events) {
  const ended = new Set(events.filter((e) => e.type !== 'start').map((e) => e.name.split(' › ').at(-1)));
  const open = events.filter((e) => e.type === 'start' && !ended.has(e.name)).map((e) => e.name);
  if (open.length > 0) return `still running: ${open.join(', ')}`;
  return 'all tests had ended, so something that they opened was never closed';
}

const indent = (text) => text.replace(/^/gm, '    ');
