/** `armloop rig`: the rig process alone. */
import type { Command } from 'commander';
import { examples, print, robotFile, workspaceOption } from './common.ts';
import { type SceneOptions, sceneOptions } from './up.ts';

/** What V8 must be started with: see src/rig/supervise.ts. */
const GC = '--single-threaded-gc';

export function addRig(program: Command): void {
  const command = program
    .command('rig')
    .summary('start a rig without a server')
    .description(
      'Starts the rig of a robot file alone: devices, control loop, recorder. `armloop server` connects to it. ' +
        'Ctrl-C: controlled stop, park if the robot file says so, exit. Ctrl-C again: stop where it is, hold, exit.',
    )
    .argument('[robot]', 'robot file, or the name of one that comes with armloop', 'panda-sim')
    .addOption(workspaceOption());
  examples(sceneOptions(command), [
    ['armloop rig', 'the simulated arm panda-sim'],
    ['armloop rig my-arm.yaml --workspace ~/demos', 'your own rig and folder'],
  ]);
  command.action(async (robot: string, options: SceneOptions & { workspace: string }) => {
    const file = robotFile(robot);
    if (!process.execArgv.includes(GC)) {
      const { passOn } = await import('../rig/supervise.ts');
      process.exitCode = await passOn({ ...options, file, print });
      return;
    }
    const { runRig } = await import('../rig/process.ts');
    // Threads, sockets and devices are let go by now; what a library still holds must not keep the process.
    process.exit(await runRig({ ...options, file, print }));
  });
}
