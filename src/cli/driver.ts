/** `armloop driver`: the tools that a driver brings for the bench, before there is a rig. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { ArmloopError } from '../errors.ts';
import type { DriverTool } from '../robot/device.ts';
import { examples, print, robotFile } from './common.ts';

export function addDriver(program: Command): void {
  // What comes after the tool is its own.
  program.enablePositionalOptions();
  const command = program
    .command('driver')
    .summary('tools of a driver: ports, scan, set, emulate')
    .description('Runs a tool of a driver; without one, lists them with their arguments.')
    .argument('<kind>', 'kind of device, as in a robot file')
    .argument('[tool]', 'which tool')
    .argument('[args...]', 'its arguments')
    .passThroughOptions()
    .allowUnknownOption();
  examples(command, [
    ['armloop driver dynamixel', 'what there is'],
    ['armloop driver dynamixel ports', 'USB serial adapters, and how a robot file names them'],
    ['armloop driver dynamixel scan --port auto', 'every servo at every baud rate'],
  ]);
  command.action(async (kind: string, name: string | undefined, args: readonly string[]) => {
    const tools = await toolsOf(kind);
    if (name === undefined) {
      for (const [tool, { usage, summary }] of Object.entries(tools)) {
        print(`armloop driver ${kind} ${tool} ${usage}`.trimEnd());
        print(`    ${summary}`);
      }
      return;
    }
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
    if (tool === undefined) {
      const problem = `it has no tool ${name}`;
      throw new ArmloopError('DRIVER_USAGE', { kind, problem, usage: Object.keys(tools).join(', ') });
    }
    const { loadRobot } = await import('../config.ts');
    const { monotonicClock } = await import('../loop/clock.ts');
    const interrupted = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    const robot = (file: string): ReturnType<typeof loadRobot> => loadRobot(robotFile(file));
    await tool.run(args, { print, now: monotonicClock(), robot, interrupted });
  });
}

async function toolsOf(kind: string): Promise<Readonly<Record<string, DriverTool>>> {
  const { loadTools } = await import('../rig/kinds.ts');
  const source = { file: join(process.cwd(), 'armloop driver'), text: '', sha256: '' };
  const tools = await loadTools({ source }, kind);
  if (tools !== undefined) return tools;
  throw new ArmloopError('DRIVER_USAGE', { kind, problem: 'it brings no tools', usage: 'nothing' });
}
