/** `armloop deploy` and `armloop policies`: policies on a running rig, and which there are. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { numbers, positive, serverUrl } from './arguments.ts';
import { examples, jsonOption, print, printJson, robotFile, table, workspaceOption } from './common.ts';

interface DeployOptions {
  readonly workspace: string;
  readonly server: string;
  readonly token?: string;
  readonly task?: string;
  readonly goal?: number[];
  readonly goalOf?: string;
  readonly seconds?: number;
}

interface ListOptions {
  readonly workspace: string;
  readonly robot: string;
  readonly json?: true;
}

export function addDeploy(program: Command): void {
  const command = program
    .command('deploy')
    .summary('let a policy drive the running rig')
    .description(
      'Asks the running rig to check, open and warm up the policy, then to let it drive (the arm moves!). This command is ' +
        'the operator meanwhile: when it ends, with Ctrl-C or after --seconds, the arm is brought to rest and holds. A ' +
        'bundle given by its path is copied to the policies of the workspace first, which must be that of the rig.',
    )
    .argument('<policy>', 'name of a policy (`armloop policies` lists them), or the folder of a bundle')
    .option('--task <text>', 'what it is to do, for a policy that does several things')
    .option(
      '--goal <values>',
      'where it is to get to, for a policy that takes a goal: numbers, by commas',
      numbers,
    )
    .option('--goal-of <episode>', 'the goal as things were at the end of that episode')
    .option('--seconds <s>', 'stop after so many seconds', positive)
    .option('--server <url>', 'console of the rig', 'http://127.0.0.1:7411')
    .option('--token <token>', 'token of that server, when it needs one')
    .addOption(workspaceOption());
  examples(command, [
    ['armloop deploy pick-cube', 'until Ctrl-C'],
    ['armloop deploy ./runs/a/bundle --seconds 30', 'a bundle from a folder'],
  ]);
  command.action(async (policy: string, options: DeployOptions) => {
    if (options.goal !== undefined && options.goalOf !== undefined)
      command.error('error: give --goal or --goal-of, not both');
    const { installBundle, loadBundle, findBundle } = await import('../policy/bundle.ts');
    const { policyPlaces } = await import('../rig/kinds.ts');
    const { deployOnRig } = await import('./deploy-rig.ts');
    const places = policyPlaces(resolve(options.workspace));
    const name = installBundle(policy, places);
    const { episodeGoal } = await import('../episode/goal.ts');
    const { EpisodeFiles } = await import('../record/files.ts');
    const { manifest } = loadBundle(findBundle(name, places));
    const files = new EpisodeFiles(resolve(options.workspace));
    const goal = options.goal ?? (await episodeGoal(manifest, options.goalOf ?? null, files));
    const why = await deployOnRig({
      policy: name,
      server: serverUrl(options.server),
      token: options.token,
      request: {
        ...(options.task === undefined ? {} : { task: options.task }),
        ...(goal === null ? {} : { goal }),
      },
      seconds: options.seconds ?? Number.POSITIVE_INFINITY,
      say: print,
    });
    if (why === '') return;
    print(why);
    process.exitCode = 1;
  });
}

export function addPolicies(program: Command): void {
  const command = program
    .command('policies')
    .summary('list policies, and what keeps each from driving a robot')
    .description(
      'The bundles of the workspace and those that come with armloop, checked against a robot file.',
    )
    .option('--robot <file>', 'robot file', 'panda-sim')
    .addOption(workspaceOption())
    .addOption(jsonOption());
  examples(command, [['armloop policies', 'name, execution, success, and what does not fit']]);
  command.action(async (options: ListOptions) => {
    const { listBundles } = await import('../policy/bundle.ts');
    const { fitProblems } = await import('../policy/check.ts');
    const { policyPlaces } = await import('../rig/kinds.ts');
    const { loadRobot } = await import('../config.ts');
    const spec = loadRobot(robotFile(options.robot));
    const list = listBundles(policyPlaces(resolve(options.workspace))).map((b) => ({
      name: b.name,
      description: b.manifest?.description ?? '',
      execution: b.manifest?.chunk.execution ?? '',
      evaluation: b.manifest?.evaluation ?? null,
      problems: b.manifest === null ? [b.problem] : fitProblems(b.manifest, spec),
    }));
    if (options.json) {
      printJson(list);
      return;
    }
    const rows = list.map(({ name, execution, evaluation: e, problems }) => [
      name,
      execution,
      e === null ? '–' : `${e.successes} of ${e.episodes} (${e.task})`,
      problems.join('; ') || 'fits',
    ]);
    print(rows.length === 0 ? 'no policies' : table(['policy', 'execution', 'success', spec.id], rows));
  });
}
