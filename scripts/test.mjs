/**
 * npm test: installs, builds, lints, then runs every compiled test file in a process of its own.
 *   npm test -- loop guard     only files whose path contains one of the words; no lint
 *   npm test -- --strict       a skip fails the run unless it is for a GPU, ROS 2 or a real device
 * Marks in a test file: `@alone` (timing: nothing runs beside it), `@limit SECONDS` (default 120).
 * The last line is `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, checkNode, files, install, local, root, say, step } from './lib.mjs';

const DEFAULT_LIMIT_S = 120;
const ALLOWED_SKIP = /^(GPU|ROS 2|real device)/;

const args = process.argv.slice(2);
const strict = args.includes('--strict');
const words = args.filter((a) => !a.startsWith('--'));
const totals = { passed: 0, failed: 0, skips: [], failures: [] };

function fail(where, what) {
  totals.failed++;
  totals.failures.push(`${where}: ${what}`);
}

function finish() {
  if (totals.skips.length > 0) {
    console.log('\nskipped:');
    for (const { where, reason } of totals.skips) console.log(`  ${where}: ${reason}`);
  }
  const refused = strict ? totals.skips.filter((s) => !ALLOWED_SKIP.test(s.reason)) : [];
  for (const s of refused) totals.failures.push(`${s.where}: this skip is not allowed here (${s.reason})`);
  if (totals.failures.length > 0) {
    console.log('\nfailed:');
    for (const text of totals.failures) console.log(`  ${text}`);
  }
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skips.length} skipped`);
  process.exit(totals.failed > 0 || refused.length > 0 || totals.passed === 0 ? 1 : 0);
}

checkNode();
if (!(await install())) fail('npm ci', 'packages could not be installed');
else if (!(await build())) fail('build', 'the code does not compile');
if (totals.failed > 0) finish();
if (words.length === 0) {
  if (await step('checking style (biome)', '@biomejs/biome/bin/biome', ['check', '.'])) totals.passed++;
  else fail('biome check', 'see above; `npx biome check --write` mends most of it');
  if (files(['src/console']).some((f) => f.endsWith('.svelte'))) {
    const check = ['--workspace', 'src/console', '--fail-on-warnings', '--output', 'human'];
    if (await step('checking the console (svelte-check)', 'svelte-check/bin/svelte-check', check))
      totals.passed++;
    else fail('svelte-check', 'see above');
  }
}

const all = files(['dist/test'])
  .filter((f) => f.endsWith('.test.js'))
  .filter((f) => words.length === 0 || words.some((w) => local(f).includes(w)))
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    const limit = Number(/@limit (\d+)/.exec(text)?.[1] ?? DEFAULT_LIMIT_S);
    return { path, name: local(path).replace(/^dist\//, ''), alone: text.includes('@alone'), limit };
  });
const scratch = mkdtempSync(join(tmpdir(), 'armloop-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) kill(child);
    process.exit(130);
  });
}

function kill(child) {
  try {
    // Each file leads a process group, so that what it started ends with it.
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

let done = 0;
let serial = 0;

/** Runs one file and counts what it reports. */
function runFile(file) {
  return new Promise((resolve) => {
    const report = join(scratch, `${serial++}.jsonl`);
    const flags = [
      '--enable-source-maps',
      `--test-reporter=${join(root, 'scripts', 'reporter.mjs')}`,
      `--test-reporter-destination=${report}`,
    ];
    const started = Date.now();
    const options = { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32' };
    const child = spawn(process.execPath, [...flags, file.path], options);
    children.add(child);
    let output = '';
    const keep = (d) => {
      output = (output + d).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill(child);
    }, file.limit * 1000);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      // Whatever it left running would disturb the next file.
      kill(child);
      children.delete(child);
      count(file, readEvents(report), { code, signal, output, late, ms: Date.now() - started });
      resolve();
    });
  });
}

function readEvents(report) {
  let text = '';
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((l) => JSON.parse(l));
}

function count(file, events, { code, signal, output, late, ms }) {
  const before = { passed: totals.passed, failed: totals.failed, skipped: totals.skips.length };
  for (const event of events) {
    const where = `${file.name} › ${event.name}`;
    if (event.type === 'start') continue;
    if (event.skip !== undefined && event.skip !== false) {
      if (typeof event.skip === 'string' && event.skip !== '')
        totals.skips.push({ where, reason: event.skip });
      else fail(where, 'skipped without a reason');
    } else if (event.todo !== undefined && event.todo !== false) {
      totals.skips.push({ where, reason: `todo: ${event.todo}` });
    } else if (event.type === 'fail') {
      if (!event.follows) fail(where, event.error.split('\n').slice(0, 12).join('\n      '));
    } else if (!event.suite) totals.passed++;
  }
  const failedTests = totals.failed - before.failed;
  const tests = totals.passed - before.passed + failedTests + totals.skips.length - before.skipped;
  if (late) fail(file.name, `did not end within ${file.limit} s; ${unfinished(events)}`);
  else if (failedTests === 0 && code !== 0) fail(file.name, `ended with ${signal ?? `exit code ${code}`}`);
  else if (tests === 0) fail(file.name, 'has no tests');
  done++;
  const bad = totals.failed > before.failed;
  const skipped = totals.skips.length - before.skipped;
  const note = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(
    `${bad ? '✘' : '✔'} [${done}/${all.length}] ${file.name} (${tests} tests${note}, ${(ms / 1000).toFixed(1)} s)`,
  );
  if (bad)
    console.log(indent([...totals.failures.slice(before.failed - totals.failed), output.trim()].join('\n')));
}

/** Which tests had begun and not ended when the time was up. */
function unfinished(events) {
  const ended = new Set(events.filter((e) => e.type !== 'start').map((e) => e.name.split(' › ').at(-1)));
  const open = events.filter((e) => e.type === 'start' && !ended.has(e.name)).map((e) => e.name);
  return open.length > 0
    ? `still running: ${open.join(', ')}`
    : 'all tests had ended, so something it opened was never closed';
}

const indent = (text) => text.replace(/^/gm, '    ');

say(`running ${all.length} test files`);
const queue = all.filter((f) => !f.alone);
const workers = Math.max(1, Math.min(8, availableParallelism()));
await Promise.all(
  Array.from({ length: workers }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file);
  }),
);
for (const file of all.filter((f) => f.alone)) await runFile(file);
finish();
