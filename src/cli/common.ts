/** What commands share: options, the robot file argument, tables, JSON output. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { ArmloopError } from '../errors.ts';
import { packageRoot } from '../root.ts';

export const DEFAULT_ROBOT = 'panda-sim';

/** `--json`: stdout carries exactly one JSON value. */
export function jsonOption(): Option {
  return new Option('--json', 'print one JSON value instead of text');
}

/** `--workspace DIR`: where episodes and other output of runs live. */
export function workspaceOption(): Option {
  return new Option('--workspace <dir>', 'folder for episodes and other output')
    .default('workspace')
    .env('ARMLOOP_WORKSPACE');
}

/**
 * Absolute path of a robot file: a path as given, or the bare name of one that comes with armloop (`panda-sim`).
 * Throws CONFIG_UNREADABLE.
 */
export function robotFile(given: string): string {
  const path = resolve(given);
  if (existsSync(path)) return path;
  if (/^[A-Za-z0-9_-]+$/.test(given)) {
    const shipped = join(packageRoot(), 'robots', `${given}.yaml`);
    if (existsSync(shipped)) return shipped;
  }
  throw new ArmloopError('CONFIG_UNREADABLE', {
    file: given,
    reason: 'no such file, and no shipped robot of that name',
  });
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Lines of a table with a header row; numbers are right-aligned. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)));
  const widths = header.map((h, i) => Math.max(h.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const right = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((w) => '─'.repeat(w)).join('  '), ...cells.map(line)].join('\n');
}

/** At most five significant digits, no trailing zeros. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

/** Adds examples under a command's help. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...lines.map(([usage]) => usage.length));
  const text = lines.map(([usage, what]) => `  $ ${usage.padEnd(width)}   ${what}`).join('\n');
  return command.addHelpText('after', `\nExamples:\n${text}`);
}
