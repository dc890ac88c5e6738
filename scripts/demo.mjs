/**
 * npm run demo: from nothing to a policy that lifts a cube by looking at it. The teacher demonstrates, a network learns
 * from pixels and the arm's own joints, and what it learnt is measured on seeds that nobody has seen. Then it is
 * measured once more while it is shown another episode's pictures: a policy that really looks must fail at that.
 *
 *   npm run demo                     100 demonstrations, 100 seeds: at most 15 minutes on two cores
 *   npm run demo -- --quick          a few of everything, to see that all parts run; judges nothing
 *   npm run demo -- --open           shows the report when it is done
 *   npm run demo -- --workspace DIR  where to; default: a new folder in workspace/
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, checkNode, install, root, run, say } from './lib.mjs';

const RECIPE = join(root, 'policies', 'recipes', 'pick-cube-pixels.yaml');
const POLICY = 'pick-cube-pixels';
const TASK = 'pick-cube';
/** Seeds of the demonstrations begin at 0; those of the evaluation are far away from them. */
const HELD_OUT = 1_000_000;

/** Budgets in s. Training gets what the others leave of the whole. */
const FULL = {
  demonstrations: 100,
  seeds: 100,
  // Enough to tell 5 % from 20 %: 2 of 40 has a 95 % interval that ends at 17 %.
  controlSeeds: 40,
  timeLimitS: 15,
  budgets: { build: 60, demonstrations: 110, training: 540, evaluation: 100, control: 80 },
  goal: 0.9,
  mostBlind: 0.2,
  totalS: 900,
};
const QUICK = {
  ...FULL,
  demonstrations: 4,
  seeds: 3,
  controlSeeds: 2,
  timeLimitS: 2,
  budgets: { build: 60, demonstrations: 60, training: 6, evaluation: 60, control: 60 },
};

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    open: { type: 'boolean', default: false },
    workspace: { type: 'string' },
  },
});
const size = options.quick ? QUICK : FULL;

checkNode();
if (!(await install())) process.exit(1);
const began = performance.now();
const sinceBegin = () => (performance.now() - began) / 1000;
const workspace = newWorkspace();
const stages = [];

await stage('build', async () => {
  if (!(await build({ page: false, quiet: true }))) fail('the build failed');
  return '';
});

await stage('demonstrations', async () => {
  await armloop('collect', [
    ...['--teacher', '--task', TASK, '--vary', 'all', '--disturb', 'push', '--id', 'demonstrations'],
    ...['--episodes', size.demonstrations, '--cameras', 'front_small,wrist_small'],
  ]);
  return `${size.demonstrations} episodes by the teacher`;
});

await stage('training', async () => {
  const { training, evaluation, control } = size.budgets;
  const left = size.totalS - sinceBegin() - evaluation - control;
  const minutes = (Math.max(6, Math.min(training, left)) / 60).toFixed(3);
  await armloop('train', [RECIPE, '--run', 'demo', '--name', POLICY, '--minutes', minutes]);
  return `two cameras of 96 × 96 and the arm's joints, without the cube's place`;
});

const own = await stage('evaluation', () => evaluate('evaluation', size.seeds, []));
const blind = await stage('control', () =>
  evaluate('control', size.controlSeeds, ['--images-from', 'other']),
);
conclude();

/** A folder that is not there yet, so that an earlier demo stays as it is. */
function newWorkspace() {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const folder = resolve(options.workspace ?? join(root, 'workspace', `demo-${stamp}`));
  mkdirSync(join(folder, '..'), { recursive: true });
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    fail(`${folder} is there already; name another folder or move it away`);
  }
  return folder;
}

/** Runs one stage, notes how long it took, and gives what it gives. */
async function stage(name, work) {
  say(`${name} …`);
  const start = performance.now();
  const result = await work();
  stages.push({ name, seconds: (performance.now() - start) / 1000, budget: size.budgets[name], result });
  return result;
}

async function armloop(command, args) {
  const main = join(root, 'dist', 'src', 'main.js');
  const all = [main, command, ...args.map(String), '--workspace', workspace];
  const { code } = await run(process.execPath, all);
  if (code !== 0) fail(`armloop ${command} ended with exit code ${code}`);
}

async function evaluate(id, episodes, more) {
  const seeds = `${HELD_OUT}..${HELD_OUT + episodes - 1}`;
  await armloop('eval', [
    ...[POLICY, '--id', id, '--task', TASK, '--vary', 'all'],
    ...['--seeds', seeds, '--time-limit', size.timeLimitS, ...more],
  ]);
  const folder = join(workspace, 'evaluations', id);
  const { results } = JSON.parse(readFileSync(join(folder, 'evaluation.json'), 'utf8'));
  return { ...results[0], report: join(folder, 'report.html') };
}

function conclude() {
  const total = sinceBegin();
  const rows = stages.map(({ name, seconds, budget, result }) => [
    name,
    time(seconds),
    time(budget),
    typeof result === 'string' ? result : scored(result),
  ]);
  rows.push(['all', time(total), time(size.totalS), '']);
  const tests = [
    [`success at least ${percent(size.goal)}`, own.rate >= size.goal],
    [`with another episode's pictures below ${percent(size.mostBlind)}`, blind.rate < size.mostBlind],
    [`within ${time(size.totalS)}`, total <= size.totalS],
  ];
  const passed = tests.every(([, good]) => good);
  const summary = { quick: options.quick, totalS: total, stages, passed: options.quick ? null : passed };
  writeFileSync(join(workspace, 'demo.json'), `${JSON.stringify(summary, null, 1)}\n`);
  print(`\n${columns([['stage', 'time', 'budget', ''], ...rows])}\n`);
  if (options.quick) print('a quick run: all parts work; it is too small to judge the policy');
  else for (const [what, good] of tests) print(`${good ? 'yes' : 'NO '}  ${what}`);
  print(
    `\nreport   ${own.report}\ncontrol  ${blind.report}\npolicy   ${join(workspace, 'policies', POLICY)}`,
  );
  if (options.open) show(own.report);
  process.exitCode = options.quick || passed ? 0 : 1;
}

function scored({ successes, episodes, rate, interval }) {
  const range = `${percent(interval.low)} to ${percent(interval.high)}`;
  return `${successes} of ${episodes} seeds: ${percent(rate)} (95 %: ${range})`;
}

function percent(rate) {
  return `${Math.round(rate * 100)} %`;
}

function time(seconds) {
  const s = Math.round(seconds);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
}

function columns(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows
    .map((r) =>
      r
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Opens a file with what the system has for it; where it has nothing, the printed path must do. */
function show(file) {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '']
        : ['xdg-open'];
  const child = spawn(command, [...args, file], { stdio: 'ignore', detached: true });
  child.on('error', () => say(`${command} is not there: open ${file} yourself`));
  child.unref();
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
