/**
 * Compares the heads on demonstrations that show two ways, and writes the table of docs/methods/heads.md between its
 * markers. `node scripts/heads.mjs [VARIANT …]`: with names, only those are trained and the table is printed, not written.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './lib.mjs';

const SEEDS = [1, 2, 3];
const page = join(root, 'docs', 'methods', 'heads.md');
const folder = join(root, 'dist', 'bench', 'multimodal');

await prepare({ quiet: true, page: false });
const { TASKS } = await import(pathToFileURL(join(folder, 'tasks.js')).href);
const { VARIANTS } = await import(pathToFileURL(join(folder, 'variants.js')).href);
const { machine } = await import(pathToFileURL(join(root, 'dist', 'bench', 'harness.js')).href);
const names = process.argv.slice(2);
const variants = VARIANTS.filter((v) => names.length === 0 || names.includes(v.name));
if (variants.length === 0)
  throw new Error(`no such variant; there are: ${VARIANTS.map((v) => v.name).join(', ')}`);

const queue = variants.flatMap((v) => TASKS.flatMap((t) => SEEDS.map((seed) => ({ v, t, seed }))));
const outcomes = new Map();
const total = queue.length;
await Promise.all(Array.from({ length: availableParallelism() }, worker));
const table = markdown();
process.stdout.write(`${table}\n`);
if (names.length === 0) {
  const text = readFileSync(page, 'utf8');
  const [start, end] = ['<!-- heads:start -->', '<!-- heads:end -->'];
  if (!text.includes(start) || !text.includes(end)) throw new Error(`${page} has lost its markers`);
  const before = text.slice(0, text.indexOf(start) + start.length);
  writeFileSync(page, `${before}\n${table}\n${text.slice(text.indexOf(end))}`);
}

/** Takes runs from the queue until it is empty; one thread each. */
async function worker() {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const { v, t, seed } = job;
    const outcome = JSON.parse(await output([join(folder, 'run.js'), t.name, v.name, String(seed)]));
    outcomes.set(`${v.name}|${t.name}|${seed}`, outcome);
    const { successes, attempts, trainingSeconds } = outcome;
    const done = `${outcomes.size} of ${total}`;
    process.stderr.write(
      `${done}: ${v.name}, ${t.name}, seed ${seed}: ${successes} of ${attempts}, ${trainingSeconds.toFixed(0)} s\n`,
    );
  }
}

function output(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${args.slice(1).join(' ')}: exit ${code}`)),
    );
  });
}

function markdown() {
  const percent = (x) => `${Math.round(100 * x)} %`;
  const head = [
    'head',
    ...TASKS.flatMap((t) => [`${t.name}: success`, 'between']),
    'ms a chunk',
    'training, s',
  ];
  const rows = variants.map((v) => {
    const all = TASKS.map((t) => SEEDS.map((seed) => outcomes.get(`${v.name}|${t.name}|${seed}`)));
    const cells = all.flatMap((runs) => {
      const shares = runs.map((r) => r.successes / r.attempts);
      const between = runs.reduce((n, r) => n + r.between, 0) / runs.reduce((n, r) => n + r.attempts, 0);
      return [shares.map(percent).join(', '), percent(between)];
    });
    const flat = all.flat();
    const inference = Math.min(...flat.map((r) => r.inferenceMs));
    const training = Math.max(...flat.map((r) => r.trainingSeconds));
    return [v.name, ...cells, inference.toFixed(2), training.toFixed(0)];
  });
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const when = new Date().toISOString().slice(0, 10);
  return `\n${lines.join('\n')}\n\n\`node scripts/heads.mjs\` · ${when} · ${machine()}\n`;
}
