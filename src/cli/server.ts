/** `armloop server`: the console, the API and the live streams of a rig that runs. */
import type { Command } from 'commander';
import { examples, print, robotFile, workspaceOption } from './common.ts';

export const DEFAULT_PORT = 7411;

export interface ListenOptions {
  readonly port: number;
  readonly host: string;
  readonly token?: string;
}

/** The options that say where the server listens. */
export function listenOptions(command: Command): Command {
  return command
    .option('--port <number>', 'port of the server; 0 takes a free one', port, DEFAULT_PORT)
    .option('--host <address>', 'address to listen on; others than loopback need --token', '127.0.0.1')
    .option('--token <secret>', 'token that clients must bring (default: ARMLOOP_TOKEN, else none)');
}

export function addServer(program: Command): void {
  const command = program
    .command('server')
    .summary('serve the console and the API of a rig that runs')
    .description(
      'Serves console, API and live streams of a running rig. It owns nothing: stop and start it at any time.',
    )
    .argument('[robot]', 'robot file, or the name of one that comes with armloop', 'panda-sim')
    .addOption(workspaceOption());
  examples(listenOptions(command), [
    ['armloop server', 'serve the rig panda-sim on http://127.0.0.1:7411'],
    ['armloop server --port 8000', 'a second server, to watch the same rig'],
  ]);
  command.action(async (robot: string, options: ListenOptions & { workspace: string }) => {
    const { runServer } = await import('../server/process.ts');
    const { loadRobot } = await import('../config.ts');
    const spec = loadRobot(robotFile(robot));
    const { port, host, workspace } = options;
    const token = options.token ?? process.env['ARMLOOP_TOKEN'] ?? null;
    await runServer({ rig: spec.id, port, host, token, workspace, print });
  });
}

function port(text: string): number {
  const value = Number(text);
  // Commander shows the message of an error that an option's parser throws.
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new Error(`${text} is no port number`);
  return value;
}
