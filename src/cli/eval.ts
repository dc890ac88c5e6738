/** `armloop eval`: how often does a policy succeed, and is one better than another? */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { SCENE_VARY, type SceneVary } from '../robot/spec.ts';
import type { Evaluation } from '../session/evaluation.ts';
import { atLeast, whole } from './arguments.ts';
import { examples, jsonOption, print, printJson, robotFile, table, workspaceOption } from './common.ts';
import { onInterrupt } from './interrupt.ts';
import { progressBar } from './progress.ts';

interface EvalOptions {
  readonly against?: string;
  readonly teacher?: true;
  readonly task?: string;
  readonly episodes?: number;
  readonly seeds?: string;
  readonly vary: SceneVary;
  readonly robot: string;
  readonly workers?: number;
  readonly latency?: number;
  readonly record: Evaluation['record'];
  readonly imagesFrom: Evaluation['images'];
  readonly timeLimit?: number;
  readonly goal?: number;
  readonly goalOf?: string;
  readonly id?: string;
  readonly resume?: string;
  readonly workspace: string;
  readonly json?: true;
}

export function addEval(program: Command): void {
  const command = program
    .command('eval')
    .summary('measure how often a policy succeeds, or compare two')
    .description(
      'Runs a policy in lockstep simulation, one episode per seed, on all cores, with the latency that its bundle ' +
        'declares. Prints the success rate with its interval, and writes a report with a picture strip of every failure ' +
        'to evaluations/ID/report.html of the workspace. Same seeds, same results, on any number of workers. Stopped or ' +
        'crashed, it goes on with --resume ID.',
    )
    .argument('[policy]', 'folder of a bundle, or the name of one in the workspace or shipped with armloop')
    .option('--against <policy>', 'a second policy on the same seeds, and an exact test of which is better')
    .option('--teacher', "the task's teacher instead of a policy")
    .option('--task <task>', "task to attempt; default: the policy's first, else the robot file's")
    .option('--episodes <n>', 'how many (default: 100)', whole(1))
    .option(
      '--seeds <list>',
      'which, as in 0..99 or 3,7,9..12 (default: from 1000000 on, where no demonstration is)',
    )
    .addOption(
      new Option('--vary <what>', 'what differs from seed to seed besides the objects')
        .choices(SCENE_VARY)
        .default('all'),
    )
    .option('--robot <file>', 'robot file, or the name of a shipped one', 'panda-sim')
    .option('--workers <n>', 'threads (default: one per core)', whole(1))
    .option(
      '--latency <ms>',
      'plays this time from observation to chunk instead of the declared one',
      atLeast(0),
    )
    .addOption(
      new Option('--record <which>', 'keep episodes in the workspace')
        .choices(['none', 'failures', 'all'])
        .default('none'),
    )
    .addOption(
      new Option('--images-from <whose>', "other: show the policy another seed's pictures, as a control")
        .choices(['own', 'other'])
        .default('own'),
    )
    .option('--time-limit <s>', "simulated seconds for an attempt (default: the task's)", atLeast(0.1))
    .option('--goal <percent>', 'success rate to reach; the exit code is 1 when it is missed', atLeast(0))
    .option('--goal-of <episode>', 'for policies that take a goal: as things were at the end of that episode')
    .option('--id <id>', 'id of the evaluation instead of date and time')
    .option('--resume <id>', 'go on with an evaluation that was stopped')
    .addOption(workspaceOption())
    .addOption(jsonOption());
  examples(command, [
    ['armloop eval pick-cube --task pick-cube --seeds 0..99', 'success rate, with its 95 % interval'],
    ['armloop eval NEW --against OLD', 'which is better, or how many more episodes it takes to tell'],
    ['armloop eval NEW --images-from other', 'does it look at the scene at all?'],
    ['armloop eval NEW --seeds 17 --record all', 'one failure again, as an episode to look at'],
    ['armloop eval --resume 20260131-142501-3f9c', 'after Ctrl-C or a crash'],
  ]);
  command.action(async (policy: string | undefined, options: EvalOptions) => {
    if (options.resume === undefined && (policy === undefined) !== (options.teacher === true)) {
      command.error('error: name a policy, or give --teacher, or --resume');
    }
    process.exitCode = await run(policy, options);
  });
}

