/** `armloop episodes`: list, show, label, repair, trash and restore what was recorded. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Catalogue } from '../episode/catalogue.ts';
import type { RepairReport } from '../record/repair.ts';
import type { Sidecar } from '../record/sidecar.ts';
import type { EpisodeLabel, EpisodeSummary } from '../server/protocol.ts';
import { examples, jsonOption, print, printJson, table, workspaceOption } from './common.ts';
import { progressBar } from './progress.ts';

interface Shared {
  readonly workspace: string;
  readonly json?: true;
}

interface ListOptions extends Shared {
  readonly trash?: true;
  readonly label?: EpisodeLabel;
  readonly task?: string;
  readonly clean?: true;
}

const LABELS: readonly EpisodeLabel[] = ['success', 'failure', 'unlabelled'];

export function addEpisodes(program: Command): void {
  const group = program
    .command('episodes')
    .description('list, show, label, repair, trash and restore episodes');
  examples(group, [
    ['armloop episodes list', 'newest first, with label, rate and what the quality gate says'],
    ['armloop episodes show 20260131-142501-3f9c', 'everything known of one'],
    ['armloop episodes trash 20260131-142501-3f9c', 'put it away; `restore` brings it back'],
    ['armloop episodes repair', 'mend files that a crash left open'],
  ]);
  addList(group);
  addShow(group);
  addLabel(group);
  addRepair(group);
  addMove(group, 'trash', 'move episodes to the trash (nothing is deleted)');
  addMove(group, 'restore', 'bring episodes back from the trash');
}

async function catalogue(workspace: string): Promise<Catalogue> {
  const { Catalogue } = await import('../episode/catalogue.ts');
  return new Catalogue(resolve(workspace));
}

function addList(group: Command): void {
  const command = group
    .command('list')
    .description('list episodes, newest first')
    .option('--trash', 'what lies in the trash instead')
    .addOption(new Option('--label <label>', 'only these').choices(LABELS))
    .option('--task <words>', 'only those whose task text contains the words')
    .option('--clean', 'only those that passed the quality gate')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (options: ListOptions) => {
      const bar = progressBar('reading episodes', options);
      const shelf = options.trash ? 'trash' : 'episodes';
      const filter = {
        shelf,
        ...(options.label === undefined ? {} : { label: options.label }),
        ...(options.task === undefined ? {} : { task: options.task }),
        ...(options.clean === undefined ? {} : { clean: options.clean }),
      } as const;
      const list = await (await catalogue(options.workspace)).list(filter, bar.update);
      bar.stop();
      if (options.json) printJson(list);
      else if (list.length === 0) print(emptyText(options.workspace, shelf));
      else print(listTable(list));
    });
  examples(command, [
    ['armloop episodes list --label success --clean', 'what is fit for training'],
    ['armloop episodes list --json | jq ".[0].id"', 'the newest id'],
  ]);
}

function emptyText(workspace: string, shelf: string): string {
  const folder = resolve(workspace, shelf);
  return existsSync(folder)
    ? `no such episodes in ${folder}`
    : `there is no folder ${folder} yet: nothing was recorded there`;
}

function listTable(list: readonly EpisodeSummary[]): string {
  const rows = list.map((e) => [
    e.id,
    new Date(e.startedAt * 1000).toISOString().slice(0, 16).replace('T', ' '),
    `${e.duration.toFixed(1)} s`,
    e.label + (e.repaired ? ', repaired' : ''),
    `${e.rateHz.toFixed(0)} Hz`,
    `${(e.bytes / 1e6).toFixed(1)} MB`,
    e.task,
    e.flags.length === 0
      ? 'good'
      : e.flags.length === 1
        ? e.flags[0]!
        : `${e.flags[0]} (and ${e.flags.length - 1} more)`,
  ]);
  return table(['episode', 'started (UTC)', 'length', 'label', 'rate', 'size', 'task', 'quality'], rows);
}

function addShow(group: Command): void {
  group
    .command('show')
    .description('everything known of one episode')
    .argument('<id>')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (id: string, options: Shared) => {
      const details = await (await catalogue(options.workspace)).details(id);
      if (options.json) printJson(details);
      else print(describe(details));
    });
}

/** One episode as text for people. */
export function describe({ summary: e, quality, relabels }: Sidecar): string {
  const lines = [
    ['episode', e.id + (e.trashed ? ' (in the trash)' : '')],
    ['rig', e.rig],
    ['task', e.task],
    ['operator', e.operator],
    ['label', e.cause === '' ? e.label : `${e.label}: ${e.cause}`],
    ...relabels.map((r) => ['relabelled', `${new Date(r.at * 1000).toISOString()} ${r.label} ${r.cause}`]),
    ['started', new Date(e.startedAt * 1000).toISOString()],
    ['length', `${e.duration.toFixed(3)} s, ${e.ticks} ticks at ${e.rateHz.toFixed(1)} Hz`],
    [
      'missed',
      `${e.missed} periods skipped by the loop, ${quality.lostTicks} ticks lost on the way to the file`,
    ],
    ['driven by', e.sources.join(', ') || 'nobody'],
    ['seed', String(e.seed)],
    ['size', `${(e.bytes / 1e6).toFixed(2)} MB`],
    ['repaired', e.repaired ? 'yes: the file was not closed or was damaged' : 'no'],
    ...quality.cameras.map((c) => [
      `camera ${c.name}`,
      `${c.frames} frames at ${c.fps.toFixed(2)} fps, longest gap ${(c.maxGap * 1000).toFixed(0)} ms, ${c.dropped} dropped`,
    ]),
    ['quality', e.flags.length === 0 ? 'good' : e.flags.join('\n')],
  ] as const;
  const width = Math.max(...lines.map(([name]) => name!.length));
  return lines
    .map(
      ([name, value]) => `${name!.padEnd(width)}  ${value!.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}`,
    )
    .join('\n');
}

