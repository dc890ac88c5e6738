/**
 * Compares the heads on demonstrations that show two ways, and writes the table of docs/methods/heads.md between its
 * markers. `node scripts/heads.mjs [--fresh] [VARIANT …]`: with names, only those are trained and the table is printed, not
 * written. What a run gave is kept in .cache/heads, so a stopped comparison goes on where it was; --fresh does all again.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root, run } from './lib.mjs';

const SEEDS = [1, 2, 3];
const page = join(root, 'docs', 'methods', 'heads.md');
const cache = join(root, '.cache', 'heads');
const dist = join(root, 'dist');
const bench = join(dist, 'bench', 'multimodal');

await prepare({ quiet: true, page: false });
const load = (...path) => import(pathToFileURL(join(dist, ...path)).href);
const { TASKS } = await load('bench', 'multimodal', 'tasks.js');
const { VARIANTS } = await load('bench', 'multimodal', 'variants.js');
const { wilson } = await load('src', 'math', 'statistics.js');
const { machine } = await load('bench', 'harness.js');
const words = process.argv.slice(2);
const names = words.filter((w) => w !== '--fresh');
const known = VARIANTS.map((v) => v.name);
const unknown = names.filter((n) => !known.includes(n));
if (unknown.length > 0) throw new Error(`no variant ${unknown.join(', ')}; there are: ${known.join(', ')}`);
const variants = VARIANTS.filter((v) => names.length === 0 || names.includes(v.name));

/** Rows by name, each with its outcomes by task. */
const rows = new Map();
const queue = variants.flatMap((v) => TASKS.flatMap((t) => SEEDS.map((seed) => ({ v, t, seed }))));
mkdirSync(cache, { recursive: true });
for (const [i, { v, t, seed }] of queue.entries()) {
  const outcomes = await outcomesOf(v, t, seed);
  for (const o of outcomes) {
    if (!rows.has(o.name)) rows.set(o.name, new Map(TASKS.map((task) => [task.name, []])));
    rows.get(o.name).get(t.name).push(o);
  }
  const shares = outcomes.map((o) => `${o.name} ${o.successes} of ${o.attempts}`).join(', ');
  const { trainingSeconds } = outcomes[0];
  process.stderr.write(
    `${i + 1} of ${queue.length}: ${t.name}, seed ${seed}: ${shares}; ${trainingSeconds.toFixed(0)} s\n`,
  );
}

const table = markdown();
process.stdout.write(`${table}\n`);
if (names.length === 0) {
  const text = readFileSync(page, 'utf8');
  const [start, end] = ['<!-- heads:start -->', '<!-- heads:end -->'];
  if (!text.includes(start) || !text.includes(end)) throw new Error(`${page} has lost its markers`);
  const before = text.slice(0, text.indexOf(start) + start.length);
  writeFileSync(page, `${before}\n${table}\n${text.slice(text.indexOf(end))}`);
}

/** Kept outcomes are of the same settings, tasks and heads; anything else is run. */
async function outcomesOf(variant, task, seed) {
  const key = createHash('sha256').update(JSON.stringify([variant, task.name, seed]));
  const heads = join(root, 'src', 'nn', 'heads');
  const sources = readdirSync(heads).map((f) => join(heads, f));
  for (const name of ['experiment.ts', 'tasks.ts']) sources.push(join(root, 'bench', 'multimodal', name));
  for (const file of sources.sort()) key.update(readFileSync(file));
  const file = join(cache, `${key.digest('hex').slice(0, 24)}.json`);
  if (existsSync(file) && !words.includes('--fresh')) return JSON.parse(readFileSync(file, 'utf8'));
  const program = [join(bench, 'run.js'), task.name, variant.name, String(seed)];
  const { code, output } = await run(process.execPath, program, { capture: true });
  if (code !== 0) throw new Error(`${program.slice(1).join(' ')}: exit ${code}\n${output}`);
  const line = output.trim().split('\n').at(-1);
  writeFileSync(file, `${line}\n`);
  return JSON.parse(line);
}

function markdown() {
  const percent = (x) => Math.round(100 * x);
  const head = ['head', ...TASKS.flatMap((t) => [`${t.name}: success`, 'worst seed', 'between'])];
  const lines = [...rows].map(([name, byTask]) => {
    const sum = (runs, key) => runs.reduce((n, r) => n + r[key], 0);
    const cells = [...byTask.values()].flatMap((runs) => {
      const [won, tried] = [sum(runs, 'successes'), sum(runs, 'attempts')];
      const { low, high } = wilson(won, tried);
      const worst = Math.min(...runs.map((r) => r.successes / r.attempts));
      return [
        `${percent(won / tried)} % (${percent(low)}–${percent(high)})`,
        `${percent(worst)} %`,
        `${percent(sum(runs, 'between') / tried)} %`,
      ];
    });
    const all = [...byTask.values()].flat();
    const inference = Math.min(...all.map((r) => r.inferenceMs)).toFixed(2);
    return [name, ...cells, inference, Math.max(...all.map((r) => r.trainingSeconds)).toFixed(0)];
  });
  const full = [...head, 'ms a chunk', 'training, s'];
  const text = [full, full.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const when = new Date().toISOString().slice(0, 10);
  return `\n${text.join('\n')}\n\n\`node scripts/heads.mjs\` · ${when} · ${machine()}\n`;
}
