/** `armloop bench`: runs one measurement of bench/ and says whether it keeps its limits. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { type BenchModule, benchTable } from '../../bench/harness.ts';
import { ArmloopError } from '../errors.ts';
import { packageRoot } from '../root.ts';
import { examples, jsonOption, print, printJson } from './common.ts';

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description('measure against a peer; exits 0 only when every limit is kept')
    .argument('[name]', 'which one; without it the list is printed')
    .option('--repeats <n>', 'interleaved repeats of ours and peer (at least 5)', '5')
    .addOption(jsonOption())
    .action(async (name: string | undefined, options: { json?: true; repeats: string }) => {
      const known = benches();
      if (name === undefined) {
        if (options.json) printJson(known);
        else print(`benches: ${known.join(', ')}`);
        return;
      }
      if (!known.includes(name)) throw new ArmloopError('BENCH_UNKNOWN', { name, known: known.join(', ') });
      const module = (await import(pathToFileURL(benchFile(name)).href)) as BenchModule;
      const log = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await module.run({
        repeats: Math.max(5, Number.parseInt(options.repeats, 10) || 5),
        log,
      });
      if (options.json) printJson(result);
      else print(benchTable(result));
      process.exitCode = result.pass ? 0 : 1;
    });
  examples(command, [
    ['armloop bench', 'which benches there are'],
    ['armloop bench tick --json', 'one JSON object with every row and the verdict'],
  ]);
}

const benchFolder = (): string => join(packageRoot(), 'dist', 'bench');
const benchFile = (name: string): string => join(benchFolder(), `${name}.js`);

/** Names of the compiled benches; helpers of theirs have a dash or live in folders, so a bench has neither. */
function benches(): string[] {
  if (!existsSync(benchFolder())) return [];
  return readdirSync(benchFolder())
    .filter((f) => /^[a-z]+\.js$/.test(f) && f !== 'harness.js')
    .map((f) => f.slice(0, -3))
    .sort();
}
