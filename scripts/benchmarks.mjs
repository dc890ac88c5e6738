/**
 * Runs benches one after the other and writes what they gave into docs/benchmarks.md, each bench a section of its own
 * with machine, date, command and verdict. `node scripts/benchmarks.mjs [NAME …]`; without names all of them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from './lib.mjs';

const target = join(root, 'docs', 'benchmarks.md');
const main = join(root, 'dist', 'src', 'main.js');
const intro = `# Benchmarks

Written by \`node scripts/benchmarks.mjs\`, which runs every bench and keeps what it printed. Ours and the peer take turns,
never both at once. Median, p99 and worst are over the repeats (at least five); a row's name says which statistic one
repeat gave. Ratio is ours / peer, for rates peer / ours: lower is better. Shared machines are noisy: read medians and
ratios, and run the command again before believing a difference of a few per cent.
`;

await prepare({ quiet: true, page: true });
const known = JSON.parse(armloop(['bench', '--json']).stdout);
const names = process.argv.length > 2 ? process.argv.slice(2) : known;
const sections = new Map(
  (existsSync(target) ? readFileSync(target, 'utf8') : '')
    .split(/^(?=## )/m)
    .slice(1)
    .map((text) => [/^## (\w+)/.exec(text)[1], `${text.trim()}\n`]),
);
let failed = 0;
for (const name of names) {
  process.stderr.write(`bench ${name}\n`);
  const { stdout, status } = armloop(['bench', name, '--json']);
  const result = stdout.trim() === '' ? {} : JSON.parse(stdout);
  if (result.rows === undefined) {
    process.stderr.write(`bench ${name} gave no rows (exit ${status}): ${stdout}\n`);
    failed++;
    continue;
  }
  if (!result.pass) failed++;
  sections.set(name, section(result));
  const ordered = known.filter((n) => sections.has(n)).map((n) => sections.get(n));
  writeFileSync(target, [intro, ...ordered].join('\n'));
}
process.exit(failed === 0 ? 0 : 1);

function armloop(args) {
  return spawnSync(process.execPath, [main, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
}

function section({ bench, machine, rows, pass }) {
  const cells = rows.map((r) => [
    r.case,
    r.unit,
    show(r.median),
    show(r.p99),
    show(r.worst),
    show(r.peerMedian),
    show(r.ratio),
    r.peer,
  ]);
  const head = ['case', 'unit', 'median', 'p99', 'worst', 'peer median', 'ratio', 'peer'];
  const table = [head, head.map(() => '---'), ...cells].map((c) => `| ${c.join(' | ')} |`).join('\n');
  return `## ${bench}

\`npm run --silent armloop -- bench ${bench}\` · ${new Date().toISOString().slice(0, 10)} · ${machine} · ${pass ? 'all limits kept' : '**a limit is missed**'}

${table}
`;
}

function show(value) {
  if (value === null || !Number.isFinite(value)) return '–';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
