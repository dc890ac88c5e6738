/**
 * Compares planners, cost against time: `node scripts/planning.mjs [TASK …]` runs the tasks named, or all, and writes for
 * each its table, between its markers in docs/methods/planning.md, and its plot, docs/images/planning-TASK.svg. One process
 * at a time: what is measured has a core for itself.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './lib.mjs';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const POINTS = 160;
const page = join(root, 'docs', 'methods', 'planning.md');
const picture = (task) => join(root, 'docs', 'images', `planning-${task.name}.svg`);
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

const inks = new Map(VARIANTS.map((v) => [v.name, v.ink]));
for (const task of tasks) {
  const runs = new Map();
  for (const { name } of VARIANTS) {
    process.stderr.write(`${task.name}: ${name}\n`);
    runs.set(name, JSON.parse(await output([join(folder, 'run.js'), task.name, name, ...SEEDS.map(String)])));
  }
  const { title, about, first, budget } = task;
  const rows = summarise(runs, logGrid(first, budget, POINTS));
  const table = markdown(task, rows);
  process.stdout.write(`${table}\n`);
  replace(`planning:${task.name}`, table);
  writeFileSync(picture(task), planningPlot([{ title, about, rows, from: first, to: budget }], inks));
}

/** Puts text between the markers of that name. */
function replace(name, table) {
  const text = readFileSync(page, 'utf8');
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  if (!text.includes(start) || !text.includes(end))
    throw new Error(`${page} has lost the markers of ${name}`);
  const head = text.slice(0, text.indexOf(start) + start.length);
  writeFileSync(page, `${head}\n${table}\n${text.slice(text.indexOf(end))}`);
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

function markdown({ budget }, rows) {
  const when = new Date().toISOString().slice(0, 10);
  const percent = (x) => (x < 5e-5 ? '0' : `${Number((100 * x).toPrecision(2))} %`);
  const time = (t) => (t === null ? '–' : seconds(t));
  const head = [
    'planner',
    'until 10 % is left',
    'until 1 % is left',
    `left after ${seconds(budget)}: median`,
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
  return `\n${lines.join('\n')}\n\n\`node scripts/planning.mjs\` · ${SEEDS.length} seeds · ${when} · ${machine()}\n`;
}
