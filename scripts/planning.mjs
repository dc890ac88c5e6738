/**
 * Compares planners, cost against time, and writes docs/methods/planning.md between its markers and its plot
 * docs/images/planning.svg. `node scripts/planning.mjs [TASK …]`: with names, only those tasks are run and nothing is
 * written but what is printed. One process at a time: what is measured has a core for itself.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './lib.mjs';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const POINTS = 160;
const page = join(root, 'docs', 'methods', 'planning.md');
const picture = join(root, 'docs', 'images', 'planning.svg');
const folder = join(root, 'dist', 'bench', 'planning');
const load = (path) => import(pathToFileURL(path).href);

await prepare({ quiet: true, page: false });
const { TASKS } = await load(join(folder, 'problems.js'));
const { VARIANTS } = await load(join(folder, 'variants.js'));
const { summarise, logGrid } = await load(join(folder, 'summary.js'));
const { planningPlot, seconds } = await load(join(folder, 'plot.js'));
const { machine } = await load(join(root, 'dist', 'bench', 'harness.js'));

const names = process.argv.slice(2);
const tasks = TASKS.filter((t) => names.length === 0 || names.includes(t.name));
if (tasks.length === 0) throw new Error(`no such task; there are: ${TASKS.map((t) => t.name).join(', ')}`);

const panels = [];
for (const task of tasks) {
  const runs = new Map();
  for (const { name } of VARIANTS) {
    process.stderr.write(`${task.name}: ${name}\n`);
    runs.set(name, JSON.parse(await output([join(folder, 'run.js'), task.name, name, ...SEEDS.map(String)])));
  }
  const rows = summarise(runs, logGrid(task.first, task.budget, POINTS));
  panels.push({ task, title: task.title, about: task.about, rows, from: task.first, to: task.budget });
}
const text = markdown();
process.stdout.write(`${text}\n`);
if (names.length === 0) {
  const before = readFileSync(page, 'utf8');
  const [start, end] = ['<!-- planning:start -->', '<!-- planning:end -->'];
  if (!before.includes(start) || !before.includes(end)) throw new Error(`${page} has lost its markers`);
  const head = before.slice(0, before.indexOf(start) + start.length);
  writeFileSync(page, `${head}\n${text}\n${before.slice(before.indexOf(end))}`);
  writeFileSync(picture, planningPlot(panels, new Map(VARIANTS.map((v) => [v.name, v.ink]))));
}

function output(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(printed) : reject(new Error(`${args.slice(1).join(' ')}: exit ${code}`)),
    );
  });
}

function markdown() {
  const when = new Date().toISOString().slice(0, 10);
  const percent = (x) => (x < 5e-5 ? '0' : `${Number((100 * x).toPrecision(2))} %`);
  const time = (t) => (t === null ? '–' : seconds(t));
  const parts = panels.map(({ task, rows }) => {
    const head = [
      'planner',
      'until 10 % is left',
      'until 1 % is left',
      `left after ${seconds(task.budget)}: median`,
      'quartiles',
      'an iteration',
    ];
    const cells = rows.map((r) => [
      r.name,
      time(r.toTenth),
      time(r.toHundredth),
      percent(r.end.middle),
      `${percent(r.end.low)} … ${percent(r.end.high)}`,
      seconds(r.iterationSeconds),
    ]);
    const lines = [head, head.map(() => '---'), ...cells].map((c) => `| ${c.join(' | ')} |`);
    return `**${task.title}**: ${task.about}.\n\n${lines.join('\n')}`;
  });
  return `\n${parts.join('\n\n')}\n\n\`node scripts/planning.mjs\` · ${SEEDS.length} seeds · ${when} · ${machine()}\n`;
}
