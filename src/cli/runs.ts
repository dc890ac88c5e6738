/** `armloop runs`: the trainings of a workspace. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { MetricsLine } from '../learn/metrics.ts';
import type { RunFolder } from '../learn/run-folder.ts';
import type { RunItem } from '../server/learning-protocol.ts';
import { examples, formatNumber, jsonOption, print, printJson, table, workspaceOption } from './common.ts';
import { clockText } from './progress.ts';
import { validationText } from './train-report.ts';

interface Options {
  readonly workspace: string;
  readonly json?: true;
}

export function addRuns(program: Command): void {
  const group = program.command('runs').description('list and show trainings');
  examples(group, [
    ['armloop runs list', 'newest first'],
    ['armloop runs show 20260131-142501-3f9c', 'recipe, data, curves in numbers'],
  ]);
  group
    .command('list')
    .description('list trainings, newest first')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async ({ workspace, json }: Options) => {
      const { listRuns } = await import('../learn/run-folder.ts');
      const list = listRuns(resolve(workspace));
      if (json) printJson(list);
      else print(list.length === 0 ? `no runs in ${resolve(workspace, 'runs')}` : listTable(list));
    });
  group
    .command('show')
    .description('everything known of one training')
    .argument('<run>')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (id: string, { workspace, json }: Options) => {
      const { RunFolder } = await import('../learn/run-folder.ts');
      const run = RunFolder.open(resolve(workspace), id);
      if (json) printJson({ summary: run.summary, facts: run.facts, metrics: run.metrics.read() });
      else print(describeRun(run));
    });
}

function listTable(list: readonly RunItem[]): string {
  const rows = list.map((r) => [
    r.id,
    r.name,
    r.state,
    `${r.status.step}/${r.steps}`,
    clockText(r.status.elapsed),
    r.status.loss ?? Number.NaN,
    r.status.best?.error ?? Number.NaN,
    r.bundle ? 'yes' : 'no',
  ]);
  return table(['run', 'policy', 'state', 'step', 'time', 'loss', 'best held-out', 'bundle'], rows);
}

/** One training as text for people. */
export function describeRun(run: RunFolder): string {
  const { facts, summary } = run;
  const { status } = summary;
  const { recipe } = facts;
  const split = (of: 'train' | 'validation'): number => facts.episodes.filter((e) => e.split === of).length;
  const lines: (readonly [string, string])[] = [
    ['run', run.id],
    ['policy', `${recipe.name}${recipe.description === '' ? '' : `: ${recipe.description}`}`],
    ['state', status.reason === '' ? summary.state : `${summary.state}: ${status.reason}`],
    ['step', `${status.step} of ${recipe.training.steps}, ${clockText(status.elapsed)}`],
    ['loss', formatNumber(status.loss ?? Number.NaN)],
    ['held-out', heldOut(run.metrics.read())],
    ['best', status.best === null ? '–' : `${formatNumber(status.best.error)} at step ${status.best.step}`],
    [
      'network',
      `${recipe.model.head.kind}, seed ${recipe.training.seed}, ${recipe.training.threads} threads, ${recipe.training.provider}`,
    ],
    [
      'episodes',
      `${split('train')} to learn from (${facts.samples.train} samples), ${split('validation')} held out (${facts.samples.validation} samples), ${facts.skipped.length} left out`,
    ],
    ['robot', `${facts.robot.ids.join(', ')}, files ${facts.robot.files.map(short).join(', ')}`],
    ['tasks', facts.tasks.join('; ')],
    ['data', facts.dataSha256],
    [
      'versions',
      Object.entries(facts.versions)
        .map(([k, v]) => `${k} ${v}`)
        .join(', '),
    ],
    ['checkpoints', run.checkpoints.steps().join(', ') || 'none'],
    ['bundle', summary.bundle ? run.bundle : 'none'],
    ['folder', run.folder],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

const short = (sha256: string): string => sha256.slice(0, 12);

function heldOut(lines: readonly MetricsLine[]): string {
  const last = lines.findLast((l) => 'validation' in l);
  return last === undefined ? '–' : `${validationText(last.validation)} at step ${last.step}`;
}