function addLabel(group: Command): void {
  group
    .command('label')
    .description('change the label of a closed episode (kept beside the file, with its history)')
    .argument('<id>')
    .argument('<label>', LABELS.join(', '))
    .argument('[cause]', 'why', '')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (id: string, label: string, cause: string, options: Shared, command: Command) => {
      const known = LABELS.find((l) => l === label);
      if (known === undefined)
        return command.error(`error: ${label} is not a label; there are ${LABELS.join(', ')}`);
      const summary = await (await catalogue(options.workspace)).relabel(id, known, cause);
      if (options.json) printJson(summary);
      else print(`${id}: ${known}${cause === '' ? '' : `, ${cause}`}`);
    });
}

function addRepair(group: Command): void {
  const command = group
    .command('repair')
    .description('mend episodes that were not closed or are damaged; every sound record is kept')
    .argument('[ids...]', 'default: all; those named are checked byte by byte')
    .option('--deep', 'check every byte of all, not the end of the files alone')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (ids: string[], options: Shared & { readonly deep?: true }) => {
      const { repairEpisode } = await import('../record/repair.ts');
      const { packageVersion } = await import('../root.ts');
      const { files } = await catalogue(options.workspace);
      for (const id of ids) files.shelfOf(id);
      const depth = ids.length > 0 || options.deep ? 'deep' : 'quick';
      const all = ids.length > 0 ? ids : files.ids('episodes');
      const bar = progressBar('checking episodes', options);
      const reports: RepairReport[] = [];
      for (const [i, id] of all.entries()) {
        bar.update(i, all.length);
        reports.push(await repairEpisode(files, id, depth, `armloop ${packageVersion()}`));
      }
      bar.update(all.length, all.length);
      bar.stop();
      if (options.json) printJson(reports);
      else print(repairText(reports));
    });
  examples(command, [
    ['armloop episodes repair', 'quick look at all; the rig does the same when it starts'],
    ['armloop episodes repair --deep', 'checks every CRC: after disk trouble'],
  ]);
}

function repairText(reports: readonly RepairReport[]): string {
  const told = reports.filter((r) => r.action !== 'sound');
  const rows = told.map((r) => [
    r.id,
    r.action,
    `${r.duration.toFixed(1)} s`,
    `${r.messages} messages kept`,
    `${r.lostBytes} bytes aside`,
    r.reason,
  ]);
  const sound = `${reports.length - told.length} of ${reports.length} episodes are sound`;
  if (told.length === 0) return sound;
  return `${table(['episode', 'did', 'length', 'kept', 'lost', 'why'], rows)}\n\n${sound}`;
}

function addMove(group: Command, name: 'trash' | 'restore', description: string): void {
  group
    .command(name)
    .description(description)
    .argument('<ids...>')
    .addOption(workspaceOption())
    .addOption(jsonOption())
    .action(async (ids: string[], options: Shared) => {
      const episodes = await catalogue(options.workspace);
      const moved: EpisodeSummary[] = [];
      for (const id of ids) {
        moved.push(await episodes[name](id));
        if (!options.json) print(name === 'trash' ? `${id} is in the trash` : `${id} is back`);
      }
      if (options.json) printJson(moved);
    });
}
