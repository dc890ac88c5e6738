/** `armloop up`: rig and server together, the one command to start with. */
import type { Command } from 'commander';
import { examples, print, robotFile, workspaceOption } from './common.ts';
import { type ListenOptions, listenOptions } from './server.ts';

export interface SceneOptions {
  readonly task?: string;
  readonly seed?: number;
  readonly dryRun?: boolean;
  readonly setUp?: boolean;
  readonly input?: string;
}

/** `--task` and `--seed` of a simulated rig, `--dry-run` of a real one, `--input` of both. */
export function sceneOptions(command: Command): Command {
  return command
    .option('--task <name>', 'simulated task, instead of the one in the robot file')
    .option('--seed <number>', 'seed of the first simulated scene', seed)
    .option(
      '--input <kind>',
      'what a person at the rig drives with, instead of the one in the robot file: spacemouse, gamepad',
    )
    .option('--dry-run', 'emulate the hardware: the same drivers and bytes, but nothing real moves')
    .option(
      '--set-up',
      'start without torque, also when servos do not answer yet: to give them their ids on the page',
    );
}

export function addUp(program: Command): void {
  const command = program
    .command('up')
    .summary('start a rig and its console')
    .description(
      'Starts the rig of a robot file and a server for it, prints where the console is and opens it. ' +
        'Ctrl-C: controlled stop, park if the robot file says so, exit. Ctrl-C again: stop where it is, hold, exit.',
    )
    .argument('[robot]', 'robot file, or the name of one that comes with armloop', 'panda-sim')
    .addOption(workspaceOption())
    .option('--no-browser', 'do not open the console');
  examples(listenOptions(sceneOptions(command)), [
    ['armloop up', 'the simulated arm panda-sim'],
    ['armloop up --task pick-place-bin --seed 7', 'another task, from a known scene'],
    ['armloop up --input spacemouse', 'driven from the rig, beside the console'],
    ['armloop up dynamixel7 --dry-run', "a real arm's file without the arm"],
    ['armloop up my-arm.yaml --set-up', 'an arm whose servos have no ids yet'],
    ['armloop up my-arm.yaml --workspace ~/demos', 'your own rig and folder'],
  ]);
  command.action(
    async (
      robot: string,
      options: ListenOptions & SceneOptions & { workspace: string; browser: boolean },
    ) => {
      const { superviseRig } = await import('../rig/supervise.ts');
      const { loadRobot } = await import('../config.ts');
      const { checkExposure } = await import('../server/access.ts');
      const file = robotFile(robot);
      const spec = loadRobot(file);
      const token = options.token ?? process.env['ARMLOOP_TOKEN'] ?? null;
      checkExposure({ host: options.host, token });
      process.exitCode = await superviseRig({ ...options, rig: spec.id, file, token, print });
    },
  );
}

function seed(text: string): number {
  const value = Number(text);
  // Commander shows the message of an error that an option's parser throws.
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`${text} is no seed: whole numbers from 0 on`);
  return value;
}
