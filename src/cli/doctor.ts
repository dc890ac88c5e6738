/** `armloop doctor`: what this machine can and cannot do, tried for real, and the command that would allow the rest. */
import type { Command } from 'commander';
import { examples, jsonOption, print, printJson } from './common.ts';

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what this machine can and cannot do, and how to allow it')
    .addOption(jsonOption())
    .action(async (options: { json?: true }) => {
      const { diagnose } = await import('./doctor-checks.ts');
      const findings = await diagnose();
      if (options.json) {
        printJson(findings);
        return;
      }
      for (const f of findings) {
        print(`${f.can ? '✔' : '✘'} ${f.name.padEnd(16)} ${f.detail}`);
        if (!f.can && f.grant !== '') print(`  ${''.padEnd(16)} → ${f.grant}`);
      }
    });
  examples(command, [
    ['armloop doctor', 'one line per ability, with the command that grants it'],
    ['armloop doctor --json', 'the same for programs'],
  ]);
}