const DONE = 0;
const FAILED = 1;
const INTERRUPTED = 130;

// Apart from their use, so that other commands need not load them.
const parts = async () => ({
  ...(await import('../session/evaluation-files.ts')),
  ...(await import('../rig/evaluation.ts')),
});

async function run(policy: string | undefined, options: EvalOptions): Promise<number> {
  const { EvaluationFiles, prepareEvaluation, resumeEvaluation, runEvaluation } = await parts();
  const workspace = resolve(options.workspace);
  const files = new EvaluationFiles(workspace);
  const { goal, timeLimit, latency, episodes, seeds } = options;
  const prepared =
    options.resume === undefined
      ? await prepareEvaluation({
          workspace,
          id: options.id ?? null,
          policies: [policy ?? null, ...(options.against === undefined ? [] : [options.against])],
          robot: { file: robotFile(options.robot), given: options.robot },
          task: options.task ?? null,
          episodes: episodes ?? null,
          seeds: seeds ?? null,
          vary: options.vary,
          images: options.imagesFrom,
          record: options.record,
          latencyMs: latency ?? null,
          timeLimitS: timeLimit ?? null,
          goal: goal === undefined ? null : goal / 100,
          goalOf: options.goalOf ?? null,
        })
      : await resumeEvaluation(files, options.resume, workspace, robotFile);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  using stop = onInterrupt(say, 'finishing the running episodes; once more leaves at once');
  const bar = progressBar('episodes', options);
  try {
    const evaluation = await runEvaluation(files, prepared, {
      workers: options.workers ?? availableParallelism(),
      signal: stop.signal,
      progress: bar.update,
    });
    bar.stop();
    await tell(evaluation, files.report(evaluation.id), options);
    if (evaluation.state === 'running') return INTERRUPTED;
    return reached(evaluation) ? DONE : FAILED;
  } finally {
    bar.stop();
  }
}

const reached = ({ goal, results }: Evaluation): boolean => goal === null || results![0]!.rate >= goal;

async function tell(evaluation: Evaluation, report: string, options: EvalOptions): Promise<void> {
  if (options.json) return printJson({ ...evaluation, report });
  const { percent, percentInterval, seconds, number, duration } = await import('../report/format.ts');
  const { verdictText } = await import('../session/evaluation.ts');
  const rows = evaluation.results!.map((r) => [
    r.name,
    `${r.successes} of ${r.episodes}`,
    percent(r.rate),
    percentInterval(r.interval),
    seconds(r.timeToSuccess.median ?? Number.NaN),
    Object.entries(r.failures)
      .map(([reason, n]) => `${n} ${reason}`)
      .join(', ') || 'none',
    r.chunks === null ? '' : `${number(r.chunks.underruns)} underruns, ${number(r.chunks.refused)} refused`,
  ]);
  print(table(['policy', 'succeeded', 'rate', '95 %', 'median time', 'failures', 'chunks'], rows));
  print('');
  if (evaluation.images === 'other')
    print("shown another seed's pictures: a control, not a measure of skill");
  const { comparison, contestants, goal } = evaluation;
  if (comparison !== null) print(verdictText(comparison, contestants[0]!.name, contestants[1]!.name));
  if (goal !== null) print(`the goal of ${percent(goal)} is ${reached(evaluation) ? 'reached' : 'missed'}`);
  if (evaluation.state === 'running') print(`stopped; armloop eval --resume ${evaluation.id} goes on`);
  print(`${duration(evaluation.wallS)} of computing; report: ${report}`);
}
